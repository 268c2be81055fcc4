"""The theorem of monotone cost: no violation where it holds, counter-examples where it need not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.property.curves import Curve, not_guaranteed
from tests.property.strategies import Content, never_forgetting, resolved, rising_and_leaking
from tests.property.test_cost import Regime, assert_theorem
from tests.property.test_counterexamples import HARMFUL, disordered, overdone
from tests.validation.case import FOLDER, Case, Finding, exactly, scenario

N_CASES = 5_000
"""Random scenarios in each of the two regimes."""


def _violations(regime: Regime) -> int:
    """Return in how many random scenarios the theorem or one of its parts does not hold."""
    found = 0

    @seed(14)
    @settings(
        max_examples=N_CASES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(regime)
    def count(content: Content) -> None:
        nonlocal found
        try:
            assert_theorem(resolved(content))
        except AssertionError:
            found += 1

    count()
    return found


def _holds(regime: Regime, setting: str) -> Callable[[], list[Finding]]:
    def obtain() -> list[Finding]:
        return [
            exactly(
                f"violations in {N_CASES:,} random scenarios, {setting}", _violations(regime), 0
            )
        ]

    return obtain


def _largest_fall(curve: Curve, target: str) -> tuple[float, str]:
    """Return by how much a cost falls from one delay to the next at most, and in words."""
    costs = getattr(curve, target)
    falls = [
        (float(before - after), f"{target} {_cost(before)} at delay {a}, {_cost(after)} at {b}")
        for before, after, a, b in zip(
            costs, costs[1:], curve.delays, curve.delays[1:], strict=False
        )
        if before > after
    ]
    return max(falls, default=(0.0, f"{target} never falls"))


def _cost(cost: float) -> str:
    return "∞" if np.isinf(cost) else f"{cost:.3g}"


def _falls() -> list[Finding]:
    found = []
    for path in sorted((FOLDER / "cost_falls").glob("*.yaml")):
        counterexample = scenario(f"cost_falls/{path.stem}")
        curve = Curve.of(counterexample)
        broken = ", ".join(not_guaranteed(counterexample))
        fall, words = max(_largest_fall(curve, target) for target in ("hold", "heal"))
        name = path.stem.replace("_", " ")
        setting = f"{name}: cost [load · steps per person]"
        found.append(Finding(setting, f"may fall ({broken})", words, "must fall", fall > 0.0))
    return found


def _order_breaks() -> list[Finding]:
    """Each option that does not keep order, in a scenario found in which it does not."""
    found = []
    for path in sorted((FOLDER / "order_breaks").glob("*.yaml")):
        counterexample = scenario(f"order_breaks/{path.stem}")
        kind = "more correction" if path.stem in HARMFUL else "a worse state"
        breaks = overdone if path.stem in HARMFUL else disordered
        said = not_guaranteed(counterexample).get("A1", "")
        words = f"{kind} turns out {'worse' if path.stem in HARMFUL else 'better'}"
        obtained = f"{words}; A1 not guaranteed: {said}"
        name = path.stem.replace("_", " ")
        holds = breaks(counterexample) and bool(said)
        found.append(Finding(name, "may break order", obtained, "must break, and say so", holds))
    return found


CASES = (
    Case(
        "Monotone cost where nothing is forgotten",
        "docs/cost.md, theorem",
        (),
        _holds(never_forgetting(), "λ = 0"),
    ),
    Case(
        "Monotone cost under rising, noise-free stress",
        "docs/cost.md, theorem",
        (),
        _holds(rising_and_leaking(), "λ > 0"),
    ),
    Case(
        "Cost that falls where an assumption fails",
        "docs/cost.md, counter-examples found by search",
        ("cost_falls",),
        _falls,
    ),
    Case(
        "Options that break order",
        "docs/cost.md, A1, counter-examples found by search (states drawn by the seed, five steps)",
        ("order_breaks",),
        _order_breaks,
    ),
)
