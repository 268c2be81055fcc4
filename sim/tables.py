"""What the columns of the tables of a run are: one look-up over the registries of each table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sim.columns import OPTIONAL, Column
from sim.events import FIELDS
from sim.records import names_of, variables_of
from sim.scenario.schema import Scenario
from sim.snapshots import snapshot_columns


class Description(NamedTuple):
    """A column of a table.

    Attributes
    ----------
    dimensions
        What its values run over, labels of the scenario included that stand in its name.
    unit, meaning
        As in the registry it comes from.
    """

    dimensions: tuple[str, ...]
    unit: str
    meaning: str


def dimensions_of(name: str, column: Column) -> tuple[str, ...]:
    """Return what a column of persons runs over in snapshots."""
    return ("step", "person") if name == column.family else ("step", "person", "channel")


def descriptions(scenario: Scenario) -> Mapping[str, Mapping[str, Description]]:
    """Return the columns of each table that a run of a scenario writes, by table and name.

    Columns that identify rows (`replicate`, `step`, `person`) are left out.
    """
    series = {
        name: Description(("step", *variable.dimensions), variable.unit, variable.meaning)
        for variable in variables_of(scenario)
        for name in names_of(variable, scenario)
    }
    events = {
        name: Description(("event",), field.unit, field.meaning) for name, field in FIELDS.items()
    }
    persons = {
        name: Description(dimensions_of(name, column), column.unit, column.meaning)
        for name, column in snapshot_columns(scenario, OPTIONAL).items()
    }
    tables = {"series": series, "events": events}
    return tables if scenario.record.persons is None else tables | {"persons": persons}
