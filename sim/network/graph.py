"""Who is influenced by whom: the matrix W in compressed rows, read-only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from sim.network.assembly import FloatArray, IntArray, assemble, check_size

MAX_BYTE = 255
"""Most neighbors that a count of one byte can hold."""

MAX_DENSE_PERSONS = 5_000
"""Largest complete graph that `Graph.to_scipy` will write out."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The influence matrix W: W_ij is how strongly person j influences person i; rows sum to 1.

    Row i holds the persons who influence i, in ascending order and without repetition.  An
    isolated person has the single entry W_ii = 1; others have an entry on the diagonal only where
    an edge list gives it and is asked to keep it.
    In a signed graph it is the absolute values of a row that sum to 1.

    Parameters
    ----------
    n_persons
        Number of persons N, 1 ≤ N < 2**31.
    indptr
        Where each row begins in `indices`, shape (N + 1,); empty if `complete`.
    indices
        Columns of the entries, row after row, shape (nnz,); empty if `complete`.
    weights
        Values of the entries, shape (nnz,); None if every entry of row i weighs 1 / degree(i).
    complete
        W_ij = 1 / (N - 1) for all j ≠ i, and nothing is stored.

    Attributes
    ----------
    hubs
        Rows with more than 255 entries, whose count does not fit a byte; empty if `complete`.

    Notes
    -----
    The arrays are made read-only and are not copied; use the constructors, which build rows
    that keep the promises above, rather than the class itself.
    """

    n_persons: int
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    weights: FloatArray | None
    complete: bool
    hubs: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        check_size(self.n_persons)
        for name, dtype in (("indptr", np.int64), ("indices", np.int32), ("weights", np.float64)):
            array = getattr(self, name)
            if array is None and name == "weights":
                continue
            view = np.ascontiguousarray(array, dtype=dtype).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        if not self._is_consistent():
            raise ValueError("indptr, indices, weights and complete do not describe one graph")
        object.__setattr__(self, "hubs", np.flatnonzero(np.diff(self.indptr) > MAX_BYTE))

    def _is_consistent(self) -> bool:
        if self.complete:
            nothing = self.indptr.size == 0 and self.indices.size == 0 and self.weights is None
            return nothing and self.n_persons > 1
        n, indptr, indices = self.n_persons, self.indptr, self.indices
        if indptr.shape != (n + 1,) or indptr[0] != 0 or indptr[-1] != indices.size:
            return False
        if self.weights is not None and self.weights.shape != indices.shape:
            return False
        return bool((np.diff(indptr) > 0).all() and indices.min() >= 0 and indices.max() < n)

    @classmethod
    def from_edges(
        cls,
        sources: IntArray,
        targets: IntArray,
        *,
        n_persons: int,
        weights: FloatArray | None = None,
        directed: bool = False,
        signed: bool = False,
        self_loops: bool = False,
    ) -> Graph:
        """Return the graph of a list of edges; an edge says that source influences target.

        An edge is the entry W[target, source], and W[source, target] too unless `directed`.
        Edges from a person to themself are dropped unless `self_loops`, as are edges of weight 0.
        Repeated edges
        count once without weights, and add up with them.  Rows are then normalized, and a
        person without influences is given the single entry W_ii = 1.

        Parameters
        ----------
        sources, targets
            Ids in [0, N), shape (edges,).
        n_persons
            Number of persons N.
        weights
            Finite weights ≥ 0 (any sign if `signed`), shape (edges,); None for equal weights.
        directed
            Whether an edge acts in one direction only.
        signed
            Allow negative weights; rows are then divided by the sum of absolute values.
        self_loops
            Keep edges from a person to themself, each the one entry W[i, i].

        Raises
        ------
        ValueError
            If ids or weights are out of range, or shapes differ.
        """
        indptr, indices, values = assemble(
            sources,
            targets,
            n_persons=n_persons,
            weights=weights,
            directed=directed,
            signed=signed,
            self_loops=self_loops,
        )
        return cls(n_persons, indptr, indices, values, complete=False)

    @classmethod
    def complete_graph(cls, n_persons: int) -> Graph:
        """Return the graph in which everyone is influenced equally by everyone else.

        A single person has nobody else and is stored as isolated, not as complete.
        """
        if n_persons == 1:
            nobody = np.empty(0, dtype=np.int32)
            return cls.from_edges(nobody, nobody, n_persons=1)
        nothing = np.empty(0, dtype=np.int64)
        return cls(n_persons, nothing, nothing.astype(np.int32), None, complete=True)

    def degrees(self) -> npt.NDArray[np.int64]:
        """Return the number of entries in each row, shape (N,); 1 for an isolated person."""
        if self.complete:
            return np.full(self.n_persons, self.n_persons - 1, dtype=np.int64)
        return np.diff(self.indptr)

    def own_weights(self) -> FloatArray:
        """Return W_ii, shape (N,); 1 for an isolated person, 0 where there is no entry."""
        own = np.zeros(self.n_persons)
        if not self.complete:
            degrees = self.degrees()
            rows = np.repeat(np.arange(self.n_persons, dtype=np.int32), degrees)
            at = np.flatnonzero(rows == self.indices)
            own[rows[at]] = 1.0 / degrees[rows[at]] if self.weights is None else self.weights[at]
        return own

    def to_scipy(self) -> csr_array:
        """Return W as a sparse matrix of shape (N, N) with its weights written out.

        Raises
        ------
        ValueError
            If the graph is complete and has more than `MAX_DENSE_PERSONS` persons.
        """
        shape = (self.n_persons, self.n_persons)
        if not self.complete:
            values = self.weights
            if values is None:
                degrees = self.degrees()
                values = np.repeat(1.0 / degrees, degrees)
            return csr_array((values, self.indices, self.indptr), shape=shape)
        if self.n_persons > MAX_DENSE_PERSONS:
            raise ValueError(
                f"a complete graph of {self.n_persons} persons has {self.n_persons**2} entries; "
                f"it is written out only up to {MAX_DENSE_PERSONS} persons"
            )
        others = np.full(shape, 1.0 / (self.n_persons - 1))
        np.fill_diagonal(others, 0.0)
        return csr_array(others)

    def mean_over_neighbors(self, x: FloatArray) -> FloatArray:
        """Return Wx, shape that of `x`, whose first axis runs over persons.

        This is the plain reference that compiled stages are compared with, not a fast path.
        """
        x = np.asarray(x, dtype=np.float64)
        if x.shape[:1] != (self.n_persons,):
            raise ValueError(f"x must have {self.n_persons} rows, got shape {x.shape}")
        if self.complete:
            return np.asarray((x.sum(axis=0) - x) / (self.n_persons - 1), dtype=np.float64)
        flat = x.reshape(self.n_persons, -1)
        return np.asarray(self.to_scipy() @ flat, dtype=np.float64).reshape(x.shape)

    def digest(self) -> str:
        """Return the SHA-256 of what is stored, in hexadecimal; the same on every platform."""
        kind = "complete" if self.complete else "equal" if self.weights is None else "weighted"
        digest = hashlib.sha256(f"{kind} {self.n_persons} {self.indices.size};".encode())
        digest.update(self.indptr.astype("<i8", copy=False).data)
        digest.update(self.indices.astype("<i4", copy=False).data)
        if self.weights is not None:
            digest.update(self.weights.astype("<f8", copy=False).data)
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        """Return whether both graphs store the same rows with the same weights."""
        if not isinstance(other, Graph):
            return NotImplemented
        if (self.n_persons, self.complete) != (other.n_persons, other.complete):
            return False
        same_rows = np.array_equal(self.indptr, other.indptr)
        if not same_rows or not np.array_equal(self.indices, other.indices):
            return False
        if self.weights is None or other.weights is None:
            return self.weights is other.weights
        return np.array_equal(self.weights, other.weights)

    def __hash__(self) -> int:
        """Return a hash that equal graphs share, without reading the edges."""
        return hash((self.n_persons, self.indices.size, self.complete))

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickle through the constructor: arrays come back writeable otherwise.
        return Graph, (self.n_persons, self.indptr, self.indices, self.weights, self.complete)
