"""Exposure: stress accumulates, fades, and is cured by corrections that reach the cause."""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel, part
from sim.processes.stage import Frame, Order, Stage, flat, run_of, several, tile_of
from sim.scenario.schema import Scenario
from sim.spans import Span
from sim.streams import FloatArray


@part
def _take_up(inflow, vulnerability, stress, groups, first, last):  # type: ignore[no-untyped-def]
    """Fill inflow with v e of persons `first` to `last` on one channel."""
    group, group_starts = groups
    start, run = first, run_of(group_starts, first)
    while start < last:
        end, level = min(group_starts[run + 1], last), stress[group[start]]
        v, out = vulnerability[start:end], inflow[start - first : end - first]
        for j in range(np.uint64(out.size)):
            out[j] = v[j] * level
        start, run = end, run + 1


@part
def _add(exposure, inflow, keep, cure, reach, correction, group, many, first, last):  # type: ignore[no-untyped-def]
    """E ← max(0, keep E + inflow − cure · gain_i · a) of one channel."""
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    for i in range(np.uint64(first), np.uint64(last)):
        own = i * n_branches
        if cure > 0.0:
            in_force = correction[group[i]]
            for r in range(n_branches):
                cured = cure * (reach[own + r] * in_force[r])
                exposure[own + r] = max(0.0, keep * exposure[own + r] + inflow[row] - cured)
        else:
            for r in range(n_branches):
                exposure[own + r] = max(0.0, keep * exposure[own + r] + inflow[row])
        row += np.uint64(1)


@part
def _add_apart(exposure, taken_up, stress, keep, cure, reach, correction, group, span):  # type: ignore[no-untyped-def]
    """Do the same where every branch has a stress of its own: taken_up is v ξ, stress (G, R)."""
    n_branches, row = np.uint64(stress.shape[1]), np.uint64(0)
    for i in range(np.uint64(span[0]), np.uint64(span[1])):
        own, level, in_force = i * n_branches, stress[group[i]], correction[group[i]]
        for r in range(n_branches):
            cured = cure * (reach[own + r] * in_force[r])
            grown = keep * exposure[own + r] + taken_up[row] * level[r]
            exposure[own + r] = max(0.0, grown - cured)
        row += np.uint64(1)


@kernel
def _accumulate_apart(exposure, persons, stress, noise, keep, cure, correction, span):  # type: ignore[no-untyped-def]
    """Accumulate the exposure, (K, N·R), under stress, (G, K, R), of a span of persons."""
    vulnerability, reach, group, group_starts = persons
    tile = tile_of(stress.shape[2])
    room, one = np.empty(tile), np.ones(stress.shape[0])
    for first in range(span[0], span[1], tile):
        last = min(first + tile, span[1])
        taken_up, tiled = room[: last - first], (first, last)
        for k in range(exposure.shape[0]):
            _take_up(taken_up, vulnerability[k], one, (group, group_starts), first, last)
            if noise.shape[1] > 0:
                taken_up *= noise[k, first - span[0] : last - span[0]]
            level, relief = stress[:, k], correction[:, k]
            _add_apart(exposure[k], taken_up, level, keep[k], cure, reach, relief, group, tiled)


@kernel
def _accumulate(exposure, persons, stress, noise, keep, cure, correction, many, span):  # type: ignore[no-untyped-def]
    """Accumulate the exposure, (K, N·R), of a span of persons, a tile at a time."""
    vulnerability, reach, group, group_starts = persons
    tile = tile_of(1 if many is None else many)
    room = np.empty(tile)
    for first in range(span[0], span[1], tile):
        last = min(first + tile, span[1])
        inflow = room[: last - first]
        for k in range(exposure.shape[0]):
            _take_up(inflow, vulnerability[k], stress[:, k], (group, group_starts), first, last)
            if noise.shape[1] > 0:
                inflow *= noise[k, first - span[0] : last - span[0]]
            relief = correction[:, k]
            _add(exposure[k], inflow, keep[k], cure, reach, relief, group, many, first, last)


def _noise(frame: Frame, span: Span) -> FloatArray:
    """Return ξ, (K, persons), lognormal with mean one; nothing where there is no noise."""
    sigma, n_channels = frame.environment.noise, frame.population.vulnerability.shape[0]
    if sigma <= 0.0 or not frame.stress.any():
        return np.empty((n_channels, 0))
    first, last = span
    z = frame.draws.normals(
        "exposure", last - first, n_draws=n_channels, step=frame.step, first=first
    )
    return np.exp(sigma * z - 0.5 * sigma * sigma)


def _run(frame: Frame) -> None:
    population, c, many = frame.population, frame.coefficients, several(frame.state)
    exposure, keep, correction = flat(frame.state.exposure), 1.0 - c.leak, frame.state.correction
    groups = (population.group, population.group_starts)
    persons = (population.vulnerability, frame.reach.ravel(), *groups)

    def accumulate(span: Span) -> None:
        noise = _noise(frame, span)
        if frame.stress.ndim == 3:
            _accumulate_apart(
                exposure, persons, frame.stress, noise, keep, c.cure, correction, span
            )
            return
        _accumulate(exposure, persons, frame.stress, noise, keep, c.cure, correction, many, span)

    frame.over_persons(accumulate)


def _order(scenario: Scenario) -> Order:
    return Order(True, "E grows with E and the stressor and falls with the correction; leak ≤ 1")


STAGE = Stage(
    name="exposure",
    summary="Accumulate exposure; it leaks, and corrections reach the cause by `cure`.",
    equation="E ← max(0, (1 − leak) E + v e ξ − cure · gain_i · a)",
    reads=("exposure", "stress", "correction", "reach"),
    writes=("exposure",),
    run=_run,
    order=_order,
)
