"""The theorem on the bench: where A1 to A5 are derived to hold, cost never falls with delay.

Hold and heal, pulses of several lengths and the constant correction, floors of prevalence, and
the path itself, each on one replicate: the claim is about every path, not about means.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, assume, find, given, settings
from hypothesis.strategies import SearchStrategy

from sim.engine import advance
from sim.model import AlignmentModel
from sim.scenario.schema import Scenario
from tests.property.curves import Curve, never_falls, not_guaranteed
from tests.property.strategies import (
    Content,
    measurable,
    never_forgetting,
    resolved,
    rising_and_leaking,
)

Regime = SearchStrategy[Content]
ROUNDING = 1e-12


def assert_monotone(curve: Curve) -> None:
    assert never_falls(curve.hold), f"hold falls: {curve}"
    assert never_falls(curve.heal), f"heal falls: {curve}"
    assert never_falls(curve.constant), f"the constant correction gets cheaper: {curve}"
    assert (curve.heal >= curve.hold).all(), f"heal is cheaper than hold: {curve}"
    assert (curve.constant >= np.stack([curve.hold, curve.heal])).all()


def assert_path_never_improves(scenario: Scenario) -> None:
    """A2 on the path: every step leaves everyone nowhere better, within rounding."""
    model = AlignmentModel(scenario)
    for _ in range(scenario.time.steps):
        before = model.state.copy()
        advance(model.frame, 1)
        assert before.no_worse_than(model.state, tolerance=ROUNDING).all()


def assert_theorem(scenario: Scenario) -> None:
    assert not_guaranteed(scenario) == {}
    curve = Curve.of(scenario)
    assert_monotone(curve)
    assert never_falls(curve.floor)
    assert never_falls(curve.rested)
    assert curve.path_violations == 0


@given(never_forgetting())
def test_cost_never_falls_where_nothing_is_forgotten(content: Content) -> None:
    """λ = 0 with ratchets; stress may fall and be noisy, exposure cannot."""
    assert_theorem(resolved(content))
    assert_path_never_improves(resolved(content))


@given(rising_and_leaking())
def test_cost_never_falls_under_rising_stress(content: Content) -> None:
    """λ > 0, widths and ratchets, stress that never falls and is free of noise."""
    assert_theorem(resolved(content))
    assert_path_never_improves(resolved(content))


@given(measurable())
def test_cost_never_falls_wherever_the_assumptions_are_derived(content: Content) -> None:
    """Scenarios not built to satisfy the theorem, in the future as well as on the bench."""
    scenario = resolved(content)
    assume(not not_guaranteed(scenario))
    assert_monotone(Curve.of(scenario))


@pytest.mark.parametrize("strategy", [never_forgetting(), rising_and_leaking()])
def test_the_curves_tested_can_be_free_then_dear_then_lost(strategy: Regime) -> None:
    """Else the tests above would be about flat lines."""

    def free_then_dear_then_lost(content: Content) -> bool:
        hold = Curve.of(resolved(content)).hold
        return hold[0] == 0.0 and np.unique(hold).size >= 3 and np.isinf(hold[-1])

    first = settings(max_examples=1000, derandomize=True, database=None, phases=[Phase.generate])
    assert find(strategy, free_then_dear_then_lost, settings=first)


def test_a_correction_in_force_is_no_part_of_the_path() -> None:
    """An optimizer whose corrections do nothing changes no verdict on the path."""
    content: Content = {
        "time": {"steps": 20},
        "population": {"size": 40},
        "channels": {"only": 1.0},
        "network": {"kind": "complete"},
        "stressors": [{"kind": "ramp", "to_level": 0.25}],
        "correction": {"gain": 0.0, "decay": 1.0},
        "optimizers": [{"kind": "proportional", "response": 6.0, "budget": 1e5}],
        "restoration": {"delays": 21, "rest": 1, "horizon": 4, "dwell": 1},
    }
    assert Curve.of(resolved(content)).path_violations == 0
