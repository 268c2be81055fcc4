"""Measures of reports: closed forms, bias by resampling, and the traps they must not fall into."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.reports import calibration, information, ranking

RNG_SEED = 20240607


def table(active: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return counts by constraint and report."""
    return np.bincount(2 * active + said, minlength=4).reshape(2, 2)


def plug_in(counts: np.ndarray) -> float:
    """Return Σ p log₂ p / (p₁ p₂), term by term."""
    total, p = 0.0, counts / counts.sum()
    for row in range(2):
        for column in range(2):
            if p[row, column]:
                apart = p[row].sum() * p[:, column].sum()
                total += p[row, column] * math.log2(p[row, column] / apart)
    return total


def test_information_is_the_plug_in_less_its_bias() -> None:
    counts = np.array([[31, 4], [7, 22]])
    assert information(counts) == pytest.approx(plug_in(counts) - 1 / (2 * 64 * math.log(2.0)))
    three = np.array([[31, 0], [7, 22]])  # (2 + 2 − 3 − 1) / 2n is nothing
    assert information(three) == pytest.approx(plug_in(three))


def test_information_of_an_independent_pair_is_nothing_on_average() -> None:
    rng = np.random.default_rng(RNG_SEED)
    drawn = rng.integers(0, 2, (20_000, 2, 50))
    tables = [table(active, said) for active, said in drawn]
    naive = np.array([plug_in(counts) for counts in tables])
    corrected = np.array([information(counts) for counts in tables])
    error = corrected.std() / math.sqrt(corrected.size)
    assert abs(corrected.mean()) < 4.0 * error + 1e-3  # what is left is of order 1/n²
    assert naive.mean() > 20.0 * error
    assert (corrected < 0.0).any()


@pytest.mark.parametrize(
    ("counts", "auc"),
    [
        ([[50, 0], [0, 50]], 1.0),
        ([[25, 25], [40, 40]], 0.5),
        ([[0, 50], [50, 0]], 0.0),
        ([[30, 10], [5, 15]], 0.75),
    ],
)
def test_ranking_is_that_of_all_pairs(counts: list[list[int]], auc: float) -> None:
    below = [said for said in (0, 1) for _ in range(counts[0][said])]
    above = [said for said in (0, 1) for _ in range(counts[1][said])]
    pairs = [1.0 if high > low else 0.5 * (high == low) for high in above for low in below]
    assert ranking(np.array(counts)) == pytest.approx(sum(pairs) / len(pairs))
    assert ranking(np.array(counts)) == pytest.approx(auc)


def test_nothing_is_measured_where_nothing_was_said() -> None:
    silent = np.array([[[0, 0, 7], [0, 0, 3]]])
    assert math.isnan(information(silent[0, :, :2]))
    assert math.isnan(ranking(silent[0, :, :2]))
    assert all(map(math.isnan, (*calibration(silent), calibration(silent).error)))
    assert math.isnan(ranking(np.array([[3, 4], [0, 0]])))
    assert math.isnan(ranking(np.array([[0, 0], [3, 4]])))
    alone = calibration(np.array([[[1, 0, 4], [0, 0, 5]]]))
    assert alone.bias == pytest.approx(-0.5)
    assert math.isnan(alone.square)


def asked(rng: np.random.Generator, *, n: int, active: float, answers: tuple[float, float]):  # type: ignore[no-untyped-def]
    """Return counts, (2, 3), of n truthful persons who answer with chances by constraint."""
    is_active = rng.random(n) < active
    speaks = rng.random(n) < np.where(is_active, answers[1], answers[0])
    said = np.where(speaks, is_active, 2)
    return np.bincount(3 * is_active + said, minlength=6).reshape(2, 3)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9, 1.0])
def test_answers_missing_at_random_are_calibrated_on_average(rate: float) -> None:
    rng = np.random.default_rng(RNG_SEED)
    cells = [
        np.stack([asked(rng, n=60, active=p, answers=(rate, rate)) for p in (0.2, 0.5, 0.7)])
        for _ in range(6_000)
    ]
    found = [calibration(cell) for cell in cells]
    square = np.array([one.square for one in found])
    bias = np.array([one.bias for one in found])
    error = square.std() / math.sqrt(square.size)
    # The variance is of first order: what is left is a small part of what was taken off.
    taken_off = 0.2 / (60 * rate) * (1.0 - rate)
    assert abs(square.mean()) <= 4.0 * error + 0.05 * taken_off + 1e-12
    assert abs(bias.mean()) <= 4.0 * bias.std() / math.sqrt(bias.size) + 1e-12
    if rate == 1.0:
        assert np.abs(square).max() < 1e-12


def test_silence_not_at_random_is_seen() -> None:
    rng = np.random.default_rng(RNG_SEED)
    # Of those who answer 0.4 · 0.3 / (0.4 · 0.3 + 0.6 · 0.8) = 0.2 are active, of those asked 0.4.
    cell = asked(rng, n=200_000, active=0.4, answers=(0.8, 0.3))[None]
    found = calibration(cell)
    assert found.bias == pytest.approx(-0.2, abs=0.006)
    assert found.error == pytest.approx(0.2, abs=0.006)
    louder = calibration(asked(rng, n=200_000, active=0.4, answers=(0.3, 0.8))[None])
    assert louder.bias == pytest.approx(0.32 / 0.5 - 0.4, abs=0.006)


def test_differences_that_cancel_out_are_errors_still() -> None:
    cells = np.array([[[50, 50, 0], [0, 100, 0]], [[100, 0, 0], [50, 50, 0]]])
    found = calibration(cells)
    assert found.bias == pytest.approx(0.0)
    assert found.error == pytest.approx(0.25, abs=0.01)


def test_few_of_many_answers_have_the_variance_of_a_share() -> None:
    cell = np.array([[[30, 10, 300_000], [0, 20, 200_000]]])
    p, truth = 0.5, 200_020 / 500_060
    assert calibration(cell).square == pytest.approx((p - truth) ** 2 - p * (1 - p) / 59, rel=1e-3)
