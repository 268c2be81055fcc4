"""The oracle: what it foresees comes true, and nobody does better within its budget."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.optimizers.oracle import Course, Oracle
from sim.optimizers.rehearsal import Rehearsal
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario

ORACLE = {"kind": "oracle", "rounds": 3}


def scenario_of(*optimizers: dict[str, Any], **blocks: Any) -> Scenario:
    content: dict[str, Any] = {
        "channels": {"a": {"weight": 0.6}, "b": {"weight": 0.4}},
        "population": {"size": 40, "groups": {"x": 0.7, "y": 0.3}},
        "stressors": [{"kind": "ramp", "from_level": 0.1, "to_level": 0.5}],
        "exposure": {"leak": 0.3, "noise": 0.4},
        "constraints": {"coupling": 0.6, "width": 0.3},
        "turnover": {"rate": 0.02},
        "time": {"steps": 16},
        "shelter": {"lead_time": 2},
        "restoration": {"delays": 2, "rest": 1, "rest_doublings": 1, "horizon": 4, "dwell": 2},
    }
    return full(Scenario.model_validate({**content, **blocks, "optimizers": list(optimizers)}))


def run(model: AlignmentModel) -> float:
    """Return the mean prevalence over a run."""
    for _ in range(model.resolved.time.steps - model.clock):
        model.step()
    return float(np.mean(model.recorder.table()["prevalence"]))


def oracle_of(model: AlignmentModel) -> Oracle:
    (found,) = (o for o in model.optimizers if isinstance(o, Oracle))
    return found


RLHF = {"kind": "rlhf", "budget": 5.0, "labels": 20, "every": 8}
BUILDER = {"kind": "infrastructure", "budget": 5.0, "every": 2, "lag": 1, "hurdle": 0.0}
EAGER = {"kind": "proportional", "budget": 5.0}
COMPANY = {
    "alone": [ORACLE],
    "after one who answers to reports": [EAGER, ORACLE],
    "before one who answers to reports": [ORACLE, EAGER],
    "between one who draws labels and one who builds": [RLHF, ORACLE, BUILDER],
    "after one who builds": [BUILDER, ORACLE | {"builds": True}],
    "after one who has just surveyed": [BUILDER, ORACLE | {"start": 6}],
    "with another oracle that does not act": [ORACLE, {"kind": "oracle", "budget": 0.0}],
}


@pytest.mark.parametrize("company", COMPANY.values(), ids=COMPANY)
def test_what_is_foreseen_comes_true(company: list[dict[str, Any]]) -> None:
    ours = [o if o["kind"] != "oracle" else {"budget": 6.0} | o for o in company]
    model = AlignmentModel(scenario_of(*ours))
    run(model)
    oracle = next(o for o in model.optimizers if isinstance(o, Oracle))
    mean = model.recorder.table()["prevalence"][oracle.spec.start :].mean()
    assert 0.0 < mean < 1.0
    assert oracle.foreseen[0] == pytest.approx(mean, abs=1e-12)


def test_it_begins_at_its_start_in_the_state_it_finds() -> None:
    model = AlignmentModel(scenario_of(EAGER, ORACLE | {"budget": 6.0, "start": 5}))
    run(model)
    oracle, lived = oracle_of(model), model.recorder.table()["prevalence"]
    assert oracle.plan.shape[0] == 11
    assert oracle.foreseen[0] == pytest.approx(lived[5:].mean(), abs=1e-12)
    assert not model.recorder.table()["spent[oracle]"][:5].any()


@pytest.mark.parametrize("rival", [EAGER, RLHF, BUILDER], ids=lambda rival: rival["kind"])
def test_told_what_others_spent_it_does_no_worse(rival: dict[str, Any]) -> None:
    alone = AlignmentModel(scenario_of(rival))
    effort, capital = np.zeros((2, 16, 2, 2))
    was = np.zeros((2, 2))
    for step in range(16):
        standing = alone.state.shelter[..., 0].copy() if rival is BUILDER else was
        alone.step()
        effort[step] = alone.frame.effort[..., 0]
        if rival is BUILDER and step >= 2:
            capital[step - 2] = alone.state.shelter[..., 0] - 0.99 * standing
    reached = float(np.mean(alone.recorder.table()["prevalence"]))
    told = ORACLE | {"budget": 5.0, "builds": rival is BUILDER, "rounds": 0}
    model = AlignmentModel(scenario_of(told))
    oracle = oracle_of(model)
    oracle.plan_from([Course(effort, capital)])
    assert run(model) <= reached
    assert reached > 0.05
    with pytest.raises(ValueError, match="before the first step"):
        oracle.plan_from([Course(effort)])


def sparse(*levels: float) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the relief needed, (T, G, K), and a memoryless world in which it is.

    It is needed on one channel of one group in four steps that are not in a row.
    """
    needed = np.zeros((12, 2, 2))
    needed[[1, 4, 5, 9], 1, 0] = levels
    table = {
        "kind": "table",
        "channel": "a",
        "groups": ["y"],
        "steps": list(range(12)),
        "levels": needed[:, 1, 0].tolist(),
        "interpolation": "hold",
    }
    world = {
        "stressors": [table],
        "exposure": {"leak": 1.0},
        "constraints": {
            "coupling": 0.0,
            "width": 0.0,
            "activation": {"kind": "constant", "value": 0.5},
            "narrative_feed": 0.0,
        },
        "population": {"size": 40, "groups": {"x": 0.7, "y": 0.3}},
        "turnover": {},
        "correction": {"decay": 1.0, "gain": 1.0, "trust_dependence": 0.0},
        "time": {"steps": 12},
    }
    return np.maximum(needed - 0.45, 0.0), world


def test_it_knows_when_and_whom_to_relieve() -> None:
    needed, world = sparse(1.0, 1.0, 1.0, 1.0)
    tight = ORACLE | {"rounds": 0, "budget": 0.3 * needed.sum()}
    model = AlignmentModel(scenario_of(tight, **world))
    assert run(model) == 0.0
    np.testing.assert_allclose(oracle_of(model).plan[:, 0, ..., 0], needed)
    assert run(AlignmentModel(scenario_of(**world))) == pytest.approx(0.3 * 0.6 * 4 / 12)


def test_a_course_it_would_not_think_of_is_taken_if_it_is_told() -> None:
    needed, world = sparse(1.0, 1.0, 0.7, 0.7)
    tight = ORACLE | {"rounds": 0, "budget": 0.3 * needed.sum()}
    unaware = AlignmentModel(scenario_of(tight, **world))
    assert run(unaware) > 0.0
    model = AlignmentModel(scenario_of(tight, **world))
    oracle_of(model).plan_from([Course(needed)])
    assert run(model) == 0.0
    assert oracle_of(model).spent[0] == pytest.approx(tight["budget"])


def test_it_comes_near_the_best_of_all_plans_on_a_grid() -> None:
    """Every plan of three levels in four steps on two channels, 6,561 of them, tried one by one."""
    blocks = {
        "population": {"size": 30, "groups": {"x": 1.0}},
        "time": {"steps": 4},
        "stressors": [{"kind": "constant", "level": 0.7}],
        "exposure": {"leak": 0.2},
    }
    budget = 2.0
    model = AlignmentModel(scenario_of(ORACLE | {"budget": budget, "rounds": 12}, **blocks))
    levels = np.array(list(product((0.0, 0.5, 1.0), repeat=8))).reshape(-1, 4, 1, 1, 2)
    plans = levels[levels.sum(axis=(1, 2, 3, 4)) <= budget]
    rehearsal = Rehearsal(model.frame, oracle_of(model), 0, 4, 2)
    best, free = rehearsal.prevalence(plans).min(), rehearsal.prevalence(0.0 * plans[:1])[0]
    reached = run(model)
    assert best < 0.8 * free
    assert reached <= best + 0.05 * (free - best)


def test_without_budget_or_need_it_spends_nothing() -> None:
    poor = AlignmentModel(scenario_of(ORACLE | {"budget": 0.0, "builds": True}))
    assert run(poor) == run(AlignmentModel(scenario_of()))
    idle = AlignmentModel(scenario_of(ORACLE | {"budget": 6.0}, stressors=[]))
    run(idle)
    assert oracle_of(idle).spent[0] == 0.0 == oracle_of(poor).spent[0]


def test_building_pays_where_shelter_is_cheap() -> None:
    cheap = {"prices": {"capital": 0.2}}
    only = run(AlignmentModel(scenario_of(ORACLE | {"budget": 2.0}, **cheap)))
    model = AlignmentModel(scenario_of(ORACLE | {"budget": 2.0, "builds": True}, **cheap))
    assert run(model) < only
    assert model.state.shelter.any()


def test_each_branch_gets_the_plan_it_would_get_alone() -> None:
    model = AlignmentModel(scenario_of(ORACLE | {"budget": 3.0}))
    worse = model.state.copy()
    worse.exposure += 0.4
    alone = []
    for state in (model.state, worse):
        fork = model.fork()
        fork.frame.state.exposure[...] = state.exposure
        fork.step()
        alone.append(oracle_of(fork).plan[..., 0])
    assert not np.array_equal(*alone)
    both = model.fork()
    both._set_up(
        both.resolved,
        both.frame.population,
        type(worse).stack([model.state, worse]),
        draws=both.frame.draws,
    )
    both.frame.controllers = both.optimizers
    oracle_of(both).sense(both.frame)
    both_plans = oracle_of(both).plan
    for r in range(2):
        np.testing.assert_array_equal(both_plans[..., r], alone[r])
