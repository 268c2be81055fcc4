from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.cost import family_of, measure
from analysis.reversibility import exposure_bound, largest_exposure
from sim.environment import Environment
from sim.model import AlignmentModel
from sim.processes.correction import intensity_of
from sim.processes.stage import Frame
from sim.properties import derive, keeps_order
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.state import State
from sim.streams import FloatArray

COUPLED = {"kind": "deployment", "channel": "b", "intensity_coefficient": 0.3}


class Steady:
    """The same effort at every step."""

    def __init__(self, effort: FloatArray) -> None:
        self.effort = effort

    def sense(self, frame: Frame) -> None:
        pass

    def act(self, frame: Frame) -> FloatArray:
        return self.effort


class Accounting(Steady):
    """One that says itself how intensely it deploys."""

    def intensity(self, frame: Frame) -> FloatArray:
        return np.full(frame.state.intensity.shape, 7.0)


def scenario_of(*stressors: dict[str, Any], **blocks: Any) -> Scenario:
    content = {
        "channels": ["a", "b"],
        "population": {"size": 40, "groups": {"x": 0.5, "y": 0.5}},
        "stressors": list(stressors),
        "time": {"steps": 12},
        "restoration": {"delays": 2, "rest": 1, "rest_doublings": 1, "horizon": 4, "dwell": 2},
    }
    return full(Scenario.model_validate({**content, **blocks}))


def effort(*rows: tuple[float, float]) -> FloatArray:
    return np.array(rows)[:, :, None]


def test_stress_follows_the_effort_of_the_step_before() -> None:
    model = AlignmentModel(scenario_of(COUPLED, {"kind": "constant", "level": 0.1}))
    first, second = effort((1.0, 2.0), (0.0, 0.0)), effort((0.5, 0.0), (0.0, 1.0))
    model.control(Steady(first), Steady(second))
    model.step()
    np.testing.assert_allclose(model.frame.stress[..., 0], [[0.1, 0.1], [0.1, 0.1]])
    joint = [0.5 * (1.5**2 + 2.0**2), 0.5 * 1.0]
    np.testing.assert_allclose(model.state.intensity[:, 0], joint)
    model.step()
    by_group = [[0.1, 0.1 + 0.3 * joint[0]], [0.1, 0.1 + 0.3 * joint[1]]]
    np.testing.assert_allclose(model.frame.stress[..., 0], by_group)
    assert model.recorder.latest()["stress[x,b]"] == pytest.approx(by_group[0][1])


def test_a_controller_may_give_its_own_account() -> None:
    model = AlignmentModel(scenario_of(COUPLED))
    model.control(
        Accounting(effort((3.0, 0.0), (0.0, 0.0))), Steady(effort((2.0, 0.0), (0.0, 0.0)))
    )
    model.step()
    np.testing.assert_allclose(model.state.intensity[:, 0], [7.0 + 2.0, 7.0])


def test_without_such_a_stressor_there_is_no_column_and_nothing_is_asked() -> None:
    model = AlignmentModel(scenario_of({"kind": "constant", "level": 0.1}))
    model.control(Accounting(effort((3.0, 0.0), (0.0, 0.0))))
    model.step()
    assert model.state.intensity.shape == (0, 1)
    assert model.frame.stress.shape == (2, 2)


def test_a_fork_carries_the_intensity_and_one_may_be_coupled_later() -> None:
    scenario = scenario_of(
        COUPLED, {"kind": "constant", "level": 0.3}, optimizers=[{"kind": "proportional"}]
    )
    model = AlignmentModel(scenario)
    for _ in range(6):
        model.step()
    assert (model.state.intensity > 0.0).any()
    fork = model.fork()
    changed = model.fork({"stressors.0.intensity_coefficient": 3.0})
    for _ in range(4):
        model.step()
        fork.step()
        changed.step()
    assert fork.state.equals(model.state)
    assert (changed.state.exposure[1] > model.state.exposure[1]).any()
    plain = AlignmentModel(scenario_of({"kind": "constant", "level": 0.3}))
    plain.step()
    late = plain.fork({"stressors": [COUPLED]})
    late.control(Steady(effort((1.0, 0.0), (1.0, 0.0))))
    late.step()
    np.testing.assert_allclose(late.state.intensity, 0.5)


def test_a_step_by_hand_counts_as_effort_of_the_same_step() -> None:
    scenario = scenario_of(
        COUPLED, {"kind": "constant", "level": 2.0}, optimizers=[{"kind": "proportional"}]
    )
    model = AlignmentModel(scenario)
    for _ in range(4):
        model.step()
    model.optimizers[0].step()
    np.testing.assert_allclose(model.state.intensity, intensity_of(model.frame.effort))


def test_intensity_of_a_branch_does_not_depend_on_the_others() -> None:
    plan = np.random.default_rng(1).normal(size=(3, 8, 33))
    together = intensity_of(plan)
    for r in range(33):
        np.testing.assert_array_equal(intensity_of(plan[..., [r]])[:, 0], together[:, r])


def test_on_a_bench_deployment_is_no_stress() -> None:
    assert Environment.bench(scenario_of(COUPLED)).deployment is None
    assert Environment.of(scenario_of(COUPLED)).deployment is not None


def test_it_breaks_order_unless_the_coefficient_is_zero() -> None:
    a1 = next(a for a in derive(scenario_of(COUPLED)) if a.name == "A1")
    assert not a1.guaranteed
    assert "more correction is more stress" in a1.reason
    assert keeps_order(scenario_of(COUPLED | {"intensity_coefficient": 0.0}))
    assert not family_of(scenario_of(COUPLED)).monotone


def test_more_intensity_is_worse_in_the_order_of_states() -> None:
    state = AlignmentModel(scenario_of(COUPLED)).state
    worse = state.copy()
    worse.intensity[0] += 1.0
    both = State.stack([state, worse])
    assert both.take([0]).no_worse_than(both.take([1])).all()
    assert not both.take([1]).no_worse_than(both.take([0])).any()


OVERDONE = {
    "population": {"size": 40},
    "network": {"kind": "complete"},
    "constraints": {"activation": {"kind": "uniform", "low": 0.5, "high": 1.0}, "width": 0},
    "narrative": {"rule": "none"},
    "correction": {"gain": 1.0, "trust_dependence": 0.0, "lock_in_dependence": 0.0},
    "exposure": {"leak": 0.5},
    "time": {"steps": 8},
    "safe": {"prevalence": 0.05},
}


def overdone(environment: str) -> tuple[int, int]:
    """The inversions of a curve under strong deployment stress, and the plans it took."""
    restoration = {
        "delays": [8],
        "rest": 0,
        "rest_doublings": 1,
        "horizon": 6,
        "dwell": 2,
        "lengths": [6],
        "u_max": 8,
        "tolerance": 0.05,
        "environment": environment,
    }
    stressors = [
        {"kind": "constant", "level": 0.5},
        {"kind": "deployment", "intensity_coefficient": 0.15},
    ]
    scenario = scenario_of(*stressors, **OVERDONE, restoration=restoration)
    (checks,) = measure(scenario, 0).checks
    return checks["inversions"], checks["evaluations"]


def test_in_the_future_a_larger_correction_can_fail_where_a_smaller_one_does_not() -> None:
    """So every height of the grid is tried, and feasible ones below infeasible ones are counted."""
    inversions, evaluations = overdone("future")
    assert inversions > 0
    assert evaluations >= 21
    assert overdone("bench")[0] == 0


def test_the_largest_exposure_includes_what_optimizers_bring() -> None:
    scenario = scenario_of(
        COUPLED, {"kind": "constant", "level": 0.3}, optimizers=[{"kind": "proportional"}]
    )
    model = AlignmentModel(scenario, replicate=2)
    peak = largest_exposure(scenario, model.frame.population, model.frame.draws)
    reached = model.state.exposure[:, :, 0].copy()
    while model.running:
        model.step()
        np.maximum(reached, model.state.exposure[:, :, 0], out=reached)
    np.testing.assert_array_equal(peak, reached)
    assert (peak[1] > peak[0]).all()


def test_exposure_has_no_bound_where_deployment_drives_it() -> None:
    scenario = scenario_of(COUPLED)
    assert exposure_bound(scenario, AlignmentModel(scenario).frame.population) is None
    still = scenario_of({"kind": "seasonal", "mean": 0.1, "amplitude": 0.2, "period": 4})
    bound = exposure_bound(still, AlignmentModel(still).frame.population)
    assert bound is not None
    np.testing.assert_allclose(bound, 0.3 / 0.1)
