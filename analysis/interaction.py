"""Whether two methods together do more, or less, than what each does alone leads one to expect.

What is expected depends on what is held fixed, so three expectations stand side by side.  With
Y the lived alignment of runs that share seed, replicate and every draw, and s the first method's
share of the budget that both together have:

* `sum`: Y_both = Y_none + (Y_first − Y_none) + (Y_second − Y_none), the interaction of a 2 × 2
  experiment.  Where each alone may spend as much as both together, it asks one budget to do what
  two did.
* `mixture`: Y_both = s Y_first + (1 − s) Y_second, what a budget divided between two methods would
  reach if each did in proportion to what it is given: additivity of doses (Loewe).
* `best`: Y_both = the better of the two on average.  Below it, the budget of both is better given
  to one.

Notes
-----
Additive effects against additive doses: Bliss 1939, doi:10.1111/j.1744-7348.1939.tb06990.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from analysis.intervals import Interval

ARMS = ("none", "first", "second", "both")
"""The four matched runs."""

_ROUNDING = 1e-12


def lived_table(series: Mapping[str, pd.DataFrame], *, since: int = 0) -> pd.DataFrame:
    """Return the mean lived alignment of each arm and replicate over the recorded steps.

    Columns: arm, replicate, lived_alignment [share], spent: by all its optimizers until the last
    recorded step [load per person].

    Parameters
    ----------
    series
        Series of recorded runs by arm, one of `ARMS`: columns replicate, step, lived_alignment, and
        `spent[NAME]` of every optimizer.
    since
        First step that counts.

    Raises
    ------
    ValueError
        If an arm is missing, or nothing of it was recorded from `since` on.
    """
    rows = []
    for arm in ARMS:
        if arm not in series:
            raise ValueError(f"there is no run of the arm `{arm}`; needed: {', '.join(ARMS)}")
        counted = series[arm][series[arm]["step"] >= since]
        if counted.empty:
            raise ValueError(f"the arm `{arm}` has no recorded step from {since} on")
        spending = [name for name in counted.columns if name.startswith("spent[")]
        by_replicate = counted.assign(spent=counted[spending].sum(axis=1)).groupby("replicate")
        found = by_replicate.agg({"lived_alignment": "mean", "spent": "max"}).reset_index()
        rows.append(found.assign(arm=arm))
    columns = ["arm", "replicate", "lived_alignment", "spent"]
    return pd.concat(rows, ignore_index=True)[columns]


def spending_table(lived: pd.DataFrame) -> pd.DataFrame:
    """Return what each arm spent, by which one sees whether budgets were matched.

    Columns: arm, replicates, spent (mean), least, most [load per person].
    """
    spent = lived.groupby("arm")["spent"].agg(["size", "mean", "min", "max"]).loc[list(ARMS)]
    names = {"size": "replicates", "mean": "spent", "min": "least", "max": "most"}
    return spent.rename(columns=names).reset_index()


def interaction_table(
    lived: pd.DataFrame, *, share: float = 0.5, margin: float = 0.01, level: float = 0.95
) -> pd.DataFrame:
    """Return how far two methods together lie above or below what is expected, paired.

    Columns: expectation (`sum`, `mixture`, `best`), replicates, none, first, second, both (means of
    lived alignment), expected, difference (mean of both less expected) with low and high, verdict:
    `super-additive` or `sub-additive` where the interval lies on one side of 0 (for `best`:
    `better`, `worse`), `additive` (`equal`) where it lies within the margin around 0, else
    `undecided`.

    Parameters
    ----------
    lived
        One row an arm and replicate: arm, replicate, lived_alignment; from `lived_table`.
    share
        s, the first method's share of what both spend together, in [0, 1].
    margin
        Difference that does not matter [share].
    level
        Coverage of the intervals, which are those of a paired t test over replicates; nan for a
        single replicate.

    Raises
    ------
    ValueError
        If an arm lacks a replicate that another has, has one twice, or lived alignment is nan.

    Examples
    --------
    >>> values = {"none": 0.2, "first": 0.4, "second": 0.5, "both": 0.7}
    >>> lived = pd.DataFrame(
    ...     [{"arm": a, "replicate": r, "lived_alignment": y} for a, y in values.items()
    ...      for r in range(3)]
    ... )
    >>> interaction_table(lived)[["expectation", "expected", "verdict"]].values.tolist()
    [['sum', 0.7, 'additive'], ['mixture', 0.45, 'super-additive'], ['best', 0.5, 'better']]
    """
    if not 0.0 <= share <= 1.0 or margin < 0.0 or not 0.0 < level < 1.0:
        raise ValueError("share must lie in [0, 1], level in (0, 1), and margin be at least 0")
    matched = _matched(lived)
    none, first, second, both = (matched[arm].to_numpy() for arm in ARMS)
    expected = {
        "sum": first + second - none,
        "mixture": share * first + (1.0 - share) * second,
        "best": first if first.mean() >= second.mean() else second,
    }
    rows: list[dict[str, Any]] = []
    for expectation, value in expected.items():
        found = paired_interval(both - value, level=level)
        row: dict[str, Any] = {"expectation": expectation, "replicates": len(matched)}
        row |= {arm: float(matched[arm].mean()) for arm in ARMS}
        row |= {"expected": float(value.mean()), "difference": found.estimate}
        row |= {"low": found.low, "high": found.high}
        rows.append(row | {"verdict": _verdict(found, margin, ranked=expectation == "best")})
    return pd.DataFrame(rows)


def paired_interval(differences: np.ndarray[Any, Any], *, level: float = 0.95) -> Interval:
    """Return the mean of paired differences, (n,), and its Student interval; nan ends for n = 1.

    Examples
    --------
    >>> paired_interval(np.array([1.0, 2.0, 3.0])).estimate
    2.0
    """
    n, mean = differences.size, float(differences.mean())
    if n < 2:
        return Interval(mean, float("nan"), float("nan"))
    half = float(student.ppf(0.5 + level / 2.0, n - 1) * differences.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half)


def _matched(lived: pd.DataFrame) -> pd.DataFrame:
    """Return lived alignment by replicate, one column an arm."""
    if lived.duplicated(["arm", "replicate"]).any():
        raise ValueError("an arm has a replicate twice")
    matched = lived.pivot(index="replicate", columns="arm", values="lived_alignment")
    missing = [arm for arm in ARMS if arm not in matched or matched[arm].isna().any()]
    if missing or matched.empty:
        what = f"arm `{missing[0]}`" if missing else "table"
        raise ValueError(f"the {what} lacks a value of a replicate: only matched runs compare")
    return matched[list(ARMS)]


def _verdict(found: Interval, margin: float, *, ranked: bool) -> str:
    above, below, same = (
        ("better", "worse", "equal") if ranked else ("super-additive", "sub-additive", "additive")
    )
    if found.low > _ROUNDING:
        return above
    if found.high < -_ROUNDING:
        return below
    within = found.low >= -margin - _ROUNDING and found.high <= margin + _ROUNDING
    return same if within else "undecided"
