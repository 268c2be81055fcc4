"""Infrastructure: what it learns and when, what it pays, and what stays behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.ensemble import Surroundings, rest
from sim.engine import advance
from sim.environment import Environment
from sim.model import AlignmentModel
from sim.optimizers.base import SPENDING
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario

LEVEL = 0.3


def scenario_of(optimizer: dict[str, Any], **blocks: Any) -> Scenario:
    """Everyone of group x is constrained on channel a from the start, and nobody else."""
    content: dict[str, Any] = {
        "channels": {"a": {"weight": 0.75}, "b": {"weight": 0.25}},
        "population": {
            "size": 40,
            "groups": {
                "x": {"share": 0.5, "initial": {"constrained": {"a": 1.0}}},
                "y": {"share": 0.5},
            },
        },
        "constraints": {"ratchet_share": 1.0},
        "stressors": [{"kind": "constant", "level": LEVEL}],
        "exposure": {"leak": 1.0},
        "time": {"steps": 30},
        "shelter": {"lead_time": 2, "depreciation": 0.1, "scale": 2.0},
        "prices": {"capital": 3.0, "query": 0.001},
        "restoration": {"delays": 2, "rest": 1, "rest_doublings": 1, "horizon": 4, "dwell": 2},
    }
    census = {"kind": "infrastructure", "sample": 0, "every": 4, "lag": 1, "response": 1.5}
    return full(Scenario.model_validate({**content, "optimizers": [census | optimizer], **blocks}))


def run(model: AlignmentModel, n_steps: int) -> AlignmentModel:
    for _ in range(n_steps):
        model.step()
    return model


def test_what_is_ordered_stands_after_lag_and_lead_time_and_lowers_the_stress() -> None:
    model = AlignmentModel(scenario_of({"start": 1}))
    # Surveyed in step 1, known and ordered in step 2, delivered in step 4, felt in step 5.
    for step in range(6):
        model.step()
        stock = model.state.shelter[:, :, 0]
        if step < 4:
            assert not stock.any()
    stress = LEVEL * np.ones((2, 2))
    stress[0, 0] *= np.exp(-1.5 / 2.0)
    np.testing.assert_allclose(model.frame.stress[..., 0], stress)
    np.testing.assert_allclose(stock, [[1.5 * 0.9, 0.0], [0.0, 0.0]])


def test_the_result_known_is_that_of_the_survey_some_steps_ago() -> None:
    model = AlignmentModel(scenario_of({"every": 1, "lag": 3}))
    run(model, 2)
    model.state.constraint[:, :, 0] = 1
    model.touched = True
    seen = []
    for _ in range(5):
        model.step()
        seen.append(float(model.optimizers[0].estimate[1, 1, 0]))
    assert seen == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_capital_is_paid_at_order_and_never_paid_back() -> None:
    model = AlignmentModel(scenario_of({"every": 1000}))
    run(model, 3)
    bills = dict(zip(SPENDING, model.optimizers[0].bills[:, 0], strict=True))
    assert bills["capital"] == pytest.approx(3.0 * 0.5 * 1.5)
    assert bills["query"] == pytest.approx(0.001 * 40)
    assert sum(bills.values()) == pytest.approx(bills["capital"] + bills["query"])
    model.state.constraint[...] = 0
    run(model, 20)
    assert model.optimizers[0].bills[SPENDING.index("capital"), 0] >= bills["capital"]


def test_what_wears_out_is_made_good_while_it_is_needed() -> None:
    model = AlignmentModel(scenario_of({"every": 1}))
    run(model, 30)
    # Replacements ordered as wear shows stand two steps later: two steps' wear is always lacking.
    assert model.state.shelter[0, 0, 0] == pytest.approx(1.5, rel=0.25)
    assert model.state.shelter[1].max() == 0.0


def test_the_budget_limits_what_is_built() -> None:
    model = run(AlignmentModel(scenario_of({"budget": 0.04 + 1.0, "every": 1000})), 10)
    optimizer = model.optimizers[0]
    assert optimizer.spent[0] == pytest.approx(1.04)
    assert optimizer.standing[0, 0, 0] <= 1.0 / (3.0 * 0.5)
    assert optimizer.standing[0, 0, 0] == pytest.approx(model.state.shelter[0, 0, 0])
    broke = run(AlignmentModel(scenario_of({"budget": 0.03})), 10)
    assert broke.optimizers[0].spent[0] == 0.0
    assert not broke.state.shelter.any()


def test_a_hurdle_is_met_by_so_many_surveys_in_a_row() -> None:
    patient = AlignmentModel(scenario_of({"every": 2, "lag": 0, "patience": 3, "hurdle": 1.0}))
    run(patient, 4)
    assert not patient.optimizers[0].pipeline.any()
    run(patient, 1)
    assert patient.optimizers[0].pipeline[:, 0, 0].any()
    assert not patient.optimizers[0].pipeline[:, 1].any()
    choosy = AlignmentModel(scenario_of({"hurdle": 1.0}))
    choosy.state.constraint[0, 0] = 0
    run(choosy, 10)
    assert not choosy.state.shelter.any()


def test_a_sample_errs_and_is_drawn_anew() -> None:
    scenario = scenario_of({"sample": 9, "every": 1, "lag": 0, "response": 0.0})
    model = AlignmentModel(scenario)
    model.state.constraint[1, ::2] = 1
    seen = []
    for _ in range(10):
        model.step()
        seen.append(model.optimizers[0].estimate[0, :, 0].copy())
    shares = np.array(seen)
    np.testing.assert_array_equal(shares[:, 0], 1.0)
    assert np.unique(shares[:, 1]).size > 2
    np.testing.assert_allclose(shares * 9, np.round(shares * 9))


def test_shelter_stays_and_wears_out_when_its_builder_is_gone() -> None:
    model = run(AlignmentModel(scenario_of({})), 10)
    stock = model.state.shelter.copy()
    assert stock.any()
    left = model.fork({"optimizers": []})
    np.testing.assert_array_equal(left.state.shelter, stock)
    left.step()
    np.testing.assert_array_equal(left.frame.stress, LEVEL * np.exp(-stock / 2.0))
    np.testing.assert_allclose(left.state.shelter, 0.9 * stock)


def test_shelter_is_state_in_forks_branches_and_on_the_bench() -> None:
    model = run(AlignmentModel(scenario_of({})), 10)
    twin = run(model.fork(), 5)
    run(model, 5)
    assert twin.state.equals(model.state)
    bench = Surroundings(
        model.resolved,
        model.frame.population,
        model.frame.draws,
        Environment.bench(model.resolved),
    )
    rested = rest(bench, model.state.take([0, 0, 0]), step=0, n_steps=3)
    np.testing.assert_allclose(rested.shelter, 0.9**3 * model.state.take([0, 0, 0]).shelter)
    future = Surroundings(
        model.resolved,
        model.frame.population,
        model.frame.draws,
        Environment.of(model.resolved, model.frame.draws),
    )
    frame = future.frame(model.state.copy(), step=model.clock)
    advance(frame, 1)
    assert frame.stress[0, 0, 0] < LEVEL


def test_a_scenario_without_builders_has_no_column_and_no_stress_by_branch() -> None:
    model = AlignmentModel(scenario_of({}, optimizers=[]))
    model.step()
    assert model.state.shelter.shape == (0, 2, 1)
    assert model.frame.stress.ndim == 2
    later = model.fork({"optimizers": [{"kind": "infrastructure"}]})
    assert later.state.shelter.shape == (2, 2, 1)


def test_more_shelter_is_better_in_the_order_of_states() -> None:
    model = AlignmentModel(scenario_of({}))
    better = model.state.copy()
    better.shelter[0] += 1.0
    assert better.no_worse_than(model.state).all()
    assert not model.state.no_worse_than(better).any()


def test_shelter_adds_up_over_builders_and_multiplies_deployment_too() -> None:
    scenario = scenario_of(
        {},
        stressors=[{"kind": "deployment", "channel": "a", "intensity_coefficient": 0.5}],
    )
    model = AlignmentModel(scenario)
    model.state.intensity[...] = 2.0
    model.state.shelter[0, 0] = 2.0
    model.step()
    np.testing.assert_allclose(model.frame.stress[..., 0], [[np.exp(-1.0), 0.0], [1.0, 0.0]])
