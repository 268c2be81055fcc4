"""One number a person from a column of a CSV or Parquet file."""

from __future__ import annotations

import errno
import hashlib
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from sim.scenario.csv_rows import CsvError, csv_rows
from sim.scenario.problems import did_you_mean
from sim.streams import FloatArray

MAX_VALUE = 1e9
"""Largest absolute value of a number about a person."""

_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_PARQUET = b"PAR1"


class ValueFileError(ValueError):
    """A file of values was refused; carries a message, a hint, and whether the column is meant."""

    def __init__(self, message: str, hint: str = "", *, about_column: bool = False) -> None:
        super().__init__(message, hint)
        self.message, self.hint, self.about_column = message, hint, about_column


def parse_values(content: bytes, name: str, column: str) -> FloatArray:
    """Return the numbers of one column of a CSV or Parquet file, top to bottom.

    Parameters
    ----------
    name
        What messages call the file.

    Raises
    ------
    ValueFileError
        If there is no such column, or it holds anything but numbers in [−10⁹, 10⁹].
    """
    if content.startswith(_PARQUET):
        values = _from_parquet(content, name, column)
    else:
        try:
            values = np.fromiter(_from_csv(content, name, column), np.float64)
        except CsvError as error:
            raise ValueFileError(error.about(name), error.hint) from None
    if values.size == 0:
        raise ValueFileError(f"{name} has no rows")
    values.setflags(write=False)
    return values


def _check_column(column: str, known: list[str], name: str) -> None:
    if known.count(column) > 1:
        raise ValueFileError(f"{name} has several columns `{column}`", about_column=True)
    if column not in known:
        listed = ", ".join(filter(None, known)) or "none has a name"
        hint = did_you_mean(column, known) or f"columns: {listed}"
        raise ValueFileError(f"{name} has no column `{column}`", hint, about_column=True)


def _from_csv(content: bytes, name: str, column: str) -> Iterator[float]:
    rows = csv_rows(content)
    _, header = next(rows)
    _check_column(column, header, name)
    position = header.index(column)
    for line, row in rows:
        field = row[position] if position < len(row) else ""
        if not _NUMBER.fullmatch(field) or not abs(float(field)) <= MAX_VALUE:
            where = f"{name}:{line}: `{field}` in column `{column}`"
            raise ValueFileError(*_rule(where))
        yield float(field)


def _from_parquet(content: bytes, name: str, column: str) -> FloatArray:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content), memory_map=False)
        _check_column(column, file.schema_arrow.names, name)
        read = file.read(columns=[column], use_threads=False)[column]
        numbers = read.cast(pa.float64(), safe=False).to_numpy()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueFileError(f"cannot read column `{column}` of {name}: {reason}") from None
    wrong = np.flatnonzero(~(np.abs(numbers) <= MAX_VALUE))
    if wrong.size > 0:
        value = numbers[wrong[0]]
        where = f"{name}: {'nothing' if math.isnan(value) else f'{value:g}'} in column `{column}`"
        raise ValueFileError(*_rule(f"{where}, row {wrong[0] + 1}"))
    return np.array(numbers, np.float64)


def _rule(where: str) -> tuple[str, str]:
    return f"{where} is not a number that a person can be given", (
        f"every row needs a finite number between {-MAX_VALUE:g} and {MAX_VALUE:g}"
    )


def read_values(path: str, column: str, *, digest: str) -> FloatArray:
    """Return the numbers of a column of a file; one that names its content is read once.

    Raises
    ------
    OSError
        If the file cannot be read, or is no longer the one of this digest.
    """
    if digest:
        return _of_content(path, column, digest)
    return parse_values(Path(path).read_bytes(), path, column)


@lru_cache(maxsize=8)
def _of_content(path: str, column: str, digest: str) -> FloatArray:
    content = Path(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise OSError(errno.EIO, "has changed since the scenario was resolved", path)
    return parse_values(content, path, column)
