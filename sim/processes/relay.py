"""Constraints: non-ideal relays under a load that neighbors and other channels add to.

Krasnosel'skii & Pokrovskii 1989; Mayergoyz 2003.  A relay switches on at load ≥ up, off at
load ≤ down, and otherwise keeps its value; where up = down, on wins a tie.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.compiled import kernel
from sim.population import RelayArray
from sim.processes.neighbors import negative_ties, neighbor_load
from sim.processes.stage import Frame, Order, Stage, flat, run_end, several
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import each

_ONCE, _RAISE, _LOWER = 0, 1, 2


@kernel
def _spill(load, relays, spillover):  # type: ignore[no-untyped-def]
    """Add to load, (K, N·R), what each person's own constraints put on other channels."""
    for k in range(load.shape[0]):
        for m in range(load.shape[0]):
            spill = spillover[k, m]
            if spill != 0.0:
                for j in range(load.shape[1]):
                    load[k, j] += spill * relays[m, j]


@kernel
def _add_own(load, exposure, narrative, reach, correction, feed, group, many):  # type: ignore[no-untyped-def]
    """Add to load, (K, N·R), the person's exposure and narrative, less the correction."""
    n_branches = np.uint64(1 if many is None else many)
    for k in range(load.shape[0]):
        fed, start = feed[k], 0
        while start < group.size:
            end, in_force = run_end(group, start), correction[group[start], k]
            if many is None:
                relief = in_force[0]
                for i in range(np.uint64(start), np.uint64(end)):
                    load[k, i] += exposure[k, i] + fed * narrative[i] - reach[i] * relief
            else:
                for i in range(start, end):
                    own = np.uint64(i) * n_branches
                    for r in range(n_branches):
                        j = own + r
                        load[k, j] += exposure[k, j] + fed * narrative[j] - reach[j] * in_force[r]
            start = end


@kernel
def _switch(after, before, load, thresholds, sweep, many):  # type: ignore[no-untyped-def]
    """Set every relay from the relays before and the load, (K, N·R)."""
    up, down = thresholds
    n_branches, one = np.uint64(1 if many is None else many), np.uint8(1)
    raises, lowers = np.uint8(sweep != _LOWER), np.uint8(sweep != _RAISE)
    for k in range(up.shape[0]):
        for i in range(up.shape[1]):
            own, upper, lower = np.uint64(i) * n_branches, up[k, i], down[k, i]
            for r in range(n_branches):
                j = own + r
                on = np.uint8(load[k, j] >= upper)
                off = np.uint8(load[k, j] <= lower) & (on ^ one)
                kept = before[k, j] & ((off & lowers) ^ one)
                after[k, j] = (on & raises) | kept


@kernel
def _count(active, changes, now, then, many):  # type: ignore[no-untyped-def]
    """Add to active, (R,), the relays on now, and to changes, (2, R), those switched on and off."""
    one = np.uint8(1)
    if many is None:
        held, raised, lowered = 0, 0, 0
        for j in range(now.size):
            held += now[j]
            raised += now[j] & (then[j] ^ one)
            lowered += then[j] & (now[j] ^ one)
        active[0] += held
        changes[0, 0] += raised
        changes[1, 0] += lowered
        return
    n_branches = np.uint64(many)
    for i in range(now.size // many):
        own = np.uint64(i) * n_branches
        for r in range(n_branches):
            active[r] += now[own + r]
            changes[0, r] += now[own + r] & (then[own + r] ^ one)
            changes[1, r] += then[own + r] & (now[own + r] ^ one)


@kernel
def _tally(burden, active, changes, after, before, group, weight, many):  # type: ignore[no-untyped-def]
    """Fill the burden c, (N·R,), active counts, (G, K, R), and switches on and off, (2, R)."""
    active[...] = 0
    changes[...] = 0
    burden[...] = 0.0
    n_branches = 1 if many is None else many
    for k in range(after.shape[0]):
        for j in range(burden.size):
            burden[j] += weight[k] * after[k, j]
        start = 0
        while start < group.size:
            end = run_end(group, start)
            run = slice(start * n_branches, end * n_branches)
            _count(active[group[start], k], changes, after[k, run], before[k, run], many)
            start = end


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
    load, exposure, narrative = flat(frame.load), flat(state.exposure), state.narrative.ravel()
    reach, thresholds = frame.reach.ravel(), (population.up, population.down)
    own_load = (exposure, narrative, reach, state.correction, c.narrative_feed, population.group)

    def sweep(after: RelayArray, before: RelayArray, kind: int) -> None:
        if c.coupling.any():
            neighbor_load(load, before, population.graph, c.coupling, many)
        else:
            load[...] = 0.0
        _spill(load, before, c.spillover)
        _add_own(load, *own_load, many)
        _switch(after, before, load, thresholds, kind, many)

    before, after = flat(state.constraint), flat(frame.spare_constraint)
    if c.until_stable:
        after[...] = _settle(sweep, before)
    else:
        sweep(after, before, _ONCE)
    state.constraint, frame.spare_constraint = frame.spare_constraint, state.constraint
    burden = frame.burden.ravel()
    _tally(burden, frame.active, frame.changes, after, before, population.group, c.weight, many)


def _order(scenario: Scenario) -> Order:
    constraints = scenario.constraints
    if min(each(constraints.narrative_feed).values()) < 0.0:
        return Order(False, "narrative_feed is negative: displacement takes load off")
    if min(each(constraints.coupling).values()) < 0.0:
        return Order(False, "coupling is negative: constrained neighbors take load off")
    if negative_ties(scenario) and any(each(constraints.coupling).values()):
        return Order(False, "ties may be negative: constrained neighbors take load off")
    if any(load < 0.0 for row in constraints.spillover.values() for load in row.values()):
        return Order(False, "spillover is negative: one constraint takes load off another")
    return Order(True, "relays switch with a load that grows with every relay, E and n")


STAGE = Stage(
    name="relay",
    summary="Add up the load on each constraint; switch the relays.",
    equation=(
        "S = E + narrative_feed · n − gain_i · a + coupling Σ_j W_ij L_j + Σ_m spillover L_m; "
        "L ← 1 if S ≥ up, 0 if S ≤ down"
    ),
    reads=("exposure", "narrative", "reach", "correction", "constraint"),
    writes=("load", "constraint", "burden", "active", "changes"),
    run=_run,
    order=_order,
)
