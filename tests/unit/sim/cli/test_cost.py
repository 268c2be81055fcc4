from __future__ import annotations

import json
import math
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import analysis.run
from sim.run_store import read_table

if TYPE_CHECKING:
    from conftest import Call

ROWS = ("curve", "marginal", "premium", "no_return", "remanence", "crossings", "checks")


def strictly(text: str) -> Any:
    """One JSON document in which every number is a number."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_stdout_is_one_strict_json_document(remanence: Call, folder: Path) -> None:
    said = remanence("cost", "small.yaml", "--out", "c", "--json")
    document = strictly(said.out)
    assert said.code == 0
    assert document["ok"] is True
    assert document["failures"] == []
    assert document["report"] == "c/report.html"
    assert 0.0 <= document["twin_factor"] <= 1.0
    assert all(isinstance(document[name], list) for name in ROWS)
    assert document["manifest"] == json.loads((folder / "c" / "manifest.json").read_text())
    assert "finding the reversible twin" in said.err
    assert "replicates, the twin's too: 4 of 4" in said.err
    assert json.loads((folder / "c" / "timings.json").read_text())["seconds"] > 0.0


def test_the_printed_table_is_the_curve(remanence: Call) -> None:
    arguments = ("cost", "small.yaml", "--set", "safe.prevalence=0.3", "--out", "c")
    curve = strictly(remanence(*arguments, "--json").out)["curve"]
    wanted = {
        (row["role"], row["target"], str(row["delay"])): (
            "∞" if row["cost_censored"] else f"{row['cost']:.1f}"
        )
        for row in curve
    }
    _, header, *lines = remanence(*arguments, "--resume").out.splitlines()
    names = header.split()[1:]
    columns = list(zip(names[::2], names[1::2], strict=True))
    shown = {}
    for delay, *cells in (line.split() for line in lines[: len(curve) // len(columns)]):
        shown |= {(*c, delay): cell for c, cell in zip(columns, cells, strict=True)}
    assert shown == wanted
    assert wanted["scenario", "hold", "8"] != wanted["scenario", "heal", "8"]


def test_progress_counts_what_was_done_before(remanence: Call, folder: Path) -> None:
    arguments = ("cost", "small.yaml", "--no-twin", "--out", "c")
    remanence(*arguments)
    shutil.rmtree(folder / "c" / "parts" / "scenario-000001")
    said = remanence(*arguments, "--resume")
    assert re.findall(r"replicates: .*", said.err) == ["replicates: 2 of 2"]


def test_a_terminal_gets_a_bar_and_stdout_stays_clean(
    remanence: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    said = remanence("cost", "small.yaml", "--no-twin", "--out", "c", "--json")
    assert strictly(said.out)["ok"]
    assert "2/2" in said.err
    assert "2 of 2" not in said.err


def test_an_infinite_cost_is_null_and_marked(remanence: Call, folder: Path) -> None:
    arguments = ("--no-twin", "--set", "restoration.u_max=1e-6", "--out", "c")
    curve = strictly(remanence("cost", "small.yaml", "--json", *arguments).out)["curve"]
    lost = [row for row in curve if row["delay"] == 8]
    assert [(row["cost"], row["cost_censored"]) for row in lost] == [(None, True)] * 2
    free = [row for row in curve if row["delay"] == 0]
    assert [(row["cost"], row["cost_censored"]) for row in free] == [(0.0, False)] * 2
    assert re.search(r"^ +8 +∞ +∞$", remanence("cost", "small.yaml", *arguments).out, re.M)


def test_numbers_keep_their_digits(remanence: Call, folder: Path) -> None:
    # Shares of 37 persons have endless digits.
    arguments = ("--no-twin", "--set", "population.size=37", "--out", "c", "--json")
    document = strictly(remanence("cost", "small.yaml", *arguments).out)
    cost = read_table(folder / "c" / "cost.parquet")
    for row in document["curve"]:
        mine = cost[(cost["target"] == row["target"]) & (cost["delay"] == row["delay"])]
        assert row["prevalence_exposed"] == pytest.approx(
            mine["prevalence_exposed"].quantile(0.5, interpolation="lower"), rel=1e-14
        )
        assert row["finite_high"] is None or math.isclose(
            row["finite_high"], mine[~mine["censored"]]["cost"].max(), rel_tol=1e-14
        )


def test_options_are_settings(remanence: Call, folder: Path) -> None:
    remanence(
        "cost", "small.yaml", "--seed", "5", "--replicates", "1", "--out", "c",
        "--set", "population.size=30",
    )  # fmt: skip
    text = (folder / "c" / "scenario.yaml").read_text()
    for line in ("seed: 5", "replicates: 1", "size: 30"):
        assert line in text
    assert read_table(folder / "c" / "cost.parquet")["role"].nunique() == 2


def test_without_a_twin_none_is_sought(remanence: Call, folder: Path) -> None:
    said = remanence("cost", "small.yaml", "--no-twin", "--json")
    assert "finding" not in said.err
    assert strictly(said.out)["twin_factor"] is None
    assert (folder / "runs" / "small" / "report.html").exists()
    assert not (folder / "runs" / "small" / "twin.yaml").exists()


def test_resume_is_refused_for_another_run_before_anything_is_sought(
    remanence: Call, folder: Path
) -> None:
    remanence("cost", "small.yaml", "--no-twin", "--out", "c")
    before = (folder / "c" / "manifest.json").read_bytes()
    for change in (["--seed", "9"], []):
        said = remanence("cost", "small.yaml", "--resume", "--out", "c", *change)
        assert said.code == 2
        assert "c holds another run" in said.err
        assert "finding" not in said.err
    assert (folder / "c" / "manifest.json").read_bytes() == before
    assert remanence("cost", "small.yaml", "--no-twin", "--resume", "--out", "c").code == 0


def test_a_folder_of_something_else_is_refused(remanence: Call, folder: Path) -> None:
    said = remanence("cost", "small.yaml", "--out", ".")
    assert said.code == 2
    assert "holds no run" in said.err
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]


def test_failures_are_recorded_and_the_code_is_3(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = analysis.run.measure

    def fragile(scenario: Any, replicate: int, **rest: Any) -> Any:
        if replicate == 1:
            raise FloatingPointError("cursed")
        return measure(scenario, replicate, **rest)

    monkeypatch.setattr(analysis.run, "measure", fragile)
    said = remanence("cost", "small.yaml", "--out", "c", "--json")
    document = strictly(said.out)
    assert (said.code, document["ok"]) == (3, False)
    assert [f["role"] for f in document["failures"]] == ["scenario", "twin"]
    assert document["curve"][0]["replicates"] == 1
    assert "failed: twin replicate 1: cursed" in said.err
    stored = json.loads((folder / "c" / "failures.json").read_text())
    assert stored["failures"] == document["failures"]


def test_if_every_replicate_fails_there_is_still_one_document(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis.run, "measure", lambda *_, **__: 1 / 0)
    said = remanence("cost", "small.yaml", "--out", "c", "--json")
    document = strictly(said.out)
    assert (said.code, document["ok"], len(document["failures"])) == (3, False, 4)
    said = remanence("cost", "small.yaml", "--out", "c")
    assert (said.code, said.out) == (3, "")
    assert "division by zero" in said.err


def test_a_disk_that_fills_up_is_74_and_says_how_to_go_on(
    remanence: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, table: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("sim.sweep.segments.write_table", full)
    said = remanence("cost", "small.yaml", "--no-twin", "--out", "c", "--json")
    assert said.code == 74
    assert "0 of 2 replicates are kept; continue with --resume" in said.err
    assert "No space left on device" in strictly(said.out)["message"]
