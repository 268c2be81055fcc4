"""What neighbors do to a person: weighted means over one row of the influence matrix W.

Relays of all channels travel together, one byte a channel in a word a person and branch, so a
neighbor is visited once and not once a channel.  A byte overflows after 255 neighbors; counts
are therefore flushed every 255.

Kernels index branches with unsigned numbers: an index known not to be negative lets the compiler
use vector instructions, which is worth a factor of three here.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel

_FLUSH = 255


@kernel
def pack(words, relays):  # type: ignore[no-untyped-def]
    """Fill words, (N·R,), with one byte a channel of relays, (K, N·R)."""
    words[:] = 0
    for k in range(relays.shape[0]):
        shift = words.dtype.type(8 * k)
        for j in range(words.size):
            words[j] |= words.dtype.type(relays[k, j]) << shift


@kernel
def column_totals(column, many):  # type: ignore[no-untyped-def]
    """Return the sum over persons of a column, (N·R,), for each branch, (R,)."""
    total = np.zeros(1 if many is None else many)
    for j in range(column.size):
        total[j % total.size] += column[j]
    return total


@kernel
def _add_words(sums, words, indices, first, last, many):  # type: ignore[no-untyped-def]
    """Set sums, (R,), to the sum of the words of neighbors first … last − 1."""
    if many is None:
        total = words.dtype.type(0)
        for edge in range(first, last):
            total += words[indices[edge]]
        sums[0] = total
        return
    n_branches = np.uint64(many)
    sums[:] = 0
    for edge in range(first, last):
        base = np.uint64(indices[edge]) * n_branches
        for r in range(n_branches):
            sums[r] += words[base + r]


@kernel
def relay_shares(share, words, sums, graph, i, many):  # type: ignore[no-untyped-def]
    """Fill share, (K, R), with the share of neighbors under each constraint, unweighted.

    `words` are packed relays, (N·R,), and `sums` is (R,) work space.
    """
    n_branches = np.uint64(1 if many is None else many)
    indptr, indices = graph[0], graph[1]
    first, last = indptr[i], indptr[i + 1]
    degree, byte = np.float64(last - first), words.dtype.type(255)
    _add_words(sums, words, indices, first, min(first + _FLUSH, last), many)
    for k in range(share.shape[0]):
        shift = words.dtype.type(8 * k)
        for r in range(n_branches):
            share[k, r] = np.float64((sums[r] >> shift) & byte)
    for start in range(first + _FLUSH, last, _FLUSH):
        _add_words(sums, words, indices, start, min(start + _FLUSH, last), many)
        for k in range(share.shape[0]):
            shift = words.dtype.type(8 * k)
            for r in range(n_branches):
                share[k, r] += np.float64((sums[r] >> shift) & byte)
    for k in range(share.shape[0]):
        for r in range(n_branches):
            share[k, r] /= degree


@kernel
def neighbor_mean(mean, column, graph, i, total, many):  # type: ignore[no-untyped-def]
    """Fill mean, (R,), with Σ_j W_ij column[j]; `total` is read on complete graphs only."""
    n_branches = np.uint64(1 if many is None else many)
    indptr, indices, weights, complete = graph
    if complete:
        own = np.uint64(i) * n_branches
        others = np.float64(max(column.size // mean.size - 1, 1))
        for r in range(n_branches):
            mean[r] = (total[r] - column[own + r]) / others
        return
    first, last = indptr[i], indptr[i + 1]
    if many is None and weights.size == 0:
        alone = 0.0
        for edge in range(first, last):
            alone += column[indices[edge]]
        mean[0] = alone / np.float64(last - first)
        return
    mean[:] = 0.0
    for edge in range(first, last):
        base = np.uint64(indices[edge]) * n_branches
        if weights.size > 0:
            weight = weights[edge]
            for r in range(n_branches):
                mean[r] += weight * column[base + r]
        else:
            for r in range(n_branches):
                mean[r] += column[base + r]
    if weights.size == 0:
        degree = np.float64(last - first)
        for r in range(n_branches):
            mean[r] /= degree
