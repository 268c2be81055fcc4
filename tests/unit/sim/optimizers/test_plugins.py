"""Optimizers of one's own: found, refused unless allowed, and run like any other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sim.cli.main import cli
from sim.model import AlignmentModel
from sim.optimizers import plugins
from sim.optimizers.plugins import allow_plugins
from sim.scenario.problems import PluginError
from sim.scenario.schema import Scenario

EXAMPLES = Path(__file__).parents[4] / "examples"


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", [*sys.path, str(EXAMPLES)])
    yield
    allow_plugins(allowed=False)


def model(use: str = "own_optimizer:Brigade", **options: Any) -> AlignmentModel:
    content: dict[str, Any] = {
        "time": {"steps": 20},
        "population": {"size": 60},
        "stressors": [{"kind": "constant", "level": 0.3}],
        "optimizers": [{"kind": "plugin", "use": use, "options": options, "budget": 9.0}],
    }
    return AlignmentModel(Scenario.model_validate(content))


def test_nothing_is_imported_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "import_module", pytest.fail)
    with pytest.raises(PluginError, match="--allow-plugins"):
        model()


def test_it_runs_like_any_other_within_its_budget() -> None:
    allow_plugins()
    m = model(alarm=0.2)
    m.run_model()
    table = m.recorder.table()
    assert 0.0 < table["spent[plugin]"][-1] <= 9.0
    assert table["effort_total"][-1] == pytest.approx(table["spent[plugin]"][-1])


def test_its_options_reach_it() -> None:
    allow_plugins()
    never = model(alarm=1.0)
    never.run_model()
    assert never.recorder.table()["spent[plugin]"][-1] == 0.0


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("no_such_module:Class", "cannot be imported"),
        ("own_optimizer:Missing", "cannot be imported"),
        ("pathlib:Path", "no subclass"),
        ("not-installed", "no installed optimizer"),
    ],
)
def test_what_cannot_be_used_is_said(use: str, said: str) -> None:
    allow_plugins()
    with pytest.raises(PluginError, match=said):
        model(use)


def test_entry_points_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("brigade", "own_optimizer:Brigade", plugins.ENTRY_POINTS)
    monkeypatch.setattr(plugins, "entry_points", lambda **_: EntryPoints([point]))
    allow_plugins()
    assert type(model("brigade").optimizers[0]).__name__ == "Brigade"


def test_the_command_line_refuses_or_allows(tmp_path: Path) -> None:
    scenario = tmp_path / "own.yaml"
    scenario.write_text(
        "{time: {steps: 2}, population: {size: 20}, "
        "optimizers: [{kind: plugin, use: 'own_optimizer:Brigade'}]}",
        encoding="utf-8",
    )
    arguments = ["run", str(scenario), "--replicates", "1", "--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(cli, arguments)
    assert isinstance(refused.exception, PluginError)
    assert CliRunner().invoke(cli, [*arguments, "--allow-plugins"]).exit_code == 0
