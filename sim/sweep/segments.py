"""What is already done: one folder a task, renamed into place when it is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sim.run_store import read_table, write_table


class Segments:
    """The finished tasks of a run.

    Parameters
    ----------
    folder
        Where segments are kept; made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def done(self) -> set[str]:
        """Return the keys of segments that are whole; a damaged one is set aside."""
        if not self.folder.is_dir():
            return set()
        found = {path.name for path in self.folder.iterdir() if not path.name.startswith(".")}
        damaged = {key for key in found if not self._is_whole(key)}
        for key in damaged:
            shutil.rmtree(self.folder / key)
        return found - damaged

    def _is_whole(self, key: str) -> bool:
        paths = sorted((self.folder / key).glob("*.parquet"))
        try:
            for path in paths:
                read_table(path)
        except (OSError, pa.ArrowException):
            return False
        return bool(paths)

    def write(self, key: str, tables: Mapping[str, pd.DataFrame]) -> None:
        """Store the tables of a finished task; all of them appear at once or none does."""
        draft = self.folder / f".{key}.{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        for name, table in tables.items():
            write_table(draft / f"{name}.parquet", table)
        final = self.folder / key
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)

    def collect(self, keys: Sequence[str], names: Iterable[str]) -> dict[str, pd.DataFrame]:
        """Return the tables of the given tasks, joined in that order."""
        return {
            name: pd.concat(
                [read_table(self.folder / key / f"{name}.parquet") for key in keys],
                ignore_index=True,
            )
            for name in names
        }

    def clear(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
