"""What is already done: one folder a task, renamed into place when it is complete."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from sim.run_store import (
    read_arrow,
    read_table,
    sync_folder,
    write_atomically,
    write_row_groups,
    write_table,
)

_DIGESTS = "digests.json"


class Segments:
    """The finished tasks of a run.

    Parameters
    ----------
    folder
        Where segments are kept; made when the first is written.
    names
        Tables that every task yields.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.names = tuple(names)

    def done(self) -> set[str]:
        """Return the keys of segments that are whole; everything else there is removed."""
        if not self.folder.is_dir():
            return set()
        whole = set()
        for path in self.folder.iterdir():
            if not path.name.startswith(".") and self._is_whole(path):
                whole.add(path.name)
            else:
                _remove(path)
        return whole

    def _is_whole(self, segment: Path) -> bool:
        # Parquet's own checksums leave out its footer, where one wrong bit can change values.
        try:
            return bool(json.loads((segment / _DIGESTS).read_bytes()) == self._digests(segment))
        except (OSError, ValueError):
            return False

    def _digests(self, segment: Path) -> dict[str, str]:
        return {
            name: hashlib.sha256((segment / f"{name}.parquet").read_bytes()).hexdigest()
            for name in self.names
        }

    def write(self, key: str, tables: Mapping[str, pd.DataFrame]) -> None:
        """Store the tables of a finished task; all of them appear at once or none does."""
        draft = self.folder / f".{key}.{os.getpid()}"
        try:
            for name in self.names:
                write_table(draft / f"{name}.parquet", tables[name])
            write_atomically(draft / _DIGESTS, json.dumps(self._digests(draft)).encode())
            final = self.folder / key
            shutil.rmtree(final, ignore_errors=True)
            draft.rename(final)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        sync_folder(self.folder)

    def collect(self, keys: Sequence[str], *, names: Sequence[str] = ()) -> dict[str, pd.DataFrame]:
        """Return the tables of the given tasks, all or those named, joined in that order."""
        return {
            name: pd.concat(
                [read_table(self.folder / key / f"{name}.parquet") for key in keys],
                ignore_index=True,
            )
            for name in names or self.names
        }

    def join(self, keys: Sequence[str], name: str, path: Path) -> None:
        """Write one table of the given tasks to a file, in that order and one at a time."""
        files = (self.folder / key / f"{name}.parquet" for key in keys)
        write_row_groups(path, map(read_arrow, files))

    def clear(self) -> None:
        """Forget everything."""
        if self.folder.exists():
            shutil.rmtree(self.folder)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
