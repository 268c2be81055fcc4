"""Constraints: non-ideal relays under a load that neighbors and other channels add to.

Krasnosel'skii & Pokrovskii 1989; Mayergoyz 2003.  A relay switches on at load ≥ up, off at
load ≤ down, and otherwise keeps its value; where up = down, on wins a tie.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.compiled import kernel
from sim.population import RelayArray
from sim.processes.neighbors import column_totals, neighbor_mean, pack, relay_shares
from sim.processes.stage import Frame, Order, Stage, flat, graph_arrays, several
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import each

_ONCE, _RAISE, _LOWER = 0, 1, 2


@kernel
def _sweep(after, before, words, load, thresholds, graph, interaction, sweep, many):  # type: ignore[no-untyped-def]
    """Set every relay from the relays before, (K, N·R), and the load from the person's state."""
    up, down = thresholds
    weights, complete = graph[2], graph[3]
    coupling, spillover = interaction
    n_branches = np.uint64(1 if many is None else many)
    n_channels, n_persons = up.shape
    coupled, spills = np.any(coupling != 0.0), np.any(spillover != 0.0)
    share, total = np.zeros((n_channels, n_branches)), np.zeros((n_channels, n_branches))
    sums, value = np.zeros(n_branches, words.dtype), np.zeros(n_branches)
    one, raises, lowers = np.uint8(1), np.uint8(sweep != _LOWER), np.uint8(sweep != _RAISE)
    if coupled and complete:
        for k in range(n_channels):
            total[k] = column_totals(before[k], many)
    for i in range(n_persons):
        own = np.uint64(i) * n_branches
        if coupled and not complete and weights.size == 0:
            relay_shares(share, words, sums, graph, i, many)
        elif coupled:
            for k in range(n_channels):
                neighbor_mean(share[k], before[k], graph, i, total[k], many)
        for k in range(n_channels):
            strength, upper, lower = coupling[k], up[k, i], down[k, i]
            for r in range(n_branches):
                value[r] = load[k, own + r] + strength * share[k, r]
            if spills:
                for m in range(n_channels):
                    spill = spillover[k, m]
                    for r in range(n_branches):
                        value[r] += spill * before[m, own + r]
            for r in range(n_branches):
                on = np.uint8(value[r] >= upper)
                off = np.uint8(value[r] <= lower) & (on ^ one)
                kept = before[k, own + r] & ((off & lowers) ^ one)
                after[k, own + r] = (on & raises) | kept


@kernel
def _tally(burden, active, changes, after, before, group, weight, many):  # type: ignore[no-untyped-def]
    """Fill the burden c, (N·R,), active counts, (G, K, R), and switches on and off, (2, R)."""
    n_branches, one = np.uint64(1 if many is None else many), np.uint8(1)
    active[...] = 0
    changes[...] = 0
    for k in range(after.shape[0]):
        for i in range(group.size):
            g, own = group[i], np.uint64(i) * n_branches
            carried = weight[k]
            if k == 0:
                for r in range(n_branches):
                    burden[own + r] = carried * after[k, own + r]
            else:
                for r in range(n_branches):
                    burden[own + r] += carried * after[k, own + r]
            for r in range(n_branches):
                active[g, k, r] += after[k, own + r]
            for r in range(n_branches):
                now, then = after[k, own + r], before[k, own + r]
                changes[0, r] += now & (then ^ one)
                changes[1, r] += then & (now ^ one)


def _settle(sweep: Callable[[RelayArray, RelayArray, int], None], start: RelayArray) -> RelayArray:
    """Return the relays after raising to the least, then lowering to the greatest fixed point."""
    current, following = start.copy(), np.empty_like(start)
    for kind in (_RAISE, _LOWER):
        while True:
            sweep(following, current, kind)
            if np.array_equal(following, current):
                break
            current, following = following, current
    return current


def _run(frame: Frame) -> None:
    state, population, c = frame.state, frame.population, frame.coefficients
    many = several(state)
    graph = graph_arrays(population.graph)
    thresholds, interaction = (population.up, population.down), (c.coupling, c.spillover)

    words = np.empty(state.trust.size, np.uint32 if c.weight.size <= 4 else np.uint64)

    def sweep(after: RelayArray, before: RelayArray, kind: int) -> None:
        pack(words, before)
        _sweep(after, before, words, frame.load, thresholds, graph, interaction, kind, many)

    before, after = flat(state.constraint), flat(frame.spare_constraint)
    if c.until_stable:
        after[...] = _settle(sweep, before)
    else:
        sweep(after, before, _ONCE)
    state.constraint, frame.spare_constraint = frame.spare_constraint, state.constraint
    frame.changes[...] = 0
    burden = frame.burden.ravel()
    _tally(burden, frame.active, frame.changes, after, before, population.group, c.weight, many)


def _order(scenario: Scenario) -> Order:
    constraints = scenario.constraints
    if min(each(constraints.coupling).values()) < 0.0:
        return Order(False, "coupling is negative: constrained neighbors take load off")
    if any(load < 0.0 for row in constraints.spillover.values() for load in row.values()):
        return Order(False, "spillover is negative: one constraint takes load off another")
    return Order(True, "relays switch with a load that grows with every relay")


STAGE = Stage(
    name="relay",
    summary="Add the load from neighbors and other channels; switch the relays.",
    equation="S ← S + coupling Σ_j W_ij L_j + Σ_m spillover L_m; L ← 1 if S ≥ up, 0 if S ≤ down",
    reads=("load", "constraint"),
    writes=("constraint", "burden", "active", "changes"),
    run=_run,
    order=_order,
)
