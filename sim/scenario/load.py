"""From a file on disk to a resolved scenario that no longer depends on other files' text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from sim.scenario.files import Where, with_value_files
from sim.scenario.layers import load_layers
from sim.scenario.located import Node, Place
from sim.scenario.problems import ScenarioError, did_you_mean, refuse
from sim.scenario.resolve import full, with_changes
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import Values
from sim.scenario.schema.checks import miscounted, values_wanted
from sim.scenario.schema.population import BlockModel, EdgeListFile, Population
from sim.scenario.schema.stressors import SeriesStressor
from sim.scenario.series import read_plain, read_series
from sim.scenario.shipped import find_scenario, shipped_scenarios
from sim.scenario.validation import validate_node
from sim.scenario.value_file import ValueFileError, parse_values


def load_scenario(path: str | Path, *, overrides: Sequence[str] = ()) -> Scenario:
    """Return the resolved scenario of a file, or of a shipped scenario's name.

    Parameters
    ----------
    path
        A YAML file, or the name of a shipped scenario.
    overrides
        `a.b.c=value` settings laid over the file, in order.

    Raises
    ------
    ScenarioError
        With every problem found and where it stands.
    TypeError
        If `overrides` is one text instead of a list of them.
    """
    if isinstance(overrides, str) or not isinstance(overrides, Sequence):
        raise TypeError('overrides must be a list: overrides=["time.steps=50"]')
    try:
        file = find_scenario(str(path))
        known = file.exists()
    except OSError:  # a name too long, a folder that may not be looked into
        file, known = Path(path), False
    if not known and file.suffix == "" and len(file.parts) == 1:
        raise _unknown_name(str(path), overrides)
    root = load_layers(file, overrides=overrides)
    scenario = validate_node(Scenario, root)
    stressors = tuple(
        read_series(stressor, _beside(node, stressor.file), node=node, time=scenario.time)
        if isinstance(stressor, SeriesStressor)
        else stressor
        for stressor, node in (
            (stressor, _at(root, "stressors", index))
            for index, stressor in enumerate(scenario.stressors)
        )
    )
    network = scenario.network
    if isinstance(network, EdgeListFile):
        network = _read_edge_list(network, scenario, root)
    elif isinstance(network, BlockModel):
        _check_blocks(network, scenario, root)
    _check_groups(scenario, root)
    population = _read_persons(scenario, root)
    changes = {"stressors": stressors, "network": network, "population": population}
    scenario = full(_with_values(scenario.model_copy(update=changes), root))
    _check_shifts(scenario, root)
    return scenario


def _check_shifts(scenario: Scenario, root: Node) -> None:
    """Refuse a shift whose changes cannot be made, where they stand."""
    for index, shift in enumerate(scenario.shifts):
        try:
            scenario = with_changes(scenario, shift.changes)
        except ScenarioError as error:
            first = error.problems[0]
            place = _at(root, "shifts", index, "changes")
            raise refuse(first.message, place, hint=first.hint, rule=first.rule) from None


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
    """Return the node at a path, or the last one on the way to it."""
    for part in path:
        child = root.child(part)
        if child is None:
            break
        root = child
    return root


def _beside(node: Node, file: str) -> Path:
    """Return a path relative to the scenario file in which a block names it."""
    origin = (node.child("file") or node).source.path
    return (origin.parent if origin else Path()) / file


def _check_groups(scenario: Scenario, root: Node) -> None:
    population = scenario.population
    for name, size in population.group_sizes().items():
        if size == 0 and population.groups[name].share > 0.0:
            share, n = population.groups[name].share, population.size
            raise refuse(
                f"group `{name}` with a share of {share:g} gets none of {n} persons",
                _at(root, "population", "groups", name, "share"),
                hint="make the population larger, or give the group a share of 0",
                key=f"population.groups.{name}.share",
                rule="cross_field",
            )


def _check_blocks(network: BlockModel, scenario: Scenario, root: Node) -> None:
    """Refuse a block model whose groups cannot take the ties asked for."""
    import numpy as np

    from sim.network.generators import homophilous_degrees

    sizes = scenario.population.group_sizes()
    place = _at(root, "network", "homophily")
    key, rule = "network.homophily", "cross_field"
    try:
        degrees = homophilous_degrees(
            np.array(list(sizes.values())), degree=network.degree, homophily=network.homophily
        )
    except ValueError as error:
        raise refuse(
            str(error), place, hint="raise network.homophily", key=key, rule=rule
        ) from None
    for (own, n_own), row in zip(sizes.items(), degrees, strict=True):
        for (other, n_other), degree in zip(sizes.items(), row, strict=True):
            offered = max(n_other - (own == other), 0)
            if n_own and degree > offered * (1.0 + 1e-9):
                message = (
                    f"someone in group `{own}` would need {degree:g} ties to group `{other}`, "
                    f"which offers {offered} persons"
                )
                hint = "lower network.degree or homophily, or make the population larger"
                raise refuse(message, place, hint=hint, key=key, rule=rule)


def _with_values(scenario: Scenario, root: Node) -> Scenario:
    """Return the scenario with the lists that stand in files read, counted and named for good."""
    counted = {path: wanted for path, _, wanted in values_wanted(scenario)}

    def read(values: Values, at: Where) -> Values:
        node = _at(root, *at)
        place, name = node.child("file") or node, str(values.file)
        path = _beside(node, name)
        content = read_plain(path, name, place=place)
        digest = _digest(content, values.digest or "", name=name, place=place)
        try:
            numbers = parse_values(content, name, str(values.column))
        except ValueFileError as error:
            place = (node.child("column") or node) if error.about_column else place
            raise refuse(error.message, place, hint=error.hint, rule="file") from None
        wanted = counted.get(".".join(map(str, at)), {})
        if message := miscounted(numbers.size, wanted):
            raise refuse(f"{name} has {message}", place, rule="file")
        return values.model_copy(update={"file": str(path), "digest": digest})

    return with_value_files(scenario, read)


def _read_edge_list(network: EdgeListFile, scenario: Scenario, root: Node) -> EdgeListFile:
    from sim.network.edgelist import EdgeListError, read_edge_list

    node = _at(root, "network")
    place = node.child("file") or node
    path = _beside(node, network.file)
    content = read_plain(path, network.file, place=place)
    digest = _digest(content, network.digest, name=network.file, place=place)
    n, signed = scenario.population.size, scenario.signed
    try:
        read_edge_list(
            path,
            n_persons=n,
            directed=network.directed,
            signed=signed,
            self_loops=network.self_loops,
        )
    except EdgeListError as error:
        where = f"{network.file}:{error.line}:{error.column}" if error.line else network.file
        message = f"{where}: {error.rule}"
        raise refuse(message, place, hint=error.hint, rule="file") from None
    return network.model_copy(update={"file": str(path), "digest": digest})


def _read_persons(scenario: Scenario, root: Node) -> Population:
    """Return the population with its file of initial values found, tried and hashed."""
    population, start = scenario.population, scenario.population.initial
    if start.file is None:
        return population
    from sim.persons_file import read_persons
    from sim.persons_table import PersonsFileError

    node = _at(root, "population", "initial")
    place = node.child("file") or node
    path = _beside(node, start.file)
    content = read_plain(path, start.file, place=place)
    digest = _digest(content, start.digest, name=start.file, place=place)
    try:
        read_persons(content, scenario)
    except PersonsFileError as error:
        message = f"{start.file}{error.where}: {error.rule}"
        raise refuse(message, place, hint=error.hint, rule="file") from None
    found = start.model_copy(update={"file": str(path), "digest": digest})
    return population.model_copy(update={"initial": found})


def _digest(content: bytes, expected: str, *, name: str, place: Place) -> str:
    """Return the SHA-256 of a file, which must be the one a scenario was resolved with."""
    digest = hashlib.sha256(content).hexdigest()
    if expected and expected != digest:
        message = f"{name} is not the file this scenario was resolved with"
        raise refuse(message, place, hint="its SHA-256 differs from `digest`", rule="file")
    return digest
