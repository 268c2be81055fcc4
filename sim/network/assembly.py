"""From a list of edges to the rows of W: merged, sorted, no row empty, every row normalized."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

IntArray = npt.NDArray[np.integer]
FloatArray = npt.NDArray[np.float64]
Rows = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], FloatArray | None]

MAX_PERSONS = (1 << 31) - 1


def check_size(n_persons: int) -> None:
    """Refuse a number of persons that is not in [1, 2**31)."""
    if not 1 <= n_persons <= MAX_PERSONS:
        raise ValueError(f"n_persons must lie in [1, {MAX_PERSONS}], got {n_persons}")


def _checked_ids(ids: IntArray, n_persons: int) -> npt.NDArray[np.int32]:
    ids = np.asarray(ids)
    if ids.ndim != 1 or (ids.size and not np.issubdtype(ids.dtype, np.integer)):
        raise ValueError("sources and targets must be one-dimensional arrays of integers")
    if ids.size and (ids.min() < 0 or ids.max() >= n_persons):
        raise ValueError(f"ids must lie in [0, {n_persons - 1}], got {ids.min()} to {ids.max()}")
    return ids.astype(np.int32, copy=False)


def _checked_weights(weights: FloatArray, n_edges: int, signed: bool) -> FloatArray:
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_edges,):
        raise ValueError(f"weights must have shape ({n_edges},), got {weights.shape}")
    if not np.isfinite(weights).all():
        raise ValueError("weights must be finite")
    if not signed and weights.size and weights.min() < 0.0:
        raise ValueError(f"weights must be >= 0 unless signed, got {weights.min()}")
    return weights


def _merged(
    rows: IntArray, columns: IntArray, values: npt.NDArray[np.generic], n: int
) -> csr_array:
    matrix = coo_array((values, (rows, columns)), shape=(n, n)).tocsr()
    matrix.sum_duplicates()
    return matrix


def _mirrored(
    first: IntArray, second: IntArray, values: npt.NDArray[np.generic], n: int
) -> csr_array:
    # Merging in one triangle, then mirroring, makes both directions of a tie weigh the same to
    # the last bit (and takes half the time of sorting both directions).
    lower = _merged(np.maximum(first, second), np.minimum(first, second), values, n)
    return (lower + lower.T.tocsr()).tocsr()


def _nobody_without(matrix: csr_array) -> csr_array:
    empty = np.flatnonzero(np.diff(matrix.indptr) == 0)
    if empty.size == 0:
        return matrix
    at = matrix.indptr[empty]
    values = np.insert(matrix.data, at, np.ones(empty.size, matrix.data.dtype))
    indices = np.insert(matrix.indices, at, empty)
    indptr = matrix.indptr + np.searchsorted(empty, np.arange(matrix.shape[0] + 1))
    return csr_array((values, indices, indptr), shape=matrix.shape)


def _normalized(values: FloatArray, indptr: npt.NDArray[np.int64]) -> FloatArray:
    with np.errstate(over="ignore"):
        totals = np.add.reduceat(np.abs(values), indptr[:-1])
    if not np.isfinite(totals).all():
        raise ValueError("the weights of a row add up to more than a float64 can hold")
    return np.asarray(values / np.repeat(totals, np.diff(indptr)), dtype=np.float64)


def assemble(
    sources: IntArray,
    targets: IntArray,
    *,
    n_persons: int,
    weights: FloatArray | None,
    directed: bool,
    signed: bool,
    self_loops: bool,
) -> Rows:
    """Return (indptr, indices, weights) of W; see `Graph.from_edges`, which this builds."""
    check_size(n_persons)
    sources, targets = _checked_ids(sources, n_persons), _checked_ids(targets, n_persons)
    if sources.shape != targets.shape:
        raise ValueError(f"{sources.size} sources but {targets.size} targets")
    values: npt.NDArray[np.generic]
    if weights is None:
        # Booleans merge by "or": small integers would wrap to 0 at the 256th duplicate.
        values = np.ones(sources.size, dtype=np.bool_)
    else:
        values = _checked_weights(weights, sources.size, signed)
    tie = sources != targets
    loops = None
    if not tie.all():
        own = targets[~tie]
        loops = _merged(own, own, values[~tie], n_persons) if self_loops else None
        sources, targets, values = sources[tie], targets[tie], values[tie]
    build = _merged if directed else _mirrored
    matrix = build(targets, sources, values, n_persons)
    if loops is not None:
        matrix = (matrix + loops).tocsr()
        matrix.sort_indices()
    matrix.eliminate_zeros()
    matrix = _nobody_without(matrix)
    indptr = matrix.indptr.astype(np.int64, copy=False)
    indices = matrix.indices.astype(np.int32, copy=False)
    return indptr, indices, None if weights is None else _normalized(matrix.data, indptr)
