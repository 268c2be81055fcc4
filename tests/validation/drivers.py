"""Stress as it is drawn: shot noise and the Ornstein–Uhlenbeck process."""

from __future__ import annotations

import numpy as np

from sim.model import AlignmentModel
from tests.validation.case import Case, Finding, near, scenario


def _levels(name: str) -> np.ndarray:
    """Return the stress of every step, as the engine's environment gives it to the step."""
    environment = AlignmentModel(scenario(name)).frame.environment
    steps = range(scenario(name).time.steps)
    return np.array([environment.stress_at(step)[0, 0] for step in steps])


def _shocks() -> list[Finding]:
    """Mean ν⟨m⟩/d and variance ν⟨m²⟩/(1 − (1 − d)²) of shocks of rate ν, marks m, decay d."""
    rate, mark, decay = 0.2, 0.5, 0.25
    levels = _levels("shocks")
    why = "20,000 steps, four standard errors"
    variance = rate * 2.0 * mark**2 / (1.0 - (1.0 - decay) ** 2)
    return [
        near("mean", float(levels.mean()), rate * mark / decay, tolerance=0.036, why=why),
        near("variance", float(levels.var()), variance, tolerance=0.04, why=why),
    ]


def _ornstein_uhlenbeck() -> list[Finding]:
    levels = _levels("ornstein_uhlenbeck")
    deviations = levels - levels.mean()

    def correlation(lag: int) -> float:
        return float((deviations[lag:] * deviations[:-lag]).mean() / deviations.var())

    why = "20,000 steps, four standard errors"
    return [
        near("mean", float(levels.mean()), 10.0, tolerance=0.12, why=why),
        near("standard deviation", float(levels.std()), 1.0, tolerance=0.06, why=why),
        near("correlation at lag 1", correlation(1), np.exp(-1 / 8), tolerance=0.02, why=why),
        near("correlation at lag 8", correlation(8), np.exp(-1.0), tolerance=0.08, why=why),
    ]


CASES = (
    Case(
        "Shot noise",
        "Campbell 1909; Rice 1944, doi:10.1002/j.1538-7305.1944.tb00874.x",
        ("shocks",),
        _shocks,
    ),
    Case(
        "Mean-reverting stress",
        "Uhlenbeck & Ornstein 1930, doi:10.1103/PhysRev.36.823",
        ("ornstein_uhlenbeck",),
        _ornstein_uhlenbeck,
    ),
)
