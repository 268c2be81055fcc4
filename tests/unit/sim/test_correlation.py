"""Thresholds correlated across channels by a Gaussian copula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import kstest, lognorm, spearmanr

from sim.correlation import correlated, factor, matrix_of
from sim.population import Population
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.streams import Draws

NAMES = ["a", "b", "c"]


def thresholds(correlation: Any, *, size: int = 20_000) -> np.ndarray:
    content: dict[str, Any] = {
        "channels": NAMES,
        "population": {"size": size},
        "network": {"kind": "ring"},
        "constraints": {
            "activation": {"kind": "lognormal", "median": 1.0, "sigma": 0.5},
            "correlation": correlation,
        },
    }
    scenario = full(Scenario.model_validate(content))
    return Population.draw(scenario, Draws(scenario.seed)).up


@pytest.mark.parametrize("rho", [0.6, -0.4, 1.0])
def test_rank_correlation_is_that_of_the_copula_and_marginals_stay(rho: float) -> None:
    up = thresholds({"a": {"c": rho}})
    theory = 6.0 / np.pi * np.arcsin(rho / 2.0)
    assert spearmanr(up[0], up[2]).statistic == pytest.approx(theory, abs=0.03)
    assert spearmanr(up[0], up[1]).statistic == pytest.approx(0.0, abs=0.03)
    for marginal in up:
        assert kstest(marginal, lognorm(0.5).cdf).pvalue > 1e-4


def test_channels_without_correlation_keep_their_draws_bit_for_bit() -> None:
    free, tied = thresholds(0.0), thresholds({"a": {"c": 0.5}})
    np.testing.assert_array_equal(tied[:2], free[:2])
    assert (tied[2] != free[2]).any()
    np.testing.assert_array_equal(thresholds({}), free)


def test_one_number_stands_for_all_pairs() -> None:
    by_pairs = {"a": {"b": 0.3, "c": 0.3}, "c": {"b": 0.3}}
    np.testing.assert_array_equal(thresholds(0.3), thresholds(by_pairs))


def test_a_factor_gives_its_matrix_back_even_a_singular_one() -> None:
    for rho in (0.0, 0.7, 1.0, -0.5):
        matrix = matrix_of(rho, NAMES)
        lower = factor(matrix)
        np.testing.assert_allclose(lower @ lower.T, matrix, atol=1e-12)
        np.testing.assert_array_equal(lower, np.tril(lower))


def test_correlated_uniforms_stay_inside_the_unit_interval() -> None:
    ends = np.array([[2.0**-53, 1.0 - 2.0**-53]] * 3)
    out = correlated(ends, matrix_of(0.5, NAMES))
    assert out.min() >= 2.0**-53
    assert out.max() <= 1.0 - 2.0**-53


@pytest.mark.parametrize(
    ("correlation", "said"),
    [
        (-0.6, "eigenvalue -0.2"),
        ({"a": {"b": 0.9}, "b": {"c": 0.9}}, "eigenvalue"),
        ({"a": {"d": 0.1}}, "no channel named `d`"),
        ({"d": {"a": 0.1}}, "no channel named `d`"),
        ({"a": {"b": 0.1}, "b": {"a": 0.2}}, "correlated 0.1 and 0.2"),
        ({"a": {"a": 0.1}}, "with itself"),
    ],
)
def test_what_cannot_be_a_correlation_is_refused(correlation: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        thresholds(correlation, size=20)
