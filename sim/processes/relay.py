"""Constraints: non-ideal relays under a load that neighbors and other channels add to.

Krasnosel'skii & Pokrovskii 1989; Mayergoyz 2003.  A relay switches on at load ≥ up, off at
load ≤ down, and otherwise keeps its value; where up = down, on wins a tie.  Damage wears `up`
down with the load that decided the relays, no lower than `down`, or 0 for a ratchet.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.compiled import kernel, part
from sim.network.graph import MAX_BYTE
from sim.population import RelayArray
from sim.processes.adiabatic import as_avalanches, drive
from sim.processes.neighbors import (
    WEIGHTED_SLACK,
    empty_words,
    graph_arrays,
    negative_ties,
    neighbor_load,
    pack,
    totals_if_complete,
)
from sim.processes.sensitisation import floor_of, worn_down
from sim.processes.stage import Frame, Order, Stage, flat, run_of, several, tile_of
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import each
from sim.streams import FloatArray

_ONCE, _RAISE, _LOWER = 0, 1, 2


@part
def _spill(load, relays, spillover, begin):  # type: ignore[no-untyped-def]
    """Add to load what each person's own constraints put on other channels."""
    for k in range(load.shape[0]):
        for m in range(load.shape[0]):
            spill = spillover[k, m]
            if spill != 0.0:
                for j in range(np.uint64(load.shape[1])):
                    load[k, j] += spill * relays[m, begin + j]


@part
def _add_own(load, persons, correction, feed, many, first, last):  # type: ignore[no-untyped-def]
    """Add to load the person's exposure and narrative, less the correction."""
    exposure, narrative, reach, group, group_starts = persons
    n_branches, start = 1 if many is None else many, first
    run = run_of(group_starts, first)
    while start < last:
        end, in_force = min(group_starts[run + 1], last), correction[group[start]]
        rows = slice(start * n_branches, end * n_branches)
        n, g = narrative[rows], reach[rows]
        for k in range(load.shape[0]):
            fed, relief, x = feed[k], in_force[k], exposure[k, rows]
            out = load[k, (start - first) * n_branches : (end - first) * n_branches]
            if many is None:
                for i in range(np.uint64(out.size)):
                    out[i] += x[i] + fed * n[i] - g[i] * relief[0]
            else:
                for row in range(np.uint64(end - start)):
                    for r in range(np.uint64(n_branches)):
                        j = row * np.uint64(n_branches) + r
                        out[j] += x[j] + fed * n[j] - g[j] * relief[r]
        start, run = end, run + 1


@part
def _wear_out(wear, load, thresholds, fatigue, many, first, last):  # type: ignore[no-untyped-def]
    """Add damage · max(load − onset, 0) to wear, up to where `up` is worn down to its floor."""
    (up, down), (damage, onset) = thresholds, fatigue
    n_branches = np.uint64(1 if many is None else many)
    begin = np.uint64(first) * n_branches
    for k in range(up.shape[0]):
        rate, safe = damage[k], onset[k]
        for i in range(np.uint64(first), np.uint64(last)):
            upper = np.float64(up[k, i])
            most = upper - floor_of(upper, np.float64(down[k, i]))
            for r in range(n_branches):
                j = i * n_branches + r
                worn = wear[k, j] + rate * max(load[k, j - begin] - safe, 0.0)
                wear[k, j] = min(worn, most)


@part
def _switch(after, before, load, thresholds, wear, slack, kind, many, first, last):  # type: ignore[no-untyped-def]
    """Set every relay from the relays before and the load."""
    (up, down), worn = thresholds, wear.shape[1] > 0
    n_branches, one = np.uint64(1 if many is None else many), np.uint8(1)
    raises, lowers = np.uint8(kind != _LOWER), np.uint8(kind != _RAISE)
    begin = np.uint64(first) * n_branches
    for k in range(up.shape[0]):
        for i in range(np.uint64(first), np.uint64(last)):
            own, upper, lower = i * n_branches, up[k, i], down[k, i] + slack[k]
            for r in range(n_branches):
                j = own + r
                level = upper
                if worn:
                    level = worn_down(np.float64(upper), np.float64(down[k, i]), wear[k, j])
                on = np.uint8(load[k, j - begin] >= level - slack[k])
                off = np.uint8(load[k, j - begin] <= lower) & (on ^ one)
                kept = before[k, j] & ((off & lowers) ^ one)
                after[k, j] = (on & raises) | kept


@part
def _add_up(load, before, others, persons, correction, physics, many, first, last):  # type: ignore[no-untyped-def]
    """Fill load, (K, tile), with S of a tile of persons."""
    words, total, graph, _ = others
    coupling, spillover, feed = physics[0], physics[1], physics[2]
    if np.any(coupling != 0.0):
        neighbor_load(load, before, words, total, graph, coupling, many, first, last)
    else:
        load[...] = 0.0
    _spill(load, before, spillover, np.uint64(first * (1 if many is None else many)))
    _add_own(load, persons, correction, feed, many, first, last)


@kernel
def _fill_load(load, before, others, persons, correction, physics, many, span):  # type: ignore[no-untyped-def]
    """Fill load, (K, N·R), of a span of persons with S."""
    n_branches = 1 if many is None else many
    rows = load[:, span[0] * n_branches : span[1] * n_branches]
    _add_up(rows, before, others, persons, correction, physics, many, span[0], span[1])


@kernel
def _sweep(after, before, others, persons, correction, physics, wear, kind, tires, many, span):  # type: ignore[no-untyped-def]
    """Set every relay of a span of persons, (K, N·R), a tile at a time: its load stays in cache.

    `wear`, (K, N·R) or (K, 0), takes the damage done by the same load if this sweep `tires`.
    """
    thresholds, fatigue, slack = others[3], physics[3], physics[4]
    n_branches = 1 if many is None else many
    n_channels, tile = after.shape[0], tile_of(n_branches)
    room = np.empty(n_channels * tile * n_branches)
    for first in range(span[0], span[1], tile):
        last = min(first + tile, span[1])
        width = (last - first) * n_branches
        load = room[: n_channels * width].reshape(n_channels, width)
        _add_up(load, before, others, persons, correction, physics, many, first, last)
        _switch(after, before, load, thresholds, wear, slack, kind, many, first, last)
        if tires:
            _wear_out(wear, load, thresholds, fatigue, many, first, last)


@kernel
def _own_load(load, persons, correction, feed, many, span):  # type: ignore[no-untyped-def]
    """Fill load, (K, N·R), of a span with the part that does not come from relays."""
    n_branches = 1 if many is None else many
    own = load[:, span[0] * n_branches : span[1] * n_branches]
    own[...] = 0.0
    _add_own(own, persons, correction, feed, many, span[0], span[1])


@part
def _count(active, changes, now, then, many):  # type: ignore[no-untyped-def]
    """Add to active, (R,), the relays on now, and to changes, (2, R), those switched on and off.

    Counted in bytes, which vector instructions hold many of, for as long as a byte can hold them.
    """
    one, n_branches = np.uint8(1), 1 if many is None else many
    counts, few = np.empty((3, n_branches), np.uint8), MAX_BYTE * n_branches
    held, raised, lowered = counts[0], counts[1], counts[2]
    for start in range(0, now.size, few):
        x, y = now[start : start + few], then[start : start + few]
        if many is None:
            a, b, c = np.uint8(0), np.uint8(0), np.uint8(0)
            for i in range(np.uint64(x.size)):
                a = np.uint8(a + x[i])
                b = np.uint8(b + (x[i] & (y[i] ^ one)))
                c = np.uint8(c + (y[i] & (x[i] ^ one)))
            held[0], raised[0], lowered[0] = a, b, c
        else:
            counts[...] = 0
            for row in range(np.uint64(x.size // n_branches)):
                for r in range(np.uint64(n_branches)):
                    j = row * np.uint64(n_branches) + r
                    held[r] += x[j]
                    raised[r] += x[j] & (y[j] ^ one)
                    lowered[r] += y[j] & (x[j] ^ one)
        for r in range(n_branches):
            active[r] += held[r]
            changes[0, r] += raised[r]
            changes[1, r] += lowered[r]


@kernel
def _tally(burden, after, before, groups, weight, n_groups, many, span):  # type: ignore[no-untyped-def]
    """Fill the burden c, (N·R,), of a span; return active, (G, K, R), and switches, (2, R)."""
    group, group_starts = groups
    n_branches, n_channels = 1 if many is None else many, after.shape[0]
    active = np.zeros((n_groups, n_channels, n_branches), np.int64)
    changes = np.zeros((2, n_branches), np.int64)
    start, run = span[0], run_of(group_starts, span[0])
    tile = tile_of(n_branches)
    while start < span[1]:
        end = min(group_starts[run + 1], span[1], start + tile)
        rows = slice(start * n_branches, end * n_branches)
        c = burden[rows]
        c[:] = 0.0
        for k in range(n_channels):
            now, share = after[k, rows], weight[k]
            for j in range(np.uint64(c.size)):
                c[j] += share * now[j]
            _count(active[group[start], k], changes, now, before[k, rows], many)
        run += end == group_starts[run + 1]
        start = end
    return active, changes


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


def slack_of(frame: Frame) -> FloatArray:
    """Return how far below a threshold a load from neighbors still meets it, (K,) [load].

    A sum of weights is rounded: all of six neighbors weigh a little less than 1 together.  Where
    the load moves through a step it passes thresholds and need not meet them.
    """
    c, weights = frame.coefficients, frame.population.graph.weights
    exact = weights is None or c.relax == "adiabatic"
    return np.abs(c.coupling) * (0.0 if exact else WEIGHTED_SLACK)


def _persons(frame: Frame, relief: FloatArray) -> tuple[object, ...]:
    """Return what kernels read of persons: E, n, relief, group and runs of groups."""
    state, population = frame.state, frame.population
    columns = (flat(state.exposure), state.narrative.ravel(), relief.ravel())
    return (*columns, population.group, population.group_starts)


def _physics(frame: Frame) -> tuple[object, ...]:
    c = frame.coefficients
    fatigue = (c.damage, c.damage_onset)
    return (c.coupling, c.spillover, c.narrative_feed, fatigue, slack_of(frame))


def _others(frame: Frame, before: RelayArray, words: np.ndarray) -> tuple[object, ...]:
    """Return the relays around each person, packed where they can be, and the thresholds."""
    population, many = frame.population, several(frame.state)
    if words.size > 0 and frame.coefficients.coupling.any():
        frame.over_persons(lambda span: pack(words, before, many, span))
    total = totals_if_complete(population.graph, before, many)
    return words, total, graph_arrays(population.graph), (population.up, population.down)


def load_without_correction(frame: Frame) -> FloatArray:
    """Return S⁰, (K, N, R): the load of the state as it stands were no correction in force."""
    state, many = frame.state, several(frame.state)
    before, load = flat(state.constraint), np.empty(flat(state.constraint).shape)
    others = _others(frame, before, empty_words(frame.population.graph, before))
    persons = _persons(frame, np.zeros_like(state.trust))
    physics, none = _physics(frame), np.zeros_like(state.correction)
    frame.over_persons(
        lambda span: _fill_load(load, before, others, persons, none, physics, many, span)
    )
    return load.reshape(state.constraint.shape)


def _run(frame: Frame) -> None:
    state, population, c = frame.state, frame.population, frame.coefficients
    many, graph = several(state), population.graph
    groups = (population.group, population.group_starts)
    persons, physics = _persons(frame, frame.relief), _physics(frame)
    before, after = flat(state.constraint), flat(frame.spare_constraint)
    words = empty_words(graph, before)
    wear = flat(state.wear)
    tires = bool(c.damage.any())
    if tires and wear.size == 0:
        raise ValueError("damage needs a state with a column for wear; see `State.suited`")

    def sweep(after: RelayArray, before: RelayArray, kind: int, tires: bool = False) -> None:
        others = _others(frame, before, words)
        frame.over_persons(
            lambda span: _sweep(
                after, before, others, persons, state.correction, physics, wear, kind, tires,
                many, span,
            )
        )  # fmt: skip

    def own_load(exposure: FloatArray, correction: FloatArray) -> FloatArray:
        load, who = np.empty(before.shape), (flat(exposure), *persons[1:])
        frame.over_persons(
            lambda span: _own_load(load, who, correction, c.narrative_feed, many, span)
        )
        return load.reshape(state.constraint.shape)

    if c.relax == "once":
        sweep(after, before, _ONCE, tires)
    else:
        if c.relax == "adiabatic":
            line = (own_load(*frame.held), own_load(state.exposure, state.correction))
            after[...] = before
            frame.avalanches = drive(frame, frame.spare_constraint, line)
        else:
            after[...] = _settle(sweep, before)
        if tires:
            sweep(np.empty_like(after), after, _LOWER, tires)  # at rest: nothing switches
    state.constraint, frame.spare_constraint = frame.spare_constraint, state.constraint
    burden, n_groups = frame.burden.ravel(), frame.active.shape[0]
    counts = frame.over_persons(
        lambda span: _tally(burden, after, before, groups, c.weight, n_groups, many, span)
    )
    active, changes = zip(*counts, strict=True)
    frame.active[...], frame.changes[...] = sum(active), sum(changes)
    if c.relax == "until_stable":
        frame.avalanches = as_avalanches(frame.changes)


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
    reason = "relays switch with a load that grows with every relay, E and n"
    if any(each(constraints.damage).values()):
        reason += ", and wear grows with it"
    if constraints.relax == "adiabatic":
        reason += "; at every point of its way from one load to another"
    return Order(True, reason)


STAGE = Stage(
    name="relay",
    summary="Add up the load on each constraint; switch the relays.",
    equation=(
        "S = E + narrative_feed · n − relief_i · a + coupling Σ_j W_ij L_j + Σ_m spillover L_m; "
        "L ← 1 if S ≥ up − wear, 0 if S ≤ down; "
        "wear ← min(wear + damage · max(S − damage_onset, 0), up − down)"
    ),
    reads=("exposure", "narrative", "relief", "correction", "constraint", "wear", "held"),
    writes=("constraint", "wear", "burden", "active", "changes", "avalanches"),
    run=_run,
    order=_order,
)
