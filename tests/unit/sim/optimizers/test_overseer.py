from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine import advance
from sim.model import AlignmentModel
from sim.optimizers import METHODS
from sim.optimizers.base import SPENDING
from sim.optimizers.overseer import Overseer, strength_wanted
from sim.optimizers.policy import Policy
from sim.processes.stage import Frame
from sim.state import State
from tests.unit.sim.optimizers.overseen import (
    NULLS,
    STRICT,
    mean,
    model,
    overseer_of,
    policy_of,
    prepare,
)

KINDS = sorted(NULLS)
RLHF = {"kind": "rlhf", "labels": 15}

every_kind = pytest.mark.parametrize("kind", KINDS)


def run(*specs: dict[str, Any], **blocks: Any) -> AlignmentModel:
    m = model(*specs, **blocks)
    while m.running:
        m.step()
    return m


def bill(overseer: Overseer, kind: str) -> float:
    return float(overseer.bills[SPENDING.index(kind), 0])


def test_every_overseer_is_tried_here() -> None:
    assert sorted(k for k, method in METHODS.items() if issubclass(method, Overseer)) == KINDS


@every_kind
def test_null_parameters_leave_the_overseen_bit_for_bit_as_without(kind: str) -> None:
    alone = run(RLHF)
    null = run(RLHF, {"kind": kind, "oversees": ["rlhf"], **STRICT[kind], **NULLS[kind]})
    strict = run(RLHF, {"kind": kind, "oversees": ["rlhf"], **STRICT[kind]})
    assert null.state.equals(alone.state)
    assert np.array_equal(null.optimizers[0].bills, alone.optimizers[0].bills)
    assert bill(overseer_of(null), "utility") == 0.0
    assert not strict.state.equals(alone.state)


@every_kind
def test_null_parameters_leave_ones_own_policy_to_the_reports(kind: str) -> None:
    class Reports(Policy):
        """A policy on reports, as it is."""

    m = run({"kind": kind, **STRICT[kind], **NULLS[kind]})
    plain = model({"kind": kind})
    plain.optimizers = [Reports(plain, plain.optimizers[0].spec)]
    plain.frame.controllers = plain.optimizers
    while plain.running:
        plain.step()
    assert m.state.equals(plain.state)
    assert not run({"kind": kind, **STRICT[kind]}).state.equals(plain.state)


@every_kind
def test_who_cannot_pay_has_no_say(kind: str) -> None:
    poor = run(RLHF, {"kind": kind, "oversees": ["rlhf"], **STRICT[kind], "budget": 0.0})
    assert poor.state.equals(run(RLHF).state)
    assert overseer_of(poor).spent[0] == 0.0


@every_kind
def test_who_oversees_others_steers_nobody_and_waits_for_its_start(kind: str) -> None:
    spec = {"kind": kind, "oversees": ["rlhf"], **STRICT[kind]}
    m = model(RLHF, {**spec, "start": 12})
    alone = model(RLHF)
    for step in range(30):
        m.step()
        alone.step()
        assert not overseer_of(m).mean.any()
        if step < 12:
            assert m.state.equals(alone.state)
    assert not m.state.equals(alone.state)
    for kind_of_spending in ("effort", "demonstration", "inference"):
        assert bill(overseer_of(m), kind_of_spending) == 0.0


@every_kind
def test_one_branch_alone_equals_that_branch_in_a_batch(kind: str) -> None:
    specs = (RLHF, {"kind": kind, **STRICT[kind], "oversees": ["rlhf"]}, {"kind": kind, "start": 2})
    early, late = model(*specs), model(*specs)
    late.frame.state.exposure += 0.7

    def frame_of(m: AlignmentModel, states: list[State]) -> Frame:
        optimizers = [o.transplant(m) for o in m.optimizers]
        return Frame.begin(
            m.frame.population,
            State.stack(states),
            coefficients=m.frame.coefficients,
            environment=m.frame.environment,
            draws=m.frame.draws,
            controllers=optimizers,
            listening=True,
        )

    batch = frame_of(early, [early.state, late.state, early.state])
    singles = [frame_of(early, [early.state.copy()]), frame_of(early, [late.state.copy()])]
    for frame in (batch, *singles):
        advance(frame, 12)
    assert not batch.state.take([0]).equals(batch.state.take([1]))
    for place, single in enumerate([singles[0], singles[1], singles[0]]):
        assert batch.state.take([place]).equals(single.state)
        for together, one in zip(batch.controllers, single.controllers, strict=True):
            assert np.array_equal(together.bills[:, place], one.bills[:, 0])  # type: ignore[attr-defined]


@every_kind
def test_a_fork_replays_the_same_future(kind: str) -> None:
    m = model(RLHF, {"kind": kind, "oversees": ["rlhf"], **STRICT[kind]})
    for _ in range(9):
        m.step()
    fork = m.fork()
    for _ in range(9):
        m.step()
    for _ in range(9):
        fork.step()
    assert fork.state.equals(m.state)
    assert np.array_equal(overseer_of(fork).bills, overseer_of(m).bills)


def held_back(budget: float = 1000.0, **given: Any) -> tuple[float, float, float, AlignmentModel]:
    """Return gold left alone and held back, what was billed, and the model."""
    null = {"kind": "capability_control", "strictness": 0.0, "oversees": ["rlhf"], "budget": budget}
    spec = {**RLHF, "labels": 200, "demonstrations": 10_000}
    free, held = model(spec, null), model(spec, null)
    for m in (free, held):
        for _ in range(8):
            m.step()
        prepare(m)
    overseer, policy = overseer_of(held), policy_of(held)
    for edit, value in given.items():
        getattr(overseer, edit)(held.frame, policy, np.array(value)[:, None])
    gold = []
    for m in (free, held):
        policy_of(m).act(m.frame)
        gold.append(mean(m, policy_of(m).gold(m.frame)))
    return gold[0], gold[1], float(overseer.spent[0]), held


@pytest.mark.parametrize(
    "given",
    [
        {"limit": [0.5, 0.1, 0.9]},
        {"slow": [0.2, 1.0, 0.7]},
        {"limit": [0.5, np.inf, np.inf], "slow": [0.5, 1.0, 0.0]},
        {"slow": [0.5, 1.0, 0.3], "limit": [0.4, 2.0, 1.0]},
    ],
)
def test_what_is_billed_is_the_gold_that_is_lost(given: dict[str, Any]) -> None:
    free, held, billed, _ = held_back(**given)
    assert free > held + 0.1
    assert billed == pytest.approx(free - held, rel=1e-9)


@pytest.mark.parametrize("given", [{"limit": [0.5, 0.1, 0.9]}, {"slow": [0.2, 1.0, 0.7]}])
def test_a_policy_is_held_back_as_far_as_can_be_paid(given: dict[str, Any]) -> None:
    free, held, billed, _ = held_back(**given)
    budget = 0.4 * billed
    _, half, spent, _ = held_back(budget, **given)
    assert spent == pytest.approx(budget)
    assert half == pytest.approx(free - 0.4 * (free - held))


def test_caps_meet_and_throttles_multiply_whatever_their_order() -> None:
    caps = np.array([[0.5], [0.1], [2.0]])
    for order in ([caps, 2.0 * caps], [2.0 * caps, caps]):
        *_, m = held_back()
        overseer, policy = overseer_of(m), policy_of(m)
        for cap in order:
            overseer.limit(m.frame, policy, cap)
            overseer.slow(m.frame, policy, np.full_like(cap, 0.5))
        wanted = strength_wanted(policy)
        assert (wanted <= caps).all()
        assert policy.throttle.tolist() == [[0.25]] * 3
        policy.act(m.frame)
        np.testing.assert_allclose(policy.strength, 0.25 * wanted)


def test_restraint_costs_nothing_where_the_policy_leads_away_from_need() -> None:
    *_, m = held_back()
    overseer, policy = overseer_of(m), policy_of(m)
    policy.estimate *= -1.0
    overseer.slow(m.frame, policy, np.zeros_like(policy.throttle))
    assert overseer.spent[0] == 0.0
    assert not policy.throttle.any()


@settings(deadline=None, max_examples=8)
@given(
    kind=st.sampled_from(KINDS),
    own=st.booleans(),
    budget=st.sampled_from([0.0, 0.05, 1.0, 30.0]),
    seed=st.integers(0, 99),
)
def test_a_budget_is_never_overspent(kind: str, own: bool, budget: float, seed: int) -> None:
    oversees = {} if own else {"oversees": ["rlhf"]}
    m = model(RLHF, {"kind": kind, **STRICT[kind], **oversees, "budget": budget}, seed=seed)
    overseer = overseer_of(m)
    for _ in range(12):
        before = float(overseer.spent[0])
        m.step()
        assert before <= float(overseer.spent[0]) <= budget
        assert overseer.bills.sum() == pytest.approx(overseer.spent[0])


def test_an_optimizer_is_found_by_the_name_it_gets() -> None:
    specs = [RLHF, RLHF, {"kind": "audit", "oversees": ["rlhf-2"]}]
    m = model(*specs)
    assert policy_of(m) is m.optimizers[1]
    named = model({**RLHF, "name": "helper"}, RLHF, {"kind": "audit", "oversees": ["helper"]})
    assert policy_of(named) is named.optimizers[0]
