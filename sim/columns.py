"""What can be read and written about each person, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from sim.model import AlignmentModel

Array = npt.NDArray[Any]


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
    """

    read: Callable[[AlignmentModel], Array]
    unit: str
    meaning: str
    low: float | None = None
    high: float = np.inf


def _by_channel(name: str, k: int) -> Callable[[AlignmentModel], Array]:
    return lambda model: getattr(model.state, name)[k, :, 0]


def _wear(k: int) -> Callable[[AlignmentModel], Array]:
    def read(model: AlignmentModel) -> Array:
        wear = model.state.wear
        return wear[k, :, 0] if wear.size > 0 else np.zeros(model.state.trust.shape[0])

    return read


def _trait(name: str, k: int) -> Callable[[AlignmentModel], Array]:
    return lambda model: getattr(model.frame.population, name)[k]


def person_columns(channels: Sequence[str]) -> dict[str, Column]:
    """Return the columns of a scenario with the given channels, by name."""
    columns = {
        "unique_id": Column(
            lambda m: np.arange(1, m.frame.population.n_persons + 1), "", "Number in Mesa, from 1"
        ),
        "row": Column(
            lambda m: np.arange(m.frame.population.n_persons), "", "Row of the columns, from 0"
        ),
        "group": Column(lambda m: m.group_names[m.frame.population.group], "", "Name of the group"),
        "degree": Column(
            lambda m: m.frame.population.graph.degrees(),
            "persons",
            "Number of persons with influence; 1 (oneself) where there are none",
        ),
        "burden": Column(
            lambda m: m.frame.burden[:, 0], "share", "c: weighted share of active constraints"
        ),
        "narrative": Column(
            lambda m: m.state.narrative[:, 0], "1", "n: narrative displacement", 0.0, 1.0
        ),
        "lock_in": Column(lambda m: m.state.lock_in[:, 0], "1", "ℓ: narrative lock-in", 0.0, 1.0),
        "trust": Column(lambda m: m.state.trust[:, 0], "1", "T: trust", 0.0, 1.0),
    }
    for k, channel in enumerate(channels):
        columns |= {
            f"exposure_{channel}": Column(
                _by_channel("exposure", k), "load", "E: accumulated exposure", 0.0
            ),
            f"constraint_{channel}": Column(
                _by_channel("constraint", k), "0 or 1", "L: constraint active", 0.0, 1.0
            ),
            f"vulnerability_{channel}": Column(
                _trait("vulnerability", k), "1", "v: factor on the stressor"
            ),
            f"up_{channel}": Column(_trait("up", k), "load", "Load that activates the constraint"),
            f"wear_{channel}": Column(_wear(k), "load", "How far damage has lowered `up`"),
            f"down_{channel}": Column(
                _trait("down", k), "load", "Load that releases it; −∞ for a ratchet"
            ),
        }
    return columns


class Columns:
    """The columns of one model's persons, and whatever else users noted about them.

    Parameters
    ----------
    model
        Whose state is read and written.
    """

    def __init__(self, model: AlignmentModel) -> None:
        self.model = model
        self.channels = tuple(model.resolved.channels)
        self.declared = person_columns(self.channels)
        self.notes: dict[str, dict[int, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "declared"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, declared=person_columns(state["channels"]))

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
            values: Array = self.declared[name].read(self.model)[rows]
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
        values = column.read(self.model)
        if values.dtype.kind == "f" and number > float(np.finfo(values.dtype).max):
            raise ValueError(f"{name} is too large for single precision; got {value!r}")
        values[rows] = number
        self.model.touched = True
