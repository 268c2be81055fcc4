from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd
import pytest

from sim.run_store import OccupiedError, read_table
from sim.scenario.schema import Scenario
from sim.sweep.recorded import FILES, RecordedRun, tables_of

CONTENT: dict[str, Any] = {
    "time": {"steps": 5},
    "population": {"size": 30, "resample": "population"},
    "network": {"kind": "ring", "degree": 2},
    "stressors": [{"kind": "constant", "level": 0.5}],
    "record": {"persons": {"every": 2, "sample": 7}},
}


def run_in(
    folder: Path, *, replicates: int = 3, resume: bool = False, **changes: Any
) -> RecordedRun:
    run = RecordedRun(
        folder, Scenario.model_validate({**CONTENT, **changes}), replicates=replicates
    )
    run.claim(resume=resume)
    return run


def carried_out(run: RecordedRun, *, workers: int = 1, resume: bool = False) -> list[int]:
    missing = run.prepare(resume=resume)
    failures = run.execute(missing, workers=workers, stop=Event(), notice=lambda: None)
    run.finish(failures)
    return missing


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_files_hold_the_tables_of_the_replicates_in_order(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    carried_out(run, workers=2)
    for name, file in FILES.items():
        parts = [tables_of(run.scenario, r)[name] for r in range(3)]
        whole = pd.concat(parts, ignore_index=True)
        whole = whole.astype({"group": "str"}) if "group" in whole else whole
        pd.testing.assert_frame_equal(read_table(tmp_path / file), whole)
    assert not (tmp_path / "parts").exists()


def test_workers_and_resuming_change_no_byte(tmp_path: Path) -> None:
    carried_out(run_in(tmp_path / "once"))
    carried_out(run_in(tmp_path / "threads"), workers=3)
    stopped = run_in(tmp_path / "resumed")
    stopped.execute(
        stopped.prepare(resume=False)[1:2], workers=1, stop=Event(), notice=lambda: None
    )
    series = stopped.finish([])
    assert series is not None
    assert set(series["replicate"]) == {1}
    assert set(read_table(tmp_path / "resumed" / "persons.parquet")["replicate"]) == {1}
    assert carried_out(run_in(tmp_path / "resumed", resume=True), resume=True) == [0, 2]
    assert contents(tmp_path / "once") == contents(tmp_path / "threads")
    assert contents(tmp_path / "once") == contents(tmp_path / "resumed")


def test_another_run_is_not_resumed_and_leaves_nothing_behind(tmp_path: Path) -> None:
    carried_out(run_in(tmp_path))
    with pytest.raises(OccupiedError, match="leave out --resume to replace it"):
        run_in(tmp_path, resume=True, seed=1)
    carried_out(run_in(tmp_path, record={}))
    assert not (tmp_path / "persons.parquet").exists()
    assert (tmp_path / "events.parquet").exists()
