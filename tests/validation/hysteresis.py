"""What remains of an input: Preisach, return-point memory, random fields, emergence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from analysis.cost import measure
from analysis.hysteresis import loop_area
from sim.model import AlignmentModel
from tests.validation.case import Case, Finding, exactly, near, scenario

_GRID = "a grid of 100 levels"


def _driven(name: str, inputs: Sequence[float], **changes: Any) -> list[AlignmentModel]:
    """Return a copy of the model after each of the inputs."""
    steps = list(range(len(inputs)))
    table = {"kind": "table", "steps": steps, "levels": list(inputs)}
    given = {
        "stressors": [table],
        "time.steps": len(inputs),
        "restoration.delays": [0, 1],
        **changes,
    }
    model = AlignmentModel(scenario(name, given))
    after = []
    for _ in inputs:
        model.step()
        after.append(model.fork())
    return after


def _sweep(start: float, end: float) -> list[float]:
    """Return the levels of the grid from one to another, without the first."""
    n_levels = round(abs(end - start) * 100)
    return [start + (end - start) * (i + 1) / n_levels for i in range(n_levels)]


def _prevalences(inputs: Sequence[float]) -> np.ndarray:
    return np.array([model.prevalence() for model in _driven("preisach", inputs)])


def _area(inputs: Sequence[float], prevalences: np.ndarray) -> float:
    return loop_area(np.array(inputs), prevalences)


def _preisach() -> list[Finding]:
    up, down = _sweep(0.0, 1.0), _sweep(1.0, 0.0)
    major = _prevalences([*up, *down])
    low, high = 0.3, 0.7
    lead, fall, rise = _sweep(0.0, high), _sweep(high, low), _sweep(low, high)
    minor = _prevalences([*lead, *fall, *rise])
    turn, bottom = len(lead) - 1, len(lead) + len(fall) - 1
    # On the way down and back, so that the loop runs clockwise.
    area = -_area([*lead[-1:], *fall, *rise], minor[turn:])
    from_above = _prevalences([*up, *_sweep(1.0, low), *rise, *fall])
    heights = (
        float(minor[turn] - minor[bottom]),
        float(from_above[-1 - len(fall)] - from_above[-1]),
    )
    width = high - low
    return [
        near(
            "area of the major loop", _area([*up, *down], major), 1 / 3, tolerance=0.01, why=_GRID
        ),
        near("area of a minor loop, Δ = 0.4", abs(area), width**3 / 3, tolerance=0.001, why=_GRID),
        near("its height", heights[0], width**2, tolerance=0.004, why=_GRID),
        exactly(
            "congruency: height of the loop reached from above",
            f"{heights[1]:.6f}",
            f"{heights[0]:.6f}",
            why="to six digits",
        ),
    ]


def _same(one: AlignmentModel, other: AlignmentModel) -> bool:
    return bool(np.array_equal(one.state.constraint, other.state.constraint))


def _wiping_out() -> list[Finding]:
    """A larger loop wipes out the memory of those inside it; closing a loop wipes out itself."""
    after = _driven("preisach", [0.9, 0.2, 0.7, 0.4, 0.6, 0.4, 0.7, 0.2, 0.9])
    return [
        exactly("inner loop closed (0.4 again): states equal", _same(after[3], after[5]), True),
        exactly("loop closed (0.7 again): states equal", _same(after[2], after[6]), True),
        exactly("outer loop closed (0.2 again): states equal", _same(after[1], after[7]), True),
        exactly("outermost (0.9 again): states equal", _same(after[0], after[8]), True),
    ]


_NESTED = (1.0, 0.4, 0.7, 0.5, 0.7, 1.0)


def _return_point() -> list[Finding]:
    after = _driven("return_point", _NESTED)
    found = [
        exactly("J = 0.8, inner loop: states equal", _same(after[2], after[4]), True),
        exactly("J = 0.8, outer loop: states equal", _same(after[0], after[5]), True),
    ]
    repelling = _driven("return_point", _NESTED, **{"constraints.coupling": -0.8, "signed": True})
    differing = int((repelling[0].state.constraint != repelling[5].state.constraint).sum())
    lost = exactly("J = −0.8, outer loop: relays differ", differing > 0, True, why="must fail")
    return [*found, lost]


def _largest_avalanche(width: float, *, seed: int) -> float:
    """Return the largest avalanche of a sweep as a share of the persons."""
    changes = {"constraints.activation": {"kind": "normal", "mean": 5.0, "sd": width}, "seed": seed}
    model = AlignmentModel(scenario("random_field_ising", changes))
    model.step()
    return float(model.frame.avalanches["size"].max()) / model.resolved.population.size


def jump(width: float) -> float:
    """Return the jump of L̄ in the mean-field model with fields of a given width, R < R_c.

    m(H) = 2 Φ((J m + H)/R) − 1; the lower branch ends where its slope is infinite.
    """
    spread = np.sqrt(-2.0 * np.log(width * np.sqrt(np.pi / 2.0)))  # 2 φ(x)/R = 1 at x = −spread
    before = 2.0 * norm.cdf(-spread) - 1.0
    field = -spread * width - before
    after = brentq(lambda m: 2.0 * norm.cdf((m + field) / width) - 1.0 - m, before + 1e-3, 1.0)
    return float((after - before) / 2.0)


def _random_field() -> list[Finding]:
    def largest(width: float) -> float:
        return float(np.median([_largest_avalanche(width, seed=seed) for seed in range(3)]))

    below = {width: largest(width) for width in (0.5, 0.6, 0.7, 0.72, 0.74, 0.76)}
    near_critical = [width for width in below if width >= 0.7]
    # Close to R_c the square of the jump falls in proportion to R_c − R.
    squares = [below[width] ** 2 for width in near_critical]
    vanishing = float(np.polyfit(squares, near_critical, 1)[-1])
    return [
        *(
            near(
                f"largest avalanche at R = {width:g} (share of spins)",
                below[width],
                jump(width),
                tolerance=0.03,
                why="4,000 spins, median of 3",
            )
            for width in (0.5, 0.6, 0.7)
        ),
        near(
            "R_c, where the squared jump vanishes",
            vanishing,
            np.sqrt(2.0 / np.pi),
            tolerance=0.02,
            why="straight line through 0.70 ≤ R ≤ 0.76",
        ),
        exactly("R = 0.9: largest avalanche below 5 %", largest(0.9) < 0.05, True),
        exactly("R = 1.0: largest avalanche below 5 %", largest(1.0) < 0.05, True),
    ]


def _level_needed(coupling: float) -> float:
    """Return the least constant correction that holds after a saturating pulse and a rest."""
    measured = measure(scenario("emergent_irreversibility", {"constraints.coupling": coupling}), 0)
    row = next(r for r in measured.cost if r["delay"] == 10 and r["target"] == "hold")
    return float(row["height"])


def _emergence() -> list[Finding]:
    return [
        near(
            f"correction needed at J = {coupling:g}",
            _level_needed(coupling),
            max(0.0, coupling - 1.5),
            tolerance=0.02,
            why="10⁴ random thresholds",
        )
        for coupling in (1.0, 1.4, 1.6, 2.0, 2.5)
    ]


CASES = (
    Case(
        "Loops of a uniform Preisach measure",
        "Mayergoyz 2003, Mathematical Models of Hysteresis",
        ("preisach",),
        _preisach,
    ),
    Case(
        "Wiping-out",
        "Mayergoyz 2003, Mathematical Models of Hysteresis",
        ("preisach",),
        _wiping_out,
    ),
    Case(
        "Return-point memory with coupling",
        "Sethna et al. 1993, doi:10.1103/PhysRevLett.70.3347",
        ("return_point",),
        _return_point,
    ),
    Case(
        "Infinite avalanche of the random-field Ising model",
        "Sethna et al. 1993, doi:10.1103/PhysRevLett.70.3347: R_c = √(2/π)",
        ("random_field_ising",),
        _random_field,
    ),
    Case(
        "Emergent irreversibility",
        "docs/cost.md: max(0, J − 1.5)",
        ("emergent_irreversibility",),
        _emergence,
    ),
)
