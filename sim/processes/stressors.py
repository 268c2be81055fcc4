"""Stressors: what befalls each group on each channel at each step."""

from __future__ import annotations

import numpy as np

from sim.population import BoolArray
from sim.processes.stage import Frame, Order, Stage
from sim.scenario.schema import Scenario
from sim.scenario.schema.stressors import (
    ConstantStressor,
    DeploymentStressor,
    PulseStressor,
    RampStressor,
    SeriesStressor,
    Stressor,
    TableStressor,
)
from sim.streams import FloatArray

SETTLING = (ConstantStressor, RampStressor, PulseStressor, TableStressor, SeriesStressor)
"""Stressors that hold one level from some step on.  See `sim.processes.unsettled` for others."""


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


def hit_by(stressor: Stressor, scenario: Scenario) -> BoolArray:
    """Return whether a stressor acts on each channel of each group, (G, K)."""
    groups = [not stressor.groups or name in stressor.groups for name in scenario.population.groups]
    channels = [stressor.channel in ("all", name) for name in scenario.channels]
    return np.logical_and.outer(groups, channels)


def stress_table(scenario: Scenario) -> FloatArray:
    """Return what the stressors that settle add up to, e[t, g, k], (T, G, K) [load per step].

    The last row holds for ever after.
    """
    settling = [stressor for stressor in scenario.stressors if isinstance(stressor, SETTLING)]
    n_steps = scenario.time.steps
    n_rows = max([n_steps, *(_extent(stressor, n_steps) for stressor in settling)])
    table = np.zeros((n_rows, len(scenario.population.groups), len(scenario.channels)))
    for stressor in settling:
        level = levels(stressor, n_rows, last_step=n_steps - 1)
        table[:, hit_by(stressor, scenario)] += level[:, None]
    table.setflags(write=False)
    return table


def deployment(scenario: Scenario) -> FloatArray | None:
    """Return χ, (G, K) [1/load], of all stressors that come with deployment; None if it is 0."""
    coupled = [s for s in scenario.stressors if isinstance(s, DeploymentStressor)]
    if not any(s.intensity_coefficient for s in coupled):
        return None
    by_stressor = [s.intensity_coefficient * hit_by(s, scenario) for s in coupled]
    return np.asarray(np.sum(by_stressor, axis=0), dtype=np.float64)


def _run(frame: Frame) -> None:
    stress, chi = frame.environment.stress_at(frame.step), frame.environment.deployment
    if chi is not None:
        intensity = frame.state.intensity
        assert intensity.shape[0] == chi.shape[0], "the state lacks the column `intensity`"
        stress = stress[:, :, None] + chi[:, :, None] * intensity[:, None, :]
    frame.stress = _sheltered(frame, stress) if frame.state.shelter.size else stress


def _sheltered(frame: Frame, stress: FloatArray) -> FloatArray:
    """Return what reaches each group behind its shelter, (G, K, R)."""
    apart = stress if stress.ndim == 3 else stress[:, :, None]
    kept: FloatArray = apart * np.exp(-frame.state.shelter / frame.coefficients.shelter_scale)
    return kept


def _order(scenario: Scenario) -> Order:
    if deployment(scenario) is not None:
        return Order(False, "deployment is a stressor: more correction is more stress a step later")
    return Order(True, "of the state only shelter matters to stress, and it lowers it")


STAGE = Stage(
    name="stressors",
    summary="Read the stressor level of every group and channel.",
    equation="e[g,k](t) ≥ 0, the sum of all stressors on channel k of group g, times "
    "exp(−shelter[g,k]/scale) where anything is built",
    reads=("environment", "intensity", "shelter"),
    writes=("stress",),
    run=_run,
    order=_order,
)
