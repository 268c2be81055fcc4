"""What neighbors do to a person: weighted means over one row of the influence matrix W.

Relays of all channels travel together, one byte a channel in a word a person and branch, so a
neighbor is visited once and not once a channel.  A byte overflows after 255 neighbors; counts
are therefore flushed every 255.
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
    n_branches = 1 if many is None else many
    total = np.zeros(n_branches)
    for i in range(column.size // n_branches):
        for r in range(n_branches):
            total[r] += column[i * n_branches + r]
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
    sums[:] = 0
    for edge in range(first, last):
        base = np.int64(indices[edge]) * many
        for r in range(many):
            sums[r] += words[base + r]


@kernel
def relay_shares(share, words, sums, graph, i, many):  # type: ignore[no-untyped-def]
    """Fill share, (K, R), with Σ_j W_ij L[j, k] on an unweighted graph; `sums` is (R,) work."""
    indptr, indices = graph[0], graph[1]
    first, last = indptr[i], indptr[i + 1]
    degree, byte = np.float64(last - first), words.dtype.type(255)
    if last - first <= _FLUSH:
        _add_words(sums, words, indices, first, last, many)
        for k in range(share.shape[0]):
            shift = words.dtype.type(8 * k)
            for r in range(sums.size):
                share[k, r] = np.float64((sums[r] >> shift) & byte) / degree
        return
    share[...] = 0.0
    for start in range(first, last, _FLUSH):
        _add_words(sums, words, indices, start, min(start + _FLUSH, last), many)
        for k in range(share.shape[0]):
            shift = words.dtype.type(8 * k)
            for r in range(sums.size):
                share[k, r] += np.float64((sums[r] >> shift) & byte)
    share /= degree


@kernel
def neighbor_mean(mean, column, graph, i, total, many):  # type: ignore[no-untyped-def]
    """Fill mean, (R,), with Σ_j W_ij column[j]; `total` is read on complete graphs only."""
    n_branches = 1 if many is None else many
    indptr, indices, weights, complete = graph
    if complete:
        others = max(column.size // n_branches - 1, 1)
        for r in range(n_branches):
            mean[r] = (total[r] - column[i * n_branches + r]) / others
        return
    first, last = indptr[i], indptr[i + 1]
    mean[:] = 0.0
    if weights.size > 0:
        for edge in range(first, last):
            base = np.int64(indices[edge]) * n_branches
            for r in range(n_branches):
                mean[r] += weights[edge] * column[base + r]
        return
    if many is None:
        one = 0.0
        for edge in range(first, last):
            one += column[indices[edge]]
        mean[0] = one
    else:
        for edge in range(first, last):
            base = np.int64(indices[edge]) * n_branches
            for r in range(n_branches):
                mean[r] += column[base + r]
    degree = np.float64(last - first)
    for r in range(n_branches):
        mean[r] /= degree
