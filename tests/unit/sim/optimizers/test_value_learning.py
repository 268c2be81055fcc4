from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim.optimizers.value_learning import ValueLearning, posterior
from sim.streams import FloatArray
from tests.unit.sim.optimizers.worlds import constrain, cosines, needed, run, sense, world

SILENT = {"feedback": {"response_base": -1000.0, "response_trust": 0.0}}


def learner(**options: Any) -> dict[str, Any]:
    return {"kind": "value_learning", **options}


def conditional(
    mean: FloatArray, variance: FloatArray, h: FloatArray, y: FloatArray, noise: float
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of w given y, from the joint normal law of both."""
    joint = h @ variance @ h.T + noise**2 * np.eye(y.size)
    gain = variance @ h.T @ np.linalg.inv(joint)
    return mean + gain @ (y - h @ mean), variance - gain @ h @ variance


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("n_answers", [0, 1, 2, 17])
def test_the_posterior_is_that_of_the_joint_normal_law(n_answers: int, known: bool) -> None:
    rng = np.random.default_rng(n_answers)
    root = rng.normal(size=(3, 2 if known else 3))  # with two, one direction is known exactly
    mean, variance = rng.normal(size=3), root @ root.T
    h, y = rng.normal(size=(n_answers, 3)), rng.normal(size=n_answers)
    found = posterior(mean, variance, h, y, noise=0.3)
    for one, other in zip(found, conditional(mean, variance, h, y, 0.3), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_answers_at_once_tell_what_they_tell_one_by_one() -> None:
    rng = np.random.default_rng(5)
    h, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    mean, variance = np.zeros(4), np.eye(4)
    at_once = posterior(mean, variance, h, y, noise=0.7)
    for row, answer in zip(h, y, strict=True):
        mean, variance = posterior(mean, variance, row[None], answer[None], noise=0.7)
    np.testing.assert_allclose(at_once[0], mean, atol=1e-12)
    np.testing.assert_allclose(at_once[1], variance, atol=1e-12)


def test_the_posterior_is_as_sure_as_it_may_be() -> None:
    # Everyone wants the same here, so the squared error, in units of the posterior variance, is
    # χ² of 3 degrees of freedom for each group; the sum errs once in 10⁶ runs.
    m = world(learner(queries=10, answer_noise=0.5, assumed_noise=0.5, prior=100.0), n_groups=100)
    agent = sense(m)
    assert isinstance(agent, ValueLearning)
    off = agent.expected[..., 0] - needed(m)
    squares = [e @ np.linalg.solve(v, e) for e, v in zip(off, agent.variance[..., 0], strict=True)]
    low, high = stats.chi2(300).interval(1.0 - 1e-6)
    assert low < sum(squares) < high


def test_many_answers_recover_the_need_though_persons_differ() -> None:
    m = world(learner(queries=40_000))
    constrain(m, 2.0, 0.0, 3.0)
    m.state.constraint[0, ::2] = 0
    agent = sense(m)
    need = needed(m)
    assert np.abs(agent.estimate[:, :3, 0] - need).max() < 0.03 * np.abs(need).max()
    assert not agent.estimate[:, 3:].any()


@pytest.mark.parametrize(("drift", "learns"), [(0.0, False), (0.1, True)])
def test_needs_that_move_are_learned_where_they_are_thought_to_move(
    drift: float, learns: bool
) -> None:
    m = world(learner(queries=30, drift=drift))
    constrain(m, 2.0, 0.0, 0.0)
    for step in range(30):
        agent = sense(m, step)
    assert cosines(agent.estimate[:, :3, 0], needed(m)).min() > 0.97
    constrain(m, 0.0, 2.0, 0.0)
    for step in range(30, 36):
        sense(m, step)
    found = cosines(agent.estimate[:, :3, 0], needed(m))
    assert found.min() > 0.9 if learns else found.max() < 0.5


def test_in_silence_nothing_is_learned_and_doubt_grows_as_assumed() -> None:
    m = world(learner(prior=0.5, drift=0.2, reference=0.0), **SILENT)
    constrain(m, 2.0, 2.0, 2.0)
    for step in range(7):
        agent = sense(m, step)
    assert isinstance(agent, ValueLearning)
    assert not agent.estimate.any()
    doubt = np.broadcast_to((0.25 + 7 * 0.04) * np.eye(3), (2, 3, 3))
    np.testing.assert_allclose(agent.variance[..., 0], doubt)
    assert not agent.act(m.frame).any()


def test_caution_takes_standard_deviations_off_the_estimate() -> None:
    m, careful = world(learner()), world(learner(caution=1.5))
    for each in (m, careful):
        constrain(each, 2.0, 0.0, 0.1)
    plain, other = sense(m), sense(careful)
    assert isinstance(plain, ValueLearning)
    assert np.array_equal(plain.estimate[:, :3], plain.expected)
    mean = plain.expected[..., 0]
    deviation = np.sqrt(np.diagonal(plain.variance[..., 0], axis1=1, axis2=2))
    left = np.sign(mean) * np.clip(np.abs(mean) - 1.5 * deviation, 0.0, None)
    np.testing.assert_allclose(other.estimate[:, :3, 0], left, atol=1e-12)
    assert 0 < np.count_nonzero(left) < left.size


def test_adversaries_and_misreports_weaken_and_turn_what_is_learned() -> None:
    found = {}
    for share in (0.0, 0.3, 0.8):
        honest = world(learner(queries=40_000), preferences={"adversaries": share})
        lying = world(learner(queries=40_000), preferences={"flip": {"at_full_trust": 0.3}})
        for m in (honest, lying):
            constrain(m, 2.0, 0.0, 1.0)
        agent, need = sense(honest), needed(honest)
        harmful = agent.needs(honest.frame).harmful
        assert share == 0.0 or abs(harmful.mean() - share) < 0.15
        lies = np.where(harmful, -1.0, 1.0) if harmful.size else np.ones(100)
        said = agent.needs(honest.frame).want[..., 0] * lies
        expected = [said[:, honest.frame.population.group == g].mean(axis=1) for g in range(2)]
        np.testing.assert_allclose(agent.estimate[:, :3, 0], expected, atol=0.03 * need.max())
        found[share] = cosines(agent.estimate[:, :3, 0], need)
        weak = sense(lying).estimate[:, :3, 0]
        np.testing.assert_allclose(weak, 0.4 * need, atol=0.03 * need.max())
    assert found[0.0].min() > 0.99
    assert found[0.8].max() < -0.9


def test_a_query_costs_what_it_costs_and_none_is_put_without_money() -> None:
    prices = {"query": 0.01, "demonstration": 0.0, "inference": 0.0, "effort": 0.0}
    m = world(learner(queries=10, every=3, budget=0.3), prices=prices)
    run(m, steps=4)
    assert m.optimizers[0].spent.tolist() == pytest.approx([0.3])  # 0.2, and half of the next
    assert m.optimizers[0].bills[4].tolist() == pytest.approx([0.3])
    poor = world(learner(budget=0.0))
    assert not run(poor, steps=5).any()
    assert not poor.optimizers[0].estimate.any()
