"""Bounded confidence (Hegselmann and Krause 2002): listening only to those who are near.

Others pull towards the mean of those who influence a person, and the person too, with
|n_j − n_i| ≤ ε_i.  The comparison is of the rounded difference, everywhere the same, so that a
difference of exactly ε counts wherever binary numbers can hold it.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import inlined, kernel, part
from sim.processes.narrative.confidence import bound, bounded_order
from sim.processes.narrative.motion import carry_out, resist, settle
from sim.processes.stage import Frame, Order, tile_of
from sim.scenario.schema import Scenario
from sim.streams import FloatArray

_NOBODY = np.empty((0, 0)), np.empty((0, 0, 2))


@inlined
def _two_sum(a, b):  # type: ignore[no-untyped-def]
    """Return a + b and what rounding took from it, exactly (Knuth 1969)."""
    total = a + b
    part_b = total - a
    return total, (a - (total - part_b)) + (b - part_b)


@kernel
def _running_sums(sums, ranked):  # type: ignore[no-untyped-def]
    """Fill sums, (R, N + 1, 2), with sums of the first values of ranked, (R, N), and remainders.

    Differences of plain sums would be wrong by as much as the sums are rounded, some 10⁻¹⁰.
    """
    for r in range(ranked.shape[0]):
        high = low = 0.0
        sums[r, 0, 0] = sums[r, 0, 1] = 0.0
        for k in range(ranked.shape[1]):
            high, lost = _two_sum(high, ranked[r, k])
            high, low = _two_sum(high, low + lost)
            sums[r, k + 1, 0], sums[r, k + 1, 1] = high, low


@inlined
def _near(ranked, n, epsilon):  # type: ignore[no-untyped-def]
    """Return where those within ε of n begin and end among ranked values, (N,).

    The rounded difference grows with rank, so that they stand side by side.
    """
    low, high = 0, ranked.size
    while low < high:
        middle = (low + high) // 2
        if n - ranked[middle] <= epsilon:
            high = middle
        else:
            low = middle + 1
    begin, high = low, ranked.size
    while low < high:
        middle = (low + high) // 2
        if ranked[middle] - n <= epsilon:
            low = middle + 1
        else:
            high = middle
    return begin, low


@part
def _mean_of_the_near(target, columns, ranked, sums, trust, many, first, last):  # type: ignore[no-untyped-def]
    """Fill target where everyone is tied to everyone else."""
    n_branches, row = 1 if many is None else many, 0
    narrative, lock_in = columns[1], columns[2]
    for i in range(first, last):
        for r in range(n_branches):
            j = i * n_branches + r
            epsilon = bound(trust, np.float64(lock_in[j]))
            begin, end = _near(ranked[r], np.float64(narrative[j]), epsilon)
            high, lost = _two_sum(sums[r, end, 0], -sums[r, begin, 0])
            low = lost + (sums[r, end, 1] - sums[r, begin, 1])
            target[row + r] = (high + low) / np.float64(end - begin)
        row += n_branches


@part
def _mean_of_near_neighbors(target, columns, graph, trust, many, first, last):  # type: ignore[no-untyped-def]
    """Fill target with the mean of those near among neighbors and oneself."""
    narrative, lock_in = columns[1], columns[2]
    indptr, indices, weights, _, _ = graph
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    weighted = weights.size > 0
    weight_sum, epsilon = np.empty(n_branches), np.empty(n_branches)
    for i in range(np.uint64(first), np.uint64(last)):
        begin, end = np.uint64(indptr[i]), np.uint64(indptr[i + np.uint64(1)])
        own, listed = i * n_branches, False
        for r in range(n_branches):
            target[row + r] = weight_sum[r] = 0.0
            epsilon[r] = bound(trust, np.float64(lock_in[own + r]))
        for edge in range(begin, end):
            j = np.uint64(indices[edge])
            weight = weights[edge] if weighted else 1.0
            listed = listed or j == i
            base = j * n_branches
            for r in range(n_branches):
                n = np.float64(narrative[base + r])
                near = abs(n - np.float64(narrative[own + r])) <= epsilon[r]
                counted = weight if near else 0.0
                target[row + r] += counted * n
                weight_sum[r] += abs(counted)
        # Oneself counts as much as a neighbor on average, unless the list of ties says how much.
        itself = 0.0 if listed else 1.0 / np.float64(end - begin) if weighted else 1.0
        for r in range(n_branches):
            total = target[row + r] + itself * np.float64(narrative[own + r])
            target[row + r] = total / (weight_sum[r] + itself)
        row += n_branches


@kernel
def _agree(after, narrative, lock_in, burden, stubbornness, graph, _, rates, extra, many, span):  # type: ignore[no-untyped-def]
    """Move n and ℓ, (N·R,), of a span of persons, a tile at a time."""
    columns = (after, narrative, lock_in, burden, stubbornness)
    ranked, sums, trust = extra
    n_branches = 1 if many is None else many
    tile = tile_of(n_branches)
    room = np.empty(tile * n_branches)
    for first in range(span[0], span[1], tile):
        last = min(first + tile, span[1])
        target = room[: (last - first) * n_branches]
        if ranked.size > 0:
            _mean_of_the_near(target, columns, ranked, sums, trust, many, first, last)
        else:
            _mean_of_near_neighbors(target, columns, graph, trust, many, first, last)
        resist(target, columns, many, first, last)
        settle(columns, target, rates, np.uint64(first * n_branches))


def _ranking(narrative: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return n in ascending order, (R, N), and its running sums with remainders, (R, N + 1, 2)."""
    ranked = np.sort(narrative.T.astype(np.float64), axis=1)
    sums = np.empty((ranked.shape[0], ranked.shape[1] + 1, 2))
    _running_sums(sums, ranked)
    return ranked, sums


def run(frame: Frame) -> None:
    """Move n and ℓ one step."""
    c = frame.coefficients
    everyone = frame.population.graph.complete
    ranked, sums = _ranking(frame.state.narrative) if everyone else _NOBODY
    carry_out(frame, _agree, ranked, sums, (c.confidence, c.confidence_lock_in))


def order(scenario: Scenario) -> Order:
    """Return whether the rule keeps order, and why."""
    return bounded_order(scenario, strictly=False)
