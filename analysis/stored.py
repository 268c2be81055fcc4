"""Runs that lie in folders: read them back, say how two differ, and hand them to other tools."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from analysis.results import TABLES, CostResults
from analysis.run import FILES
from sim.run_store import RunDirectory, read_table, write_atomically
from sim.scenario.load import load_scenario
from sim.scenario.resolve import dump, full
from sim.sweep.recorded import FILES as RECORDED
from sim.tables import Description, descriptions

if TYPE_CHECKING:
    import xarray as xr

    from analysis.comparison_run import Comparison

DIMENSIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cost": {
        "cost": ("role", "target", "replicate", "delay"),
        "remanence": ("role", "replicate", "rest"),
        "crossings": ("role", "replicate", "level", "direction"),
        "path": ("role", "phase", "replicate", "step"),
        "narrative": ("role", "phase", "replicate", "step", "bin"),
        "flows": ("role", "replicate", "moment_from", "moment_to", "active_from", "active_to"),
        "persons": ("role", "replicate", "moment", "person"),
        "ties": ("role", "replicate", "source", "target"),
        "checks": ("role", "replicate"),
    },
    "compare": {
        "tuning": ("kind", "cure", "setting", "replicate"),
        "comparison": ("kind", "cure", "replicate"),
        "delays": ("kind", "cure", "delay", "replicate"),
    },
    "run": {
        "series": ("replicate", "step"),
        "events": ("replicate", "event"),
        "persons": ("replicate", "step", "person"),
    },
}
"""What tells the rows of a table apart, by command and table."""

_LISTS = ("events", "tuning")
"""Tables that are as long as it happens: in a dataset their rows make one dimension."""


class NotARunError(ValueError):
    """A folder does not hold a finished run of the kind asked for."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that two runs do not share.

    Attributes
    ----------
    where
        Dotted path in the scenario or the manifest, or table, column and row.
    first, second
        What stands there; None for nothing.
    """

    where: str
    first: Any
    second: Any


def tables_of(folder: str | Path) -> dict[str, pd.DataFrame]:
    """Return the tables of a finished run by name: those of `cost`, `compare` or `run`.

    Raises
    ------
    NotARunError
        If the folder holds no finished run.
    """
    folder = Path(folder)
    command = manifest_of(folder).get("command")
    if command == "cost":
        names = FILES
    elif command == "compare":
        names = {name: f"{name}.parquet" for name in DIMENSIONS["compare"]}
        if not manifest_of(folder)["terms"]["delays"]:
            del names["delays"]
    else:
        persons = (folder / RECORDED["persons"]).is_file()  # only if the scenario asks for them
        names = {n: file for n, file in RECORDED.items() if n != "persons" or persons}
    missing = [file for file in names.values() if not (folder / file).is_file()]
    if missing:
        raise NotARunError(
            f"{folder} holds an unfinished run, or one of an earlier version: "
            f"{', '.join(missing)} missing; run it again"
        )
    return {name: read_table(folder / file) for name, file in names.items()}


def replicates_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Return how many of how many replicates the tables of a run hold, by role.

    A run that was interrupted, or of which some replicates failed, holds fewer than it was to.
    Replicates of a `run` of which no step was recorded cannot be counted: they count as held.
    """
    manifest = manifest_of(folder)
    if manifest.get("command") == "compare":
        rows = read_table(folder / "comparison.parquet")
        return {"run": (rows["replicate"].nunique(), int(manifest["terms"]["replicates"]))}
    if manifest.get("command") != "cost":
        held = read_table(folder / RECORDED["series"])["replicate"].nunique()
        wanted = int(manifest.get("replicates", held))
        return {"run": (held or wanted, wanted)}
    stored = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    wanted = int(stored["restoration"]["replicates"])  # the full form, also one no longer valid
    roles = ["scenario", "twin"] if (folder / "twin.yaml").is_file() else ["scenario"]
    held_by = read_table(folder / FILES["checks"]).groupby("role")["replicate"].nunique()
    return {role: (int(held_by.get(role, 0)), wanted) for role in roles}


def dimensions_of(folder: Path, name: str) -> tuple[str, ...]:
    """Return the columns that tell the rows of a table of a run apart."""
    command = str(manifest_of(folder).get("command"))
    return DIMENSIONS[command if command in DIMENSIONS else "run"][name]


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return the manifest of the run a folder holds.

    Raises
    ------
    NotARunError
        If there is none.
    """
    manifest = RunDirectory(folder).read_json("manifest.json")
    if manifest is None:
        raise NotARunError(f"{folder} holds no run: manifest.json is missing or damaged")
    return manifest


def load_comparison(folder: str | Path) -> Comparison:
    """Return a finished comparison as it was when it ended.

    Raises
    ------
    NotARunError
        If the folder holds no finished comparison.
    """
    from analysis.comparison_run import Comparison
    from analysis.contest import Contest

    folder = Path(folder)
    manifest, tables = manifest_of(folder), tables_of(folder)
    if manifest.get("command") != "compare":
        raise NotARunError(f"{folder} holds a `{manifest.get('command')}` run, not a comparison")
    contest = Contest.by_terms(load_scenario(folder / "scenario.yaml"), manifest["terms"])
    return Comparison(contest, tables, manifest)


def load_results(folder: str | Path) -> CostResults:
    """Return a finished cost run as it was when it ended.

    Raises
    ------
    NotARunError
        If the folder holds no finished cost run.
    """
    folder = Path(folder)
    manifest, tables = manifest_of(folder), tables_of(folder)
    if set(tables) != set(TABLES):
        raise NotARunError(f"{folder} holds a `{manifest.get('command')}` run, not a cost run")
    twin = folder / "twin.yaml"
    return CostResults(
        scenario=full(load_scenario(folder / "scenario.yaml")),
        twin=full(load_scenario(twin)) if twin.is_file() else None,
        twin_factor=manifest.get("twin_factor"),
        tables=tables,
        manifest=manifest,
    )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case Mapping():
            for name, inner in value.items():
                yield from _leaves(inner, f"{path}.{name}" if path else str(name))
        case list():
            for index, inner in enumerate(value):
                yield from _leaves(inner, f"{path}.{index}")
        case _:
            yield path, value


def _between(first: Any, second: Any) -> list[Difference]:
    ours, theirs = dict(_leaves(first)), dict(_leaves(second))
    keys = dict.fromkeys([*ours, *theirs])
    return [
        Difference(key, ours.get(key), theirs.get(key))
        for key in keys
        if ours.get(key) != theirs.get(key)
    ]


def compare_scenarios(first: Path, second: Path) -> list[Difference]:
    """Return where the resolved scenarios of two runs differ, by dotted path."""
    forms = []
    for folder in (first, second):
        manifest_of(folder)  # a folder without a run is said to be one before its files are missed
        forms.append(dump(full(load_scenario(folder / "scenario.yaml"))))
    return _between(*forms)


def compare_origins(first: Path, second: Path) -> list[Difference]:
    """Return where the manifests of two runs differ: versions, commit, seed, platform."""
    return _between(manifest_of(first), manifest_of(second))


def compare_tables(first: Path, second: Path) -> list[Difference]:
    """Return the values in which the tables of two runs differ, row by row."""
    ours, theirs = tables_of(first), tables_of(second)
    found = [
        Difference(name, "present" if name in ours else None, "present" if name in theirs else None)
        for name in dict.fromkeys([*ours, *theirs])
        if name not in ours or name not in theirs
    ]
    for name in ours:
        if name not in theirs:
            continue
        keys = dimensions_of(first, name)
        if keys == dimensions_of(second, name):
            found += _rows(name, ours[name], theirs[name], keys=list(keys))
        else:
            others = dimensions_of(second, name)
            found.append(Difference(f"{name}: rows by", ", ".join(keys), ", ".join(others)))
    return found


def _rows(
    name: str, ours: pd.DataFrame, theirs: pd.DataFrame, *, keys: list[str]
) -> list[Difference]:
    """Return how many rows only one has, then the values in which the others differ."""
    one, two = ours.set_index(keys), theirs.set_index(keys)
    only, other = (len(a.index.difference(b.index)) for a, b in ((one, two), (two, one)))
    alone = [Difference(f"{name}: rows that the other lacks", only, other)] if only or other else []
    shared = one.index.intersection(two.index, sort=False)
    return [*alone, *_cells(name, one.loc[shared], two.loc[shared], keys=keys)]


def _cells(
    name: str, ours: pd.DataFrame, theirs: pd.DataFrame, *, keys: list[str]
) -> Iterator[Difference]:
    one, two = ours.align(theirs, join="outer", axis=1)
    for column in one.columns:
        left, right = one[column], two[column]
        same = (left == right) | (left.isna() & right.isna())
        for key in left.index[~same]:
            row = ", ".join(f"{n} {v}" for n, v in zip(keys, np.atleast_1d(key), strict=True))
            yield Difference(f"{name}.{column} at {row}", left[key], right[key])


def _described(folder: Path, name: str) -> Mapping[str, Description]:
    """Return what the columns of a table of a `run` are; nothing about those of others."""
    if manifest_of(folder).get("command") in ("cost", "compare"):
        return {}
    return descriptions(full(load_scenario(folder / "scenario.yaml")))[name]


def dataset(folder: str | Path, name: str) -> xr.Dataset:
    """Return a table of a run as an xarray dataset, its manifest and scenario as attributes."""
    import xarray as xr

    folder = Path(folder)
    table = tables_of(folder)[name]
    # NetCDF 3 knows neither booleans nor unsigned bytes nor missing whole numbers.
    small = [column for column in table if table[column].dtype in (bool, np.uint8)]
    plain = table.astype(dict.fromkeys(small, "int8"))
    if name in _LISTS:
        found = xr.Dataset.from_dataframe(plain.rename_axis("row"))
    else:
        found = xr.Dataset.from_dataframe(plain.set_index(list(dimensions_of(folder, name))))
    for column, values in found.items():
        if values.dtype == object:
            found[column] = values.fillna("")
    for column, described in _described(folder, name).items():
        if column in found:
            found[column].attrs = {"units": described.unit, "long_name": described.meaning}
    scenario = (folder / "scenario.yaml").read_text(encoding="utf-8")
    return found.assign_attrs(manifest=json.dumps(manifest_of(folder)), scenario=scenario)


def export(folder: Path, target: Path, *, form: str, names: Sequence[str] = ()) -> list[Path]:
    """Write the tables of a run as CSV or NetCDF and return the files.

    Parameters
    ----------
    target
        Folder; made if it is not there.
    form
        `csv` or `netcdf`.
    names
        Tables; all by default.

    Raises
    ------
    NotARunError
        If the folder holds no finished run, or not these tables.
    """
    tables = tables_of(folder)
    unknown = sorted(set(names) - set(tables))
    if unknown:
        raise NotARunError(
            f"{folder} has no table {', '.join(unknown)}; it has {', '.join(tables)}"
        )
    written = []
    if target.resolve() != folder.resolve():
        # Whatever leaves its folder takes along what it can be made again from.
        for name in ("manifest.json", "scenario.yaml"):
            write_atomically(target / name, (folder / name).read_bytes())
    for name in names or tables:
        if form == "csv":
            path, content = target / f"{name}.csv", tables[name].to_csv(index=False).encode()
        else:
            path, content = target / f"{name}.nc", bytes(dataset(folder, name).to_netcdf())
        write_atomically(path, content)
        written.append(path)
    return written
