"""What can be read and written about each person, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.processes.stage import Frame

if TYPE_CHECKING:
    from sim.model import AlignmentModel
    from sim.state import State

Array = npt.NDArray[Any]

OPTIONAL = ("anchor", "wear", "exited")
"""Columns of the state that only some scenarios use."""


@dataclass(frozen=True, slots=True)
class Column:
    """One number a person.

    Attributes
    ----------
    read
        Returns the values of branch 0, (N,), a view where it can be written.
    low, high
        Bounds of values that may be written; None for what is fixed.
    unit, meaning
        For tables and docs.
    family
        Its name without the channel's.
    labels
        What whole numbers stand for, where they are numbers of names.
    """

    read: Callable[[Frame], Array]
    unit: str
    meaning: str
    low: float | None = None
    high: float = np.inf
    family: str = ""
    labels: tuple[str, ...] | None = None


def _state(name: str, k: int | None = None) -> Callable[[Frame], Array]:
    place = (slice(None), 0) if k is None else (k, slice(None), 0)
    return lambda frame: getattr(frame.state, name)[place]


def _trait(name: str, k: int) -> Callable[[Frame], Array]:
    return lambda frame: getattr(frame.population, name)[k]


def present(state: State) -> tuple[str, ...]:
    """Return which of the optional columns a state has."""
    return tuple(name for name in OPTIONAL if getattr(state, name).size)


def person_columns(
    channels: Sequence[str],
    *,
    groups: Sequence[str] = (),
    optional: Sequence[str] = OPTIONAL,
) -> dict[str, Column]:
    """Return the columns of persons by name.

    Parameters
    ----------
    channels, groups
        Names of the scenario's.
    optional
        Which of `OPTIONAL` there are.
    """
    columns = {
        "unique_id": Column(
            lambda f: np.arange(1, f.population.n_persons + 1), "", "Number in Mesa, from 1"
        ),
        "row": Column(
            lambda f: np.arange(f.population.n_persons), "", "Row of the columns, from 0"
        ),
        "group": Column(
            lambda f: f.population.group, "", "Name of the group", labels=tuple(groups)
        ),
        "degree": Column(
            lambda f: f.population.graph.degrees(),
            "persons",
            "Number of persons with influence; 1 (oneself) where there are none",
        ),
        "burden": Column(
            lambda f: f.burden[:, 0], "share", "c: weighted share of active constraints"
        ),
        "narrative": Column(_state("narrative"), "1", "n: narrative displacement", 0.0, 1.0),
        "lock_in": Column(_state("lock_in"), "1", "ℓ: narrative lock-in", 0.0, 1.0),
        "trust": Column(_state("trust"), "1", "T: trust", 0.0, 1.0),
        "anchor": Column(
            _state("anchor"), "1", "Displacement a person is drawn back to, if any", 0.0, 1.0
        ),
        "exited": Column(
            _state("exited"), "0 or 1", "Stopped answering for good, with `exit` > 0", 0.0, 1.0
        ),
    }
    columns = {name: replace(column, family=name) for name, column in columns.items()}
    for k, channel in enumerate(channels):
        of_channel = _of_channel(k)
        columns |= {
            f"{family}_{channel}": replace(column, family=family)
            for family, column in of_channel.items()
        }
    missing = set(OPTIONAL) - set(optional)
    return {name: column for name, column in columns.items() if column.family not in missing}


def _of_channel(k: int) -> dict[str, Column]:
    return {
        "exposure": Column(_state("exposure", k), "load", "E: accumulated exposure", 0.0),
        "constraint": Column(_state("constraint", k), "0 or 1", "L: constraint active", 0.0, 1.0),
        "wear": Column(_state("wear", k), "load", "How far damage has lowered `up`, if any", 0.0),
        "vulnerability": Column(_trait("vulnerability", k), "1", "v: factor on the stressor"),
        "up": Column(_trait("up", k), "load", "Load that activates the constraint, before wear"),
        "down": Column(_trait("down", k), "load", "Load that releases it; −∞ for a ratchet"),
    }


class Columns:
    """The columns of one model's persons, and whatever else users noted about them.

    Parameters
    ----------
    model
        Whose state is read and written.
    """

    def __init__(self, model: AlignmentModel) -> None:
        self.model = model
        scenario = model.resolved
        self._names = tuple(scenario.channels), tuple(scenario.population.groups)
        self._optional = present(model.state)
        self.declared = self._declare()
        self.notes: dict[str, dict[int, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "declared"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.declared = self._declare()

    def _declare(self) -> dict[str, Column]:
        channels, groups = self._names
        return person_columns(channels, groups=groups, optional=self._optional)

    @property
    def names(self) -> tuple[str, ...]:
        """Declared columns, then noted ones."""
        return (*self.declared, *self.notes)

    def is_whole(self, name: str) -> bool:
        """Return whether every person has a value."""
        return name in self.declared

    def is_numeric(self, name: str) -> bool:
        """Return whether it is a declared column of numbers."""
        return name in self.declared and name != "group"

    def of_rows(self, name: str, rows: npt.NDArray[np.int64]) -> Array:
        """Return a copy of the values in the given rows, whole numbers as int64.

        Raises
        ------
        AttributeError
            If there is no such column, or not for each of the rows.
        """
        if name in self.declared:
            self.model.take_stock()
            column = self.declared[name]
            values: Array = column.read(self.model.frame)[rows]
            if column.labels is not None:
                return np.array(column.labels)[values]
            return values.astype(np.int64) if values.dtype.kind in "iu" else values
        noted = np.empty(len(rows), dtype=object)
        try:
            noted[:] = [self.notes[name][row] for row in rows.tolist()]
        except KeyError:
            raise AttributeError(f"'Person' object has no attribute '{name}'") from None
        return noted

    def of_row(self, name: str, row: int) -> Any:
        """Return one person's value as a plain number, or whatever was noted."""
        value = self.of_rows(name, np.array([row]))[0]
        return value.item() if isinstance(value, np.generic) else value

    def put(self, name: str, rows: npt.NDArray[np.int64], value: Any) -> None:
        """Set a column in the given rows; names that are not declared are noted.

        Raises
        ------
        AttributeError
            If the column is fixed.
        ValueError
            If the value is out of bounds.
        """
        column = self.declared.get(name)
        if column is None:
            self.notes.setdefault(name, {}).update(dict.fromkeys(rows.tolist(), value))
            return
        if column.low is None:
            raise AttributeError(f"{name} of a person cannot be set")
        number = float(value)
        whole = column.unit != "0 or 1" or number in (0.0, 1.0)
        if not (column.low <= number <= column.high and np.isfinite(number) and whole):
            allowed = (
                "0 or 1" if column.unit == "0 or 1" else f"in [{column.low:g}, {column.high:g}]"
            )
            raise ValueError(f"{name} must be {allowed}; got {value!r}")
        values = column.read(self.model.frame)
        if values.dtype.kind == "f" and number > float(np.finfo(values.dtype).max):
            raise ValueError(f"{name} is too large for single precision; got {value!r}")
        values[rows] = number
        self.model.touched = True
