"""Files that a resolved scenario still refers to: ties, persons, lists of one value a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sim.scenario.schema import Scenario
from sim.scenario.schema.base import Block, Values
from sim.scenario.schema.population import EdgeListFile

B = TypeVar("B", bound=Block)
Where = tuple[str | int, ...]


def with_value_files(block: B, change: Callable[[Values, Where], Values], at: Where = ()) -> B:
    """Return a block in which every list that stands in a file is replaced.

    Parameters
    ----------
    change
        Called with the list and the keys and indices that lead to it.
    """
    changed = {
        name: replaced
        for name in type(block).model_fields
        if (replaced := _replaced(value := getattr(block, name), change, (*at, name))) is not value
    }
    return block.model_copy(update=changed) if changed else block


def _replaced(value: Any, change: Callable[[Values, Where], Values], at: Where) -> Any:
    match value:
        case Values():
            return change(value, at) if value.file is not None else value
        case Block():
            return with_value_files(value, change, at)
        case dict():
            parts = {name: _replaced(part, change, (*at, name)) for name, part in value.items()}
            return value if all(parts[name] is value[name] for name in value) else parts
        case tuple():
            entries = tuple(_replaced(part, change, (*at, n)) for n, part in enumerate(value))
            return value if all(a is b for a, b in zip(entries, value, strict=True)) else entries
    return value


def stored_beside(scenario: Scenario) -> tuple[Scenario, Mapping[str, Path]]:
    """Return a scenario that names its files as a run directory does, and where they come from."""
    sources: dict[str, Path] = {}

    def kept(values: Values, _: Where) -> Values:
        assert values.file is not None  # only such lists are asked about
        source = Path(values.file)
        name = f"values-{(values.digest or source.stem)[:12]}{source.suffix}"
        sources[name] = source
        return values.model_copy(update={"file": name})

    scenario = with_value_files(scenario, kept)
    initial = scenario.population.initial
    if initial.file is not None:
        source = Path(initial.file)
        name = f"initial{source.suffix}"
        sources[name] = source
        population = scenario.population.model_copy(
            update={"initial": initial.model_copy(update={"file": name})}
        )
        scenario = scenario.model_copy(update={"population": population})
    if isinstance(scenario.network, EdgeListFile):
        sources["network.csv"] = Path(scenario.network.file)
        network = scenario.network.model_copy(update={"file": "network.csv"})
        scenario = scenario.model_copy(update={"network": network})
    return scenario, sources
