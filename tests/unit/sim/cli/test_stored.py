from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sim.run_store import read_table, write_table
from sim.sweep.recorded import RecordedRun
from tests.unit.sim.cli.conftest import Call


@pytest.fixture
def two(remanence: Call, folder: Path) -> tuple[Path, Path]:
    for name, seed in (("a", "1"), ("b", "2")):
        assert remanence("cost", "small.yaml", "--seed", seed, "--out", name, "--no-twin").code == 0
    return folder / "a", folder / "b"


@pytest.fixture
def run_of_cost(remanence: Call, folder: Path) -> Path:
    assert remanence("cost", "small.yaml", "--out", "c").code == 0
    return folder / "c"


def test_reports_are_made_anew(remanence: Call, two: tuple[Path, Path], folder: Path) -> None:
    before = [(path / "report.html").read_bytes() for path in two]
    for path in two:
        (path / "report.html").unlink()
    said = remanence("report", "a", "b")
    assert said.out.splitlines() == [
        "report: a/report.html", "report: b/report.html", "report: report.html",
    ]  # fmt: skip
    assert [(path / "report.html").read_bytes() for path in two] == before
    assert (folder / "report.html").read_text() == "a: seed 1\nb: seed 2"


def test_one_page_is_written_where_it_is_asked_for_and_nowhere_else(
    remanence: Call, two: tuple[Path, Path], folder: Path
) -> None:
    for path in two:
        (path / "report.html").unlink()
    said = remanence("report", "b", "a", "--out", "pages/all.html")
    assert said.out == "report: pages/all.html\n"
    assert (folder / "pages" / "all.html").read_text() == "b: seed 2\na: seed 1"
    remanence("report", "a", "--out", "alone.html")
    assert (folder / "alone.html").read_text() == "<html></html>"
    assert not any((path / "report.html").exists() for path in two)
    assert not (folder / "report.html").exists()


def test_one_page_never_takes_the_place_of_what_a_run_wrote(
    remanence: Call, two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [(path / "report.html").read_bytes() for path in two]
    monkeypatch.chdir(two[0])
    said = remanence("report", ".", "../b")
    assert said.code == 2
    assert "report.html lies in the folder of a run; name another file with --out" in said.err
    assert remanence("report", "../b", "--out", "cost.parquet").code == 2
    assert remanence("report", "../b", "--out", "../b/x.html").code == 2
    assert [(path / "report.html").read_bytes() for path in two] == before


def test_a_damaged_table_is_named(remanence: Call, two: tuple[Path, Path]) -> None:
    table = two[0] / "cost.parquet"
    table.write_bytes(table.read_bytes()[:300])
    for command in (("report", "a"), ("export", "a"), ("compare-runs", "a", "b")):
        said = remanence(*command)
        assert said.code == 74
        assert "a/cost.parquet: damaged" in said.err
        assert "Traceback" not in said.err


def test_a_run_of_another_scenario_is_replaced_aloud(
    remanence: Call, two: tuple[Path, Path]
) -> None:
    again = remanence("cost", "small.yaml", "--seed", "1", "--out", "a", "--no-twin")
    assert "replacing" not in again.err
    other = remanence("cost", "small.yaml", "--seed", "3", "--out", "a", "--no-twin")
    assert "replacing the run of small in a" in other.err
    changed = ("--set", "population.size=21", "--seed", "3")
    assert remanence("cost", "small.yaml", *changed, "--out", "a", "--no-twin").code == 0
    manifest = json.loads((two[0] / "manifest.json").read_text())
    assert manifest["changes"] == ["population.size=21"]


def test_runs_are_compared(remanence: Call, two: tuple[Path, Path]) -> None:
    said = remanence("compare-runs", "a", "b")
    assert said.code == 0
    assert said.out.startswith("scenario: 1 difference\n  seed: 1 | 2\norigin: 2 differences\n")
    plain = json.loads(remanence("compare-runs", "a", "b", "--json").out)
    assert plain["same"] is False
    assert plain["scenario"] == [{"where": "seed", "first": 1, "second": 2}]
    assert len(plain["results"]) > 20
    assert f"and {len(plain['results']) - 20:,} more" in said.out
    assert json.loads(remanence("compare-runs", "a", "a", "--json").out)["same"] is True


def test_tables_are_exported(remanence: Call, two: tuple[Path, Path], folder: Path) -> None:
    said = remanence("export", "a", "--out", "x", "--table", "cost", "--format", "netcdf")
    assert said.out.split() == ["x/cost.nc"]
    assert sorted(p.name for p in (folder / "x").iterdir()) == [
        "cost.nc", "manifest.json", "scenario.yaml",
    ]  # fmt: skip
    remanence("run", "small.yaml", "--out", "r")
    assert remanence("export", "r").out.split() == ["r/series.csv", "r/events.csv"]


def test_export_says_how_many_replicates_are_missing(
    remanence: Call, two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remanence("export", "a").err == ""
    one = RecordedRun.prepare
    monkeypatch.setattr(RecordedRun, "prepare", lambda run, *, resume: one(run, resume=resume)[:1])
    assert remanence("run", "small.yaml", "--replicates", "3", "--out", "r").code == 0
    said = remanence("export", "r")
    assert (said.code, said.out.split()) == (0, ["r/series.csv", "r/events.csv"])
    assert said.err.startswith("r holds 1 of 3 replicates: the run was interrupted or some failed")


def test_export_counts_the_replicates_of_each_role(run_of_cost: Path, remanence: Call) -> None:
    said = remanence("export", str(run_of_cost), "--table", "checks")
    assert said.err.splitlines() == []
    checks = read_table(run_of_cost / "checks.parquet")
    kept = (checks["role"] == "scenario") & (checks["replicate"] == 0)
    write_table(run_of_cost / "checks.parquet", checks[kept])
    said = remanence("export", str(run_of_cost), "--table", "checks")
    first, second = said.err.splitlines()
    assert "holds 1 of 2 replicates: " in first
    assert "holds 0 of 2 replicates of the twin: " in second


def test_what_is_no_run_is_a_usage_error(remanence: Call, two: tuple[Path, Path]) -> None:
    remanence("run", "small.yaml", "--out", "r")
    for command in (["report", "r"], ["report", "."], ["compare-runs", "a", "."]):
        said = remanence(*command)
        assert said.code == 2
        assert "Traceback" not in said.err
    assert "r holds a `run` run, not a cost run" in remanence("report", "r").err
    assert "no table prices" in remanence("export", "a", "--table", "prices").err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_commands(remanence: Call, shell: str) -> None:
    assert "_REMANENCE_COMPLETE" in remanence("completion", shell).out
    asked = {
        "_REMANENCE_COMPLETE": "bash_complete",
        "COMP_WORDS": "remanence comp",
        "COMP_CWORD": "1",
    }
    command = Path(sys.executable).with_name("remanence")
    done = subprocess.run([command], env=asked, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["plain,compare", "plain,compare-runs", "plain,completion"]
