"""Rules that tie several blocks of a scenario together."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sim.scenario.schema.base import Block, ChannelWise, Values, cross_field

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario


def check(scenario: Scenario) -> None:
    """Raise a located error for the first rule the scenario breaks."""
    for rule in _RULES:
        rule(scenario)


def channelwise_fields(block: Block) -> Iterator[str]:
    """Yield the names of the fields of a block that may hold one value a channel."""
    for name, field in type(block).model_fields.items():
        if any(isinstance(mark, ChannelWise) for mark in _marks(field)):
            yield name


def _marks(field: object) -> Iterable[object]:
    from typing import get_args

    found = list(getattr(field, "metadata", ()))
    for option in get_args(getattr(field, "annotation", None)):
        found += list(getattr(option, "__metadata__", ()))
    return found


def _blocks(scenario: Scenario) -> Iterator[tuple[str, Block]]:
    yield "exposure", scenario.exposure
    yield "constraints", scenario.constraints
    yield "feedback", scenario.feedback
    yield "restoration", scenario.restoration
    yield "population.initial", scenario.population.initial
    for name, group in scenario.population.groups.items():
        yield f"population.groups.{name}", group


def _known(name: str, *, among: Iterable[str], where: str, what: str) -> None:
    known = list(among)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
        raise cross_field(f"no {what} named `{name}`", where, hint=hint)


def _names_are_free(scenario: Scenario) -> None:
    for name, use in (("all", "every channel"), ("kind", "a kind of distribution")):
        if name in scenario.channels:
            message = f"`{name}` cannot name a channel: it stands for {use}"
            raise cross_field(message, f"channels.{name}", "channels")


def _channel_references(scenario: Scenario) -> None:
    channels = scenario.channels
    for path, block in _blocks(scenario):
        for field in channelwise_fields(block):
            value = getattr(block, field)
            for name in value if isinstance(value, dict) else ():
                _known(name, among=channels, where=f"{path}.{field}.{name}", what="channel")
    for outer, row in scenario.constraints.spillover.items():
        path = f"constraints.spillover.{outer}"
        _known(outer, among=channels, where=path, what="channel")
        for inner in row:
            _known(inner, among=channels, where=f"{path}.{inner}", what="channel")
    for index, stressor in enumerate(scenario.stressors):
        path = f"stressors.{index}"
        _known(stressor.channel, among=[*channels, "all"], where=f"{path}.channel", what="channel")
        for position, group in enumerate(stressor.groups):
            where = f"{path}.groups.{position}"
            _known(group, among=scenario.population.groups, where=where, what="group")


def _weights_sum_to_one(scenario: Scenario) -> None:
    total = sum(channel.weight for channel in scenario.channels.values())
    if abs(total - 1.0) > 1e-9:
        message = f"the weights of the channels sum to {total:g}, not 1"
        raise cross_field(message, *(f"channels.{name}" for name in scenario.channels))


def _signs(scenario: Scenario) -> None:
    if scenario.signed:
        return
    hint = "negative influence breaks order (A1); declare `signed: true` to allow it"
    for field in ("coupling", "narrative_feed"):
        value = getattr(scenario.constraints, field)
        for name, number in value.items() if isinstance(value, dict) else [("", value)]:
            if number < 0.0:
                where = f"constraints.{field}.{name}".rstrip(".")
                raise cross_field(f"{field} {number:g} is negative", where, hint=hint)
    for outer, row in scenario.constraints.spillover.items():
        for inner, number in row.items():
            if number < 0.0:
                where = f"constraints.spillover.{outer}.{inner}"
                raise cross_field(f"spillover {number:g} is negative", where, hint=hint)


def _times_fit(scenario: Scenario) -> None:
    steps = scenario.time.steps
    delays = scenario.restoration.delays
    if isinstance(delays, int):
        # The default gives way to a short scenario; a number that was asked for does not.
        if delays > steps + 1 and "delays" in scenario.restoration.model_fields_set:
            message = f"{delays} delays do not fit into {steps} steps"
            hint = f"set restoration.delays to at most {steps + 1}"
            raise cross_field(message, "restoration.delays", "time.steps", hint=hint)
    else:
        for index, delay in enumerate(delays):
            if delay > steps:
                message = f"delay {delay} is later than the last step {steps}"
                raise cross_field(message, f"restoration.delays.{index}", "time.steps")
        if list(delays) != sorted(set(delays)):
            raise cross_field("delays must be strictly increasing", "restoration.delays")
    for index, stressor in enumerate(scenario.stressors):
        end = getattr(stressor, "end", None)
        if end is not None and end < getattr(stressor, "start", 0):
            raise cross_field("the ramp ends before it starts", f"stressors.{index}.end")


def _network_fits(scenario: Scenario) -> None:
    network, size = scenario.network, scenario.population.size
    if network.kind == "lattice" and network.rows * network.columns != size:
        message = f"{network.rows} × {network.columns} places for {size} persons"
        raise cross_field(message, "network.rows", "network.columns", "population.size")
    ties = getattr(network, "ties", 0)
    if ties > size - 1:
        message = f"{ties:,} ties a newcomer need at least {ties + 1:,} persons, not {size:,}"
        hint = "lower network.ties or make the population larger"
        raise cross_field(message, "network.ties", "population.size", hint=hint)
    degree = getattr(network, "degree", 0)
    if degree > size - 1:
        message = (
            f"a degree of {degree:g} needs at least {math.ceil(degree) + 1} persons, not {size}"
        )
        hint = "lower network.degree or make the population larger"
        raise cross_field(message, "network.degree", "population.size", hint=hint)


def _values_fit(scenario: Scenario) -> None:
    population = scenario.population
    sizes = population.group_sizes()
    for path, block in _blocks(scenario):
        match path.split("."):
            case ["population", "groups", name]:
                wanted = {f"group `{name}`": sizes[name]}
            case ["population", "initial"]:
                wanted = {"the population": population.size}
            case _:
                wanted = {f"group `{name}`": size for name, size in sizes.items()}
        for field in type(block).model_fields:
            _check_values(getattr(block, field), f"{path}.{field}", wanted)


def _check_values(value: object, path: str, wanted: Mapping[str, int]) -> None:
    """Refuse a list of values that is not as long as each of the wanted persons are many."""
    by_channel = value.items() if isinstance(value, dict) else [("", value)]
    for channel, distribution in by_channel:
        if not isinstance(distribution, Values):
            continue
        for whom, size in wanted.items():
            if len(distribution.values) != size:
                message = f"{len(distribution.values)} values, but {whom} has {size} persons"
                raise cross_field(message, f"{path}.{channel}".rstrip("."), "population.size")


def _snapshots_fit(scenario: Scenario) -> None:
    persons = scenario.record.persons
    for index, step in enumerate(persons.steps if persons is not None else ()):
        if step > scenario.time.steps:
            message = f"snapshot at step {step} is later than the last step {scenario.time.steps}"
            raise cross_field(message, f"record.persons.steps.{index}", "time.steps")


def _direction_is_nonzero(scenario: Scenario) -> None:
    direction = scenario.restoration.direction
    values = direction.values() if isinstance(direction, dict) else [direction]
    if direction is not None and not any(value for value in values):
        raise cross_field("the direction of corrections is zero", "restoration.direction")


_RULES: tuple[Callable[[Scenario], None], ...] = (
    _names_are_free,
    _channel_references,
    _weights_sum_to_one,
    _signs,
    _times_fit,
    _network_fits,
    _values_fit,
    _direction_is_nonzero,
    _snapshots_fit,
)
