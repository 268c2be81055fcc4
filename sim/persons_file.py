"""Where persons start, read from a file: one row a person, columns named as in `sim.columns`.

A file of several steps or replicates, as a stored run leaves it, is a warm start from one of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sim.persons_table import PersonsFileError, Table, table_of
from sim.population import groups_of, setup_draws
from sim.scenario.problems import did_you_mean
from sim.scenario.schema import Scenario
from sim.streams import Draws, FloatArray

if TYPE_CHECKING:
    from sim.state import State

_CHOICES = ("step", "replicate")
_LARGEST = 1e9
_LEFT_ASIDE = re.compile(r"unique_id|row|group|degree|burden|active|(vulnerability|up|down)_.*")
"""What else a stored run says about persons."""
_BY_CHANNEL = re.compile(r"(exposure|constraint|wear)_")


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What the numbers of a column must be."""

    high: float = _LARGEST
    whole: bool = False

    @property
    def words(self) -> str:
        return "0 or 1" if self.whole and self.high == 1.0 else f"a number in [0, {self.high:g}]"

    def fault(self, values: FloatArray) -> int | None:
        """Return the first row that is out of bounds, or none."""
        fine = (values >= 0.0) & (values <= self.high)
        if self.whole:
            fine &= values == np.floor(values)
        return None if fine.all() else int(np.argmin(fine))


def columns_of(channels: Sequence[str]) -> dict[str, _Bounds]:
    """Return the columns that are read, by name."""
    shares = dict.fromkeys(("narrative", "lock_in", "trust", "anchor"), _Bounds(1.0))
    flags = {"exited": _Bounds(1.0, whole=True)}
    for name in channels:
        flags[f"constraint_{name}"] = _Bounds(1.0, whole=True)
        shares |= {f"exposure_{name}": _Bounds(), f"wear_{name}": _Bounds()}
    return shares | flags


@dataclass(frozen=True, slots=True, eq=False)
class StoredPersons:
    """What a file says about persons.

    Attributes
    ----------
    channels
        In the scenario's order.
    columns
        Values in the order of persons by name of the column, (N,) each.
    rows
        Row of the file in which each person stands, (N,).
    group
        Name of each person's group, (N,); or nobody's, (0,).
    """

    channels: tuple[str, ...]
    columns: Mapping[str, FloatArray]
    rows: npt.NDArray[np.int64]
    group: npt.NDArray[np.object_]

    def put(self, state: State) -> None:
        """Set what the file gives in a state with one branch that has a column for it."""
        for name in ("narrative", "lock_in", "trust", "anchor", "exited"):
            column = getattr(state, name)
            if name in self.columns and column.size:
                column[:, 0] = self.columns[name]
        for name in ("exposure", "constraint", "wear"):
            column = getattr(state, name)
            for k, channel in enumerate(self.channels):
                if f"{name}_{channel}" in self.columns and column.size:
                    column[k, :, 0] = self.columns[f"{name}_{channel}"]


def stored_persons(scenario: Scenario) -> StoredPersons:
    """Return what the file of a resolved scenario says about its persons.

    Raises
    ------
    PersonsFileError
        If the file breaks a rule, or is not the one the scenario was resolved with; or if it has
        groups other than the persons of the scenario.
    OSError
        If it cannot be read.
    """
    start = scenario.population.initial
    assert start.file is not None
    if not start.digest:
        return read_persons(Path(start.file).read_bytes(), scenario)
    channels, chosen = tuple(scenario.channels), (start.step, start.replicate)
    persons = _kept(start.file, start.digest, channels, scenario.population.size, chosen)
    _check_groups(persons, scenario, Path(start.file).read_bytes)
    return persons


@lru_cache(maxsize=1)
def _kept(
    file: str,
    digest: str,
    channels: tuple[str, ...],
    n_persons: int,
    chosen: tuple[int | None, int | None],
) -> StoredPersons:
    """Return the same, read once for all replicates."""
    content = Path(file).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise PersonsFileError(f"{file} has changed since the scenario was resolved")
    return _read(content, channels, n_persons, chosen)


def read_persons(content: bytes, scenario: Scenario) -> StoredPersons:
    """Return what the content of a file says about a scenario's persons.

    Raises
    ------
    PersonsFileError
        At the first rule it breaks.
    """
    start = scenario.population.initial
    chosen = (start.step, start.replicate)
    persons = _read(content, tuple(scenario.channels), scenario.population.size, chosen)
    _check_groups(persons, scenario, lambda: content)
    return persons


def _read(
    content: bytes,
    channels: tuple[str, ...],
    n_persons: int,
    chosen: tuple[int | None, int | None],
) -> StoredPersons:
    table = table_of(content)
    bounds = columns_of(channels)
    _check_names(table.names, bounds)
    rows = _chosen_rows(table, dict(zip(_CHOICES, chosen, strict=True)))
    if rows.size != n_persons:
        message = f"{rows.size:,} rows, and the population has {n_persons:,} persons"
        raise PersonsFileError(message, hint="one row a person; check population.size")
    columns = {}
    for name in filter(bounds.__contains__, table.names):
        values = table.numbers(name, bounds[name].words)[rows]
        if (fault := bounds[name].fault(values)) is not None:
            row = int(rows[fault])
            message = f"`{name}` must be {bounds[name].words}; got {values[fault]:g}"
            raise PersonsFileError(message, where=table.where(row))
        columns[name] = values
    order = _order(table, rows)
    group = table.texts("group")[rows][order] if "group" in table.names else np.empty(0, object)
    ordered = {name: values[order] for name, values in columns.items()}
    return StoredPersons(channels, ordered, rows[order], group)


def _check_groups(persons: StoredPersons, scenario: Scenario, content: Callable[[], bytes]) -> None:
    """Refuse persons whose groups are not those that the scenario gives them."""
    population = scenario.population
    if persons.group.size == 0:
        return
    names = np.array(list(population.groups), dtype=object)
    shuffled = population.arrangement == "shuffled" and names.size > 1
    if shuffled and population.resample == "population":
        message = "`group` cannot be right in every replicate: each has persons of its own"
        hint = "set population.resample to noise, or leave the column out"
        raise PersonsFileError(message, hint=hint)
    here = names[groups_of(scenario, setup_draws(scenario, Draws(scenario.seed, 0)))]
    differ = np.flatnonzero(persons.group != here)
    if differ.size:
        person = differ[np.argmin(persons.rows[differ])]
        message = (
            f"`group` is `{persons.group[person]}`, and person {person} is in `{here[person]}`"
        )
        hint = "seed, arrangement, size and groups must be those of the run that it comes from"
        where = table_of(content()).where(int(persons.rows[person]))
        raise PersonsFileError(message, where=where, hint=hint)


def _check_names(names: Sequence[str], bounds: Mapping[str, _Bounds]) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise PersonsFileError(f"two columns are named `{name}`")
    known = [*bounds, *_CHOICES, "person"]
    free = [name for name in known if name not in names]
    for name in names:
        if name in known or _LEFT_ASIDE.fullmatch(name):
            continue
        hint = did_you_mean(name, free)
        if hint or _BY_CHANNEL.match(name):
            raise PersonsFileError(f"unknown column `{name}`", hint=hint)
    if not any(name in bounds for name in names):
        hint = f"columns such as {', '.join(list(bounds)[:3])}"
        raise PersonsFileError("no column says how persons start", hint=hint)


def _chosen_rows(table: Table, chosen: Mapping[str, int | None]) -> npt.NDArray[np.int64]:
    """Return the rows of the step and replicate that are asked for, if the file has several."""
    keep: npt.NDArray[np.bool_] | None = None
    for name, wanted in chosen.items():
        if name not in table.names:
            if wanted is not None:
                raise PersonsFileError(f"`{name}` is {wanted}, but there is no column `{name}`")
            continue
        values = table.numbers(name, "a whole number")
        among = np.unique(values if keep is None else values[keep])
        if wanted is None and among.size > 1:
            message = f"several values of `{name}`: {_listed(among)}"
            raise PersonsFileError(message, hint=f"choose one with `{name}`")
        if wanted is not None and wanted not in among:
            raise PersonsFileError(f"no row has `{name}` {wanted}", hint=f"it has {_listed(among)}")
        if wanted is not None:
            keep = (values == wanted) if keep is None else keep & (values == wanted)
    return np.arange(table.n_rows) if keep is None else np.flatnonzero(keep)


def _listed(values: FloatArray) -> str:
    few = ", ".join(f"{value:g}" for value in values[:5])
    return f"{few} …" if values.size > 5 else few


def _order(table: Table, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the places of persons 0, 1, … among the rows."""
    if "person" not in table.names:
        return np.arange(rows.size)
    persons = table.numbers("person", "a whole number")[rows]
    order = np.argsort(persons, kind="stable")
    wrong = np.flatnonzero(persons[order] != np.arange(rows.size))
    if wrong.size:
        place = order[wrong[0]]
        found = persons[place]
        fault = f"{found:g} is given twice" if found < wrong[0] else f"{wrong[0]} is missing"
        message = f"`person` {fault}"
        hint = f"each number from 0 to {rows.size - 1} once"
        raise PersonsFileError(message, where=table.where(int(rows[place])), hint=hint)
    return order
