"""From a file on disk to a resolved scenario that no longer depends on other files' text."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

from sim.scenario.layers import load_layers
from sim.scenario.located import Node
from sim.scenario.problems import ScenarioError, did_you_mean, refuse
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.scenario.schema.population import EdgeListFile
from sim.scenario.schema.processes import SeriesStressor, Stressor, TableStressor
from sim.scenario.shipped import find_scenario, shipped_scenarios
from sim.scenario.validation import validate_node

_MAX_ROWS = 100_000


def load_scenario(path: str | Path, *, overrides: Sequence[str] = ()) -> Scenario:
    """Return the resolved scenario of a file, or of a shipped scenario's name.

    Parameters
    ----------
    overrides
        `a.b.c=value` settings laid over the file, in order.

    Raises
    ------
    ScenarioError
        With every problem found and where it stands.
    """
    file = find_scenario(str(path))
    if not file.exists() and file.suffix == "" and len(file.parts) == 1:
        raise _unknown_name(str(path), overrides)
    root = load_layers(file, overrides=overrides)
    scenario = validate_node(Scenario, root)
    stressors = tuple(
        _read_series(stressor, _at(root, "stressors", index))
        if isinstance(stressor, SeriesStressor)
        else stressor
        for index, stressor in enumerate(scenario.stressors)
    )
    network = scenario.network
    if isinstance(network, EdgeListFile):
        network = _read_edge_list(network, _at(root, "network"))
    return full(scenario.model_copy(update={"stressors": stressors, "network": network}))


def _unknown_name(name: str, overrides: Sequence[str]) -> ScenarioError:
    try:
        load_layers(name, overrides=overrides)
    except ScenarioError as error:
        place = error.problems[0].place
    known = shipped_scenarios()
    hint = did_you_mean(name, known) or f"shipped scenarios: {', '.join(known)}"
    return refuse(
        f"no file and no shipped scenario named `{name}`", place, hint=hint, rule="layers"
    )


def _at(root: Node, *path: str | int) -> Node:
    for part in path:
        root = root.child(part) or root
    return root


def _beside(place: Node, file: str) -> Path:
    """Return a path relative to the scenario file that names it."""
    origin = place.source.path
    return (origin.parent if origin else Path()) / file


def _read_series(stressor: SeriesStressor, node: Node) -> Stressor:
    place = node.child("file") or node
    path = _beside(place, stressor.file)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse(f"cannot read {stressor.file}: {reason}", place, rule="file") from None
    if not rows or len(rows) > _MAX_ROWS:
        message = f"{stressor.file} has {len(rows):,} rows; between 1 and {_MAX_ROWS:,} are read"
        raise refuse(message, place, rule="file")
    if stressor.column not in rows[0]:
        columns = [name for name in rows[0] if name]
        hint = did_you_mean(stressor.column, columns) or f"columns: {', '.join(columns)}"
        message = f"{stressor.file} has no column `{stressor.column}`"
        raise refuse(message, node.child("column") or place, hint=hint, rule="file")
    values = [
        _number(row[stressor.column], line, stressor, place) for line, row in enumerate(rows, 2)
    ]
    levels = tuple(max(0.0, (value - stressor.offset) * stressor.scale) for value in values)
    return TableStressor(
        kind="table",
        channel=stressor.channel,
        groups=stressor.groups,
        steps=tuple(range(0, len(levels) * stressor.steps_per_row, stressor.steps_per_row)),
        levels=levels,
        interpolation=stressor.interpolation,
    )


def _number(text: str | None, line: int, stressor: SeriesStressor, place: Node) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        message = f"{stressor.file}:{line}: `{text}` in column `{stressor.column}` is not a number"
        raise refuse(message, place, hint="every row needs a finite number", rule="file")
    return value


def _read_edge_list(network: EdgeListFile, node: Node) -> EdgeListFile:
    place = node.child("file") or node
    path = _beside(place, network.file)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise refuse(f"cannot read {network.file}: {error.strerror}", place, rule="file") from None
    if network.digest and network.digest != digest:
        message = f"{network.file} is not the file this scenario was resolved with"
        raise refuse(message, place, hint="its SHA-256 differs from `digest`", rule="file")
    return network.model_copy(update={"file": str(path), "digest": digest})
