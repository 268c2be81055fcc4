"""Rules that tie several blocks of a scenario together."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from sim.scenario.narrative_rules import READ_BY
from sim.scenario.schema.base import Block, ChannelWise, Values, cross_field
from sim.scenario.schema.optimizers import OverseerBlock, PolicyBlock, names_of

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.scenario.schema.population import GroupInitial, Initial


def check(scenario: Scenario) -> None:
    """Raise a located error for the first rule the scenario breaks."""
    for rule in _RULES:
        rule(scenario)


def channelwise_fields(block: Block) -> tuple[str, ...]:
    """Return the names of the fields of a block that may hold one value a channel."""
    return _channelwise(type(block))


@cache
def _channelwise(kind: type[Block]) -> tuple[str, ...]:
    return tuple(
        name
        for name, field in kind.model_fields.items()
        if any(isinstance(mark, ChannelWise) for mark in _marks(field))
    )


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
    yield "narrative", scenario.narrative
    yield "restoration", scenario.restoration
    yield "population.initial", scenario.population.initial
    for name, group in scenario.population.groups.items():
        yield f"population.groups.{name}", group
        if group.initial is not None:
            yield f"population.groups.{name}.initial", group.initial


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
    rate = scenario.turnover.rate
    for name in rate if isinstance(rate, dict) else ():
        _known(name, among=scenario.population.groups, where=f"turnover.rate.{name}", what="group")


def _optimizer_references(scenario: Scenario) -> None:
    for name in scenario.preferences.label_harm:
        _known(
            name, among=scenario.channels, where=f"preferences.label_harm.{name}", what="channel"
        )
    aims = [*scenario.channels, *scenario.preferences.styles]
    for index, optimizer in enumerate(scenario.optimizers):
        path = f"optimizers.{index}"
        for name in getattr(optimizer, "channel_bounds", {}):
            where = f"{path}.channel_bounds.{name}"
            _known(name, among=scenario.channels, where=where, what="channel")
        if optimizer.purse is not None:
            if not scenario.budgets:
                message = f"no purse named `{optimizer.purse}`: the scenario has no `budgets`"
                raise cross_field(message, f"{path}.purse")
            where = f"{path}.purse"
            _known(optimizer.purse, among=scenario.budgets, where=where, what="purse")
        mesa = isinstance(optimizer, PolicyBlock) and optimizer.architecture.mesa_objective
        if mesa and mesa.toward is not None:
            where = f"{path}.architecture.mesa_objective.toward"
            _known(mesa.toward, among=aims, where=where, what="channel or style")


def _principles_name_channels(scenario: Scenario) -> None:
    for index, optimizer in enumerate(scenario.optimizers):
        for place, principle in enumerate(getattr(optimizer, "principles", ())):
            for name in principle:
                where = f"optimizers.{index}.principles.{place}.{name}"
                _known(name, among=scenario.channels, where=where, what="channel")


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


def values_wanted(scenario: Scenario) -> Iterator[tuple[str, Values, Mapping[str, set[int]]]]:
    """Yield (path, list of values, how many there may be for whom) of every list."""
    population = scenario.population
    every = {population.size}
    sizes = {f"group `{name}`": {size} for name, size in population.group_sizes().items()}
    for path, block in _blocks(scenario):
        match path.split("."):
            case ["population", "groups", name, *_]:
                wanted = {f"group `{name}`": sizes[f"group `{name}`"] | every}
            case ["population", "initial"] | ["narrative"]:
                wanted = {"the population": every}
            case _:
                wanted = {whom: size | every for whom, size in sizes.items()}
        for field in type(block).model_fields:
            value = getattr(block, field)
            by_channel = value.items() if isinstance(value, dict) else [("", value)]
            for channel, distribution in by_channel:
                if isinstance(distribution, Values):
                    yield f"{path}.{field}.{channel}".rstrip("."), distribution, wanted


def miscounted(n_values: int, wanted: Mapping[str, set[int]]) -> str:
    """Return what is wrong with the number of values in a list, empty if it fits."""
    for whom, sizes in wanted.items():
        if n_values not in sizes:
            return f"{n_values:,} values, but {whom} has {min(sizes):,} persons"
    return ""


def _values_fit(scenario: Scenario) -> None:
    for path, distribution, wanted in values_wanted(scenario):
        # Those in a file are counted when the scenario is loaded.
        if distribution.values is not None:
            message = miscounted(len(distribution.values), wanted)
            if message:
                raise cross_field(message, path, "population.size")


def _flags_fit(scenario: Scenario) -> None:
    """Refuse a list of who starts under a constraint that is not as long as persons are many."""
    population = scenario.population
    sizes = population.group_sizes()
    starts: dict[str, tuple[Initial | GroupInitial, str, int]] = {
        "population.initial": (population.initial, "the population", population.size)
    }
    for name, group in population.groups.items():
        if group.initial is not None:
            path = f"population.groups.{name}.initial"
            starts[path] = (group.initial, f"group `{name}`", sizes[name])
    for path, (start, whom, size) in starts.items():
        flags = start.constrained
        for channel, value in flags.items() if isinstance(flags, dict) else [("", flags)]:
            if isinstance(value, tuple) and len(value) != size:
                message = f"{len(value)} values, but {whom} has {size} persons"
                where = f"{path}.constrained.{channel}".rstrip(".")
                raise cross_field(message, where, "population.size")


def _correlation_is_possible(scenario: Scenario) -> None:
    correlation, names = scenario.constraints.correlation, list(scenario.channels)
    path = "constraints.correlation"
    if isinstance(correlation, dict):
        for outer, row in correlation.items():
            _known(outer, among=names, where=f"{path}.{outer}", what="channel")
            for inner, value in row.items():
                where = f"{path}.{outer}.{inner}"
                _known(inner, among=names, where=where, what="channel")
                back = correlation.get(inner, {}).get(outer, value)
                if outer == inner and value != 1.0:
                    raise cross_field(f"`{outer}` is correlated {value:g} with itself", where)
                if back != value:
                    message = f"`{outer}` and `{inner}` are correlated {value:g} and {back:g}"
                    raise cross_field(message, where, f"{path}.{inner}.{outer}")
    if not correlation:
        return
    from sim.correlation import ROUNDING, matrix_of

    smallest = float(np.linalg.eigvalsh(matrix_of(correlation, names))[0])
    if smallest < -ROUNDING:
        message = "no thresholds can be correlated like this: the matrix has the eigenvalue "
        room = math.floor(1000.0 / (1.0 - smallest)) / 1000.0
        hint = f"multiplied by {room:g} all of them are possible together"
        raise cross_field(f"{message}{smallest:.3g}", path, hint=hint)


def _thresholds_are_read(scenario: Scenario) -> None:
    rule, rules = scenario.narrative.rule, READ_BY["threshold"]
    if rule == "none" or rule in rules:
        return
    for name, group in scenario.population.groups.items():
        if group.threshold is not None:
            where = f"population.groups.{name}.threshold"
            hint = (
                f"only {' and '.join(f'`{r}`' for r in rules)} do; take it out of the file that "
                "names it, or in a fork set it and `narrative.threshold` to None"
            )
            message = f"the rule `{rule}` does not read `threshold`"
            raise cross_field(message, where, "narrative.rule", hint=hint)


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


def _shifts_come_in_turn(scenario: Scenario) -> None:
    for index, (one, other) in enumerate(itertools.pairwise(scenario.shifts), start=1):
        if other.at < one.at:
            message = f"a shift at step {other.at} stands after one at step {one.at}"
            raise cross_field(message, f"shifts.{index}.at", f"shifts.{index - 1}.at")


def _overseen_exist(scenario: Scenario) -> None:
    """Refuse to oversee what is not there, has no policy, or steers nobody itself."""
    names = names_of(scenario.optimizers)
    for index, overseer in enumerate(scenario.optimizers):
        oversees = overseer.oversees if isinstance(overseer, OverseerBlock) else ()
        for position, name in enumerate(oversees):
            where = f"optimizers.{index}.oversees.{position}"
            _known(name, among=names, where=where, what="optimizer")
            if name in oversees[:position]:
                raise cross_field(f"`{name}` is overseen twice", where)
            overseen = scenario.optimizers[names.index(name)]
            if not isinstance(overseen, PolicyBlock):
                message = f"`{name}` has no policy to oversee, being of kind `{overseen.kind}`"
                raise cross_field(message, where)
            if isinstance(overseen, OverseerBlock) and overseen.oversees:
                hint = "leave `oversees` out for an optimizer that oversees its own policy"
                message = f"`{name}` oversees others and so has no policy of its own"
                raise cross_field(message, where, hint=hint)


def _optimizers_differ(scenario: Scenario) -> None:
    names = [optimizer.name for optimizer in scenario.optimizers]
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            where = [f"optimizers.{place}.name" for place in (index, names.index(name))]
            raise cross_field(f"two optimizers are named `{name}`", *where)


_RULES: tuple[Callable[[Scenario], None], ...] = (
    _names_are_free,
    _channel_references,
    _optimizer_references,
    _principles_name_channels,
    _weights_sum_to_one,
    _signs,
    _times_fit,
    _network_fits,
    _values_fit,
    _flags_fit,
    _correlation_is_possible,
    _thresholds_are_read,
    _direction_is_nonzero,
    _snapshots_fit,
    _shifts_come_in_turn,
    _optimizers_differ,
    _overseen_exist,
)
