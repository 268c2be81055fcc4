"""Stressors: what befalls each group on each channel at each step."""

from __future__ import annotations

import numpy as np

from sim.processes.stage import Frame, Order, Stage
from sim.scenario.schema import Scenario
from sim.scenario.schema.stressors import (
    ConstantStressor,
    PulseStressor,
    RampStressor,
    Stressor,
    TableStressor,
)
from sim.streams import FloatArray


def levels(stressor: Stressor, n_steps: int, *, last_step: int | None = None) -> FloatArray:
    """Return the level of a stressor at steps 0 … n_steps − 1, (n_steps,) [load per step].

    Parameters
    ----------
    last_step
        Where a ramp without an end of its own ends; by default the last of these steps.

    Raises
    ------
    TypeError
        For a series that has not been resolved to a table.
    """
    clock = np.arange(n_steps)
    match stressor:
        case ConstantStressor(level=level):
            return np.full(n_steps, level)
        case RampStressor(start=start, end=end):
            if end is None:
                end = n_steps - 1 if last_step is None else last_step
            ends = [start, max(end, start + 1)]
            return np.interp(clock, ends, [stressor.from_level, stressor.to_level])
        case PulseStressor(level=level, start=start, duration=duration):
            return np.where((clock >= start) & (clock < start + duration), level, 0.0)
        case TableStressor(steps=steps, levels=given, interpolation="linear"):
            return np.interp(clock, steps, given)
        case TableStressor(steps=steps, levels=given):
            position = np.searchsorted(steps, clock, side="right") - 1
            return np.asarray(given, dtype=np.float64)[np.maximum(position, 0)]
        case _:
            raise TypeError(f"a stressor of kind {stressor.kind!r} must be resolved first")


def _extent(stressor: Stressor, n_steps: int) -> int:
    """Return how many steps it takes until a stressor holds its last level for good."""
    match stressor:
        case RampStressor(start=start, end=end):
            return n_steps if end is None else max(end, start + 1) + 1
        case PulseStressor(start=start, duration=duration):
            return start + duration + 1
        case TableStressor(steps=steps):
            return steps[-1] + 1
        case _:
            return 1


def stress_table(scenario: Scenario) -> FloatArray:
    """Return e[t, g, k], (T, G, K) [load per step]; the last row holds for ever after.

    Several stressors on one channel of one group add up.
    """
    channels, groups = list(scenario.channels), list(scenario.population.groups)
    n_steps = scenario.time.steps
    n_rows = max([n_steps, *(_extent(stressor, n_steps) for stressor in scenario.stressors)])
    table = np.zeros((n_rows, len(groups), len(channels)))
    for stressor in scenario.stressors:
        level = levels(stressor, n_rows, last_step=n_steps - 1)
        chosen_groups = [groups.index(name) for name in stressor.groups] or range(len(groups))
        chosen = (
            range(len(channels))
            if stressor.channel == "all"
            else [channels.index(stressor.channel)]
        )
        for g in chosen_groups:
            for k in chosen:
                table[:, g, k] += level
    table.setflags(write=False)
    return table


def nondecreasing(scenario: Scenario) -> bool:
    """Return whether no stressor level ever falls."""
    return bool(np.all(np.diff(stress_table(scenario), axis=0) >= 0.0))


def _run(frame: Frame) -> None:
    frame.stress = frame.environment.stress_at(frame.step)


def _order(scenario: Scenario) -> Order:
    return Order(True, "stressors do not depend on the state")


STAGE = Stage(
    name="stressors",
    summary="Read the stressor level of every group and channel.",
    equation="e[g,k](t) ≥ 0, the sum of all stressors on channel k of group g",
    reads=("environment",),
    writes=("stress",),
    run=_run,
    order=_order,
)
