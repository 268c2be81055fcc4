"""Runs of one scenario under more and more optimisation, each beside the same run without any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sim.model import AlignmentModel
from sim.optimizers.policy import Policy
from sim.scenario.resolve import full, with_changes
from sim.scenario.schema import Scenario

COLUMNS = ("replicate", "value", "strength", "prevalence", "without", "proxy")


def pressed(
    scenario: Scenario,
    *,
    path: str,
    values: Sequence[float],
    replicates: int,
    after: int = 0,
) -> pd.DataFrame:
    """Return what becomes of a scenario under each value of a setting, one row a run.

    Replicates are matched: every run of a replicate makes the same draws.

    Parameters
    ----------
    path
        Dotted path of the setting, as `optimizers.0.strongest` or `optimizers.0.best_of`.
    values
        Its values.
    replicates
        How many replicates, from 0 on.
    after
        First step whose results are averaged over.

    Returns
    -------
    Columns: replicate, value, strength (d = √KL of the first policy, mean over steps), prevalence
    (mean over steps), without (that of the run without optimizers), proxy (ŵ · μ, mean).

    Raises
    ------
    ValueError
        If no optimizer of the scenario has a policy.
    """
    rows = []
    resolved = full(scenario)
    for replicate in range(replicates):
        without = _mean(_series({"optimizers": []}, resolved, replicate), "prevalence", after)
        for value in values:
            series = _series({path: value}, resolved, replicate)
            found = {name: _mean(series, name, after) for name in ("strength", "proxy")}
            prevalence = _mean(series, "prevalence", after)
            row = {"replicate": replicate, "value": value, "without": without}
            rows.append({**row, **found, "prevalence": prevalence})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _series(changes: dict[str, Any], scenario: Scenario, replicate: int) -> dict[str, Any]:
    model = AlignmentModel(with_changes(scenario, changes), replicate=replicate)
    model.run_model()
    series: dict[str, Any] = dict(model.recorder.table())
    names = [str(o.spec.name) for o in model.optimizers if isinstance(o, Policy)]
    if model.optimizers and not names:
        raise ValueError("no optimizer of the scenario has a policy, so none has a strength")
    for name in ("strength", "proxy") if names else ():
        series[name] = series[f"{name}[{names[0]}]"]
    return series


def _mean(series: dict[str, Any], name: str, after: int) -> float:
    return float(np.mean(series[name][np.asarray(series["step"]) > after]))
