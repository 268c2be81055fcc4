from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.model import AlignmentModel
from sim.optimizers.base import Optimizer
from sim.optimizers.purses import BID, CREDIT, auctioned
from sim.processes.correction import STAGE
from sim.scenario.problems import ScenarioError
from sim.scenario.resolve import dump, full, with_changes
from sim.scenario.schema import Scenario

ALLOCATIONS = ("first_come", "proportional", "auction")


def model(
    *specs: dict[str, Any], purse: Any = None, steps: int = 10, **blocks: Any
) -> AlignmentModel:
    content = {
        "time": {"steps": steps},
        "channels": ["rent", "work"],
        "population": {"size": 40, "groups": {"a": 0.25, "b": 0.75}},
        "network": {"kind": "ring"},
        "stressors": [{"kind": "constant", "level": 0.3}],
        "budgets": {} if purse is None else {"common": purse},
        "optimizers": list(specs),
        **blocks,
    }
    return AlignmentModel(Scenario.model_validate(content))


def paying(**more: Any) -> dict[str, Any]:
    return {"kind": "proportional", "purse": "common", **more}


def spent(m: AlignmentModel) -> list[float]:
    return [float(o.spent[0]) for o in m.optimizers]


def wants(m: AlignmentModel, step: int, *amounts: float) -> list[float]:
    """Have each optimizer want to spend an amount in a step; what each could."""
    m.frame.step = step
    return [
        amount * float(o.buy("effort", amount)[0])
        for o, amount in zip(m.optimizers, amounts, strict=True)
    ]


def report(m: AlignmentModel, positives: Any) -> None:
    """Give reports of which a share says active, (G, K, R) or less."""
    m.state.answers[...] = 4
    m.state.positives[...] = positives


@st.composite
def members(draw: st.DrawFn) -> list[dict[str, Any]]:
    start = st.integers(0, 4)
    kinds = [
        st.fixed_dictionaries({"kind": st.just("none")}),
        st.fixed_dictionaries(
            {"kind": st.just("proportional"), "response": st.floats(0.0, 9.0), "start": start}
        ),
        st.fixed_dictionaries(
            {
                "kind": st.just("rlhf"),
                "labels": st.integers(0, 20),
                "every": st.integers(1, 4),
                "start": start,
            }
        ),
    ]
    purse = st.sampled_from([{"purse": "common"}, {"purse": "common"}, {"budget": 3.0}])
    coordination = st.sampled_from([{}, {"coordination": "cap"}, {"coordination": "subtract"}])
    chosen = draw(st.lists(st.one_of(kinds), min_size=1, max_size=4))
    return [spec | draw(purse) | draw(coordination) for spec in chosen]


@settings(max_examples=12, deadline=None)
@given(
    specs=members(),
    allocation=st.sampled_from(ALLOCATIONS),
    amount=st.floats(0.0, 60.0, allow_subnormal=False),
    label=st.sampled_from([0.0, 1e-3, 0.3]),
)
def test_a_purse_is_never_overspent_in_any_branch(
    specs: list[dict[str, Any]], allocation: str, amount: float, label: float
) -> None:
    purse = {"amount": amount, "allocation": allocation}
    m = model(*specs, purse=purse, steps=8, prices={"label": label})
    m.frame.state = m.state.take([0, 0, 0])
    m.frame.effort = np.zeros((2, 2, 3))
    total = np.zeros(3)
    for step in range(8):
        m.frame.step = step
        report(m, np.array([4, step % 5, 0]))
        before = [o.spent.copy() for o in m.optimizers]
        STAGE.run(m.frame)
        for optimizer, was in zip(m.optimizers, before, strict=True):
            assert (optimizer.spent >= was).all()
            np.testing.assert_allclose(optimizer.bills.sum(axis=0), optimizer.spent, rtol=1e-9)
            if optimizer.spec.purse is None:
                assert (optimizer.spent <= optimizer.spec.budget).all()
        total = sum((o.spent for o in m.optimizers if o.spec.purse), np.zeros(3))
        assert (total <= amount * (1.0 + 1e-12)).all()
        assert (m.frame.effort >= 0.0).all()


@pytest.mark.parametrize("allocation", ALLOCATIONS)
@pytest.mark.parametrize("order", list(permutations([0, 1, 2])))
def test_a_purse_is_never_overspent_in_any_order_and_greed_empties_it(
    allocation: str, order: tuple[int, ...]
) -> None:
    greedy = [paying(), paying(), paying()]
    m = model(*greedy, purse={"amount": 7.0, "allocation": allocation}, steps=6)
    for step in range(6):
        m.frame.step = step
        for place in order:
            m.optimizers[place].buy("effort", 5.0 + place)
            assert sum(spent(m)) <= 7.0 * (1.0 + 1e-12)
    assert allocation == "auction" or sum(spent(m)) == pytest.approx(7.0)


def test_whoever_comes_first_is_served_first() -> None:
    m = model(paying(), paying(), {"kind": "proportional", "budget": 4.0}, purse=10.0)
    assert wants(m, 0, 3.0, 3.0, 3.0) == [3.0, 3.0, 3.0]
    assert wants(m, 1, 3.0, 3.0, 3.0) == [3.0, 1.0, 1.0]  # the third is a rival
    assert wants(m, 2, 3.0, 3.0, 3.0) == [0.0, 0.0, 0.0]
    assert spent(m) == [6.0, 4.0, 4.0]


def test_one_that_knew_of_one_branch_only_buys_in_all() -> None:
    m = model(paying(), paying(), purse=5.0)
    m.frame.state = m.state.take([0, 0])
    first, second = m.optimizers
    first.widen(2)
    first.spent[...] = 1.0, 4.0
    assert second.buy("effort", 4.0).tolist() == [1.0, 0.25]
    assert second.bills.sum(axis=0).tolist() == [4.0, 1.0]


def test_its_own_budget_is_not_read_beside_a_purse() -> None:
    m = model(paying(budget=1.0), purse=5.0)
    assert wants(m, 0, 4.0) == [4.0]
    assert wants(m, 1, 4.0) == [1.0]


def test_a_proportional_purse_pays_evenly_and_by_bids() -> None:
    m = model(paying(), paying(), purse={"amount": 100.0, "allocation": "proportional"})
    assert wants(m, 0, 30.0, 10.0) == [5.0, 5.0]  # 100 over 10 steps, equal at first
    assert wants(m, 1, 30.0, 10.0) == [7.5, 2.5]
    assert wants(m, 2, 0.0, 10.0) == [0.0, 2.5]  # what one does not take it saves
    assert wants(m, 3, 30.0, 10.0) == [7.5, 10.0]  # the first has bid nothing
    assert spent(m) == [20.0, 20.0]


def test_one_who_was_kept_short_keeps_to_its_bid() -> None:
    m = model(paying(), paying(), purse={"amount": 100.0, "allocation": "proportional"})
    bids = []
    for step, wanted in enumerate([30.0, 8.0, 1.0, 2.0]):  # short, short, not, not
        wants(m, step, wanted, 10.0)
        bids.append(float(m.optimizers[0].account[BID, 0]))
    assert bids == [0.0, 30.0, 30.0, 1.0]


def test_one_who_begins_later_is_paid_from_then_on() -> None:
    m = model(paying(), paying(start=2), purse={"amount": 100.0, "allocation": "proportional"})
    assert wants(m, 0, 99.0, 0.0) == [10.0, 0.0]
    assert wants(m, 1, 99.0, 0.0) == [10.0, 0.0]
    assert wants(m, 2, 99.0, 99.0) == [5.0, 5.0]
    assert wants(m, 3, 99.0, 99.0) == [5.0, 5.0]


def test_an_auction_serves_the_best_ratio_of_proxy_to_bid() -> None:
    m = model(paying(), paying(), purse={"amount": 100.0, "allocation": "auction"})
    worth = {0: 6.0, 1: 4.0}
    for o in m.optimizers:
        o.proxy = lambda value=worth[o.place]: np.full((2, 1), value)  # type: ignore[attr-defined]
    assert wants(m, 0, 9.0, 3.0) == [5.0, 5.0 - 2.0]
    # Ratios 6/9 and 4/3: the second is served what it wants, the first what is left.
    before = [float(o.account[CREDIT, 0]) for o in m.optimizers]
    wants(m, 1, 9.0, 3.0)
    paid = [float(o.account[CREDIT, 0]) - b for o, b in zip(m.optimizers, before, strict=True)]
    assert paid == pytest.approx([7.0, 3.0])
    worth_now = np.full((2, 1), 1000.0)
    m.optimizers[0].proxy = lambda: worth_now  # type: ignore[attr-defined]
    before = [float(o.account[CREDIT, 0]) for o in m.optimizers]
    wants(m, 2, 9.0, 3.0)
    paid = [float(o.account[CREDIT, 0]) - b for o, b in zip(m.optimizers, before, strict=True)]
    assert paid == pytest.approx([9.0, 1.0])


@given(
    bids=st.lists(st.floats(0.0, 10.0), min_size=3, max_size=3),
    worth=st.lists(st.floats(0.0, 10.0), min_size=3, max_size=3),
    offered=st.floats(0.0, 20.0),
)
def test_nobody_gets_more_than_it_bids_and_all_not_more_than_is_offered(
    bids: list[float], worth: list[float], offered: float
) -> None:
    bid, value = np.array(bids)[:, None], np.array(worth)[:, None]
    parts = auctioned(bid, value, np.array([offered]))
    assert ((parts >= 0.0) & (parts <= bid)).all()
    assert parts.sum() == pytest.approx(min(offered, bid.sum()))
    for i, j in permutations(range(3), 2):
        better = worth[i] * bids[j] > worth[j] * bids[i] * (1 + 1e-9) and bids[i] * bids[j] > 0.0
        if better and parts[j, 0] > 0.0:
            assert parts[i, 0] == pytest.approx(bids[i])
    # Branches are served apart.
    two = auctioned(
        np.hstack([bid, bid]), np.hstack([value, value[::-1]]), np.array([offered, 1.0])
    )
    assert np.array_equal(two[:, :1], parts)


def test_every_optimizer_that_steers_says_what_its_work_is_worth() -> None:
    m = model({"kind": "proportional", "response": 3.0}, correction={"u_max": 2.0})
    report(m, np.array([[4, 1], [2, 0]])[..., None])
    STAGE.run(m.frame)
    np.testing.assert_allclose(m.optimizers[0].proxy(), [[1 * 2.0 + 0.25 * 0.75], [0.5 * 1.5]])


@pytest.mark.parametrize("allocation", ALLOCATIONS)
def test_a_fork_has_a_purse_of_its_own(allocation: str) -> None:
    specs = [paying(), {"kind": "rlhf", "labels": 5, "purse": "common"}]
    m = model(*specs, purse={"amount": 6.0, "allocation": allocation})
    for _ in range(3):
        m.step()
    fork, before = m.fork(), spent(m)
    while fork.running:
        fork.step()
    assert spent(m) == before
    while m.running:
        m.step()
    assert spent(fork) == spent(m)
    richer = m.fork({"budgets.common.amount": 60.0})
    assert spent(richer) == spent(m)
    assert richer.optimizers[0].buy("effort", 1.0)[0] >= m.optimizers[0].buy("effort", 1.0)[0]


@pytest.mark.parametrize("allocation", ALLOCATIONS)
def test_a_branch_in_a_batch_spends_as_it_does_alone(allocation: str) -> None:
    specs = [paying(response=4.0), {"kind": "rlhf", "labels": 5, "purse": "common"}]
    m = model(*specs, purse={"amount": 6.0, "allocation": allocation})
    batch = m.fork()
    batch.frame.state = m.state.take([0, 0])
    batch.frame.effort = np.zeros((2, 2, 2))
    for step in range(6):
        for one in (m, batch):
            one.frame.step = step
            report(one, 3 if one is m else np.array([3, step % 3]))
            STAGE.run(one.frame)
        assert np.array_equal(batch.frame.effort[..., 0], m.frame.effort[..., 0])
    for alone, many in zip(m.optimizers, batch.optimizers, strict=True):
        assert np.array_equal(many.account[:, 0], alone.account[:, 0])
        assert many.spent[0] == alone.spent[0]
    assert any((o.account[:, 0] != o.account[:, 1]).any() for o in batch.optimizers) or (
        allocation == "first_come" and batch.optimizers[0].spent[0] > batch.optimizers[0].spent[1]
    )


def efforts(m: AlignmentModel) -> list[list[float]]:
    """What each optimizer gives on both channels of the first group in a step."""
    STAGE.run(m.frame)
    return [o.given[0, :, 0].tolist() for o in m.optimizers]


@pytest.mark.parametrize(
    ("how", "given"),
    [
        ((None, None), [[2.0, 1.0], [3.0, 1.5]]),
        (("cap", "cap"), [[2.0, 1.0], [1.0, 1.5]]),
        (("subtract", "subtract"), [[2.0, 1.0], [1.0, 0.5]]),
        (("cap", "subtract"), [[2.0, 1.0], [1.0, 0.5]]),
        ((None, "subtract"), [[2.0, 1.0], [3.0, 1.5]]),  # heeds those who coordinate only
        (("subtract", None), [[2.0, 1.0], [3.0, 1.5]]),
    ],
)
def test_those_who_coordinate_heed_who_came_before(how: Any, given: Any) -> None:
    first, second = (
        {"kind": "proportional", "response": r} | ({"coordination": c} if c else {})
        for r, c in zip((2.0, 3.0), how, strict=True)
    )
    m = model(first, second, correction={"u_max": 3.0})
    report(m, np.array([4, 2])[:, None])
    for step in range(3):
        m.frame.step = step
        assert efforts(m) == given
    spending = [sum(efforts_ * 4 for efforts_ in row) for row in given]
    m.frame.step = 3
    efforts(m)
    np.testing.assert_allclose(spent(m), spending)  # what is not given is not paid


def test_the_cap_is_on_three_together_and_in_each_branch() -> None:
    specs = [{"kind": "proportional", "response": r, "coordination": "cap"} for r in (1.0, 2.0, 3)]
    m = model(*specs, correction={"u_max": 4.0})
    m.frame.state = m.state.take([0, 0])
    m.frame.effort = np.zeros((2, 2, 2))
    report(m, np.array([4, 1]))
    STAGE.run(m.frame)
    assert [o.given[0, 0].tolist() for o in m.optimizers] == [[1, 0.25], [2, 0.5], [1, 0.75]]
    assert m.frame.effort[0, 0].tolist() == [4.0, 1.5]


def test_what_could_not_be_paid_is_not_heeded() -> None:
    specs = [
        {"kind": "proportional", "coordination": "subtract", "budget": budget, "response": 2.0}
        for budget in (1.0, 100.0)
    ]
    m = model(*specs)
    report(m, 4)
    assert efforts(m) == [[0.25 * 2.0, 0.25 * 2.0], [1.5, 1.5]]  # 4 a person, of which 1 is paid


def test_what_was_given_in_another_step_is_not_heeded() -> None:
    specs = [{"kind": "proportional", "coordination": "subtract"} for _ in range(2)]
    m = model(*specs)
    first, second = m.optimizers
    report(m, 4)
    for o in (first, second):
        o.sense(m.frame)
    assert first.act(m.frame).any()
    m.frame.step = 1
    assert second.act(m.frame).all()


def test_a_purse_is_short_for_its_amount_and_must_exist() -> None:
    short = model(paying(), purse=5.0).resolved
    long = model(paying(), purse={"amount": 5.0, "allocation": "first_come"}).resolved
    assert dump(full(short)) == dump(full(long))
    for key, value in [
        ("optimizers.0.purse", "comon"),
        ("budgets.common.amount", -1.0),
        ("budgets.common.allocation", "lottery"),
        ("optimizers.0.coordination", "argue"),
    ]:
        with pytest.raises(ScenarioError):
            with_changes(short, {key: value})


def test_one_that_was_made_by_hand_spends_from_the_purse_too() -> None:
    m = model(paying(), purse=5.0)
    extra: Optimizer = type(m.optimizers[0])(m, m.optimizers[0].spec, 7)
    assert wants(m, 0, 2.0) == [2.0]
    assert extra.buy("effort", 6.0)[0] == 0.5
