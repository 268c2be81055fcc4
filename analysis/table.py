"""A table as text, ready to be laid out in a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.wording import ROLES

Formats = Mapping[str, tuple[str, Callable[[Any], str]]]
"""Head and format of the columns of a table, by name, in order."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page.

    Attributes
    ----------
    name
        Unique in the page.
    caption
        What the table holds; unique in the page.
    columns
        Heads of the columns.
    rows
        Cells, as many a row as there are columns.
    headers
        How many leading cells name their row.
    notes
        Paragraphs under the table.
    prose
        Whether the cells are words rather than numbers.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    headers: int = 1
    notes: tuple[str, ...] = ()
    prose: bool = False


def listing(
    table: pd.DataFrame,
    formats: Formats,
    *,
    name: str,
    caption: str,
    headers: int,
    notes: tuple[str, ...] = (),
) -> Table:
    """Return the named columns of a table, each in its format."""
    table = in_order(table)
    columns = tuple(head for head, _ in formats.values())
    cells = [[write(value) for value in table[key]] for key, (_, write) in formats.items()]
    rows = tuple(zip(*cells, strict=True))
    return Table(name, caption, columns, rows, headers=headers, notes=notes)


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the scenario before its twin and hold before heal."""
    by = [name for name in ("role", "target") if name in table.columns]
    return table.sort_values(by, ascending=[name == "role" for name in by], kind="stable")


def role_name(role: object) -> str:
    """Return what a role is called."""
    return ROLES[str(role)]


def replicates_of(curve: pd.DataFrame) -> dict[str, int]:
    """Return how many replicates each role has."""
    counts: Mapping[str, int] = curve.groupby("role")["replicates"].max().to_dict()
    return dict(counts)
