"""Tables of persons in CSV and Parquet files: names of columns, columns of numbers, places."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

from sim.scenario.csv_rows import CsvError, csv_rows
from sim.streams import FloatArray


class PersonsFileError(ValueError):
    """A file of persons was refused.

    Attributes
    ----------
    where
        Line or row, as `:3` or `, row 3`; empty where no place can be named.
    rule, hint
        What the file must satisfy, and what to do about it.
    """

    def __init__(self, rule: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(rule, where, hint)
        self.rule, self.where, self.hint = rule, where, hint

    def __str__(self) -> str:
        return f"file of persons{self.where}: {self.rule}" + (
            f" ({self.hint})" if self.hint else ""
        )


class ParquetTable:
    """Columns of a Parquet file."""

    def __init__(self, content: bytes) -> None:
        try:
            self._file = pq.ParquetFile(
                pa.BufferReader(content), memory_map=False, page_checksum_verification=True
            )
        except (pa.ArrowException, OSError) as error:
            raise PersonsFileError(f"damaged or no Parquet ({error})") from None
        self.names: list[str] = list(self._file.schema_arrow.names)
        self.n_rows: int = self._file.metadata.num_rows

    def where(self, row: int) -> str:
        """Return the place of a row in words."""
        return f", row {row + 1}"

    def numbers(self, name: str, words: str) -> FloatArray:
        """Return a column of numbers, (rows,)."""
        kind = self._file.schema_arrow.field(name).type
        if not (
            pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
        ):
            raise PersonsFileError(f"column `{name}` holds {kind}, not numbers")
        column = self._column(name)
        if column.null_count:
            row = int(np.argmax(column.is_null().to_numpy()))
            raise PersonsFileError(
                f"`{name}` must be {words}; nothing is there", where=self.where(row)
            )
        return np.asarray(column.to_numpy(), dtype=np.float64)

    def texts(self, name: str) -> npt.NDArray[np.object_]:
        """Return a column as text, (rows,), empty where nothing is there."""
        values = self._column(name).to_pylist()
        return np.array(["" if value is None else str(value) for value in values], dtype=object)

    def _column(self, name: str) -> pa.ChunkedArray:
        try:
            return self._file.read([name], use_threads=False)[name]
        except (pa.ArrowException, OSError) as error:
            raise PersonsFileError(f"damaged ({error})") from None


class CsvTable:
    """Columns of a CSV file; lines are looked for only where something is wrong."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        _, self.names = next(self._lines())
        if _may_have_empty_lines(content):
            deque(self._lines(), maxlen=0)
        distinct = len(set(self.names)) == len(self.names)
        self._table = self._parsed() if distinct else pa.table({})
        self.n_rows: int = self._table.num_rows

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        try:
            yield from csv_rows(self._content)
        except CsvError as error:
            where = f":{error.line}" if error.line else ""
            rule = error.fault if error.line else f"the file {error.fault}"
            raise PersonsFileError(rule, where=where, hint=error.hint) from None

    def _parsed(self) -> pa.Table:
        try:
            return arrow_csv.read_csv(
                pa.BufferReader(self._content),
                read_options=arrow_csv.ReadOptions(use_threads=False),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, pa.string()),
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._ragged() or PersonsFileError(f"cannot be read: {error}") from None

    def _ragged(self) -> PersonsFileError | None:
        for line, row in self._lines():
            if len(row) != len(self.names):
                message = f"{len(row)} fields where the header has {len(self.names)}"
                return PersonsFileError(message, where=f":{line}")
        return None

    def where(self, row: int) -> str:
        """Return the place of a row in words."""
        line = next(n for i, (n, _) in enumerate(self._lines()) if i == row + 1)
        return f":{line}"

    def numbers(self, name: str, words: str) -> FloatArray:
        """Return a column of numbers, (rows,)."""
        texts = self._table[name]
        try:
            return np.asarray(texts.cast(pa.float64()).to_numpy(), dtype=np.float64)
        except pa.ArrowInvalid:
            row = next(i for i, text in enumerate(texts.to_pylist()) if not _is_number(text))
            message = f"`{name}` must be {words}; got `{texts[row].as_py()}`"
            raise PersonsFileError(message, where=self.where(row)) from None

    def texts(self, name: str) -> npt.NDArray[np.object_]:
        """Return a column as text, (rows,)."""
        return np.array(self._table[name].to_pylist(), dtype=object)


def _may_have_empty_lines(content: bytes) -> bool:
    """Return whether two ends of lines meet before the last row, perhaps within quotes."""
    text = content.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    return text[:1] in (b"\r", b"\n") or any(ends in text for ends in (b"\n\n", b"\n\r", b"\r\r"))


def _is_number(text: str) -> bool:
    try:
        pa.scalar(text).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


Table = ParquetTable | CsvTable


def table_of(content: bytes) -> Table:
    """Return the table in the content of a file.

    Raises
    ------
    PersonsFileError
        If it is neither Parquet nor CSV in UTF-8.
    """
    return (ParquetTable if content[:4] == b"PAR1" else CsvTable)(content)
