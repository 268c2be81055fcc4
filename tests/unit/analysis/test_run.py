"""Cost runs in a folder: resumable, interruptible, and the same however they are carried out."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd
import pytest

import analysis.run
from analysis.results import TABLES, CostResults
from analysis.run import FILES, CostPlan, CostRun, Task, run_in_memory
from sim.run_store import OccupiedError, read_table
from sim.scenario.load import load_scenario
from sim.scenario.schema import Scenario
from sim.sweep.executors import Stopped, serial
from tests.unit.analysis.sample_results import results as sample

CONTENT: dict[str, Any] = {
    "name": "small",
    "time": {"steps": 8},
    "population": {"size": 40, "resample": "population"},
    "network": {"kind": "ring", "degree": 4},
    "stressors": [{"kind": "constant", "level": 0.3}],
    "constraints": {"coupling": 0.3, "ratchet_share": 0.1},
    "restoration": {
        "delays": 3, "rest": 2, "rest_doublings": 2, "horizon": 4, "dwell": 2,
        "replicates": 3, "tolerance": 0.1,
    },
    "twin": {"certificate_steps": 60, "factors": 4},
}  # fmt: skip
SMALL = Scenario.model_validate(CONTENT)
RESULTS = [*FILES.values(), "manifest.json", "scenario.yaml", "twin.yaml", "report.html"]


def plain_report(results: CostResults) -> str:
    """Show every row, in place of a report that takes a second to draw."""
    return "\n".join(table.to_string() for table in results.tables.values())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.report.render", plain_report)


def carry_out(
    folder: Path,
    scenario: Scenario = SMALL,
    *,
    resume: bool = False,
    workers: int = 1,
    with_twin: bool = True,
    stop_after: int | None = None,
) -> tuple[CostRun, list[Task], list[dict[str, object]]]:
    """Run as the command line does; return the run, the tasks carried out and the failures."""
    run = CostRun(folder, scenario, with_twin=with_twin)
    plan = CostPlan.of(scenario, with_twin=with_twin, factor=run.claim(resume=resume))
    run.prepare(plan, resume=resume)
    tasks: list[Task] = []

    def notice(task: Task) -> None:
        tasks.append(task)
        if len(tasks) == stop_after:
            raise KeyboardInterrupt

    failures = run.execute(plan, workers=workers, stop=Event(), notice=notice)
    run.finish(plan, failures)
    return run, tasks, failures


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of an uninterrupted run with one worker."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.report.render", plain_report)
        carry_out(folder)
    return contents(folder)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_do_not_depend_on_the_workers(
    tmp_path: Path, reference: dict[str, bytes], workers: int
) -> None:
    _, tasks, failures = carry_out(tmp_path / "run", workers=workers)
    assert failures == []
    assert sorted(tasks) == [(role, r) for role in ("scenario", "twin") for r in range(3)]
    assert contents(tmp_path / "run") == reference


@pytest.mark.parametrize("kept", [1, 4, 6])
def test_an_interrupted_run_is_continued_where_it_stopped(
    tmp_path: Path, reference: dict[str, bytes], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        carry_out(folder, stop_after=kept)
    assert not (folder / "cost.parquet").exists()
    searched: list[object] = []
    monkeypatch.setattr(analysis.run, "reversible_twin", searched.append)
    _, tasks, _ = carry_out(folder, resume=True)
    assert len(tasks) == 6 - kept
    assert contents(folder) == reference
    assert searched == []  # the twin was found the first time


def test_a_killed_run_is_continued_and_its_drafts_are_swept(
    tmp_path: Path, reference: dict[str, bytes]
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        carry_out(folder, stop_after=3)
    draft = folder / "parts" / ".twin-000001.4711"
    draft.mkdir()
    (draft / "cost.parquet").write_bytes(b"PAR1")
    (folder / ".cost.parquet.ab12.tmp").write_bytes(b"PAR1")
    damaged = folder / "parts" / "scenario-000001" / "checks.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-7])
    (folder / "parts" / "scenario-000000" / "path.parquet").unlink()
    _, tasks, _ = carry_out(folder, resume=True)
    assert ("scenario", 0) in tasks
    assert ("scenario", 1) in tasks
    assert len(tasks) == 5
    assert contents(folder) == reference
    assert not draft.exists()
    carry_out(folder)
    assert not list(folder.glob(".*"))


def test_resuming_what_is_finished_does_nothing_again(
    tmp_path: Path, reference: dict[str, bytes]
) -> None:
    folder = tmp_path / "run"
    carry_out(folder)
    _, tasks, _ = carry_out(folder, resume=True)
    assert tasks == []
    assert contents(folder) == reference


def test_resuming_in_an_empty_folder_starts(tmp_path: Path, reference: dict[str, bytes]) -> None:
    carry_out(tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == reference


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"exposure": {"leak": 0.2}}, {"twin": {**CONTENT["twin"], "factors": 5}}],
)
def test_another_scenario_is_not_resumed_but_replaces(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    folder = tmp_path / "run"
    other = Scenario.model_validate({**CONTENT, **change})
    carry_out(folder)
    before = contents(folder)
    with pytest.raises(OccupiedError, match="holds another run"):
        CostRun(folder, other).claim(resume=True)
    assert contents(folder) == before
    _, tasks, _ = carry_out(folder, other)
    assert len(tasks) == 6
    assert load_scenario(folder / "scenario.yaml") == CostRun(folder, other).scenario


def test_neither_another_commit_nor_other_versions_nor_another_machine_are_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    carry_out(folder, with_twin=False)
    with pytest.raises(OccupiedError, match="holds another run"):
        CostRun(folder, SMALL, with_twin=True).claim(resume=True)
    monkeypatch.setattr("sim.run_store._commit", lambda: "another")
    with pytest.raises(OccupiedError, match="holds another run"):
        CostRun(folder, SMALL, with_twin=False).claim(resume=True)
    monkeypatch.undo()
    monkeypatch.setattr("sim.run_store.version", lambda name: "0")
    with pytest.raises(OccupiedError, match="holds another run"):
        CostRun(folder, SMALL, with_twin=False).claim(resume=True)
    monkeypatch.undo()
    monkeypatch.setattr("sim.run_store.platform.machine", lambda: "another")
    with pytest.raises(OccupiedError, match="holds another run"):
        CostRun(folder, SMALL, with_twin=False).claim(resume=True)


def test_a_new_run_leaves_nothing_of_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    carry_out(folder)
    (folder / "timings.json").write_text("{}")
    (folder / "failures.json").write_text("{}")
    (folder / "notes.txt").write_text("mine")
    fewer = Scenario.model_validate(
        {**CONTENT, "restoration": {**CONTENT["restoration"], "replicates": 1}}
    )
    carry_out(folder, fewer, with_twin=False)
    names = {path.name for path in folder.iterdir()}
    assert names == {*RESULTS, "parts", "notes.txt"} - {"twin.yaml"}
    assert [path.name for path in (folder / "parts").iterdir()] == ["scenario-000000"]


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    for resume in (False, True):
        with pytest.raises(OccupiedError, match="holds no run"):
            CostRun(tmp_path, SMALL).claim(resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def broken(monkeypatch: pytest.MonkeyPatch, *tasks: Task) -> None:
    """Make the measurement of some tasks raise."""
    measure = analysis.run.measure

    def fragile(scenario: Scenario, replicate: int, *, role: str, **rest: Any) -> Any:
        if (role, replicate) in tasks:
            raise FloatingPointError(f"replicate {replicate} is cursed")
        return measure(scenario, replicate, role=role, **rest)

    monkeypatch.setattr(analysis.run, "measure", fragile)


def test_a_replicate_that_raises_is_recorded_and_the_others_survive(
    tmp_path: Path, reference: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    broken(monkeypatch, ("twin", 1))
    run, tasks, failures = carry_out(folder, workers=2)
    assert len(tasks) == 6
    (failure,) = failures
    assert (failure["role"], failure["replicate"]) == ("twin", 1)
    assert (failure["kind"], failure["message"]) == (
        "FloatingPointError",
        "replicate 1 is cursed",
    )
    assert "fragile" in str(failure["traceback"])
    assert run.directory.read_json("failures.json") == {"failures": failures}
    cost = read_table(folder / "cost.parquet")
    measured = set(zip(cost["role"], cost["replicate"], strict=True))
    assert measured == {*[("scenario", r) for r in range(3)], ("twin", 0), ("twin", 2)}
    monkeypatch.undo()
    monkeypatch.setattr("analysis.report.render", plain_report)
    _, tasks, _ = carry_out(folder, resume=True)
    assert tasks == [("twin", 1)]
    assert not (folder / "failures.json").exists()
    assert contents(folder) == reference


def test_if_every_replicate_fails_there_are_no_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis.run, "measure", lambda *_, **__: 1 / 0)
    run, tasks, failures = carry_out(tmp_path / "run")
    assert len(failures) == len(tasks) == 6
    assert not run.directory.path("cost.parquet").exists()
    with pytest.raises(RuntimeError, match="division by zero"):
        run_in_memory(CostPlan.of(SMALL))


def test_a_disk_that_fills_up_keeps_what_is_done(
    tmp_path: Path, reference: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, written = tmp_path / "run", []
    write_table = analysis.run.write_table

    def full(path: Path, table: pd.DataFrame) -> None:
        written.append(path)
        if len(written) > 2 * len(TABLES) + 2:
            raise OSError(28, "No space left on device", str(path))
        write_table(path, table)

    monkeypatch.setattr("sim.sweep.segments.write_table", full)
    with pytest.raises(OSError, match="No space left"):
        carry_out(folder, workers=2)
    monkeypatch.setattr("sim.sweep.segments.write_table", write_table)
    _, tasks, _ = carry_out(folder, resume=True)
    assert len(tasks) == 4
    assert contents(folder) == reference


def test_a_stopped_measurement_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise Stopped

    monkeypatch.setattr(analysis.run, "measure", stopped)
    _, tasks, failures = carry_out(tmp_path / "run")
    assert (tasks, failures) == ([], [])


def test_in_memory_and_in_a_folder_are_the_same_rows(
    tmp_path: Path, reference: dict[str, bytes]
) -> None:
    results = run_in_memory(CostPlan.of(SMALL), workers=2)
    for name in TABLES:
        (tmp_path / name).write_bytes(reference[FILES[name]])
        pd.testing.assert_frame_equal(read_table(tmp_path / name), results.tables[name])


def test_the_order_in_which_tasks_finish_does_not_show(
    tmp_path: Path, reference: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def backwards(tasks: list[Task], work: Any, **rest: Any) -> Any:
        return serial(tasks[::-1], work, **rest)

    monkeypatch.setitem(analysis.run.EXECUTORS, "threads", backwards)
    carry_out(tmp_path / "run")
    assert contents(tmp_path / "run") == reference
    results = run_in_memory(CostPlan.of(SMALL))
    for name in TABLES:
        stored = read_table(tmp_path / "run" / FILES[name])
        pd.testing.assert_frame_equal(stored, results.tables[name])


def test_each_role_is_measured_in_its_own_scenario() -> None:
    results = run_in_memory(CostPlan.of(SMALL))
    assert results.twin is not None
    both = results.tables["cost"].set_index("role")
    for role, subject in (("scenario", results.scenario), ("twin", results.twin)):
        alone = run_in_memory(CostPlan(subject, None, None)).tables["cost"].set_index("role")
        pd.testing.assert_frame_equal(
            both.loc[role].reset_index(drop=True), alone.reset_index(drop=True)
        )
    assert both.loc["scenario", "cost"].tolist() != both.loc["twin", "cost"].tolist()


@pytest.mark.parametrize("crossings", [[], [{"level": 1.0}], [{"level": 0.0}]])
def test_columns_do_not_depend_on_what_was_crossed(crossings: list[dict[str, float]]) -> None:
    scenario = Scenario.model_validate({**CONTENT, "record": {"crossings": crossings}})
    plan = CostPlan.of(scenario, with_twin=False)
    results = run_in_memory(plan)
    table = results.tables["crossings"]
    assert list(table) == ["role", "replicate", "level", "direction", "step", "censored"]
    assert table["step"].dtype == "float64"
    assert table["censored"].dtype == "bool"
    assert len(table) == 3 * len(crossings)
    results.summary()


def test_results_say_in_one_line_what_they_hold() -> None:
    assert repr(sample()) == "CostResults(made_up: 3 replicates × 3 delays, twin with factor 0.5)"
    assert repr(sample(with_twin=False)).endswith(" delays, no twin)")
