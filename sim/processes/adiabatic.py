"""Quasi-static driving: one avalanche after another on the way of the load through a step.

What does not come from relays (E, n, a) moves from own₀ to own₁ on a straight line, s from 0 to
1.  By definition relays are settled, raised and then lowered, at each of 2⁵² + 1 equidistant
points s in turn; points at which no relay that was stable becomes unstable are passed over.

Settling keeps order if no relay takes load off another, and each point of the line does, so their
succession does: ordered states stay ordered at every s.  It always ends, since s only grows and
each stop is the first s at which one of finitely many loads from relays carries one relay over.
Loads from relays are functions of the relays as they are, from counts, and are never added up
over time, so that a state that comes back comes back bit for bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.compiled import kernel, part
from sim.network import Graph
from sim.population import IntArray, RelayArray
from sim.processes.neighbors import graph_arrays
from sim.processes.sensitisation import in_force
from sim.processes.stage import AVALANCHE, Frame
from sim.streams import FloatArray

_LAST = 1 << 52
"""Points on the line, less one: as fine as a double in [½, 1]."""

_SLACK = 2.0**-49
"""What rounding may move a point of instability by, as a share of the loads that decide it."""


@part
def _at(line, k, i, point):  # type: ignore[no-untyped-def]
    """Return the load of its own at a point of the line; exactly own₁ at the last."""
    begin, end = line[0][k, i], line[1][k, i]
    if point == _LAST:
        return end
    moved = begin + (np.float64(point) / _LAST) * (end - begin)
    return min(moved, end) if end > begin else max(moved, end)


@part
def _unstable(active, load, upper, lower):  # type: ignore[no-untyped-def]
    """Return whether a relay would switch under a load."""
    return load >= upper if active == 0 else load <= lower and load < upper


@part
def _refresh(from_relays, i, relays, counts, totals, graph, physics):  # type: ignore[no-untyped-def]
    """Set the load that relays put on one person, from counts and in the order of a sweep."""
    indptr, indices, weights, _, complete = graph
    coupling, spillover, coupled = physics
    for k in range(relays.shape[0]):
        load = 0.0
        if coupled:
            if complete:
                load = np.float64(totals[k] - relays[k, i]) / (relays.shape[1] - 1)
            elif weights.size > 0:
                for edge in range(indptr[i], indptr[i + 1]):
                    load += weights[edge] * relays[k, indices[edge]]
            else:
                load = np.float64(counts[k, i]) / np.float64(indptr[i + 1] - indptr[i])
            load = coupling[k] * load
        for m in range(relays.shape[0]):
            if spillover[k, m] != 0.0:
                load += spillover[k, m] * relays[m, i]
        from_relays[k, i] = load


@part
def _flip(relays, k, i, counts, totals, graph, listeners):  # type: ignore[no-untyped-def]
    """Switch one relay, and count it with those it influences."""
    relays[k, i] ^= 1
    by = np.int64(2) * relays[k, i] - 1
    totals[k] += by
    if not graph[4]:
        indptr, indices = listeners
        for edge in range(indptr[i], indptr[i + 1]):
            counts[k, indices[edge]] += by


@part
def _note(i, ids, n, noted):  # type: ignore[no-untyped-def]
    """Put a person on a list unless they are on it; return its length."""
    if noted[i]:
        return n
    noted[i], ids[n] = True, i
    return n + 1


@part
def _touched(ids, noted, flips, relays, graph, listeners):  # type: ignore[no-untyped-def]
    """List those whose load the flips may have changed; return how many."""
    n_persons, n = relays.shape[1], 0
    if graph[4]:
        for i in range(n_persons):
            ids[i] = i
        return n_persons
    indptr, indices = listeners
    for flip in flips:
        i = flip % n_persons
        n = _note(i, ids, n, noted)
        for edge in range(indptr[i], indptr[i + 1]):
            n = _note(indices[edge], ids, n, noted)
    noted[ids[:n]] = False
    return n


@part
def _avalanche(active, n_stale, relays, from_relays, line, point, thresholds, network, work):  # type: ignore[no-untyped-def]
    """Switch relays one way, all that are unstable at once, until none is.

    The persons on the list `stale` are looked at first, and then those whose load has changed,
    who are put on that list.  Returns how many relays switched, and the length of the list.
    """
    graph, listeners, physics = network
    counts, totals, flips, ids, noted, stale, is_stale = work
    (up, down), (n_channels, n_persons) = thresholds, relays.shape
    size, n = 0, n_stale
    ids[:n] = stale[:n]
    while True:
        n_flips = 0
        for i in ids[:n]:
            for k in range(n_channels):
                if relays[k, i] == active:
                    load = from_relays[k, i] + _at(line, k, i, point)
                    if _unstable(active, load, up[k, i], down[k, i]):
                        flips[n_flips] = k * n_persons + i
                        n_flips += 1
        if n_flips == 0:
            return size, n_stale
        for flip in flips[:n_flips]:
            _flip(relays, flip // n_persons, flip % n_persons, counts, totals, graph, listeners)
        size += n_flips
        n = _touched(ids, noted, flips[:n_flips], relays, graph, listeners)
        for i in ids[:n]:
            _refresh(from_relays, i, relays, counts, totals, graph, physics)
            n_stale = _note(i, stale, n_stale, is_stale)


@part
def _due(i, relays, from_relays, line, point, thresholds):  # type: ignore[no-untyped-def]
    """Return a lower bound on where a relay of a person becomes unstable next, in [0, 1].

    It lies below by more than rounding can amount to; −∞ if one is unstable as it is.
    """
    (up, down), due = thresholds, np.inf
    for k in range(relays.shape[0]):
        active, load = relays[k, i], from_relays[k, i]
        if _unstable(active, load + _at(line, k, i, point), up[k, i], down[k, i]):
            return -np.inf
        begin = line[0][k, i]
        way, goal = line[1][k, i] - begin, np.float64(up[k, i] if active == 0 else down[k, i])
        if (way > 0.0 if active == 0 else way < 0.0) and np.isfinite(goal):
            scale = abs(goal) + abs(load) + abs(begin) + abs(way)
            due = min(due, (goal - load - begin) / way - _SLACK * (1.0 + scale / abs(way)))
    return due


@part
def _earlier(first, i, relays, from_relays, line, point, thresholds):  # type: ignore[no-untyped-def]
    """Return the first point at which a stable relay of a person is unstable, if before `first`.

    Instability of a relay is monotone along the line, so the point is found by bisection.
    """
    up, down = thresholds
    for k in range(relays.shape[0]):
        active, load, upper, lower = relays[k, i], from_relays[k, i], up[k, i], down[k, i]
        if first == point + 1 or _unstable(active, load + _at(line, k, i, point), upper, lower):
            continue
        if not _unstable(active, load + _at(line, k, i, first - 1), upper, lower):
            continue
        stable, unstable = point, first - 1
        while unstable - stable > 1:
            middle = (stable + unstable) // 2
            if _unstable(active, load + _at(line, k, i, middle), upper, lower):
                unstable = middle
            else:
                stable = middle
        first = unstable
    return first


@part
def _next_point(due, relays, from_relays, line, point, thresholds):  # type: ignore[no-untyped-def]
    """Return the first point after this one at which a stable relay is unstable, or the last."""
    first = _LAST
    nearest = np.argmin(due)
    if np.isfinite(due[nearest]):
        first = _earlier(first, nearest, relays, from_relays, line, point, thresholds)
    for i in range(due.size):
        if due[i] * _LAST < first:
            first = _earlier(first, i, relays, from_relays, line, point, thresholds)
    return first


@part
def _grown(log, n):  # type: ignore[no-untyped-def]
    """Return the log, twice as long if it is full."""
    if n < log.shape[0]:
        return log
    longer = np.empty((2 * n, 3), np.int64)
    longer[:n] = log
    return longer


@part
def _counted(relays, graph):  # type: ignore[no-untyped-def]
    """Return constrained neighbors of everyone, (K, N), and constrained persons, (K,)."""
    n_channels, n_persons = relays.shape
    counts = np.zeros((n_channels, 0 if graph[4] else n_persons), np.int64)
    totals = np.zeros(n_channels, np.int64)
    for k in range(n_channels):
        for i in range(n_persons):
            totals[k] += relays[k, i]
            if not graph[4]:
                for edge in range(graph[0][i], graph[0][i + 1]):
                    counts[k, i] += relays[k, graph[1][edge]]
    return counts, totals


@kernel
def _drive(relays, line, thresholds, graph, listeners, coupling, spillover):  # type: ignore[no-untyped-def]
    """Carry the relays of one future, (K, N), along the line; return direction, size and point."""
    n_persons = relays.shape[1]
    counts, totals = _counted(relays, graph)
    stale, is_stale = np.arange(n_persons), np.ones(n_persons, np.bool_)
    noted, flips = np.zeros(n_persons, np.bool_), np.empty(relays.size, np.int64)
    work = (counts, totals, flips, stale.copy(), noted, stale, is_stale)
    physics = (coupling, spillover, np.any(coupling != 0.0))
    network = (graph, listeners, physics)
    from_relays, due = np.empty(relays.shape), np.empty(n_persons)
    for i in range(n_persons):
        _refresh(from_relays, i, relays, counts, totals, graph, physics)
    log, n, point, n_stale = np.empty((16, 3), np.int64), 0, 0, n_persons
    while True:
        for active in range(2):
            size, n_stale = _avalanche(
                active, n_stale, relays, from_relays, line, point, thresholds, network, work
            )
            if size > 0:
                log = _grown(log, n)
                log[n, 0], log[n, 1], log[n, 2] = 1 - 2 * active, size, point
                n += 1
        if point == _LAST:
            return log[:n]
        for i in stale[:n_stale]:
            due[i] = _due(i, relays, from_relays, line, point, thresholds)
            is_stale[i] = False
        point = _next_point(due, relays, from_relays, line, point, thresholds)
        n_stale, reached = 0, point / _LAST
        for i in range(n_persons):
            if due[i] <= reached:
                n_stale = _note(i, stale, n_stale, is_stale)


def _listeners(graph: Graph) -> tuple[IntArray, npt.NDArray[np.int32]]:
    """Return for each person, in compressed rows, whom they influence."""
    if graph.complete:
        return np.empty(0, np.int64), np.empty(0, np.int32)
    whom = np.repeat(np.arange(graph.n_persons, dtype=np.int32), graph.degrees())
    by_source = np.argsort(graph.indices, kind="stable")
    n_each = np.bincount(graph.indices, minlength=graph.n_persons)
    return np.append(0, np.cumsum(n_each)), whom[by_source]


def drive(
    frame: Frame, relays: RelayArray, line: tuple[FloatArray, FloatArray]
) -> npt.NDArray[np.void]:
    """Carry relays, (K, N, R), in place along the line of their own load; return the avalanches.

    Parameters
    ----------
    line
        Load that does not come from relays at the beginning and at the end, (K, N, R).
    """
    population, c, wear = frame.population, frame.coefficients, frame.state.wear
    if frame.listeners is None:
        frame.listeners = _listeners(population.graph)
    records, up, down = [], *(t.astype(np.float64) for t in (population.up, population.down))
    for r in range(relays.shape[2]):
        level = in_force(up, down, wear[:, :, r]) if wear.size > 0 else up
        mine = np.ascontiguousarray(relays[:, :, r])
        way = tuple(np.ascontiguousarray(own[:, :, r]) for own in line)
        graph = graph_arrays(population.graph)
        log = _drive(mine, way, (level, down), graph, frame.listeners, c.coupling, c.spillover)
        relays[:, :, r] = mine
        rows = np.empty(len(log), AVALANCHE)
        rows["branch"], rows["direction"], rows["size"] = r, log[:, 0], log[:, 1]
        rows["at"] = log[:, 2] / _LAST
        records.append(rows)
    return np.concatenate(records)


def as_avalanches(changes: IntArray) -> npt.NDArray[np.void]:
    """Return the switches of a step, (2, R), as one avalanche up and one down at its end."""
    branch, way = np.nonzero(changes.T)
    rows = np.empty(branch.size, AVALANCHE)
    rows["branch"], rows["direction"], rows["at"] = branch, 1 - 2 * way, 1.0
    rows["size"] = changes[way, branch]
    return rows
