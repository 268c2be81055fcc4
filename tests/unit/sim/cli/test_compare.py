from __future__ import annotations

import json
import math
import re
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import analysis.trials
from sim.optimizers import METHODS
from sim.run_store import read_table

if TYPE_CHECKING:
    from conftest import Call, Start

TERMS = ("--budget", "3", "--delay", "3", "--replicates", "2", "--settings", "3")
ARGUMENTS = ("compare", "small.yaml", "--optimizers", "proportional", *TERMS, "--out", "c")
RESULTS = ("comparison.parquet", "tuning.parquet", "report.html", "scenario.yaml", "manifest.json")
PARTS = 2 + 8


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that takes no time to draw, and shows every row."""
    monkeypatch.setattr(
        "analysis.comparison_report.render",
        lambda found: "\n".join(table.to_string() for table in found.tables.values()),
    )


def strictly(text: str) -> Any:
    """One JSON document in which every number is a number."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def test_stdout_is_one_strict_json_document(remanence: Call, folder: Path) -> None:
    said = remanence(*ARGUMENTS, "--json")
    document = strictly(said.out)
    assert (said.code, document["ok"], document["failures"]) == (0, True, [])
    rows = {(row["kind"], row["cure"]): row for row in document["standings"]}
    assert set(rows) == {(kind, cure) for kind in ("none", "proportional") for cure in (0.0, 0.5)}
    for row in rows.values():
        assert row["replicates"] == 2
        assert row["gain_low"] <= row["gain"] <= row["gain_high"]
        assert 0.0 <= row["spent"] <= 3.0
    assert rows["none", 0.5]["spent"] == 0.0
    assert document["manifest"] == json.loads((folder / "c" / "manifest.json").read_text())
    assert document["manifest"]["terms"]["optimizers"] == ["none", "proportional"]
    assert f"{PARTS} of {PARTS}" in said.err


def test_the_table_on_the_terminal_is_the_standings(remanence: Call) -> None:
    document = strictly(remanence(*ARGUMENTS, "--json").out)
    said = remanence(*ARGUMENTS, "--resume")
    shown = re.findall(r"^([* ]) (\w+) +(-?[\d.]+) \[(.+), (.+)\] +([\d.]+)", said.out, re.M)
    assert len(shown) == 4
    for (front, kind, gain, low, high, lived), row in zip(
        shown, document["standings"], strict=True
    ):
        assert kind == row["kind"]
        assert (front == "*") == row["front"]
        wanted = [row["gain"], row["gain_low"], row["gain_high"], row["lived_alignment"]]
        assert [gain, low, high, lived] == [f"{value:.3f}" for value in wanted]
    assert "φ = 0\n" in said.out
    assert "φ = 0.5\n" in said.out


def test_tuning_and_comparison_share_no_replicate(remanence: Call, folder: Path) -> None:
    remanence(*ARGUMENTS)
    tuning = read_table(folder / "c" / "tuning.parquet")
    comparison = read_table(folder / "c" / "comparison.parquet")
    assert not set(tuning["replicate"]) & set(comparison["replicate"])
    assert len(comparison) == 8
    for (kind, cure), rows in comparison.groupby(["kind", "cure"]):
        tried = tuning[(tuning["kind"] == kind) & (tuning["cure"] == cure)]
        wanted = tried[tried["chosen"]]["setting"].unique().tolist() or ["{}"]
        assert rows["setting"].unique().tolist() == wanted


@pytest.mark.parametrize("workers", ["1", "3"])
def test_no_number_depends_on_the_workers(remanence: Call, folder: Path, workers: str) -> None:
    remanence(*ARGUMENTS, "--workers", "2")
    before = contents(folder / "c")
    remanence(*ARGUMENTS, "--workers", workers)
    assert contents(folder / "c") == before


def test_a_killed_run_is_continued_to_the_same_bytes(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remanence(*ARGUMENTS, "--delays", "3,5")
    finished = contents(folder / "c") | {"d": (folder / "c" / "delays.parquet").read_bytes()}
    shutil.rmtree(folder / "c")
    one = analysis.trials.trial
    made = []

    def interrupted(*arguments: Any, **rest: Any) -> Any:
        made.append(arguments)
        if len(made) == 30:
            raise KeyboardInterrupt
        return one(*arguments, **rest)

    monkeypatch.setattr(analysis.trials, "trial", interrupted)
    said = remanence(*ARGUMENTS, "--delays", "3,5", "--workers", "1")
    assert said.code == 130
    (kept,) = re.findall(r"(\d+) of \d+ parts are kept; continue with --resume", said.err)
    assert int(kept) > 0
    assert not (folder / "c" / "comparison.parquet").exists()
    draft = folder / "c" / "parts" / ".comparison-none-0.0-000000.4711"
    draft.mkdir()
    said = remanence(*ARGUMENTS, "--delays", "3,5", "--resume")
    assert said.code == 0
    resumed = contents(folder / "c") | {"d": (folder / "c" / "delays.parquet").read_bytes()}
    assert resumed == finished
    before = len(made)
    assert remanence(*ARGUMENTS, "--delays", "3,5", "--resume").code == 0
    assert len(made) == before
    assert contents(folder / "c") | {"d": finished["d"]} == finished


def test_ctrl_c_keeps_what_is_done(start: Start, folder: Path) -> None:
    long = ("--set", "time.steps=400", "--replicates", "500", "--settings", "1")
    process = start(*ARGUMENTS[:-1], "k", *long)
    deadline = time.monotonic() + 120
    while not list((folder / "k" / "parts").glob("comparison-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "parts are kept; continue with --resume" in said
    assert "Traceback" not in said
    assert not (folder / "k" / "comparison.parquet").exists()


def test_resume_is_refused_for_other_terms(remanence: Call, folder: Path) -> None:
    remanence(*ARGUMENTS)
    before = contents(folder / "c")
    for change in (["--seed", "9"], ["--budget", "4"], ["--cure", "0.3"]):
        said = remanence(*ARGUMENTS, *change, "--resume")
        assert said.code == 2
        assert "c holds another comparison" in said.err
    assert contents(folder / "c") == before
    assert remanence("cost", "small.yaml", "--out", "c").code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--optimizers", "rhlf"], "no optimizer `rhlf`; did you mean `rlhf`?"),
        (["--optimizers", "proportional,"], "no optimizer ``"),
        (["--budget", "-1"], "--budget"),
        (["--budget", "nan"], "--budget"),
        (["--delay", "8"], "8 is not below the scenario's 8 steps"),
        (["--delays", "2,7"], "7 leaves less than the dwell of 2"),
        (["--delays", "2,x"], "must be whole numbers with commas between"),
        (["--cure", "0,-1"], "must lie in"),
        (["--cure", "nan"], "must lie in"),
        (["--cure", ","], "must be numbers"),
        (["--replicates", "0"], "--replicates"),
        (["--settings", "0"], "--settings"),
    ],
)
def test_bad_input_is_a_usage_error_that_names_its_option(
    remanence: Call, folder: Path, arguments: list[str], words: str
) -> None:
    said = remanence(*ARGUMENTS, *arguments)
    assert said.code == 2
    assert words in said.err
    assert arguments[0] in said.err
    assert not (folder / "c").exists()


def test_budget_and_delay_must_be_given(remanence: Call) -> None:
    assert "--budget" in remanence("compare", "small.yaml", "--delay", "1").err
    assert "--delay" in remanence("compare", "small.yaml", "--budget", "1").err


def test_a_bad_scenario_is_65_and_located(remanence: Call) -> None:
    said = remanence(*ARGUMENTS, "--set", "constraints.coupling=x")
    assert said.code == 65
    assert "coupling" in said.err


def test_all_are_all_methods(remanence: Call, folder: Path) -> None:
    arguments = ("--budget", "1", "--delay", "5", "--replicates", "1", "--settings", "1")
    said = remanence("compare", "small.yaml", *arguments, "--cure", "0.5", "--json", "--out", "a")
    document = strictly(said.out)
    assert {row["kind"] for row in document["standings"]} == set(METHODS)
    assert {row["cure"] for row in document["standings"]} == {0.5}
    assert all(row["gain_low"] is None for row in document["standings"])
    assert read_table(folder / "a" / "tuning.parquet").empty
    assert not (folder / "a" / "delays.parquet").exists()


def test_an_infinite_least_budget_is_null_and_marked(remanence: Call, folder: Path) -> None:
    terms = ("--delays", "5", "--set", "safe.prevalence=0", "--cure", "0", "--settings", "1")
    rows = strictly(remanence(*ARGUMENTS, *terms, "--json").out)["delays"]
    assert [(row["budget"], row["budget_censored"]) for row in rows] == [(None, True)] * 2
    stored = read_table(folder / "c" / "delays.parquet")
    assert all(math.isinf(budget) for budget in stored["budget"])
    said = remanence(*ARGUMENTS, *terms, "--resume")
    assert re.search(r"^  proportional +0 +∞$", said.out, re.M)
    assert "Empirical" in said.out


def test_failures_are_recorded_and_the_code_is_3(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fragile(*_: Any, **__: Any) -> Any:
        raise FloatingPointError("cursed")

    monkeypatch.setattr(METHODS["proportional"], "act", fragile)
    said = remanence(*ARGUMENTS, "--json")
    document = strictly(said.out)
    assert (said.code, document["ok"]) == (3, False)
    assert {row["kind"] for row in document["standings"]} == {"none"}
    assert [(f["table"], f["cure"]) for f in document["failures"]] == [
        ("tuning", 0.0), ("tuning", 0.5),
    ]  # fmt: skip
    assert "failed: proportional at φ = 0.5, tuning" in said.err
    stored = json.loads((folder / "c" / "failures.json").read_text())
    assert stored["failures"] == document["failures"]


def test_if_everything_fails_there_is_still_one_document(
    remanence: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis.trials, "trial", lambda *_, **__: 1 / 0)
    said = remanence(*ARGUMENTS, "--json")
    document = strictly(said.out)
    assert (said.code, document["ok"]) == (3, False)
    said = remanence(*ARGUMENTS)
    assert (said.code, said.out) == (3, "")
    assert "division by zero" in said.err


def test_a_report_is_made_anew_from_the_folder(remanence: Call, folder: Path) -> None:
    remanence(*ARGUMENTS, "--delays", "5", "--settings", "1")
    before = (folder / "c" / "report.html").read_bytes()
    (folder / "c" / "report.html").unlink()
    assert remanence("report", "c").out == "report: c/report.html\n"
    assert (folder / "c" / "report.html").read_bytes() == before


def test_tables_are_exported_and_compared_like_those_of_other_runs(
    remanence: Call, folder: Path
) -> None:
    remanence(*ARGUMENTS)
    remanence(*ARGUMENTS[:-1], "d", "--seed", "3")
    assert remanence("export", "c", "--out", "csv").code == 0
    assert {path.name for path in (folder / "csv").glob("*.csv")} == {
        "comparison.csv", "tuning.csv",
    }  # fmt: skip
    assert remanence("export", "c", "--format", "netcdf", "--out", "nc").code == 0
    same = strictly(remanence("compare-runs", "c", "c", "--json").out)
    assert same["same"]
    other = strictly(remanence("compare-runs", "c", "d", "--json").out)
    assert any("lived_alignment" in difference["where"] for difference in other["results"])
    said = remanence("report", "c", "d")
    assert said.code == 2
    assert "not a cost run" in said.err
