from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model import AlignmentModel
from sim.optimizers import METHODS, Idle, Optimizer
from sim.optimizers.planned import Planned
from sim.optimizers.proportional import Proportional
from sim.processes.correction import STAGE
from sim.scenario.schema import Scenario
from sim.scenario.schema.optimizers import NoOptimizer


def model(*specs: dict[str, Any], **blocks: Any) -> AlignmentModel:
    content = {
        "time": {"steps": 40},
        "channels": ["rent", "work"],
        "population": {"size": 50, "groups": {"a": 0.2, "b": 0.8}},
        "network": {"kind": "ring"},
        "stressors": [{"kind": "constant", "level": 0.3}],
        "optimizers": list(specs),
        **blocks,
    }
    return AlignmentModel(Scenario.model_validate(content))


def report(m: AlignmentModel, answers: Any, positives: Any) -> None:
    """Give the model's optimizers reports to sense, (G, K)."""
    m.state.answers[..., 0] = answers
    m.state.positives[..., 0] = positives


def effort(m: AlignmentModel) -> np.ndarray[Any, Any]:
    """The effort of the next step, (G, K)."""
    STAGE.run(m.frame)
    return m.frame.effort[..., 0].copy()


def test_effort_is_in_proportion_to_what_is_reported() -> None:
    m = model({"kind": "proportional", "response": 3.0})
    report(m, [[4, 10], [0, 5]], [[1, 10], [0, 0]])
    assert effort(m).tolist() == [[0.75, 3.0], [0.0, 0.0]]
    assert m.state.correction[..., 0].tolist() == [[0.75, 3.0], [0.0, 0.0]]


def test_silence_keeps_the_last_estimate() -> None:
    m = model({"kind": "proportional", "response": 2.0})
    report(m, [[4, 4], [4, 4]], [[2, 0], [4, 1]])
    first = effort(m)
    report(m, [[0, 4], [0, 0]], [[0, 4], [0, 0]])
    assert first.tolist() == [[1.0, 0.0], [2.0, 0.5]]
    assert effort(m).tolist() == [[1.0, 2.0], [2.0, 0.5]]


def test_nothing_is_done_before_the_first_report_or_before_the_start() -> None:
    m = model({"kind": "proportional", "start": 3})
    assert not effort(m).any()
    report(m, 4, 4)
    for step in range(3):
        m.frame.step = step
        assert not effort(m).any()
    m.frame.step = 3
    assert effort(m).all()
    assert m.optimizers[0].spent[0] > 0.0


def test_effort_never_exceeds_u_max() -> None:
    m = model({"kind": "proportional", "response": 100.0}, correction={"u_max": 0.5})
    report(m, 10, [[10, 5], [1, 0]])
    assert effort(m).tolist() == [[0.5, 0.5], [0.5, 0.0]]


def test_the_last_of_the_budget_is_scaled_not_cut() -> None:
    m = model({"kind": "proportional", "response": 2.0, "budget": 5.0})
    report(m, 4, [[4, 2], [4, 2]])
    whole = effort(m)
    assert whole.tolist() == [[2.0, 1.0], [2.0, 1.0]]  # 3 a person
    np.testing.assert_allclose(effort(m), whole * (2.0 / 3.0))
    assert not effort(m).any()
    assert m.optimizers[0].spent.tolist() == [5.0]


def test_a_group_costs_in_proportion_to_its_size() -> None:
    m = model({"kind": "proportional", "response": 1.0})
    report(m, 4, [[4, 0], [0, 0]])
    effort(m)
    assert m.optimizers[0].spent[0] == pytest.approx(0.2)
    report(m, 4, [[0, 0], [4, 4]])
    effort(m)
    assert m.optimizers[0].spent[0] == pytest.approx(0.2 + 2 * 0.8)


budgets = st.floats(0.0, 20.0, allow_subnormal=False)


@given(
    wanted=st.lists(st.lists(st.floats(0.0, 1e6), min_size=8, max_size=8), min_size=1, max_size=12),
    budget=budgets | st.floats(0.0, 1e9),
)
def test_a_budget_is_never_overspent(wanted: list[list[float]], budget: float) -> None:
    m = model()
    optimizer = Idle(m, NoOptimizer(kind="none", budget=budget))
    share = m.frame.population.group_share
    total = np.zeros(2)
    optimizer.spent = np.zeros(2)
    for row in wanted:
        asked = np.array(row).reshape(2, 2, 2)
        before = optimizer.spent.copy()
        paid = optimizer.pay(asked, frame=m.frame)
        bill = np.einsum("g,gkr->r", share, paid)
        total += bill
        assert ((paid >= 0.0) & (paid <= asked)).all()
        assert (optimizer.spent <= budget).all()
        assert (optimizer.spent >= before).all()
        assert (total <= budget * (1.0 + 1e-9) + 1e-9).all()
        np.testing.assert_allclose(optimizer.spent, total, rtol=1e-9, atol=1e-9)
        # Each future pays for itself.
        poor = np.einsum("g,gkr->r", share, asked) > budget - before
        assert np.array_equal(paid[..., ~poor], asked[..., ~poor])


def test_rounding_overspends_no_budget() -> None:
    m = model()
    optimizer = Idle(m, NoOptimizer(kind="none", budget=5.0))
    for price in (1.3, 7.0):  # what is left of 5, added to 1.3, is more than 5
        wanted = np.zeros((2, 2, 1))
        wanted[:, 0] = price
        optimizer.pay(wanted, frame=m.frame)
    assert optimizer.spent.tolist() == [5.0]


@given(
    response=st.floats(0.0, 50.0),
    budget=budgets,
    start=st.integers(0, 30),
    u_max=st.floats(1e-3, 10.0),
    seed=st.integers(0, 99),
)
def test_a_run_stays_within_budget_u_max_and_start(
    response: float, budget: float, start: int, u_max: float, seed: int
) -> None:
    spec = {"kind": "proportional", "response": response, "budget": budget, "start": start}
    m = model(spec, seed=seed, correction={"u_max": u_max})
    while m.running:
        acting = m.clock >= start
        m.step()
        assert m.frame.effort.min() >= 0.0
        assert m.frame.effort.max() <= u_max * (1.0 + 1e-12)
        assert acting or not m.frame.effort.any()
    assert m.recorder.spent <= budget * (1.0 + 1e-9)
    assert m.recorder.spent == pytest.approx(m.optimizers[0].spent[0])


def test_optimizers_add_up_and_pay_apart() -> None:
    m = model(
        {"kind": "proportional", "response": 1.0, "budget": 0.5},
        {"kind": "none"},
        {"kind": "proportional", "response": 2.0},
    )
    report(m, 4, 4)
    np.testing.assert_allclose(effort(m), 0.25 + 2.0)  # two channels share the small budget
    assert [o.spent.tolist() for o in m.optimizers] == [[0.5], [0.0], [4.0]]


def test_doing_nothing_is_the_same_as_nobody_there() -> None:
    idle, alone = model({"kind": "none"}), model()
    while alone.running:
        idle.step()
        alone.step()
        assert not idle.frame.effort.any()
    assert idle.state.equals(alone.state)


def test_a_withdrawn_correction_lingers_as_its_decay_says() -> None:
    for decay, left in [(1.0, [2.0, 0.0, 0.0]), (0.25, [2.0, 1.5, 1.125]), (0.0, [2.0, 2.0, 2.0])]:
        m = model(correction={"decay": decay})
        m.control(Planned(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[2.0]])))
        found = []
        for _ in range(3):
            m.step()
            found.append(float(m.state.correction[0, 0, 0]))
        assert found == left
        assert not m.state.correction[1].any()


def test_a_plan_has_a_height_for_each_future() -> None:
    plan = Planned(np.array([[0.5, 1.0], [0.0, 2.0]]), np.array([[1.0, 3.0], [0.0, 4.0]]), start=5)
    m = model()
    m.frame.effort = np.zeros((2, 2, 2))
    for step, heights in [(4, None), (5, [1.0, 3.0]), (6, [0.0, 4.0]), (7, None)]:
        m.frame.step = step
        u = plan.act(m.frame)
        assert u.shape == (2, 2, 2)
        for branch in range(2):
            height = heights[branch] if heights else 0.0
            assert u[..., branch].tolist() == [[0.5 * height, height], [0.0, 2.0 * height]]


def test_one_agent_serves_a_batch_of_futures() -> None:
    m = model({"kind": "proportional", "response": 1.0, "budget": 1.0})
    (optimizer,) = m.optimizers
    m.frame.state = m.state.take([0, 0, 0])
    m.frame.effort = np.zeros((2, 2, 3))
    m.frame.state.answers[...] = 4
    m.frame.state.positives[..., 1] = 2
    m.frame.state.positives[..., 2] = 4
    for total in ([0.0, 1.0, 1.0], [0.0, 1.0, 1.0]):
        optimizer.sense(m.frame)
        optimizer.act(m.frame)
        assert optimizer.spent.tolist() == total


def test_a_transplant_shares_nothing() -> None:
    m = model({"kind": "proportional"})
    report(m, 4, 4)
    effort(m)
    other = model()
    twin = m.optimizers[0].transplant(other)
    assert twin.model is other
    assert twin in other.agents
    assert twin.spent.tolist() == m.optimizers[0].spent.tolist()
    twin.spent += 1.0
    assert isinstance(twin, Proportional)
    twin.estimate[...] = 0.0
    assert m.optimizers[0].spent.tolist() != twin.spent.tolist()
    assert m.optimizers[0].estimate.all()


def test_every_kind_of_the_schema_has_a_method() -> None:
    for kind in ("none", "proportional"):
        (optimizer,) = model({"kind": kind}).optimizers
        assert type(optimizer) is METHODS[kind]
        assert isinstance(optimizer, Optimizer)
    with pytest.raises(NotImplementedError):
        Optimizer(model(), NoOptimizer(kind="none")).act(model().frame)
