"""Over-optimisation: gold against the strength of optimisation, where it turns, what form it has.

Gold is the fall of prevalence against the matched run without an optimizer.  Tables in, tables
out; the runs are made by `analysis.pressure`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit
from scipy.special import xlogy
from scipy.stats import t as student

from analysis.intervals import Interval
from sim.streams import FloatArray

Form = Callable[[FloatArray, float, float], FloatArray]

FORMS: Mapping[str, tuple[Form, Callable[[float, float], float]]] = MappingProxyType(
    {
        "rl": (
            lambda d, alpha, beta: alpha * d - beta * xlogy(d, d),
            lambda alpha, beta: float(np.exp(alpha / beta - 1.0)),
        ),
        "best_of_n": (
            lambda d, alpha, beta: alpha * d - beta * d * d,
            lambda alpha, beta: alpha / (2.0 * beta),
        ),
    }
)
"""Forms of Gao et al. 2022 (arXiv:2210.10760), d (α − β ln d) and d (α − β d), and their peaks."""


def gold_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return gold of each run: columns replicate, value, strength and gold [share].

    Parameters
    ----------
    runs
        As `analysis.pressure.pressed` returns them.

    Examples
    --------
    >>> columns = ["replicate", "value", "strength", "prevalence", "without"]
    >>> gold_table(pd.DataFrame([[0, 2.0, 1.5, 0.25, 0.75]], columns=columns))["gold"].tolist()
    [0.5]
    """
    gold = runs["without"] - runs["prevalence"]
    return runs[["replicate", "value", "strength"]].assign(gold=gold)


def turn_table(gold: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return one row: where gold peaks, and how far it rises before and falls after.

    The peak that a replicate is measured at is where the *others* are highest, so that noise
    alone makes neither a rise nor a fall.

    Columns: value and strength of the peak of the mean over replicates, gold there; rise (from the
    weakest to the peak) and fall (from the peak to the strongest) with rise_low, rise_high,
    fall_low, fall_high, intervals over replicates; over_optimised: whether both lie above 0.

    Raises
    ------
    ValueError
        With fewer than two replicates, or replicates without the same values.
    """
    wide = gold.pivot(index="replicate", columns="value", values="gold").sort_index(axis=1)
    values = wide.to_numpy(dtype=np.float64)
    if len(values) < 2 or np.isnan(values).any():
        raise ValueError("a turn needs two replicates or more, all with the same values")
    mean, n = values.mean(axis=0), len(values)
    peaks = [int(np.argmax(mean * n - values[r])) for r in range(n)]
    there = values[np.arange(n), peaks]
    peak = wide.columns[int(np.argmax(mean))]
    row: dict[str, Any] = {
        "value": peak,
        "strength": float(gold.loc[gold["value"] == peak, "strength"].mean()),
        "gold": float(mean.max()),
    }
    for name, change in (("rise", there - values[:, 0]), ("fall", there - values[:, -1])):
        row |= _columns(name, mean_interval(change, level=level))
    row["over_optimised"] = bool(row["rise_low"] > 0.0 and row["fall_low"] > 0.0)
    return pd.DataFrame([row])


def forms_table(gold: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return the fit of each form by least squares: one row a form.

    Replicates share their draws over all strengths, so residuals of one replicate are not
    independent: the form is fitted to each, and intervals are those of the mean over replicates.

    Columns: form; alpha and beta with _low and _high; peak, the strength at which the form with
    these is highest (nan where β ≤ 0: it has none); r2, the share of the variance of all runs that
    it explains, and r2_mean, of that of the means over replicates; replicates.  Parameters of a
    single replicate have no interval (nan).
    """
    rows = []
    by_value = gold.groupby("value")[["strength", "gold"]].mean()
    for name, (form, peak) in FORMS.items():
        fits = np.array([_fit(form, group) for _, group in gold.groupby("replicate")])
        alpha, beta = (mean_interval(column, level=level) for column in fits.T)
        row: dict[str, Any] = {"form": name}
        row |= _columns("alpha", alpha) | _columns("beta", beta)
        row["peak"] = peak(alpha.estimate, beta.estimate) if beta.estimate > 0.0 else np.nan
        for column, table in (("r2", gold), ("r2_mean", by_value)):
            d, found = (table[c].to_numpy(dtype=np.float64) for c in ("strength", "gold"))
            left = found - form(d, alpha.estimate, beta.estimate)
            row[column] = float(1.0 - (left**2).sum() / ((found - found.mean()) ** 2).sum())
        rows.append({**row, "replicates": len(fits)})
    return pd.DataFrame(rows)


def _fit(form: Form, runs: pd.DataFrame) -> FloatArray:
    d, found = (runs[c].to_numpy(dtype=np.float64) for c in ("strength", "gold"))
    parameters, _ = curve_fit(form, d, found, p0=(1.0, 0.0))
    return np.asarray(parameters, dtype=np.float64)


def mean_interval(sample: FloatArray, *, level: float = 0.95) -> Interval:
    """Return the mean of a sample and Student's interval; nan ends for a single value.

    Examples
    --------
    >>> mean_interval(np.array([1.0, 3.0]), level=0.5)
    Interval(estimate=2.0, low=1.0, high=3.0)
    """
    n, mean = sample.size, float(np.mean(sample))
    if n < 2:
        return Interval(mean, np.nan, np.nan)
    factor = float(student.ppf(0.5 + 0.5 * level, n - 1))
    half = round(factor, 12) * float(np.std(sample, ddof=1)) / float(np.sqrt(n))
    return Interval(mean, mean - half, mean + half)


def _columns(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
