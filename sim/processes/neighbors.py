"""Passes over neighbors: the share of them under each constraint, and means of a column.

Relays of all channels are packed into one word a person and branch, so a neighbor is visited once
and not once a channel.  A byte overflows after 255 neighbors; persons who have more are counted
apart.

Kernels here fill rows of a tile: persons `first` to `last`, of which row 0 of what is filled is
the first.  They index with unsigned numbers: an index known not to be negative needs no check, and
lets the compiler use vector instructions.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import inlined, kernel, part
from sim.network import Graph
from sim.network.graph import MAX_BYTE
from sim.population import RelayArray
from sim.scenario.schema import Scenario
from sim.streams import FloatArray

_UNWEIGHTED = np.empty(0)

WEIGHTED_SLACK = 1e-12
"""By how much, relatively, a sum of weights may miss what it would be without rounding."""


def graph_arrays(graph: Graph) -> tuple[object, ...]:
    """Return a graph as kernels read it: row starts, neighbors, weights or none, hubs, complete."""
    weights = graph.weights if graph.weights is not None else _UNWEIGHTED
    return graph.indptr, graph.indices, weights, graph.hubs, graph.complete


def negative_ties(scenario: Scenario) -> bool:
    """Return whether ties may be negative, which turns order around: signed edge lists."""
    return scenario.signed and scenario.network.kind == "edge_list"


def packable(graph: Graph) -> bool:
    """Return whether shares of neighbors are counts: all ties weigh the same and are listed."""
    return graph.weights is None and not graph.complete


def empty_words(graph: Graph, relays: RelayArray) -> np.ndarray:
    """Return room for the packed relays, (K, N·R), of everyone; none where they are not used."""
    width = np.uint32 if relays.shape[0] <= 4 else np.uint64
    return np.empty(relays.shape[1] if packable(graph) else 0, width)


@kernel
def pack(words, relays, many, span):  # type: ignore[no-untyped-def]
    """Fill words, (N·R,), of a span of persons with one byte a channel of relays, (K, N·R)."""
    n_branches = np.uint64(1 if many is None else many)
    first, last = np.uint64(span[0]) * n_branches, np.uint64(span[1]) * n_branches
    for j in range(first, last):
        words[j] = relays[0, j]
    for k in range(1, relays.shape[0]):
        shift = words.dtype.type(8 * k)
        for j in range(first, last):
            words[j] |= words.dtype.type(relays[k, j]) << shift


@kernel
def totals(column, many):  # type: ignore[no-untyped-def]
    """Return the sum over persons of a column, (N·R,), by branch, (R,)."""
    total = np.zeros(1 if many is None else many)
    for j in range(column.size):
        total[j % total.size] += column[j]
    return total


def totals_if_complete(graph: Graph, columns: np.ndarray, many: int | None) -> FloatArray:
    """Return the totals of columns, (C, N·R), by branch, (C, R); nothing unless all are tied."""
    if not graph.complete:
        return np.empty((0, 0))
    return np.stack([totals(column, many) for column in columns])


@part
def _sum_words(sums, words, graph, many, first, last):  # type: ignore[no-untyped-def]
    """Fill sums with the sum of the words of all neighbors; bytes may overflow."""
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    indptr, indices = graph[0], graph[1]
    for i in range(np.uint64(first), np.uint64(last)):
        begin, end = np.uint64(indptr[i]), np.uint64(indptr[i + np.uint64(1)])
        if many is None:
            alone = words.dtype.type(0)
            for edge in range(begin, end):
                alone += words[np.uint64(indices[edge])]
            sums[row] = alone
        else:
            for r in range(n_branches):
                sums[row + r] = 0
            for edge in range(begin, end):
                base = np.uint64(indices[edge]) * n_branches
                for r in range(n_branches):
                    sums[row + r] += words[base + r]
        row += n_branches


@part
def _unpack(load, sums, indptr, strength, many, first, last):  # type: ignore[no-untyped-def]
    """Fill load with strength × bytes of sums / number of neighbors."""
    n_branches, byte = np.uint64(1 if many is None else many), sums.dtype.type(MAX_BYTE)
    degree = np.empty(last - first)
    for row in range(np.uint64(degree.size)):
        begin = np.uint64(first) + row
        degree[row] = np.float64(np.int32(indptr[begin + np.uint64(1)] - indptr[begin]))
    for k in range(load.shape[0]):
        shift, factor, filled = sums.dtype.type(8 * k), strength[k], load[k]
        if many is None:
            for row in range(np.uint64(degree.size)):
                count = np.float64(np.int32((sums[row] >> shift) & byte))
                filled[row] = factor * (count / degree[row])
        else:
            for row in range(np.uint64(degree.size)):
                for j in range(row * n_branches, (row + np.uint64(1)) * n_branches):
                    count = np.float64(np.int32((sums[j] >> shift) & byte))
                    filled[j] = factor * (count / degree[row])


@part
def _recount(load, relays, graph, strength, many, first, last):  # type: ignore[no-untyped-def]
    """Do again, one by one, what overflows a byte: the hubs of the tile."""
    n_branches = np.uint64(1 if many is None else many)
    indptr, indices, hubs = graph[0], graph[1], graph[3]
    for place in range(np.searchsorted(hubs, first), np.searchsorted(hubs, last)):
        begin, end = np.uint64(indptr[hubs[place]]), np.uint64(indptr[hubs[place] + 1])
        row = np.uint64(hubs[place] - first) * n_branches
        for k in range(load.shape[0]):
            for r in range(n_branches):
                count = 0
                for edge in range(begin, end):
                    count += relays[k, np.uint64(indices[edge]) * n_branches + r]
                load[k, row + r] = strength[k] * (np.float64(count) / np.float64(end - begin))


@part
def neighbor_load(load, relays, words, total, graph, strength, many, first, last):  # type: ignore[no-untyped-def]
    """Fill load, (K, tile), with strength[k] × the weighted share of neighbors under constraint k.

    Parameters
    ----------
    relays
        (K, N·R).
    words
        The same packed, (N·R,); read where `packable`.
    total
        Of relays, (K, R), if the graph is complete.
    strength
        (K,) [load].
    many
        R, or None for a single branch.
    """
    if words.size > 0:
        sums = np.empty(load.shape[1], words.dtype)
        _sum_words(sums, words, graph, many, first, last)
        _unpack(load, sums, graph[0], strength, many, first, last)
        _recount(load, relays, graph, strength, many, first, last)
        return
    for k in range(load.shape[0]):
        neighbor_means(load[k], relays[k], total[k : k + 1], graph, many, first, last)
        for j in range(load.shape[1]):
            load[k, j] *= strength[k]


@inlined
def _mean_of_others(mean, column, total, others, n_branches, first, last):  # type: ignore[no-untyped-def]
    """Fill mean with the mean over all other persons."""
    row = np.uint64(0)
    for i in range(first, last):
        for r in range(n_branches):
            mean[row + r] = (total[0, r] - column[i * n_branches + r]) / others
        row += n_branches


@part
def neighbor_means(mean, column, total, graph, many, first, last):  # type: ignore[no-untyped-def]
    """Fill mean, (tile,), with Σ_j W_ij column[j], column (N·R,), total (1, R) if W is complete."""
    indptr, indices, weights, _, complete = graph
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    begin_at, end_at = np.uint64(first), np.uint64(last)
    if complete:
        others = np.float64(max(column.size // n_branches - 1, 1))
        _mean_of_others(mean, column, total, others, n_branches, begin_at, end_at)
        return
    weighted = weights.size > 0
    for i in range(begin_at, end_at):
        begin, end = np.uint64(indptr[i]), np.uint64(indptr[i + np.uint64(1)])
        degree = np.float64(end - begin)
        if many is None and not weighted:
            alone = 0.0
            for edge in range(begin, end):
                alone += column[np.uint64(indices[edge])]
            mean[row] = alone / degree
            row += n_branches
            continue
        for r in range(n_branches):
            mean[row + r] = 0.0
        for edge in range(begin, end):
            base = np.uint64(indices[edge]) * n_branches
            if weighted:
                weight = weights[edge]
                for r in range(n_branches):
                    mean[row + r] += weight * column[base + r]
            else:
                for r in range(n_branches):
                    mean[row + r] += column[base + r]
        if not weighted:
            for r in range(n_branches):
                mean[row + r] /= degree
        row += n_branches
