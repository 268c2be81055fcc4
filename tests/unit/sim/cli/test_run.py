from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.model import AlignmentModel
from sim.run_store import read_table
from sim.scenario.load import load_scenario
from sim.sweep.executors import EXECUTORS, Stopped, serial
from sim.sweep.recorded import tables_of

if TYPE_CHECKING:
    from conftest import Call


def test_the_series_is_that_of_the_model(remanence: Call, folder: Path) -> None:
    said = remanence("run", "small.yaml", "--replicates", "2", "--out", "r", "--json")
    document = json.loads(said.out)
    assert (said.code, document["ok"], document["failures"]) == (0, True, [])
    table = read_table(folder / "r" / "series.parquet")
    assert document["rows"] == len(table) == 16
    assert table["replicate"].tolist() == [0] * 8 + [1] * 8
    model = AlignmentModel(load_scenario("small.yaml"), replicate=1)
    while model.running:
        model.step()
    mine = table[table["replicate"] == 1]
    for name, column in model.recorder.table().items():
        assert mine[name].to_numpy() == pytest.approx(column, rel=0, abs=0, nan_ok=True)
    last = table[table["step"] == 8]["prevalence"].mean()
    assert document["final"]["prevalence"] == last


def test_workers_and_repetition_change_nothing(remanence: Call, folder: Path) -> None:
    written = []
    for workers in ("1", "3", "3"):
        remanence("run", "small.yaml", "--replicates", "3", "--out", "r", "--workers", workers)
        names = ("series.parquet", "events.parquet", "manifest.json", "scenario.yaml")
        written.append([(folder / "r" / name).read_bytes() for name in names])
    assert written[0] == written[1] == written[2]


def test_the_last_recorded_step_is_shown(remanence: Call) -> None:
    assert "small after 8 weeks:" in remanence("run", "small.yaml").out
    said = remanence("run", "small.yaml", "--set", "record.every=3")
    assert "small after 6 weeks:" in said.out
    never = ("run", "small.yaml", "--set", "record.every=9")
    assert "no step was recorded" in remanence(*never).out
    document = json.loads(remanence(*never, "--json").out)
    assert document["rows"] == 0
    assert set(document["final"].values()) == {None}


def test_results_go_to_a_folder_named_after_the_scenario(remanence: Call, folder: Path) -> None:
    remanence("run", "small.yaml")
    assert (folder / "runs" / "small-series" / "series.parquet").exists()


def break_replicates(monkeypatch: pytest.MonkeyPatch, *broken: int) -> None:
    step = AlignmentModel.step

    def fragile(model: AlignmentModel) -> None:
        if model.replicate in broken:
            raise FloatingPointError("cursed")
        step(model)

    monkeypatch.setattr(AlignmentModel, "step", fragile)


def test_a_replicate_that_raises_is_recorded_and_the_others_survive(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_replicates(monkeypatch, 1)
    said = remanence("run", "small.yaml", "--replicates", "3", "--out", "r", "--json")
    document = json.loads(said.out)
    assert (said.code, document["ok"], document["rows"]) == (3, False, 16)
    (failure,) = json.loads((folder / "r" / "failures.json").read_text())["failures"]
    assert (failure["replicate"], failure["kind"]) == (1, "FloatingPointError")
    assert document["failures"] == [failure]
    assert "failed: replicate 1: cursed" in said.err
    monkeypatch.undo()
    monkeypatch.chdir(folder)


def test_if_every_replicate_fails_it_says_so(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remanence("run", "small.yaml", "--out", "r")
    break_replicates(monkeypatch, 0)
    said = remanence("run", "small.yaml", "--out", "r", "--json")
    document = json.loads(said.out)
    assert (said.code, document["ok"]) == (3, False)
    assert "series" not in document
    # The series of the run before would pass for that of this one.
    assert not (folder / "r" / "series.parquet").exists()
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert remanence("run", "small.yaml", "--out", "r").code == 0
    assert not (folder / "r" / "failures.json").exists()


def test_the_order_in_which_replicates_finish_does_not_show(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backwards(tasks: list[int], work: Any, **rest: Any) -> Any:
        return serial(tasks[::-1], work, **rest)

    monkeypatch.setitem(EXECUTORS, "threads", backwards)  # type: ignore[arg-type]
    remanence("run", "small.yaml", "--replicates", "3", "--out", "r")
    table = read_table(folder / "r" / "series.parquet")
    assert table["replicate"].tolist() == [0] * 8 + [1] * 8 + [2] * 8


def test_a_replicate_that_is_told_to_stop_does() -> None:
    with pytest.raises(Stopped):
        tables_of(load_scenario("small.yaml"), 0, stopped=lambda: True)


def test_an_interrupt_keeps_what_is_done(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    advance = "sim.cli.options.Progress.advance"
    monkeypatch.setattr(advance, interrupted)
    said = remanence("run", "small.yaml", "--replicates", "3", "--workers", "1", "--out", "r")
    assert said.code == 130
    assert "1 of 3 replicates are kept" in said.err
    assert set(read_table(folder / "r" / "series.parquet")["replicate"]) == {0}


def test_a_folder_of_something_else_is_refused(remanence: Call, folder: Path) -> None:
    (folder / "r").mkdir()
    (folder / "r" / "thesis.tex").write_text("")
    assert remanence("run", "small.yaml", "--out", "r").code == 2
    remanence("cost", "small.yaml", "--no-twin", "--out", "c")
    before = (folder / "c" / "series.parquet").read_bytes()
    said = remanence("run", "small.yaml", "--out", "c")
    assert said.code == 2
    assert "c holds a `cost` run" in said.err
    assert (folder / "c" / "series.parquet").read_bytes() == before


def test_an_interrupted_run_is_resumed_to_the_same_bytes(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("run", "small.yaml", "--replicates", "3", "--set", "record.persons={every: 4}")
    remanence(*command, "--out", "whole")
    advance, seen = "sim.cli.options.Progress.advance", []

    def interrupted(*_: Any, **__: Any) -> None:
        seen.append(0)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(advance, interrupted)
        said = remanence(*command, "--workers", "1", "--out", "r")
    assert (said.code, len(seen)) == (130, 1)
    assert "continue with --resume" in said.err
    assert remanence(*command, "--out", "r", "--resume", "--seed", "5").code == 2
    assert remanence(*command, "--out", "r", "--resume").code == 0
    for name in ("series", "events", "persons"):
        file = f"{name}.parquet"
        assert (folder / "r" / file).read_bytes() == (folder / "whole" / file).read_bytes()
    assert not (folder / "r" / "parts").exists()
