"""What holds for every method that learns from answers: branches, groups, start, budget."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.sim.optimizers.worlds import batch, constrain, run, world

SPECS: dict[str, dict[str, Any]] = {
    "constitutional": {"kind": "constitutional", "generation": 2, "judge_error": 0.2},
    "public": {"kind": "constitutional", "source": "public", "generation": 3, "shared": True},
    "value_learning": {"kind": "value_learning", "drift": 0.05, "every": 2},
    "scalable_oversight": {"kind": "scalable_oversight", "depth": 2, "labels": 20, "every": 2},
}
each_method = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def futures(spec: dict[str, Any], trusts: list[float], *, budget: float) -> list[np.ndarray]:
    """Efforts of three steps, (T, G, K, R), of futures that part in trust and constraints."""
    m = world({**spec, "budget": budget}, feedback={"response_base": 0.0})
    constrain(m, 2.0, 0.0, 1.0)
    frame = batch(m, len(trusts))
    frame.state.trust[...] = trusts
    frame.state.constraint[1] = np.array(trusts) < 0.5
    frame.state.exposure[1] = 1.0
    (agent,), found = m.optimizers, []
    for step in range(5):
        frame.step, frame.needs = step, None
        agent.sense(frame)
        found.append(agent.act(frame))
    assert (agent.spent <= budget).all()
    return [np.array(found), agent.spent]


@each_method
@pytest.mark.parametrize("budget", [0.0, 2.0, 1000.0])
def test_a_future_alone_is_what_it_is_among_others(spec: dict[str, Any], budget: float) -> None:
    trusts = [1.0, 0.3, 0.9]
    together, spent = futures(spec, trusts, budget=budget)
    assert bool(together.any()) == (budget > 0.0)
    for branch, trust in enumerate(trusts):
        alone, paid = futures(spec, [trust], budget=budget)
        assert np.array_equal(alone[..., 0], together[..., branch])
        assert paid[0] == spent[branch]


@each_method
def test_a_group_of_nobody_gets_in_nobodys_way(spec: dict[str, Any]) -> None:
    groups = {"a": 0.4, "nobody": 0.0, "b": 0.6}
    m = world(spec, population={"size": 50, "groups": groups})
    m.state.exposure[0] = 2.0
    efforts = run(m, steps=8)
    assert np.isfinite(efforts).all()
    assert efforts[:, [0, 2]].any(axis=(0, 2)).all()
    assert np.isfinite(m.optimizers[0].estimate).all()


@each_method
def test_nothing_is_bought_or_done_before_the_start(spec: dict[str, Any]) -> None:
    m = world({**spec, "start": 4})
    m.state.exposure[0] = 2.0
    efforts = run(m, steps=4)
    assert not efforts.any()
    assert not m.optimizers[0].spent.any()
    assert run(m, steps=3).any()


@each_method
def test_two_of_a_kind_draw_apart(spec: dict[str, Any]) -> None:
    m = world(spec, {**spec, "name": "other"})
    m.state.exposure[0] = 2.0
    run(m, steps=4)
    one, other = m.optimizers
    assert not np.array_equal(one.estimate, other.estimate)
    assert not np.array_equal(one.reference, other.reference)


@each_method
def test_a_fork_goes_on_as_the_run_does(spec: dict[str, Any]) -> None:
    m = world(spec)
    m.state.exposure[0] = 2.0
    run(m, steps=3)
    fork = m.fork()
    assert np.array_equal(run(m, steps=5), run(fork, steps=5))
    assert np.array_equal(m.optimizers[0].spent, fork.optimizers[0].spent)
