"""What every policy shares: strength, caps, refusal, cosines, intensity, spending."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.optimizers.policy import Policy, cosine, inner, length_of, unit_of
from sim.optimizers.rlhf import Rlhf
from sim.scenario.schema import Scenario

RNG = np.random.default_rng(0)


def policy(spec: dict[str, Any] | None = None, **blocks: Any) -> Policy:
    """A policy about to act, with estimates and reference of our own."""
    content = {
        "time": {"steps": 9},
        "channels": ["rent", "work"],
        "population": {"size": 40, "groups": {"a": 0.25, "b": 0.75}},
        "network": {"kind": "ring"},
        "stressors": [{"kind": "constant", "level": 0.4}],
        "optimizers": [{"kind": "rlhf", "budget": 1e9, **(spec or {})}],
        **blocks,
    }
    (made,) = AlignmentModel(Scenario.model_validate(content)).optimizers
    assert isinstance(made, Policy)
    made.sense(made.model.frame)
    made.reference = np.array([[0.3, 0.2, 0.0, 0.1], [0.1, 0.4, 0.1, 0.0]])[..., None]
    made.estimate = np.array([[1.2, 0.5, 0.3, 0.2], [0.4, 2.0, 0.0, 0.1]])[..., None]
    return made


@pytest.mark.parametrize("price", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("strongest", [0.0, 0.8, 50.0])
def test_strength_is_that_of_the_formula(price: float, strongest: float) -> None:
    p = policy({"kl_price": price, "strongest": strongest})
    p.act(p.model.frame)
    for g in range(2):
        estimate = p.estimate[g, :, 0]
        length = np.linalg.norm(estimate)
        factor = min(1.0 / price, np.sqrt(2.0) * strongest / length)
        np.testing.assert_allclose(p.mean[g, :, 0], p.reference[g, :, 0] + factor * estimate)
        kl = 0.5 * np.sum((p.mean[g, :, 0] - p.reference[g, :, 0]) ** 2)  # of two normals
        assert p.strength[g, 0] == pytest.approx(np.sqrt(kl))
        assert p.strength[g, 0] == pytest.approx(min(length / price / np.sqrt(2.0), strongest))


def test_caps_and_throttles_hold_for_the_step_and_are_then_forgotten() -> None:
    p = policy({"kl_price": 0.1, "strongest": 3.0})
    p.cap[...] = [[0.5], [2.0]]
    p.throttle[...] = [[1.0], [0.25]]
    p.act(p.model.frame)
    np.testing.assert_allclose(p.strength[:, 0], [0.5, 0.5])
    p.sense(p.model.frame)
    assert p.cap.tolist() == [[3.0], [3.0]]
    assert p.throttle.tolist() == [[1.0], [1.0]]
    p.throttle[...] = 0.0
    p.act(p.model.frame)
    assert np.array_equal(p.mean, p.reference)
    assert not p.strength.any()


def test_effort_is_what_is_put_out_on_channels_within_u_max() -> None:
    p = policy({"kl_price": 1.0}, correction={"u_max": 1.0}, preferences={"styles": []})
    p.reference = np.zeros((2, 2, 1))
    p.estimate = np.array([[0.6, -0.4], [0.3, 2.0]])[..., None]
    assert p.act(p.model.frame)[..., 0].tolist() == [[0.6, 0.0], [0.3, 1.0]]
    assert p.intensity(p.model.frame)[:, 0] == pytest.approx([0.26, 2.045])


def test_a_refusal_lowers_effort_and_without_one_nothing_does() -> None:
    p, plain = policy({"kl_price": 1.0}), policy({"kl_price": 1.0})
    for each in (p, plain):
        each.reference = np.zeros((2, 4, 1))
        each.estimate[:, 3] = 0.0
    without = plain.act(plain.model.frame)
    assert np.array_equal(without, plain.mean[:, :2])
    p.estimate[:, 3, 0] = [0.7, -0.7]
    refused = p.act(p.model.frame)
    np.testing.assert_allclose(refused[0], np.exp(-0.7) * without[0])
    assert np.array_equal(refused[1], without[1])  # the opposite of a refusal is no help
    bare = policy({"kl_price": 1.0}, preferences={"styles": ["flatter"]})
    bare.reference, bare.estimate = np.zeros((2, 3, 1)), p.estimate[:, :3].copy()
    assert np.array_equal(bare.act(bare.model.frame), without)


def test_vectors_are_measured_the_same_alone_and_in_a_batch() -> None:
    one, other = RNG.normal(size=(2, 3, 10, 4))
    one[1], other[2, :, 2] = 0.0, 0.0
    for g, r in np.ndindex(3, 4):
        a, b = one[g, :, r], other[g, :, r]
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        assert inner(one, other)[g, r] == pytest.approx(a @ b)
        assert length_of(one)[g, 0, r] == pytest.approx(np.linalg.norm(a))
        want = a @ b / lengths if lengths else np.nan
        assert cosine(one, other)[g, r] == pytest.approx(want, nan_ok=True)
    assert not unit_of(one)[1].any()
    alone = [cosine(one[..., [r]], other[..., [r]])[:, 0] for r in range(4)]
    np.testing.assert_array_equal(np.stack(alone, axis=1), cosine(one, other))
    assert cosine(one, one * 3.0)[0].max() <= 1.0


def test_proxy_is_what_it_takes_itself_for_and_gold_what_it_is_worth() -> None:
    p = policy()
    p.act(p.model.frame)
    needed = p.needs(p.model.frame).need[..., 0]
    for g in range(2):
        assert p.proxy()[g, 0] == pytest.approx(p.estimate[g, :, 0] @ p.mean[g, :, 0])
        want = needed[g] @ p.mean[g, :2, 0] / np.linalg.norm(needed[g])
        assert p.gold(p.model.frame)[g, 0] == pytest.approx(want)


def test_a_supervised_start_is_as_good_as_its_demonstrations() -> None:
    for noise, n, within in ((0.0, 1, 1e-12), (1.0, 1_000_000, 0.01)):
        spec = {"demonstration_noise": noise, "demonstrations": n, "reference": 2.0, "labels": 0}
        p = policy(spec, prices={"demonstration": 0.0})
        start = Policy.__dict__["_start"]
        start(p, p.model.frame)
        need = p.needs(p.model.frame).need
        want = 2.0 * np.concatenate([need, np.zeros_like(need)], axis=1) / length_of(need)
        np.testing.assert_allclose(p.reference, want, atol=within)
    spread = []
    for seed in range(40):
        p = policy({"demonstrations": 25, "demonstration_noise": 3.0, "reference": 1.0}, seed=seed)
        start(p, p.model.frame)
        need = unit_of(p.needs(p.model.frame).need)
        spread += [*(p.reference[:, :2] - need).ravel(), *p.reference[:, 2:].ravel()]
    # 320 normals with a standard deviation of 3/√25
    assert np.std(spread) == pytest.approx(0.6, abs=4 * 0.6 / np.sqrt(640))


def test_whoever_cannot_pay_starts_nowhere_and_puts_out_nothing() -> None:
    deployed = [{"kind": "deployment", "intensity_coefficient": 1.0}]
    p = policy({"budget": 0.0}, stressors=deployed)
    start = Policy.__dict__["_start"]
    start(p, p.model.frame)
    assert not p.reference.any()
    assert not p.act(p.model.frame).any()
    assert not p.intensity(p.model.frame).any()
    assert not p.spent.any()
    # 60 demonstrations for each of two groups at 0.001, where 100 are wanted.
    p = policy({"budget": 0.1205, "demonstration_noise": 1.0, "reference": 1.0, "start": 1})
    p.model.frame.step = 1
    p.reference = np.empty((0, 0, 1))
    p.sense(p.model.frame)
    assert p.spent[0] <= 0.1205
    draws = p.model.frame.draws.normals("demonstration", 2, n_draws=4, step=1, first=p.first)
    np.testing.assert_allclose(p.reference[:, 2:, 0], draws.T[:, 2:] / np.sqrt(60.0))


def test_nothing_happens_before_the_start() -> None:
    p = policy({"start": 2})
    m = p.model
    for step in range(4):
        m.step()
        (own,) = m.optimizers
        assert isinstance(own, Rlhf)
        assert bool(own.spent.any()) == (step >= 2)
        assert bool(m.frame.effort.any()) == (step >= 2)


def test_groups_without_members_cost_nothing_and_change_nothing() -> None:
    groups = {"a": 0.25, "b": 0.75}
    found = []
    for extra in ({}, {"nobody": 0.0}):
        population = {"size": 40, "groups": {**groups, **extra}}
        content = {
            "channels": ["rent", "work"],
            "population": population,
            "optimizers": [{"kind": "rlhf", "labels": 10}],
            "time": {"steps": 3},
        }
        m = AlignmentModel(Scenario.model_validate(content))
        m.run_model()
        found.append(m.optimizers[0].bills[1:, 0])
        assert np.isfinite(m.recorder.last("cosine_outcome[rlhf]"))
    assert np.array_equal(*found)


def test_one_correction_by_hand_is_as_intense_as_the_policy_says() -> None:
    p = policy({"kl_price": 1.0}, stressors=[{"kind": "deployment", "intensity_coefficient": 0.1}])
    m = p.model
    m.step()
    before = m.state.intensity.copy()
    p.step()
    np.testing.assert_allclose(m.state.intensity - before, p.intensity(m.frame))
    assert (p.intensity(m.frame) > 0.0).all()


def test_a_fork_with_other_styles_learns_anew() -> None:
    m = policy().model
    m.step()
    fork = m.fork({"preferences.styles": ["flatter"]})
    fork.step()
    assert fork.optimizers[0].estimate.shape == (2, 3, 1)
    same = m.fork()
    m.step()
    same.step()
    assert np.array_equal(m.optimizers[0].estimate, same.optimizers[0].estimate)
    assert m.state.equals(same.state)
