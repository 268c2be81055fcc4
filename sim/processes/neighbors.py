"""What neighbors do to a person: weighted means over one row of the influence matrix W.

Relays of all channels travel together, one byte a channel in a word a person and branch, so a
neighbor is visited once and not once a channel.  A byte overflows after 255 neighbors; persons
who have more are counted apart.

Kernels index branches with unsigned numbers: an index known not to be negative lets the compiler
use vector instructions, which is worth a factor of three here.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel
from sim.network import Graph
from sim.population import RelayArray
from sim.processes.stage import graph_arrays
from sim.scenario.schema import Scenario
from sim.streams import FloatArray

_FULL = 255


@kernel
def _pack(words, relays):  # type: ignore[no-untyped-def]
    """Fill words, (N·R,), with one byte a channel of relays, (K, N·R)."""
    words[:] = 0
    for k in range(relays.shape[0]):
        shift = words.dtype.type(8 * k)
        for j in range(words.size):
            words[j] |= words.dtype.type(relays[k, j]) << shift


@kernel
def _sum_words(sums, words, graph, many):  # type: ignore[no-untyped-def]
    """Fill sums, (N·R,), with the sum of the words of all neighbors; bytes may overflow."""
    n_branches = np.uint64(1 if many is None else many)
    indptr, indices = graph[0], graph[1]
    for i in range(indptr.size - 1):
        first, last, own = indptr[i], indptr[i + 1], np.uint64(i) * n_branches
        if many is None:
            alone = words.dtype.type(0)
            for edge in range(first, last):
                alone += words[indices[edge]]
            sums[own] = alone
            continue
        for r in range(n_branches):
            sums[own + r] = 0
        for edge in range(first, last):
            base = np.uint64(indices[edge]) * n_branches
            for r in range(n_branches):
                sums[own + r] += words[base + r]


@kernel
def _unpack(load, sums, indptr, strength, many):  # type: ignore[no-untyped-def]
    """Fill load, (K, N·R), with strength × bytes of sums / number of neighbors."""
    n_branches, byte = np.uint64(1 if many is None else many), sums.dtype.type(_FULL)
    for k in range(load.shape[0]):
        shift, factor = sums.dtype.type(8 * k), strength[k]
        for i in range(indptr.size - 1):
            degree, own = np.float64(indptr[i + 1] - indptr[i]), np.uint64(i) * n_branches
            for r in range(n_branches):
                count = np.int32((sums[own + r] >> shift) & byte)
                load[k, own + r] = factor * (np.float64(count) / degree)


@kernel
def _recount(load, relays, graph, strength, many):  # type: ignore[no-untyped-def]
    """Do again, one by one, what overflows a byte: persons with more than 255 neighbors."""
    n_branches = np.uint64(1 if many is None else many)
    indptr, indices = graph[0], graph[1]
    for i in range(indptr.size - 1):
        degree, own = indptr[i + 1] - indptr[i], np.uint64(i) * n_branches
        if degree > _FULL:
            for k in range(load.shape[0]):
                for r in range(n_branches):
                    count = 0
                    for edge in range(indptr[i], indptr[i + 1]):
                        count += relays[k, np.uint64(indices[edge]) * n_branches + r]
                    load[k, own + r] = strength[k] * (np.float64(count) / np.float64(degree))


def negative_ties(scenario: Scenario) -> bool:
    """Return whether ties may be negative, which turns order around: signed edge lists."""
    return scenario.signed and scenario.network.kind == "edge_list"


def neighbor_load(
    load: FloatArray, relays: RelayArray, graph: Graph, strength: FloatArray, many: int | None
) -> None:
    """Fill load, (K, N·R), with strength[k] × the weighted share of neighbors under constraint k.

    Parameters
    ----------
    relays
        (K, N·R).
    strength
        (K,) [load].
    many
        R, or None for a single branch.
    """
    arrays = graph_arrays(graph)
    if graph.weights is not None or graph.complete:
        for k in range(strength.size):
            neighbor_means(load[k], relays[k], arrays, many)
            load[k] *= strength[k]
        return
    words = np.empty(relays.shape[1], np.uint32 if strength.size <= 4 else np.uint64)
    sums = np.empty_like(words)
    _pack(words, relays)
    _sum_words(sums, words, arrays, many)
    _unpack(load, sums, graph.indptr, strength, many)
    _recount(load, relays, arrays, strength, many)


@kernel
def _mean_of_others(mean, column, many):  # type: ignore[no-untyped-def]
    """Fill mean, (N·R,), with the mean over all other persons."""
    total = np.zeros(1 if many is None else many)
    for j in range(column.size):
        total[j % total.size] += column[j]
    others = np.float64(max(column.size // total.size - 1, 1))
    for j in range(column.size):
        mean[j] = (total[j % total.size] - column[j]) / others


@kernel
def neighbor_means(mean, column, graph, many):  # type: ignore[no-untyped-def]
    """Fill mean, (N·R,), with Σ_j W_ij column[j]."""
    indptr, indices, weights, complete = graph
    n_branches = np.uint64(1 if many is None else many)
    if complete:
        _mean_of_others(mean, column, many)
        return
    for i in range(indptr.size - 1):
        first, last, own = indptr[i], indptr[i + 1], np.uint64(i) * n_branches
        if many is None and weights.size == 0:
            alone = 0.0
            for edge in range(first, last):
                alone += column[indices[edge]]
            mean[own] = alone / np.float64(last - first)
            continue
        for r in range(n_branches):
            mean[own + r] = 0.0
        for edge in range(first, last):
            base = np.uint64(indices[edge]) * n_branches
            if weights.size > 0:
                weight = weights[edge]
                for r in range(n_branches):
                    mean[own + r] += weight * column[base + r]
            else:
                for r in range(n_branches):
                    mean[own + r] += column[base + r]
        if weights.size == 0:
            degree = np.float64(last - first)
            for r in range(n_branches):
                mean[own + r] /= degree
