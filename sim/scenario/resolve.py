"""From the short form people write to the one full form that is stored, hashed and run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np
import yaml

from sim.scenario.schema import Scenario
from sim.scenario.schema.base import Block, each
from sim.scenario.schema.checks import channelwise_fields
from sim.scenario.schema.optimizers import Optimizer, names_of
from sim.scenario.schema.population import GroupInitial
from sim.scenario.schema.processes import Turnover
from sim.scenario.schema.stressors import Stressor

B = TypeVar("B", bound=Block)


def _spread(block: B, channels: Iterable[str], **elsewhere: Mapping[str, Any]) -> B:
    """Return the block with every per-channel value given for every channel, in order.

    A channel that a mapping leaves out gets the field's default, or what stands in `elsewhere`.
    """
    changed: dict[str, Any] = {}
    for name in channelwise_fields(block):
        value = getattr(block, name)
        if value is None:
            continue
        default = type(block).model_fields[name].default
        if isinstance(value, Mapping):
            rest = elsewhere.get(name) or dict.fromkeys(channels, default)
            changed[name] = {channel: value.get(channel, rest[channel]) for channel in channels}
        else:
            changed[name] = dict.fromkeys(channels, value)
    return block.model_copy(update=changed)


def delays_of(scenario: Scenario) -> tuple[int, ...]:
    """Return the delays τ of a cost curve, strictly increasing [steps]."""
    delays = scenario.restoration.delays
    if isinstance(delays, int):
        steps = scenario.time.steps
        spaced = np.linspace(0, steps, min(delays, steps + 1))
        return tuple(int(step) for step in np.rint(spaced))
    return delays


def _direction(scenario: Scenario) -> dict[str, float]:
    """Return the direction of corrections by channel, scaled to sum 1."""
    given = scenario.restoration.direction
    weights = {name: channel.weight for name, channel in scenario.channels.items()}
    if given is None:
        return weights
    raw = {n: given.get(n, 0.0) if isinstance(given, Mapping) else given for n in weights}
    return _to_one(raw)


def _to_one(parts: Mapping[str, float]) -> dict[str, float]:
    """Return parts of a whole that sum to 1 but for rounding; what people write may miss it."""
    total = sum(parts.values())
    off = abs(total - 1.0) > 1e-14
    return {name: part / total if off else part for name, part in parts.items()}


def _own(initial: GroupInitial | None, channels: Iterable[str]) -> GroupInitial | None:
    """Return the initial values of a group; channels it leaves out stay those of everyone."""
    if initial is None:
        return None
    changed: dict[str, Any] = {}
    for name in channelwise_fields(initial):
        value = getattr(initial, name)
        if isinstance(value, Mapping):
            changed[name] = {channel: value[channel] for channel in channels if channel in value}
        elif value is not None:
            changed[name] = dict.fromkeys(channels, value)
    return initial.model_copy(update=changed)


def _spelled_out(stressor: Stressor, *, last_step: int) -> Stressor:
    """Return a stressor with what it leaves out."""
    if stressor.kind == "ramp" and stressor.end is None:
        return stressor.model_copy(update={"end": max(last_step, stressor.start)})
    if stressor.kind == "ornstein_uhlenbeck" and stressor.initial is None:
        return stressor.model_copy(update={"initial": stressor.mean})
    return stressor


def _turnover(scenario: Scenario) -> Turnover:
    """Return the turnover, rates by group given for every group."""
    turnover, groups = scenario.turnover, scenario.population.groups
    if not isinstance(turnover.rate, dict):
        return turnover
    rates = dict(zip(groups, turnover.by_group(groups), strict=True))
    return turnover.model_copy(update={"rate": rates})


def _named(optimizers: Iterable[Optimizer]) -> tuple[Optimizer, ...]:
    """Return the optimizers with names: their kinds, numbered from the second on."""
    listed = list(optimizers)
    return tuple(
        optimizer.model_copy(update={"name": name})
        for optimizer, name in zip(listed, names_of(listed), strict=True)
    )


def full(scenario: Scenario) -> Scenario:
    """Return the same scenario with every short form written out.

    The result is itself a valid scenario, and `full` leaves it as it is.
    """
    if _FULL.get(id(scenario)) is scenario:
        return scenario
    written_out = _written_out(scenario)
    _FULL[id(written_out)] = written_out
    return written_out


_FULL: WeakValueDictionary[int, Scenario] = WeakValueDictionary()
"""What `full` has returned, so that asking again costs nothing."""


def _written_out(scenario: Scenario) -> Scenario:
    shares = _to_one({name: channel.weight for name, channel in scenario.channels.items()})
    weighted = {
        name: channel.model_copy(update={"weight": shares[name]})
        for name, channel in scenario.channels.items()
    }
    scenario = scenario.model_copy(update={"channels": weighted})
    channels = tuple(weighted)
    population = scenario.population
    sizes = _to_one({name: group.share for name, group in population.groups.items()})
    last = scenario.time.steps - 1
    constraints = _spread(scenario.constraints, channels)
    groups = {
        name: _spread(
            group.model_copy(update={"share": sizes[name]}),
            channels,
            activation=each(constraints.activation),
        ).model_copy(update={"initial": _own(group.initial, channels)})
        for name, group in population.groups.items()
    }
    initial = _spread(population.initial, channels)
    lengths = tuple(sorted({*scenario.restoration.lengths, scenario.restoration.horizon}))
    return scenario.model_copy(
        update={
            "population": population.model_copy(update={"groups": groups, "initial": initial}),
            "exposure": _spread(scenario.exposure, channels),
            "constraints": constraints,
            "narrative": scenario.narrative.resolved(),
            "feedback": _spread(scenario.feedback, channels),
            "stressors": tuple(_spelled_out(s, last_step=last) for s in scenario.stressors),
            "turnover": _turnover(scenario),
            "optimizers": _named(scenario.optimizers),
            "restoration": scenario.restoration.model_copy(
                update={
                    "delays": delays_of(scenario),
                    "lengths": lengths,
                    "direction": _direction(scenario),
                }
            ),
        }
    )


def dump(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as plain values, as written to YAML and JSON."""
    return scenario.model_dump(mode="json", exclude_none=True)


def digest(scenario: Scenario, *, model_version: str) -> str:
    """Return the SHA-256 that names a scenario's results; name and description do not count."""
    content = dump(full(scenario))
    for label in ("name", "description"):
        content.pop(label, None)
    canonical = json.dumps(
        {"model_version": model_version, "scenario": _without_places(content)},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _without_places(content: Any) -> Any:
    """Return plain values in which the content of files counts, not where they lie."""
    if isinstance(content, list):
        return [_without_places(entry) for entry in content]
    if not isinstance(content, dict):
        return content
    skipped = ("file",) if content.get("digest") else ()
    return {name: _without_places(v) for name, v in content.items() if name not in skipped}


def with_changes(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """Return the scenario with values of its resolved form changed by dotted path.

    What was derived from other values when it was resolved stays: delays, the end of a ramp, the
    direction of corrections, values given by group.  `--set` changes the short form instead.

    Raises
    ------
    ScenarioError
        If a path does not exist or a value breaks a rule, in the words of `--set`.
    """
    content = dump(full(scenario))
    changes = {str(path): _plain(value) for path, value in changes.items()}
    try:
        for path, value in changes.items():
            *parents, last = path.split(".")
            block: Any = content
            for part in parents:
                block = block[_place(part) if isinstance(block, list) else part]
            block[_place(last) if isinstance(block, list) else last] = value
        return Scenario.model_validate(content)
    except (LookupError, TypeError, ValueError):
        return _changed_in_text(scenario, changes)


def _plain(value: Any) -> Any:
    """Return numpy's numbers and arrays as Python's."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def _place(index: str) -> int:
    if not index.isdecimal():
        raise LookupError(index)
    return int(index)


def _changed_in_text(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """Return the same by way of text, where every setting has a place that errors can name."""
    from sim.scenario.layers import lay_over
    from sim.scenario.reader import read_yaml
    from sim.scenario.validation import validate_node

    text = yaml.safe_dump(dump(full(scenario)), sort_keys=False, allow_unicode=True)
    root = read_yaml(text, name=f"resolved scenario {scenario.name}")
    written = (
        f"{path}={json.dumps(value, ensure_ascii=False, default=str)}"
        for path, value in changes.items()
    )
    return validate_node(Scenario, lay_over(root, list(written)))
