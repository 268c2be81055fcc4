"""What only a process of its own can show: signals, pipes, a full disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Call, Start

# Large enough that a signal arrives in the middle of it.
COST = ("cost", "small.yaml", "--set", "population.size=1500", "--workers", "1", "--out", "c")
RESULTS = ("cost.parquet", "remanence.parquet", "crossings.parquet", "series.parquet",
           "checks.parquet", "manifest.json", "scenario.yaml", "twin.yaml")  # fmt: skip


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stderr is not None
    for said in process.stderr:
        if line in said:
            return
    raise AssertionError(f"never said {line!r}")


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / "c" / name).read_bytes() for name in RESULTS}


@pytest.fixture(scope="module")
def reference() -> dict[str, bytes]:
    """Files of the first run that is carried out whole; every later one must equal them."""
    return {}


@pytest.mark.parametrize(
    ("signals", "line"),
    [
        ((signal.SIGINT,), "the twin's too: 1 of 4"),
        ((signal.SIGTERM,), "the twin's too: 2 of 4"),
        ((signal.SIGKILL,), "the twin's too: 1 of 4"),
        ((signal.SIGINT,), "finding the reversible twin"),
    ],
    ids=["Ctrl-C", "TERM", "KILL", "Ctrl-C in the search"],
)
def test_a_run_that_is_ended_can_be_continued(
    start: Start,
    remanence: Call,
    folder: Path,
    reference: dict[str, bytes],
    signals: tuple[signal.Signals, ...],
    line: str,
) -> None:
    process = start(*COST, "--json")
    wait_for(process, line)
    for number in signals:
        process.send_signal(number)
    code, out, err = finished(process)
    if signal.SIGKILL not in signals:
        assert code == 130
        assert "Traceback" not in err
        assert err.endswith("interrupted\n")
        assert json.loads(out)["error"] == "interrupted"
        assert line.startswith("finding") or "are kept; continue with --resume" in err
    said = remanence(*COST, "--resume")
    assert said.code == 0
    assert line.startswith("finding") or "finding" not in said.err
    reference.update({name: reference.get(name, c) for name, c in contents(folder).items()})
    assert contents(folder) == reference


@pytest.mark.parametrize(
    "arguments", [["list"], ["schema"], ["validate", "nowhere.yaml", "--json"]]
)
def test_a_pipe_that_is_closed_early_is_no_error(start: Start, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start(*arguments, stdout=writing)
    os.close(writing)
    _, _, err = finished(process)
    assert process.returncode == -signal.SIGPIPE
    assert "Traceback" not in err
    assert "Broken pipe" not in err


def test_a_terminal_that_lacks_a_character_ends_nothing(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    with (folder / "out").open("wb") as out:
        code, _, err = finished(start("list", "variables", stdout=out.fileno()))
    assert (code, err) == (0, "")
    assert rb"lock-in \u2113" in (folder / "out").read_bytes()


def test_output_that_cannot_be_written_is_74(start: Start) -> None:
    with Path("/dev/full").open("w") as full:
        process = start("schema", stdout=full.fileno())
    code, _, err = finished(process)
    assert code == 74
    assert "No space left on device" in err
    assert "Traceback" not in err


def test_a_folder_that_may_not_be_written_is_74(start: Start, folder: Path) -> None:
    code, out, err = finished(start("run", "small.yaml", "--out", "/proc/nowhere/r", "--json"))
    assert code == 74
    assert "/proc/nowhere" in json.loads(out)["message"]
    assert "Traceback" not in err


def test_a_name_that_is_no_text_is_refused_like_any_other(start: Start) -> None:
    code, out, err = finished(start("validate", os.fsdecode(b"caf\xe9.yaml"), "--json"))
    assert code == 65
    assert json.loads(out)[0]["ok"] is False
    assert "Traceback" not in err
