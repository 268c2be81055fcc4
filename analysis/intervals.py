"""Intervals over replicates: bootstrap for order statistics, Student's t for means.

Order statistics take infinite values as data like any other; means are of what is finite.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from sim.streams import Draws

_RESAMPLES = 2000


class Interval(NamedTuple):
    """An estimate with the ends of its interval; any of them may be infinite."""

    estimate: float
    low: float
    high: float


def quantile_interval(
    sample: npt.ArrayLike, *, q: float = 0.5, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return a sample quantile and its percentile-bootstrap interval over replicates.

    Quantiles are order statistics (inverted distribution function), so an infinite cost is
    ranked, never averaged: the median of a sample that is mostly infinite is infinite.

    Parameters
    ----------
    sample
        One value a replicate, (n,); inf allowed, nan not.
    q
        Which quantile, in [0, 1].
    level
        Coverage of the interval.
    seed
        Seed of the resampling; equal samples of one seed share their resamples.

    Examples
    --------
    >>> quantile_interval([1.0, 2.0, float("inf")]).estimate
    2.0

    Raises
    ------
    ValueError
        If the sample is empty or holds nan.
    """
    values = np.asarray(sample, dtype=np.float64)
    if values.size == 0 or np.isnan(values).any():
        raise ValueError("a sample must have values, none of them nan")
    draws = Draws(seed, 0, "analysis")
    uniforms = draws.uniforms("bootstrap", _RESAMPLES, n_draws=values.size)
    picked = values[np.floor(uniforms * values.size).astype(np.intp)]
    estimates = np.quantile(picked, q, axis=0, method="inverted_cdf")
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(estimates, [tail, 1.0 - tail], method="inverted_cdf")
    estimate = np.quantile(values, q, method="inverted_cdf")
    return Interval(float(estimate), float(low), float(high))


def mean_interval(sample: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Return a mean and its t interval over replicates.

    Of matched differences it is the paired t interval.

    Parameters
    ----------
    sample
        One finite value a replicate, (n,).
    level
        Coverage of the interval, exact for normal values.

    Returns
    -------
    Interval
        With nan for ends that one replicate alone does not have; nan throughout if a value is.

    Examples
    --------
    >>> mean_interval([1.0, 2.0, 3.0]).estimate
    2.0

    Raises
    ------
    ValueError
        If the sample is empty.
    """
    values = np.asarray(sample, dtype=np.float64)
    if values.size == 0:
        raise ValueError("a sample must have values")
    mean = float(values.mean())
    if values.size == 1:
        return Interval(mean, math.nan, math.nan)
    quantile = float(stdtrit(values.size - 1, 0.5 + level / 2.0))
    half = quantile * float(values.std(ddof=1)) / math.sqrt(values.size)
    return Interval(mean, mean - half, mean + half)
