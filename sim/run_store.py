"""Run directories: what was run, with what, and the results, each written at once or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from sim.scenario.files import stored_beside
from sim.scenario.resolve import digest, dump, full
from sim.scenario.schema import Scenario
from sim.version import DISTRIBUTION, MODEL_VERSION

_DRAFT = ".tmp"
_RECORDED = ("mesa", "numpy", "scipy", "numba", "pydantic", "pyarrow", "pandas")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old one or the new one, never a part.

    Raises
    ------
    OSError
        Named after the file, whichever part of this failed.
    """
    with _replacing(path) as stream:
        stream.write(content)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside a path; once it is written, flush it to disk and rename it to the path."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_DRAFT)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def sync_folder(folder: Path) -> None:
    """Flush to disk which files a folder holds."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_PARQUET: Mapping[str, Any] = {
    "compression": "zstd", "write_page_checksum": True, "store_schema": False,
}  # fmt: skip


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write rows as Parquet (zstd, page checksums), byte-identical for identical rows."""
    sink = pa.BufferOutputStream()
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(arrow, sink, **_PARQUET)
    write_atomically(path, sink.getvalue().to_pybytes())


def write_row_groups(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write tables of the same columns into one Parquet file, at least one, one after the other."""
    tables = iter(tables)
    first = next(tables)
    with _replacing(path) as stream, pq.ParquetWriter(stream, first.schema, **_PARQUET) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


def read_table(path: Path) -> pd.DataFrame:
    """Return the rows of a Parquet file, its checksums verified.

    Raises
    ------
    BrokenTableError
        If the file is damaged.
    """
    return read_arrow(path).to_pandas()


def read_arrow(path: Path) -> pa.Table:
    """Return the same as an Arrow table, which takes less memory."""
    with path.open("rb") as stream:
        try:
            return pq.read_table(stream, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            raise BrokenTableError(errno.EIO, f"damaged ({error})", str(path)) from None


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=10,
    )  # fmt: skip
    return done.stdout.strip()


def _commit() -> str:
    """Return the commit the code stands at, `+dirty` with uncommitted edits, empty outside git."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        # An installed copy may lie inside a repository that is not its own.
        _git("ls-files", "--error-unmatch", Path(__file__).name)
        return _git("describe", "--always", "--abbrev=40", "--dirty=+dirty", "--exclude=*")
    return ""


def manifest_of(scenario: Scenario, *, command: str, **more: Any) -> dict[str, Any]:
    """Return what is needed to regenerate a run's outputs, as plain values."""
    return {
        "command": command,
        "scenario": scenario.name,
        "digest": digest(scenario, model_version=str(MODEL_VERSION)),
        "seed": scenario.seed,
        "model_version": MODEL_VERSION,
        "commit": _commit(),
        "versions": {
            DISTRIBUTION: version(DISTRIBUTION),
            "python": platform.python_version(),
            **{name: version(name) for name in _RECORDED},
        },
        "platform": {"system": platform.system(), "machine": platform.machine()},
        **more,
    }


class BrokenTableError(OSError):
    """A stored table cannot be read."""


class OccupiedError(Exception):
    """A folder holds something that a run must not overwrite."""


class RunDirectory:
    """A folder that holds one run; every write is atomic.

    Parameters
    ----------
    folder
        Where; made when the first file is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Return the path of a file in the run."""
        return self.folder / name

    def previous(self, *, command: str) -> dict[str, Any] | None:
        """Return the manifest of the run of a command that the folder holds; none if it is empty.

        Raises
        ------
        OccupiedError
            If the folder holds anything else.
        """
        if not self.folder.is_dir() or all(_is_draft(path) for path in self.folder.iterdir()):
            return None
        manifest = self.read_json("manifest.json")
        if manifest is None:
            raise OccupiedError(f"{self.folder} is not empty and holds no run; name another folder")
        if manifest.get("command") != command:
            other = manifest.get("command")
            raise OccupiedError(f"{self.folder} holds a `{other}` run; name another folder")
        return manifest

    def check_writable(self) -> None:
        """Fail before any work is done where nothing can be written."""
        write_atomically(self.path(f".probe{_DRAFT}"), b"")
        self.path(f".probe{_DRAFT}").unlink()

    def remove(self, *names: str) -> None:
        """Remove files of an earlier run, and drafts that a killed process left."""
        drafts = filter(_is_draft, self.folder.iterdir()) if self.folder.is_dir() else ()
        for path in [*map(self.path, names), *drafts]:
            path.unlink(missing_ok=True)

    def write_scenario(self, scenario: Scenario, *, name: str = "scenario.yaml") -> None:
        """Store a resolved scenario so that it can be run again from here alone."""
        scenario, sources = stored_beside(full(scenario))
        for copy, source in sources.items():
            write_atomically(self.path(copy), source.read_bytes())
        text = yaml.safe_dump(dump(scenario), sort_keys=False, allow_unicode=True, width=100)
        write_atomically(self.path(name), text.encode())

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Store plain values as JSON."""
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
        write_atomically(self.path(name), f"{text}\n".encode())

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return a stored JSON object, or none if there is no file that holds one."""
        try:
            content = json.loads(self.path(name).read_text(encoding="utf-8"))
        except (FileNotFoundError, IsADirectoryError, ValueError):
            return None
        return content if isinstance(content, dict) else None


def _is_draft(path: Path) -> bool:
    return path.name.startswith(".") and path.suffix == _DRAFT
