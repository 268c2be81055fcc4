from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sim.cli.main as cli_main
from sim.cli.main import cli

if TYPE_CHECKING:
    from conftest import Call

HEAVY = ("numpy", "numba", "pandas", "pydantic", "matplotlib", "mesa", "scipy", "pyarrow", "rich")
ROOT = Path(__file__).parents[4]


def in_a_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["cost", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from sim.cli.main import cli\n"
        f"cli.main({arguments}, standalone_mode=False)\n"
        f"print('loaded:', [name for name in {HEAVY} if name in sys.modules])"
    )
    assert "loaded: []" in in_a_process(code)


def test_the_help_of_the_group_agrees_with_that_of_its_commands(remanence: Call) -> None:
    for name, (_, text) in cli_main._COMMANDS.items():
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.name == name
        assert remanence(name, "--help").code == 0
        assert text[:30] in remanence("--help").out


def test_every_exit_code_is_documented(remanence: Call) -> None:
    codes = {v for k, v in vars(cli_main).items() if k.startswith("EXIT_")}
    documented = {int(n) for n in re.findall(r"\b\d+\b", cli.epilog or "")}
    assert documented == {0, 2, 141} | codes
    assert {int(n) for n in re.findall(r"\b\d+\b", cli_main.__doc__ or "")} == documented
    assert " ".join((cli.epilog or "").split()) in " ".join(remanence("--help").out.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["cost"],
        ["cost", "small.yaml", "--workers", "0"],
        ["cost", "small.yaml", "--workers", "many"],
        ["cost", "small.yaml", "--replicates", "0"],
        ["run", "small.yaml", "--replicates", "0"],
        ["run", "small.yaml", "--seed", "-1"],
        ["run", "small.yaml", "--out", "small.yaml"],
        ["validate"],
        ["list", "everything"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_2_and_strict_json_where_asked(
    remanence: Call, arguments: list[str]
) -> None:
    said = remanence(*arguments)
    assert (said.code, said.out) == (2, "")
    assert "Usage: " in said.err
    said = remanence(*arguments, "--json")
    document = json.loads(said.out)
    assert said.code == 2
    assert document["ok"] is False
    assert document["error"] == "usage"
    assert document["message"] in " ".join(said.err.split())


@pytest.mark.parametrize("command", ["run", "cost", "plan"])
def test_a_bad_scenario_is_65_and_nothing_is_run(
    remanence: Call, folder: Path, command: str
) -> None:
    arguments = (command, "small.yaml", "--set", "exposure.leek=1")
    said = remanence(*arguments)
    assert (said.code, said.out) == (65, "")
    assert "--set exposure.leek=1:1:10: error: unknown key `leek`" in said.err
    assert "nothing was run" in said.err
    assert sorted(path.name for path in folder.iterdir()) == ["small.yaml"]
    document = json.loads(remanence(*arguments, "--json").out)
    assert (document["ok"], document["error"]) == (False, "scenario")
    assert document["problems"][0]["hint"] == "did you mean `leak`?"


def raises(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def load(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("sim.scenario.load.load_scenario", load)


@pytest.mark.parametrize(
    ("error", "code", "kind", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted", "interrupted"),
        (OSError(28, "No space left on device", "x/y"), 74, "system", "x/y: No space left"),
        (PermissionError(13, "Permission denied"), 74, "system", "Permission denied"),
        (OSError("odd"), 74, "system", "odd"),
        (MemoryError("8 TB"), 74, "system", "not enough memory: 8 TB"),
        (MemoryError(), 74, "system", "not enough memory"),
    ],
)
def test_what_is_not_our_mistake_has_a_code_and_a_line(
    remanence: Call,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    kind: str,
    message: str,
) -> None:
    raises(monkeypatch, error)
    said = remanence("plan", "small.yaml")
    assert (said.code, said.out) == (code, "")
    assert said.err.strip().startswith(message)
    assert said.err.strip().count("\n") == 0
    assert not said.err.strip().endswith(":")
    document = json.loads(remanence("plan", "small.yaml", "--json").out)
    assert document["error"] == kind
    assert document["message"].startswith(message)


def test_our_mistake_is_shown_whole(
    remanence: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raises(monkeypatch, ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        remanence("plan", "small.yaml", "--json")
    document = json.loads(capsys.readouterr().out)
    assert (document["error"], document["message"]) == ("internal", "ZeroDivisionError: ours")
