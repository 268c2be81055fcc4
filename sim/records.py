"""Output variables: one registry of names, dimensions, units and meanings, and the recorder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from sim.events import EventLog
from sim.history import History
from sim.moment import Moment
from sim.optimizers.base import SPENDING
from sim.optimizers.policy import cosine
from sim.processes.stage import Frame
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.snapshots import Snapshots

if TYPE_CHECKING:
    import pandas as pd

Dimension = Literal["group", "channel", "optimizer", "spending"]


@dataclass(frozen=True, slots=True)
class Variable:
    """An output variable of branch 0.

    Attributes
    ----------
    dimensions
        Empty for a number per step; each entry adds an axis whose labels are the scenario's.
    read
        Returns its value at the end of a step, shaped like `dimensions`.
    """

    name: str
    dimensions: tuple[Dimension, ...]
    unit: str
    meaning: str
    read: Callable[[Frame, Moment], npt.ArrayLike]


def _effort(frame: Frame) -> float:
    return float(np.einsum("g,gk->", frame.population.group_share, frame.effort[..., 0]))


def _mean(frame: Frame, by_group: npt.NDArray[np.float64] | None) -> float:
    """Return the mean over persons of what groups have, (G, R), in branch 0; nan for nothing.

    Groups without members, or without a value, do not count.
    """
    if by_group is None:
        return float("nan")
    share, values = frame.population.group_share, by_group[:, 0]
    counts = (share > 0.0) & ~np.isnan(values)
    if not counts.any():
        return float("nan")
    return float(np.average(values[counts], weights=share[counts]))


def _mean_given(frame: Frame, by_group: npt.NDArray[np.float64] | None) -> float:
    """Return the mean over persons of those groups that have a value, in branch 0; nan for none."""
    if by_group is None:
        return float("nan")
    share = np.where(np.isnan(by_group[:, 0]), 0.0, frame.population.group_share)
    total = share.sum()
    return float(np.dot(share, np.nan_to_num(by_group[:, 0])) / total) if total else float("nan")


VARIABLES: tuple[Variable, ...] = (
    Variable(
        "prevalence", (), "share", "P: mean burden of the population",
        lambda _, m: m.prevalence,
    ),
    Variable(
        "prevalence_group", ("group",), "share", "Mean burden of each group",
        lambda _, m: m.burdens,
    ),
    Variable(
        "prevalence_channel", ("channel",), "share", "Share of persons constrained on a channel",
        lambda f, _: f.active[..., 0].sum(axis=0) / f.population.n_persons,
    ),
    Variable(
        "exposure", ("channel",), "load", "Mean accumulated exposure E",
        lambda f, _: f.state.exposure[..., 0].mean(axis=1, dtype=np.float64),
    ),
    Variable(
        "stress", ("group", "channel"), "load per step",
        "Stressor level e of the step just made: in the row of step s, that of s − 1",
        lambda f, _: f.stress if f.stress.ndim == 2 else f.stress[..., 0],
    ),
    Variable(
        "narrative", (), "1", "Mean narrative displacement n",
        lambda f, _: f.state.narrative[:, 0].mean(dtype=np.float64),
    ),
    Variable(
        "lock_in", (), "1", "Mean narrative lock-in ℓ",
        lambda f, _: f.state.lock_in[:, 0].mean(dtype=np.float64),
    ),
    Variable(
        "lock_in_share", (), "share", "Share of persons with ℓ ≥ ½",
        lambda f, m: m.locked_in / f.population.n_persons,
    ),
    Variable(
        "trust", (), "1", "Mean trust T",
        lambda _, m: m.trust,
    ),
    Variable(
        "shelter", ("group", "channel"), "load", "Stock of what was built against stress",
        lambda f, _: f.state.shelter[..., 0] if f.state.shelter.size else f.effort[..., 0] * 0.0,
    ),
    Variable(
        "switched_on", (), "relays", "Constraints that became active in the step",
        lambda f, _: f.changes[0, 0],
    ),
    Variable(
        "switched_off", (), "relays", "Constraints released in the step",
        lambda f, _: f.changes[1, 0],
    ),
    Variable(
        "response_rate", (), "share", "Share of persons who answered",
        lambda _, m: m.response_rate,
    ),
    Variable(
        "response_rate_group", ("group",), "share", "Share of each group's persons who answered",
        lambda _, m: m.response_rates,
    ),
    Variable(
        "exited", (), "share", "Share of persons who have stopped answering for good",
        lambda f, _: f.state.exited[:, 0].mean() if f.state.exited.size else 0.0,
    ),
    Variable(
        "information_answered", (), "bits per answer",
        "Mutual information of constraint and report among those who answered (Miller–Madow); nan "
        "where nobody answers",
        lambda _, m: m.information,
    ),
    Variable(
        "information", (), "bits per person",
        "The same times the response rate; nan where nobody answers",
        lambda _, m: m.information * m.response_rate,
    ),
    Variable(
        "auc", (), "1",
        "How likely a constrained person's report ranks above an unconstrained one's, ties ½; nan "
        "where nobody answers, or only constrained or only unconstrained persons do",
        lambda _, m: m.ranking,
    ),
    Variable(
        "calibration_bias", (), "share",
        "Mean over groups and channels, by answers: share reported less share truly active of all "
        "asked; above 0 things look worse than they are; nan where nobody answers",
        lambda _, m: m.calibration.bias,
    ),
    Variable(
        "calibration_error", (), "share",
        "Root mean square of the same differences, their sampling variance taken off; 0 where no "
        "more is left, nan as its square",
        lambda _, m: m.calibration.error,
    ),
    Variable(
        "calibration_square", (), "share²",
        "The mean square itself, right on average and at times below 0: what to average over steps "
        "or replicates; nan where no group and channel has two answers",
        lambda _, m: m.calibration.square,
    ),
    Variable(
        "apparent_alignment", (), "share",
        "A: 1 − share of answers that say active; carried forward in silence, nan "
        "before the first answer",
        lambda _, m: m.apparent,
    ),
    Variable(
        "lived_alignment", (), "share", "1 − P",
        lambda _, m: 1.0 - m.prevalence,
    ),
    Variable(
        "effort", (), "load per person", "Effort spent in the step, summed over channels",
        lambda f, _: _effort(f),
    ),
    Variable(
        "effort_total", (), "load per person", "Effort spent since step 0",
        lambda _, m: m.spent,
    ),
    Variable(
        "spent", ("optimizer",), "load per person",
        "What an optimizer has spent since step 0, at the scenario's prices",
        lambda _, m: [o.spent[0] for o in m.optimizers],
    ),
    Variable(
        "spending", ("optimizer", "spending"), "load per person",
        "The same by what it was spent on",
        lambda _, m: [o.bills[:, 0] for o in m.optimizers],
    ),
    Variable(
        "strength", ("optimizer",), "1",
        "d = √KL of a policy from its start, mean over persons; nan without a policy",
        lambda f, m: [_mean(f, p and p.strength) for p in m.policies],
    ),
    Variable(
        "proxy", ("optimizer",), "1",
        "ŵ · μ: what a policy takes its output to be worth, mean over persons; nan without a "
        "policy",
        lambda f, m: [_mean(f, p and p.proxy()) for p in m.policies],
    ),
    Variable(
        "gold", ("optimizer",), "1",
        "w* · μ / ‖w*‖: what its output is worth, mean over persons; nan without a policy",
        lambda f, m: [_mean(f, p and p.gold(f)) for p in m.policies],
    ),
    Variable(
        "cosine_intent", ("optimizer",), "1",
        "Cosine of policy and estimate, μ and ŵ, mean over persons; nan without either",
        lambda f, m: [_mean(f, p and cosine(p.mean, p.estimate)) for p in m.policies],
    ),
    Variable(
        "cosine_outcome", ("optimizer",), "1",
        "Cosine of policy and need, μ and w*, mean over persons; nan without either",
        lambda f, m: [_mean(f, p and cosine(p.mean, p.needed(f))) for p in m.policies],
    ),
    Variable(
        "interference", ("optimizer",), "share",
        "Σ_k |u′ − u| / Σ_k u: share of the effort u meant that superposition put elsewhere, mean "
        "over groups that get any, by their share; nan without a policy or effort",
        lambda f, m: [_mean_given(f, p and p.interference) for p in m.policies],
    ),
)  # fmt: skip
"""Every output variable, in the order of the columns of a series."""


def variables_of(scenario: Scenario) -> tuple[Variable, ...]:
    """Return the variables that a scenario records: all, unless it chooses."""
    chosen = scenario.record.variables
    return tuple(v for v in VARIABLES if not chosen or v.name in chosen)


def column_names(scenario: Scenario) -> list[str]:
    """Return the columns of a series: `step`, the steps made, then one or more a variable.

    A variable with dimensions has a column a label: `name[label]` or `name[group,channel]`.
    """
    return ["step", *(name for v in variables_of(scenario) for name in names_of(v, scenario))]


def names_of(variable: Variable, scenario: Scenario) -> Iterator[str]:
    """Yield the columns of one variable."""
    labels: dict[str, list[str]] = {
        "group": list(scenario.population.groups),
        "channel": list(scenario.channels),
        "optimizer": [str(optimizer.name) for optimizer in full(scenario).optimizers],
        "spending": list(SPENDING),
    }
    match variable.dimensions:
        case ():
            yield variable.name
        case (one,):
            yield from (f"{variable.name}[{label}]" for label in labels[one])
        case (outer, inner):
            for first in labels[outer]:
                yield from (f"{variable.name}[{first},{label}]" for label in labels[inner])


class Recorder:
    """Observes a run: a row a recorded step, events, snapshots of persons.

    Attributes
    ----------
    rows
        Values in the order of `column_names`.
    apparent
        Apparent alignment; nan until the first answer.
    spent
        Effort per person since step 0 [load].
    """

    apparent: float
    spent: float

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.columns = column_names(scenario)
        self._places = {name: place for place, name in enumerate(self.columns)}
        self.every = scenario.record.every
        self.rows: list[list[float]] = []
        self.apparent = float("nan")
        self.spent = 0.0
        self._before = float("nan")
        self._history = History()
        self._events = EventLog(scenario)
        self._snapshots = Snapshots(scenario)

    def begin(self, frame: Frame) -> None:
        """Take note of where a run begins; does nothing once a step has been made."""
        if np.isnan(self._before):
            self._before = float(frame.prevalence()[0])
            self._snapshots(frame, frame.step)

    def __call__(self, frame: Frame) -> None:
        """Take note of the step just made."""
        answers = int(frame.state.answers[..., 0].sum())
        if answers > 0:
            self.apparent = 1.0 - int(frame.state.positives[..., 0].sum()) / answers
        self.spent += _effort(frame)
        optimizers = frame.controllers[: len(self._scenario.optimizers)]
        moment = Moment(frame, self._before, self.apparent, self.spent, optimizers, self._history)
        self._history.note(moment, self._scenario)
        self._before = moment.prevalence
        if (frame.step + 1) % self.every == 0:
            self.rows.append(self._row(moment))
        self._events(moment)
        self._snapshots(frame, frame.step + 1)

    def _row(self, moment: Moment) -> list[float]:
        row = [float(moment.frame.step + 1)]
        for variable in variables_of(self._scenario):
            values = np.asarray(variable.read(moment.frame, moment), dtype=np.float64)
            row.extend(values.ravel().tolist())
        return row

    def last(self, name: str) -> float:
        """Return the value of a column in the last recorded row.

        Raises
        ------
        LookupError
            If there is no such column, or no row yet.
        """
        return self.rows[-1][self._places[name]]

    def latest(self) -> dict[str, float]:
        """Return the last recorded row by column name; empty before the first."""
        return dict(zip(self.columns, self.rows[-1], strict=True)) if self.rows else {}

    def table(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the series as columns."""
        values = np.array(self.rows, dtype=np.float64).reshape(-1, len(self.columns))
        return dict(zip(self.columns, values.T, strict=True))

    def events(self) -> pd.DataFrame:
        """Return the events so far, one a row; columns as in `sim.events.FIELDS`."""
        return self._events.table()

    def persons(self) -> pd.DataFrame:
        """Return the snapshots so far, one row a step and person; see `record.persons`."""
        return self._snapshots.table()

    def copy(self, scenario: Scenario | None = None) -> Recorder:
        """Return an independent copy, for a scenario that may have other columns.

        Columns of other optimizers have no values before, and those of former ones are left out.
        """
        twin = object.__new__(Recorder)
        scenario = self._scenario if scenario is None else scenario
        columns, rows = self.columns, list(self.rows)
        if (wanted := column_names(scenario)) != columns:
            places = [self._places.get(name) for name in wanted]
            rows = [[np.nan if p is None else row[p] for p in places] for row in rows]
            columns = wanted
        twin.__dict__.update(
            self.__dict__,
            _scenario=scenario,
            columns=columns,
            _places={name: place for place, name in enumerate(columns)},
            rows=rows,
            _history=self._history.copy(),
            _events=self._events.copy(),
            _snapshots=self._snapshots.copy(),
        )
        return twin
