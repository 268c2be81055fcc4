"""Rows of a CSV file with their lines; what cannot be rows is refused in one wording."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator


class CsvError(ValueError):
    """The content of a file is no table.

    Attributes
    ----------
    fault, hint
        What is wrong, as words that follow the name of the file, and what to do about it.
    line
        From 1 on; 0 where the file as a whole is meant.
    """

    def __init__(self, fault: str, *, line: int = 0, hint: str = "") -> None:
        super().__init__(fault, line, hint)
        self.fault, self.line, self.hint = fault, line, hint

    def about(self, name: str) -> str:
        """Return the message about a file of this name."""
        return f"{name}:{self.line}: {self.fault}" if self.line else f"{name} {self.fault}"


def csv_rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the last line of each row, from 1 on, and its fields; the header comes first.

    Empty lines may end a file.  Elsewhere one is a value that is missing: skipped, it would move
    all later rows up.

    Raises
    ------
    CsvError
        If the content is not text in UTF-8, is empty, breaks the rules of CSV, or has an empty
        line before its last row.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        hint = "save it as CSV in UTF-8, or as Parquet"
        raise CsvError("is not text in UTF-8", hint=hint) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    empty = n_rows = 0
    try:
        for row in reader:
            if not row:
                empty = empty or reader.line_num
                continue
            if empty:
                hint = "fill it in or delete it; it may stand at the end of the file only"
                raise CsvError("an empty line", line=empty, hint=hint)
            n_rows += 1
            yield reader.line_num, row
    except csv.Error as error:
        raise CsvError(f"cannot be read: {error}") from None
    if not n_rows:
        raise CsvError("is empty", hint="it needs a header and rows")
