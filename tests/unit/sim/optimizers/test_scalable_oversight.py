from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.optimizers.base import SPENDING
from sim.optimizers.scalable_oversight import ScalableOversight, advised, compounded
from sim.preferences import ask
from sim.scenario.schema.optimizers import Preferences, ScalableOversightOptimizer
from tests.unit.sim.optimizers.worlds import constrain, cosines, needed, run, sense, world

PERFECT = {"help": 1.0, "guard": 0.0, "error": 0.0, "bias": 0.0}


def overseer(**options: Any) -> dict[str, Any]:
    return {"kind": "scalable_oversight", **options}


@pytest.mark.parametrize("options", [{"depth": 0}, {"depth": 3, **PERFECT}])
def test_without_depth_or_with_advice_that_says_nothing_it_is_rlhf(options: dict[str, Any]) -> None:
    m, plain = world(overseer(**options)), world({"kind": "rlhf"})
    for each in (m, plain):
        each.state.exposure[0] = 2.0
    assert np.array_equal(run(m, steps=8), run(plain, steps=8))
    assert m.state.equals(plain.state)
    assert np.array_equal(m.optimizers[0].estimate, plain.optimizers[0].estimate)
    assert m.optimizers[0].estimate.any()


def test_errors_compound_as_a_message_passed_on() -> None:
    passed = np.array([1.0, 0.0])  # as it is, turned round
    for depth in range(6):
        assert compounded(0.1, depth) == pytest.approx(passed[1])
        passed = np.array([[0.9, 0.1], [0.1, 0.9]]) @ passed
    assert compounded(0.1, 200) == pytest.approx(0.5)
    assert compounded(0.0, 5) == 0.0


def test_a_label_is_turned_round_by_persons_or_on_its_way() -> None:
    m = world(preferences={"flip": {"at_full_trust": 0.2}, "sharpness": 1e6})
    constrain(m, 2.0, 0.0, 0.0)
    spec = ScalableOversightOptimizer.model_validate(
        overseer(depth=2, guard=0.5, error=0.1, help=1.0)
    )
    person, way = 0.2 * 0.5**2, 0.5 * (1.0 - 0.8**2)
    wrong = person * (1.0 - way) + (1.0 - person) * way
    optimizer = world(overseer()).optimizers[0]
    needs = optimizer.needs(m.frame)
    for preferences, expected in [
        (m.resolved.preferences, 0.2),
        (advised(m.resolved.preferences, spec), wrong),
    ]:
        labels = ask(m.frame, needs, preferences, n_pairs=20_000)
        right = np.sign(labels.difference[..., :3] @ needs.need[0, :, 0])
        share = (labels.choice[..., 0] != right).mean()
        # Of 40,000 labels; errs once in 10⁵.
        assert abs(share - expected) < 4.5 * np.sqrt(expected * (1.0 - expected) / 40_000)


def test_advice_raises_sharpness_and_guards_against_flattery() -> None:
    plain = Preferences(sharpness=0.5, sycophancy=1.0, evasion=0.4)
    spec = ScalableOversightOptimizer.model_validate(overseer(depth=3, help=2.0, guard=0.5))
    found = advised(plain, spec)
    assert found.sharpness == pytest.approx(4.0)
    assert found.sycophancy == pytest.approx(0.125)
    assert found.evasion == pytest.approx(0.05)


def test_where_persons_see_little_advice_tells_the_need_from_fewer_labels() -> None:
    found = []
    for depth in (0, 3):
        m = world(
            overseer(depth=depth, labels=40, bias=0.0), n_groups=50, preferences={"sharpness": 0.3}
        )
        constrain(m, 2.0, 0.0, 1.0)
        agent = sense(m)
        found.append(cosines(agent.estimate[:, :3, 0], needed(m)).mean())
    assert found[0] < 0.85
    assert found[1] > 0.93


def test_labels_without_end_recover_the_need_but_for_the_misjudgement_of_all() -> None:
    for bias in (0.0, 0.5):
        m = world(overseer(depth=3, help=1.0, labels=30_000, error=0.1, bias=bias))
        constrain(m, 2.0, 0.0, 1.0)
        agent = sense(m)
        assert isinstance(agent, ScalableOversight)
        need = np.zeros((2, 5))
        need[:, :3] = needed(m) / np.linalg.norm(needed(m), axis=1)[:, None]
        judged = need + agent.misjudgement(m.frame)
        assert cosines(agent.estimate[..., 0], judged).min() > 0.998
        away = cosines(agent.estimate[..., 0], need).max()
        assert (away > 0.998) == (bias == 0.0)


def test_misjudgement_grows_as_the_root_of_depth_and_stays_the_same() -> None:
    for depth in (1, 2, 4):
        squares = []
        for seed in range(80):
            m = world(overseer(depth=depth, bias=0.3), seed=seed, size=4)
            (agent,) = m.optimizers
            assert isinstance(agent, ScalableOversight)
            found = agent.misjudgement(m.frame)
            m.frame.step = 7
            assert np.array_equal(found, agent.misjudgement(m.frame))
            squares.append((found**2).sum())
        # χ² of 400 degrees of freedom: its relative deviation is 0.07.
        assert np.mean(squares) == pytest.approx(depth * 0.09, rel=0.32)


def test_the_flattered_are_advised_to_want_what_they_need() -> None:
    found = []
    for depth in (0, 2):
        m = world(overseer(depth=depth, labels=5_000, bias=0.0), preferences={"sycophancy": 2.0})
        constrain(m, 2.0, 0.0, 0.0)
        m.state.narrative[...] = 1.0
        agent = sense(m)
        found.append((agent.estimate[:, 3, 0] / np.abs(agent.estimate[..., 0]).max(axis=1)).max())
    assert found[0] > 0.9
    assert found[1] < 0.6


def test_every_level_of_advice_on_every_label_is_paid_for() -> None:
    prices = {"advice": 0.01, "label": 0.02, "effort": 0.0}
    m = world(overseer(depth=3, labels=10), prices=prices)
    sense(m)
    sense(m)
    bills = dict(zip(SPENDING, m.optimizers[0].bills[:, 0], strict=True))
    assert bills["advice"] == pytest.approx(2 * 2 * 10 * 3 * 0.01)
    assert bills["label"] == pytest.approx(2 * 2 * 10 * 0.02)


def test_without_money_there_is_neither_advice_nor_effort() -> None:
    m = world(overseer(budget=0.0))
    m.state.exposure[0] = 2.0
    assert not run(m, steps=5).any()
    assert not m.optimizers[0].estimate.any()
