"""What a published result is here: a scenario of the engine, a reference, what was obtained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.engine import advance
from sim.model import AlignmentModel
from sim.scenario.load import load_scenario
from sim.scenario.resolve import full, with_changes
from sim.scenario.schema import Scenario

FOLDER = Path(__file__).parents[2] / "scenarios" / "validation"
"""Where the scenarios of these cases lie."""


@dataclass(frozen=True)
class Finding:
    """One line of a case.

    Attributes
    ----------
    setting
        What of the scenario is varied.
    reference
        What was published, or follows from an equation.
    obtained
        What the engine gives.
    tolerance
        How far the two may lie apart, and why so far.
    holds
        Whether they lie no farther apart.
    """

    setting: str
    reference: str
    obtained: str
    tolerance: str
    holds: bool


@dataclass(frozen=True)
class Case:
    """A published or analytic result.

    Attributes
    ----------
    name
        Title; each is given once.
    source
        Who published it.
    scenarios
        File names in `scenarios/validation`, without their suffix.
    obtain
        Runs the scenarios.
    """

    name: str
    source: str
    scenarios: tuple[str, ...]
    obtain: Callable[[], Sequence[Finding]]


def near(
    setting: str,
    obtained: float,
    reference: float,
    *,
    tolerance: float,
    why: str,
    digits: int = 4,
) -> Finding:
    """Return the finding that a number lies within a tolerance of its reference."""
    return Finding(
        setting,
        f"{reference:.{digits}g}",
        f"{obtained:.{digits}g}",
        f"± {tolerance:.2g} ({why})",
        bool(abs(obtained - reference) <= tolerance),
    )


def exactly(setting: str, obtained: object, reference: object, *, why: str = "") -> Finding:
    """Return the finding that something is as it should be, without any tolerance."""
    exact = f"exact ({why})" if why else "exact"
    return Finding(setting, str(reference), str(obtained), exact, obtained == reference)


def scenario(name: str, changes: Mapping[str, Any] | None = None) -> Scenario:
    """Return a scenario of `scenarios/validation`, with values changed by dotted path."""
    found = full(load_scenario(str(FOLDER / f"{name}.yaml")))
    return full(with_changes(found, changes)) if changes else found


def at_end(name: str, changes: Mapping[str, Any] | None = None) -> AlignmentModel:
    """Return the model of a scenario after its last step; nothing of the way there is recorded."""
    model = AlignmentModel(scenario(name, changes))
    model.frame.listening = bool(model.optimizers)
    advance(model.frame, model.resolved.time.steps)
    return model


def narratives(model: AlignmentModel) -> np.ndarray:
    """Return everyone's displacement, (N,)."""
    return model.state.narrative[:, 0].copy()
