"""A short table from a CSV or Parquet file that a scenario names: entries as text, with places."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sim.scenario.csv_rows import CsvError, csv_rows
from sim.scenario.located import Node, Place
from sim.scenario.problems import ScenarioError, did_you_mean, refuse

MAX_ROWS = 100_000
"""Rows of a table."""
NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
"""A number as it may be written in a file."""

_PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of entries under a header.

    Attributes
    ----------
    name
        Of the file, as the scenario has it.
    header
        Names of the columns.
    rows
        Entries as text, empty where nothing is there; a row may be shorter than the header.
    lines
        Line of each row from 1 on; none where the file has no lines.
    """

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]

    @classmethod
    def of(cls, content: bytes, name: str, *, place: Place) -> Sheet:
        """Return the table in the content of a file.

        Raises
        ------
        ScenarioError
            If it is neither CSV in UTF-8 nor Parquet, or too long.
        """
        if content[:4] == _PARQUET:
            return _parquet(content, name, place=place)
        rows: list[list[str]] = []
        lines: list[int] = []
        try:
            for line, row in csv_rows(content):
                # The header is one of them here.
                _check_length(len(rows), name, place)
                rows.append(row)
                lines.append(line)
        except CsvError as error:
            raise refused(error.about(name), place, hint=error.hint) from None
        return cls(name, rows[0], rows[1:], lines[1:])

    def where(self, row: int) -> str:
        """Return the place of a row in words."""
        return f"{self.name}:{self.lines[row]}" if self.lines else f"{self.name}, row {row + 1}"

    def entries(self, column: str, *, place: Place) -> list[str]:
        """Return the entries of a column.

        Raises
        ------
        ScenarioError
            If there is no such column, or several.
        """
        if list(self.header).count(column) > 1:
            raise refused(f"{self.name} has several columns `{column}`", place)
        if column not in self.header:
            columns = [name for name in self.header if name]
            listed = ", ".join(columns) or "none has a name"
            hint = did_you_mean(column, columns) or f"columns: {listed}"
            raise refused(f"{self.name} has no column `{column}`", place, hint=hint)
        position = list(self.header).index(column)
        return [row[position] if position < len(row) else "" for row in self.rows]

    def numbers(self, column: str, *, node: Node) -> list[float]:
        """Return the numbers in a column, all of them finite.

        Parameters
        ----------
        node
            Of the block that names file and column, for errors.
        """
        place = node.child("file") or node
        entries = self.entries(column, place=node.child("column") or node)
        for row, entry in enumerate(entries):
            if not NUMBER.fullmatch(entry) or not math.isfinite(float(entry)):
                message = f"{self.where(row)}: `{entry}` in column `{column}` is not a number"
                raise refused(message, place, hint="every row needs a finite number")
        return [float(entry) for entry in entries]


def _parquet(content: bytes, name: str, *, place: Place) -> Sheet:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(
            pa.BufferReader(content), memory_map=False, page_checksum_verification=True
        )
        _check_length(file.metadata.num_rows, name, place)
        table = file.read(use_threads=False)
        columns = [_texts(table[position].to_pylist()) for position in range(table.num_columns)]
    except (pa.ArrowException, OSError) as error:
        raise refused(f"cannot read {name}: {error}", place) from None
    return Sheet(name, table.column_names, list(zip(*columns, strict=True)), ())


def _texts(values: Sequence[object]) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def _check_length(n_rows: int, name: str, place: Place) -> None:
    if n_rows > MAX_ROWS:
        raise refused(f"{name} has more than {MAX_ROWS:,} rows", place)


def refused(message: str, place: Place, *, hint: str = "") -> ScenarioError:
    """Return the error about a file that a scenario names."""
    return refuse(message, place, hint=hint, rule="file")
