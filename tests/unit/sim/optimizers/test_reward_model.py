"""The reward model: one minimum, found from anywhere, the same that others find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from sim.optimizers.reward_model import fit

Array = np.ndarray[Any, Any]


def labels(seed: int, n: int = 80, n_dims: int = 5, silent: float = 0.0) -> tuple[Array, Array]:
    """Pairs and what is said of them by someone with a direction of their own."""
    rng = np.random.default_rng(seed)
    difference = rng.normal(size=(n, n_dims)) * np.sqrt(2.0)
    direction = rng.normal(size=n_dims)
    choice = np.where(rng.random(n) < expit(difference @ direction), 1, -1)
    return difference, np.where(rng.random(n) < silent, 0, choice)


def gradient(w: Array, difference: Array, choice: Array, ridge: float) -> Array:
    """Slope of the loss, label by label."""
    slope = ridge * w
    for delta, y in zip(difference, choice, strict=True):
        if y:
            slope = slope - y * delta / (1.0 + np.exp(y * float(w @ delta)))
    return slope


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 60),
    n_dims=st.integers(1, 10),
    ridge=st.floats(1e-3, 1e3),
    silent=st.sampled_from([0.0, 0.5]),
)
def test_the_loss_is_flat_where_the_fit_ends(
    seed: int, n: int, n_dims: int, ridge: float, silent: float
) -> None:
    difference, choice = labels(seed, n, n_dims, silent)
    found = fit(difference, choice, ridge=ridge)
    slope = gradient(found, difference, choice, ridge)
    assert np.abs(slope).max() <= 1e-7 * max(np.abs(difference).sum(), 1.0)


@given(seed=st.integers(0, 10_000), far=st.floats(0.0, 50.0))
def test_it_ends_at_the_same_place_from_anywhere(seed: int, far: float) -> None:
    difference, choice = labels(seed)
    start = far * np.random.default_rng(seed + 1).normal(size=5)
    cold, warm = (fit(difference, choice, ridge=0.5, start=s) for s in (None, start))
    np.testing.assert_allclose(warm, cold, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 1.0, 100.0])
def test_labels_that_can_be_told_apart_exactly_have_a_minimum_too(ridge: float) -> None:
    difference, _ = labels(3, n=20)
    choice = np.sign(difference @ np.array([1.0, -2.0, 0.5, 0.0, 1.0]))
    found = fit(difference, choice, ridge=ridge)
    assert np.abs(gradient(found, difference, choice, ridge)).max() < 1e-5
    assert (np.sign(difference @ found) == choice).mean() >= 0.9


def test_it_is_what_scikit_learn_finds() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    for seed, ridge in ((0, 0.1), (1, 1.0), (2, 10.0)):
        difference, choice = labels(seed, n=200)
        theirs = linear_model.LogisticRegression(
            C=1.0 / ridge, fit_intercept=False, tol=1e-12, max_iter=10_000
        ).fit(difference, choice)
        np.testing.assert_allclose(
            fit(difference, choice, ridge=ridge), theirs.coef_[0], rtol=1e-5, atol=1e-7
        )


def test_silence_does_not_count() -> None:
    difference, choice = labels(5, silent=0.4)
    told = choice != 0
    assert 0 < told.sum() < told.size
    with_silence = fit(difference, choice, ridge=1.0)
    assert np.array_equal(with_silence, fit(difference[told], choice[told], ridge=1.0))
    assert not np.allclose(with_silence, fit(difference, np.where(told, choice, 1), ridge=1.0))
    assert not fit(difference, np.zeros_like(choice), ridge=1.0).any()
    assert fit(np.empty((0, 5)), np.empty(0, dtype=int), ridge=1.0).tolist() == [0.0] * 5


def test_which_of_two_is_shown_first_does_not_matter() -> None:
    difference, choice = labels(6)
    turned = fit(-difference, -choice, ridge=1.0)
    assert np.array_equal(turned, fit(difference, choice, ridge=1.0))
    np.testing.assert_allclose(fit(difference, -choice, ridge=1.0), -turned, atol=1e-7)


def test_a_dearer_length_is_a_shorter_estimate() -> None:
    difference, choice = labels(7)
    lengths = [np.linalg.norm(fit(difference, choice, ridge=r)) for r in (0.01, 0.1, 1.0, 10.0)]
    assert (np.diff(lengths) < 0.0).all()
