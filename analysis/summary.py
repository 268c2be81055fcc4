"""From the rows of a cost run to the tables of its report.  Tables in, tables out.

A difference with one infinite term is "lost" or "gained" and ranks as plus or minus infinity;
with two it is undefined and has no rank.  Medians are order statistics, of an even number the
lower middle one, so that nothing infinite is averaged and every median is some replicate's value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.intervals import quantile_interval

Row = dict[str, Any]


def median_of(sample: pd.Series, prefix: str, seed: int) -> Row:
    """Return the median of a sample and its interval as columns.

    Nan for an empty sample, and for the interval of a single value, which tells no spread.
    """
    estimate, low, high = np.nan, np.nan, np.nan
    if len(sample):
        estimate, low, high = quantile_interval(sample.to_numpy(), seed=seed)
    if len(sample) == 1:
        low, high = np.nan, np.nan
    return {prefix: estimate, f"{prefix}_low": low, f"{prefix}_high": high}


def of_median_cost(group: pd.DataFrame) -> pd.Series:
    """Return the row of the replicate whose cost is the median of the group."""
    ranked = group.sort_values(["cost", "replicate"], kind="stable")
    return ranked.iloc[(len(group) - 1) // 2]


def cost_curve_table(cost: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return C(τ): one row a role, target and delay.

    Columns: role, target, delay, replicates, cost (median) with cost_low and cost_high (95 %
    bootstrap interval over replicates), censored (share of infinite costs), finite_low and
    finite_high (range of the finite ones, nan if none), height and length (of the replicate of
    median cost, nan and 0 if that is infinite), floor, prevalence_exposed, prevalence_rested,
    exposure_memory and harm (medians).
    """
    rows = []
    for (role, target, delay), group in cost.groupby(["role", "target", "delay"], sort=True):
        finite = group[~group["censored"]]
        row: Row = {"role": role, "target": target, "delay": delay, "replicates": len(group)}
        row |= median_of(group["cost"], "cost", seed)
        row["censored"] = group["censored"].mean()
        row["finite_low"], row["finite_high"] = finite["cost"].min(), finite["cost"].max()
        row |= of_median_cost(group)[["height", "length"]].to_dict()
        for name in ("floor", "prevalence_exposed", "prevalence_rested", "exposure_memory", "harm"):
            row[name] = group[name].quantile(0.5, interpolation="lower")
        rows.append(row)
    return pd.DataFrame(rows)


def _difference(later: pd.Series, earlier: pd.Series) -> tuple[pd.Series, int, int, int]:
    """Return differences that have a rank, and how many pairs were lost, gained and undefined."""
    both = later.notna() & earlier.notna()
    known = both & (np.isfinite(later) | np.isfinite(earlier))
    lost = int((np.isinf(later) & np.isfinite(earlier)).sum())
    gained = int((np.isfinite(later) & np.isinf(earlier)).sum())
    undefined = int((np.isinf(later) & np.isinf(earlier)).sum())
    return later[known] - earlier[known], lost, gained, undefined


def marginal_cost_table(cost: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return the marginal cost of delay: matched differences between neighboring delays.

    Columns: role, target, delay_from, delay_to, marginal (median of the differences, per step of
    delay) with marginal_low and marginal_high, finite, lost (finite, then infinite: ranks as ∞),
    gained (infinite, then finite: ranks as −∞), undefined (both infinite: has no rank), decreases
    (finite and negative).
    """
    rows = []
    for (role, target), group in cost.groupby(["role", "target"], sort=True):
        wide = group.pivot(index="replicate", columns="delay", values="cost")
        delays = list(wide.columns)
        for start, stop in pairwise(delays):
            change, lost, gained, undefined = _difference(wide[stop], wide[start])
            row: Row = {"role": role, "target": target, "delay_from": start, "delay_to": stop}
            row |= median_of(change / (stop - start), "marginal", seed)
            row |= {"finite": int(np.isfinite(change).sum()), "lost": lost}
            row |= {"gained": gained, "undefined": undefined}
            row["decreases"] = int((np.isfinite(change) & (change < 0.0)).sum())
            rows.append(row)
    return pd.DataFrame(rows)


def premium_table(cost: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return the irreversibility premium: matched cost above the reversible twin's.

    Columns: target, delay, premium (median of the differences) with premium_low and premium_high,
    finite, lost (infinite here, finite in the twin: ranks as ∞), gained (the reverse: ranks as
    −∞), undefined (both infinite: has no rank).  Empty when the run has no twin.
    """
    rows = []
    for (target, delay), group in cost.groupby(["target", "delay"], sort=True):
        wide = group.pivot(index="replicate", columns="role", values="cost")
        if not {"scenario", "twin"} <= set(wide.columns):
            continue
        change, lost, gained, undefined = _difference(wide["scenario"], wide["twin"])
        row: Row = {"target": target, "delay": delay} | median_of(change, "premium", seed)
        row |= {"finite": int(np.isfinite(change).sum()), "lost": lost}
        row |= {"gained": gained, "undefined": undefined}
        rows.append(row)
    return pd.DataFrame(rows)


def no_return(delays: np.ndarray[Any, Any], lost: np.ndarray[Any, Any]) -> float | None:
    """Return T*, the first delay lost for good: inf if none is, None if one is regained later.

    Examples
    --------
    >>> no_return(np.array([0, 5, 10]), np.array([False, True, True]))
    5.0
    >>> no_return(np.array([0, 5, 10]), np.array([False, True, False])) is None
    True
    """
    if not lost.any():
        return np.inf
    first = int(np.argmax(lost))
    return float(delays[first]) if lost[first:].all() else None


def _points(group: pd.DataFrame, u_max: float) -> Iterator[float | None]:
    for _, one in group.sort_values("delay").groupby("replicate"):
        lost = ~(one["least_height"].to_numpy() <= u_max * (1.0 + 1e-12))
        yield no_return(one["delay"].to_numpy(), lost)


def no_return_table(cost: pd.DataFrame, *, u_max: float, seed: int = 0) -> pd.DataFrame:
    """Return the point of no return T* as a function of the largest admissible height.

    Every height up to u_max was searched, so one cost run tells T* for every smaller u_max.
    Columns: role, target, u_max, no_return (median T*, inf when most replicates are never
    lost) with no_return_low and no_return_high, never (share never lost), undefined (number of
    replicates regained after being lost; they are left out of the median).
    """
    rows = []
    for (role, target), group in cost.groupby(["role", "target"], sort=True):
        for share in np.linspace(0.1, 1.0, 10):
            points = list(_points(group, share * u_max))
            known = pd.Series([p for p in points if p is not None], dtype=np.float64)
            row: Row = {"role": role, "target": target, "u_max": share * u_max}
            row |= median_of(known, "no_return", seed)
            row["never"] = float(np.isinf(known).mean()) if len(known) else np.nan
            row["undefined"] = len(points) - len(known)
            rows.append(row)
    return pd.DataFrame(rows)


def remanence_table(remanence: pd.DataFrame, *, tolerance: float, seed: int = 0) -> pd.DataFrame:
    """Return what remains after ever longer rests: R∞ is the larger of the last two rests.

    Columns: role, quantity (prevalence, exposure_memory, cost_hold, cost_heal), delay, rest
    (the longest), value (median over replicates of the larger of the last two rests) with
    value_low and value_high, converged (share of replicates in which the last two agree).

    Parameters
    ----------
    tolerance
        Largest difference of cost between the last two rests that counts as agreement [load ·
        steps]; prevalence and exposure memory agree within 0.001.
    """
    rows = []
    for role, group in remanence.groupby("role", sort=True):
        for quantity in ("prevalence", "exposure_memory", "cost_hold", "cost_heal"):
            wide = group.pivot(index="replicate", columns="rest", values=quantity)
            last = wide.iloc[:, -2:] if wide.shape[1] > 1 else wide
            margin = tolerance if quantity.startswith("cost") else 1e-3
            agree = np.isclose(last.iloc[:, 0], last.iloc[:, -1], rtol=0.0, atol=margin)
            row: Row = {"role": role, "quantity": quantity, "delay": group["delay"].iloc[0]}
            row["rest"] = wide.columns[-1]
            row |= median_of(last.max(axis=1), "value", seed)
            row["converged"] = float(np.mean(agree)) if wide.shape[1] > 1 else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def crossing_table(crossings: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return first-passage times of declared thresholds.

    Columns: role, level, direction, crossed (replicates), censored (replicates that never
    crossed), step (median with never as infinity), step_low, step_high.
    """
    rows = []
    for (role, level, way), group in crossings.groupby(["role", "level", "direction"], sort=True):
        censored = group["censored"].astype(bool)
        steps = group["step"].astype(np.float64).where(~censored, np.inf)
        row: Row = {"role": role, "level": level, "direction": way}
        row |= {"crossed": int((~censored).sum()), "censored": int(censored.sum())}
        rows.append(row | median_of(steps, "step", seed))
    return pd.DataFrame(rows)


@dataclass(frozen=True, slots=True)
class Summary:
    """Every table of a cost report."""

    curve: pd.DataFrame
    marginal: pd.DataFrame
    premium: pd.DataFrame
    no_return: pd.DataFrame
    remanence: pd.DataFrame
    crossings: pd.DataFrame


def summarize(
    tables: Mapping[str, pd.DataFrame], *, u_max: float, step: float, seed: int
) -> Summary:
    """Return the tables of a report from the rows of a cost run.

    Parameters
    ----------
    tables
        Rows by name, as `analysis.cost.Measurement` names them.
    u_max
        Largest height tried [load].
    step
        Resolution of a cost: one grid step of height held for the whole horizon [load · steps].
    seed
        Seed of the bootstrap.
    """
    cost = tables["cost"]
    return Summary(
        curve=cost_curve_table(cost, seed=seed),
        marginal=marginal_cost_table(cost, seed=seed),
        premium=premium_table(cost, seed=seed),
        no_return=no_return_table(cost, u_max=u_max, seed=seed),
        remanence=remanence_table(tables["remanence"], tolerance=step, seed=seed),
        crossings=crossing_table(tables["crossings"], seed=seed),
    )


def path_table(path: pd.DataFrame) -> pd.DataFrame:
    """Return prevalence during exposure over replicates; what is known of rests is left out.

    Columns: step, role, median, low, high (10 % and 90 % quantiles; order statistics) [share].

    Examples
    --------
    >>> columns = {"role": "scenario", "replicate": [0, 1, 2], "phase": "exposure", "step": 0}
    >>> path_table(pd.DataFrame({**columns, "prevalence": [0.1, 0.2, 0.6]})).iloc[0].to_dict()
    {'step': 0, 'role': 'scenario', 'median': 0.2, 'low': 0.1, 'high': 0.6}
    """
    parts = []
    exposed = path[path["phase"] == "exposure"]
    for role, group in exposed.groupby("role", sort=True):
        wide = group.pivot(index="step", columns="replicate", values="prevalence")
        quantiles = np.quantile(wide, (0.1, 0.5, 0.9), axis=1, method="inverted_cdf")
        low, median, high = quantiles
        columns = {"step": wide.index, "role": role, "median": median, "low": low, "high": high}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
