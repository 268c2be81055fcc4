"""Fair contests between optimizers: what one run shows, tuning within the budget, least budgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.closed_loop import least_budget
from analysis.contest import LIMIT, TUNING, Contest, Setting, written
from analysis.ensemble import Surroundings
from sim.events import KINDS
from sim.model import AlignmentModel
from sim.optimizers.base import SPENDING
from sim.scenario.schema import Scenario
from sim.sweep.executors import Stopped

Row = dict[str, Any]
Stopping = Callable[[], bool]

FAILURES = tuple(
    kind.name for kind in KINDS if kind.name not in ("avalanche", "prevalence_crossing")
)
"""Kinds of events that are failures."""

RUNGS = ((1, 1.0), (2, 0.5), (4, 0.25))
"""Successive halving: tuning replicates that survivors have had, and share that gets there."""

TOLERANCE = 0.01
"""How exactly a least budget is sought, as a share of the contest's."""

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "tuning": {
        "kind": "str", "cure": "float64", "setting": "str", "rung": "int64", "replicate": "int64",
        "lived_alignment": "float64", "spent": "float64", "chosen": "bool",
    },
    "comparison": {
        "kind": "str", "cure": "float64", "replicate": "int64", "setting": "str",
        "apparent_alignment": "float64", "lived_alignment": "float64",
        "prevalence": "float64", "prevalence_end": "float64", "safe": "bool", "harm": "float64",
        "spent": "float64", **{f"spent_{name}": "float64" for name in SPENDING},
        "failures": "int64", **{f"failures_{name}": "int64" for name in FAILURES},
    },
    "delays": {
        "kind": "str", "cure": "float64", "delay": "int64", "replicate": "int64", "setting": "str",
        "budget": "float64", "censored": "bool", "short": "float64", "attempts": "int64",
    },
}  # fmt: skip
"""Columns of the tables of a comparison by table; `comparison` gets `distance` at the end."""


def as_table(name: str, rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as one of the tables of a comparison, whether there are any or not."""
    columns = COLUMNS[name]
    return pd.DataFrame(list(rows), columns=list(columns)).astype(dict(columns))


@dataclass(frozen=True, slots=True)
class Trial:
    """What one run of a contestant shows from its first step on.

    Attributes
    ----------
    values
        Columns of `comparison` from `apparent_alignment` on.
    """

    values: Row

    @property
    def lived(self) -> float:
        """Mean lived alignment after the delay, what tuning maximizes."""
        return float(self.values["lived_alignment"])

    @property
    def spent(self) -> float:
        """Spent over the run [load per person]."""
        return float(self.values["spent"])


def trial(scenario: Scenario, replicate: int, *, stopped: Stopping = lambda: False) -> Trial:
    """Run a scenario with one optimizer to its end and return what it shows.

    Means and harm are over the steps from the optimizer's first on; failures are those that begin
    or go on then; `safe`: in the safe set throughout the last D steps.

    Raises
    ------
    Stopped
        If `stopped` says so before the last step.
    """
    model = AlignmentModel(scenario, replicate=replicate)
    frame, dwell = model.frame, scenario.restoration.dwell
    watch = Surroundings(scenario, frame.population, frame.draws, frame.environment)
    safe = True
    while model.running:
        if stopped():
            raise Stopped
        model.step()
        if model.clock > scenario.time.steps - dwell:
            safe = safe and bool(watch.safe(frame)[0][0])
    series, optimizer = model.recorder.table(), model.optimizers[0]
    after = series["step"] > optimizer.spec.start
    prevalence, apparent = series["prevalence"][after], series["apparent_alignment"][after]
    told = apparent[~np.isnan(apparent)]
    events = model.recorder.events()
    lasted = events[(events["end"].isna()) | (events["end"] > optimizer.spec.start)]
    counts = lasted["kind"].value_counts()
    failures = {name: int(counts.get(name, 0)) for name in FAILURES}
    return Trial(
        {
            "apparent_alignment": float(told.mean()) if told.size else math.nan,
            "lived_alignment": 1.0 - float(prevalence.mean()),
            "prevalence": float(prevalence.mean()),
            "prevalence_end": float(prevalence[-1]),
            "safe": safe,
            "harm": float(prevalence.sum()),
            "spent": float(optimizer.spent[0]),
            **{
                f"spent_{n}": float(b) for n, b in zip(SPENDING, optimizer.bills[:, 0], strict=True)
            },
            "failures": sum(failures.values()),
            **{f"failures_{name}": count for name, count in failures.items()},
        }
    )


def tune(
    contest: Contest, kind: str, cure: float, *, stopped: Stopping = lambda: False
) -> list[Row]:
    """Try settings of a contestant on tuning replicates and return the rows of `tuning`.

    Successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943), with one departure: the
    contestant's own setting gets to the last rung whatever its place, so that what is chosen is
    never worse than it on the tuning replicates.  Nothing is tried where there is no choice.
    """
    settings = contest.settings_of(kind)
    if len(settings) == 1:
        return []
    rows: list[Row] = []
    found: list[list[Trial]] = [[] for _ in settings]
    survivors = list(range(len(settings)))
    for rung, (n_replicates, share) in enumerate(RUNGS):
        n_kept = math.ceil(share * len(settings))
        kept = (
            sorted(survivors, key=lambda s: _standing(found[s], s))[:n_kept] if rung else survivors
        )
        survivors = kept if 0 in kept else [*kept, 0]
        for s in survivors:
            variant = contest.variant(kind, cure, settings[s])
            for number in range(len(found[s]), n_replicates):
                one = trial(variant, TUNING + number, stopped=stopped)
                found[s].append(one)
                rows.append(
                    {
                        "kind": kind, "cure": cure, "setting": written(settings[s]), "rung": rung,
                        "replicate": TUNING + number, "lived_alignment": one.lived,
                        "spent": one.spent,
                    }
                )  # fmt: skip
    best = written(settings[min(survivors, key=lambda s: _standing(found[s], s))])
    return [{**row, "chosen": row["setting"] == best} for row in rows]


def _standing(trials: list[Trial], place: int) -> tuple[float, float, int]:
    """Return what settings are ranked by: lived alignment, then cost, then order."""
    lived = math.fsum(one.lived for one in trials) / len(trials)
    return (-round(lived, 12), math.fsum(one.spent for one in trials) / len(trials), place)


def compete(
    contest: Contest,
    kind: str,
    cure: float,
    replicate: int,
    setting: Setting,
    *,
    stopped: Stopping = lambda: False,
) -> Row:
    """Return the row of `comparison` of one contestant in one replicate."""
    one = trial(contest.variant(kind, cure, setting), replicate, stopped=stopped)
    place = {"kind": kind, "cure": cure, "replicate": replicate, "setting": written(setting)}
    return {**place, **one.values}


def price_of_delay(
    contest: Contest,
    kind: str,
    cure: float,
    replicate: int,
    setting: Setting,
    *,
    stopped: Stopping = lambda: False,
) -> list[Row]:
    """Return the rows of `delays` of one contestant in one replicate, one a delay."""
    rows = []
    for delay in contest.delays:

        def attempt(budget: float, delay: int = delay) -> tuple[bool, float]:
            terms: dict[str, Any] = {"budget": budget, "delay": delay}
            variant = contest.variant(kind, cure, setting, **terms)
            one = trial(variant, replicate, stopped=stopped)
            return bool(one.values["safe"]), one.spent

        least = least_budget(attempt, tolerance=tolerance_of(contest.budget), most=LIMIT)
        rows.append(
            {
                "kind": kind, "cure": cure, "delay": delay, "replicate": replicate,
                "setting": written(setting), **least._asdict(),
                "censored": math.isinf(least.budget),
            }
        )  # fmt: skip
    return rows


def tolerance_of(budget: float) -> float:
    """Return how exactly least budgets are sought [load per person]."""
    return TOLERANCE * budget if budget > 0.0 else TOLERANCE
