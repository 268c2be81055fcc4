"""Feedback by preference: what labels teach, ensembles, the best of n, windows, spending."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.engine import advance
from sim.model import AlignmentModel
from sim.optimizers.policy import cosine
from sim.optimizers.reward_model import fit
from sim.optimizers.rlhf import Rlhf, largest_of
from sim.processes.stage import Frame
from sim.scenario.schema import Scenario


def model(*specs: dict[str, Any], **blocks: Any) -> AlignmentModel:
    content = {
        "time": {"steps": 12},
        "channels": {"rent": 0.5, "work": 0.3, "care": 0.2},
        "population": {
            "size": 60,
            "groups": {"a": 0.3, "nobody": 0.0, "b": 0.7},
            "initial": {"exposure": {"kind": "uniform", "low": 0.0, "high": 3.0}},
        },
        "network": {"kind": "ring"},
        "feedback": {"response_base": 50.0},
        "optimizers": [{"kind": "rlhf", **spec} for spec in specs],
        **blocks,
    }
    return AlignmentModel(Scenario.model_validate(content))


def only(m: AlignmentModel) -> Rlhf:
    optimizer = m.optimizers[0]
    assert isinstance(optimizer, Rlhf)
    return optimizer


def test_many_labels_recover_the_need() -> None:
    off = []
    for labels in (50, 1_000, 20_000):
        m = model({"labels": labels, "window": 1, "ridge": 0.01, "budget": 1e9})
        m.step()
        p = only(m)
        angle = np.arccos(cosine(p.estimate, p.needed(m.frame))[[0, 2], 0])
        off.append(angle.mean())
    assert off[0] > off[1] > off[2]
    assert off[2] < 0.03
    # Where everybody wants the same, its length is that of β_h too.
    m = model(
        {"labels": 20_000, "window": 1, "ridge": 0.01, "budget": 1e9},
        population={"size": 60},
        preferences={"sharpness": 1.5},
    )
    m.step()
    p = only(m)
    unit = p.needed(m.frame)[0, :, 0] / np.linalg.norm(p.needed(m.frame)[0])
    np.testing.assert_allclose(p.estimate[0, :, 0], 1.5 * unit, atol=0.06)


def test_a_single_model_is_the_plain_one_and_pessimism_then_does_nothing() -> None:
    plain = model({"labels": 20})
    null = model({"labels": 20, "ensemble": 1, "pessimism": 5.0, "best_of": 1})
    for _ in range(4):
        plain.step()
        null.step()
    assert plain.state.equals(null.state)
    assert np.array_equal(only(plain).estimate, only(null).estimate)
    told = only(plain).told
    difference = np.concatenate([labels.difference for labels in told], axis=1)
    choice = np.concatenate([labels.choice for labels in told], axis=1)
    for g in (0, 2):
        want = fit(difference[g], choice[g, :, 0], ridge=1.0)
        np.testing.assert_allclose(only(plain).estimate[g, :, 0], want, atol=1e-7)
    assert not only(plain).estimate[1].any()


def test_an_ensemble_is_the_mean_of_resampled_models_less_their_spread() -> None:
    found = {}
    for pessimism in (0.0, 1.0, 1000.0):
        m = model({"labels": 30, "ensemble": 4, "pessimism": pessimism})
        m.step()
        found[pessimism] = only(m).estimate[[0, 2], :, 0]
    p, (told,) = only(m), only(m).told
    drawn = m.frame.draws.uniforms("ensemble", 90, n_draws=4, step=0, first=p.first)
    for place, g in enumerate((0, 2)):
        rows = (drawn[:, g::3] * 30).astype(int)
        models = np.array(
            [fit(told.difference[g][row], told.choice[g, row, 0], ridge=1.0) for row in rows]
        )
        mean, spread = models.mean(axis=0), models.std(axis=0, ddof=1)
        np.testing.assert_allclose(found[0.0][place], mean, atol=1e-7)
        kept = np.sign(mean) * np.maximum(np.abs(mean) - spread, 0.0)
        np.testing.assert_allclose(found[1.0][place], kept, atol=1e-7)
        assert 0 < np.abs(kept).sum() < np.abs(mean).sum()
    assert not found[1000.0].any()


@pytest.mark.parametrize("n", [2, 16, 1000])
def test_the_best_of_n_goes_as_far_as_the_largest_of_n_normals(n: int) -> None:
    drawn = np.random.default_rng(n).normal(size=(2_000_000 // n, n)).max(axis=1)
    error = drawn.std() / np.sqrt(drawn.size)
    assert abs(largest_of(n) - drawn.mean()) < 4.0 * error
    m = model({"best_of": n, "strongest": 50.0})
    m.step()
    p, there = only(m), [0, 2]
    shift = np.linalg.norm(p.mean - p.reference, axis=1)
    np.testing.assert_allclose(shift[there, 0], largest_of(n))
    kl = np.log(n) - (n - 1) / n
    np.testing.assert_allclose(p.strength[there, 0] ** 2, kl)
    assert not p.strength[1].any()
    # Estimating the divergence itself: density of the largest is n Φⁿ⁻¹ φ.
    from scipy.special import log_ndtr

    logs = np.log(n) + (n - 1) * log_ndtr(drawn)
    assert abs(logs.mean() - kl) < 4.0 * logs.std() / np.sqrt(logs.size)
    # n outputs are drawn for each that is put out.
    bills = m.recorder.latest()
    assert bills["spending[rlhf,inference]"] == pytest.approx(2 * n * 1e-5)


def test_the_best_of_one_is_no_search_and_of_many_is_capped() -> None:
    assert largest_of(1) == 0.0
    assert largest_of(2) == pytest.approx(1.0 / np.sqrt(np.pi))
    assert largest_of(1_000_000) == pytest.approx(4.86290, abs=1e-4)
    m = model({"best_of": 100, "strongest": 0.6})
    m.step()
    np.testing.assert_allclose(only(m).strength[[0, 2], 0], 0.6)


def test_the_window_forgets_and_rounds_may_be_apart() -> None:
    m = model({"labels": 6, "window": 2, "every": 3})
    p, seen = only(m), []
    for step in range(9):
        m.step()
        if step % 3 == 0:
            seen.append(p.told[-1])
        assert p.told == tuple(seen[-2:])
    assert len({labels.difference.tobytes() for labels in seen}) == 3


def test_no_labels_teach_nothing() -> None:
    silent = model({"labels": 40}, feedback={"response_base": -500.0})
    none = model({"labels": 0})
    for m in (silent, none):
        m.step()
        p = only(m)
        assert not p.estimate.any()
        assert np.array_equal(p.mean, p.reference)
        assert p.reference[[0, 2]].any()


def test_a_budget_that_runs_out_in_labels_shows_as_many_as_it_pays() -> None:
    free = dict.fromkeys(("effort", "demonstration", "training", "inference"), 0.0)
    m = model({"labels": 40, "budget": 1.1, "window": 50}, prices={**free, "label": 0.01})
    shown = []
    for _ in range(4):
        m.step()
        last = only(m).told[-1].choice[[0, 2], :, 0]
        shown.append((last != 0).sum(axis=1).tolist())
        assert (np.diff((last != 0).astype(int), axis=1) <= 0).all()  # the first ones
    # 80 labels a step for two groups with members: 0.8, then 0.3, then nothing.
    assert shown == [[40, 40], [15, 15], [0, 0], [0, 0]]
    assert only(m).spent[0] == pytest.approx(1.1)
    assert m.recorder.latest()["spending[rlhf,label]"] == pytest.approx(1.1)


def test_whoever_cannot_pay_for_training_keeps_the_old_model() -> None:
    free = dict.fromkeys(("effort", "demonstration", "label", "inference"), 0.0)
    m = model({"budget": 0.5}, prices={**free, "training": 0.25})
    m.step()
    learned = only(m).estimate.copy()
    assert learned.any()
    m.step()
    assert np.array_equal(only(m).estimate, learned)


def test_a_future_in_a_batch_is_that_future_alone_bit_for_bit() -> None:
    def steered(branches: list[int]) -> tuple[Rlhf, np.ndarray]:
        m = model({"labels": 15, "ensemble": 2, "pessimism": 0.5, "budget": 12.0})
        begun = m.state.take([0, 0, 0])
        begun.exposure *= np.array([1.0, 1.4, 0.7])
        begun.constraint[...] = begun.exposure > 1.0
        frame = Frame.begin(
            m.frame.population,
            begun.take(branches),
            coefficients=m.frame.coefficients,
            environment=m.frame.environment,
            draws=m.frame.draws,
            controllers=m.optimizers,
            listening=True,
        )
        advance(frame, 4)
        return only(m), frame.state.exposure

    together, exposure = steered([0, 1, 2])
    assert (together.estimate[..., 0] != together.estimate[..., 1]).any()
    for branch in range(3):
        alone, own = steered([branch])
        for name in ("estimate", "mean", "reference", "spent", "bills"):
            batch = getattr(together, name)[..., branch]
            assert np.array_equal(getattr(alone, name)[..., 0], batch), name
        assert np.array_equal(own[..., 0], exposure[..., branch])


def test_labels_harm_those_who_give_them_each_time_they_do() -> None:
    spec = {"labels": 40}
    harmed = model(spec, preferences={"label_harm": {"work": 0.25}})
    plain = model(spec)
    for m in (harmed, plain):
        only(m).sense(m.frame)
    (labels,) = only(harmed).told
    assert (labels.choice == only(plain).told[0].choice).all()
    answered = labels.person[labels.choice[..., 0] != 0]
    times = np.bincount(answered, minlength=harmed.frame.population.n_persons)
    assert times.max() > 1
    assert times.min() == 0
    added = harmed.state.exposure - plain.state.exposure
    np.testing.assert_allclose(added[1, :, 0], 0.25 * times)
    assert not added[[0, *range(2, len(added))]].any()


def test_labels_that_are_not_paid_harm_nobody() -> None:
    m = model({"budget": 0.0}, preferences={"label_harm": {"work": 0.25}})
    before = m.state.exposure.copy()
    only(m).sense(m.frame)
    assert np.array_equal(m.state.exposure, before)
