"""The command line, called in this process or as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sim.cli.main import main

ROOT = Path(__file__).parents[4]

SMALL = """\
name: small
time: {steps: 8, unit: week}
population: {size: 40, resample: population}
network: {kind: ring, degree: 4}
stressors: [{kind: constant, level: 0.3}]
constraints: {coupling: 0.3, ratchet_share: 0.1}
restoration:
  {delays: 3, rest: 2, rest_doublings: 2, horizon: 4, dwell: 2, replicates: 2, tolerance: 0.1}
twin: {certificate_steps: 60, factors: 4}
"""


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with one small scenario in it."""
    (tmp_path / "small.yaml").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def remanence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Call]:
    """Call the command line in this process, with a report that takes no time to draw."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGPIPE)}
    monkeypatch.setattr("analysis.report.render", lambda results: "<html></html>")
    monkeypatch.setattr(
        "analysis.report.render_all",
        lambda runs: "\n".join(f"{folder}: seed {run.scenario.seed}" for folder, run in runs),
    )

    def call(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["remanence", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, said.out, said.err)

    yield call
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start the command line as a process whose stdout and stderr are pipes."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
        # A test run in the background of a shell starts with Ctrl-C ignored.
        code = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from sim.cli.main import main; main()"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()
