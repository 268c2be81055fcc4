"""Averaging with neighbors (DeGroot 1974), split into upward and downward moves.

n and ℓ of the step before enter both updates; the burden is the new one.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel, part
from sim.processes.neighbors import (
    graph_arrays,
    negative_ties,
    neighbor_means,
    totals_if_complete,
)
from sim.processes.stage import Frame, Order, several, tile_of
from sim.scenario.schema import Scenario


@part
def _move(after, narrative, lock_in, burden, mean, rates, begin):  # type: ignore[no-untyped-def]
    """Set n of the next step and update ℓ in place, from row `begin` on."""
    social, push, heal, lock, unlock, symmetric = rates
    for row in range(np.uint64(mean.size)):
        j = begin + row
        n, held, c = narrative[j], lock_in[j], burden[j]
        upward = social * max(mean[row] - n, 0.0) + push * c * (1.0 - n)
        downward = social * max(n - mean[row], 0.0) + heal * (1.0 - c) * n
        free = 1.0 - held
        if symmetric:
            upward = free * upward
        after[j] = min(1.0, max(0.0, n + upward - free * downward))
        grown = held + lock * n * n * free - unlock * (1.0 - n) * held
        lock_in[j] = min(1.0, max(0.0, grown))


@kernel
def _average(after, narrative, lock_in, burden, total, graph, rates, many, span):  # type: ignore[no-untyped-def]
    """Move n and ℓ, (N·R,), of a span of persons, a tile at a time: its means stay in cache."""
    n_branches = 1 if many is None else many
    tile = tile_of(n_branches)
    room = np.empty(tile * n_branches)
    for first in range(span[0], span[1], tile):
        last = min(first + tile, span[1])
        mean = room[: (last - first) * n_branches]
        neighbor_means(mean, narrative, total, graph, many, first, last)
        _move(after, narrative, lock_in, burden, mean, rates, np.uint64(first * n_branches))


def run(frame: Frame) -> None:
    """Move n and ℓ one step."""
    state, c, many, graph = (
        frame.state,
        frame.coefficients,
        several(frame.state),
        frame.population.graph,
    )
    rates = (c.social, c.push, c.heal, c.lock, c.unlock, c.symmetric_lock_in)
    narrative, after = state.narrative.ravel(), frame.spare_narrative.ravel()
    lock_in, burden = state.lock_in.ravel(), frame.burden.ravel()
    total, arrays = totals_if_complete(graph, narrative[None], many), graph_arrays(graph)
    frame.over_persons(
        lambda span: _average(after, narrative, lock_in, burden, total, arrays, rates, many, span)
    )
    state.narrative, frame.spare_narrative = frame.spare_narrative, state.narrative


def order(scenario: Scenario) -> Order:
    """Return whether the rule keeps order, and why."""
    if negative_ties(scenario) and scenario.narrative.social > 0.0:
        return Order(False, "ties may be negative: displaced neighbors set a person right")
    if scenario.narrative.lock_in_mode == "symmetric":
        return Order(False, "symmetric lock-in also slows upward moves: worse lock-in can help")
    return Order(True, "averaging with ratchet lock-in; social + push ≤ 1 and social + heal ≤ 1")
