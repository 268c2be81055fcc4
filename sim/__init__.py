"""Simulation: scenarios, population, processes, engine, optimizers, and the Mesa model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.model import AlignmentModel
    from sim.scenario.load import load_scenario
    from sim.scenario.schema import Scenario

__all__ = ["AlignmentModel", "Scenario", "load_scenario"]

_HOMES = {
    "AlignmentModel": "sim.model",
    "Scenario": "sim.scenario.schema",
    "load_scenario": "sim.scenario.load",
}


def __getattr__(name: str) -> Any:
    """Import public names when first asked for, so that `remanence --help` stays quick."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
