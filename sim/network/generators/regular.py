"""Networks without chance in them: ring, lattice, star and complete graph."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.network.assembly import check_size
from sim.network.graph import Graph

Neighborhood = Literal["von_neumann", "moore"]

# Half of each neighborhood; the other half is the same ties seen from the other end.
_OFFSETS: dict[Neighborhood, tuple[tuple[int, int], ...]] = {
    "von_neumann": ((0, 1), (1, 0)),
    "moore": ((0, 1), (1, 0), (1, 1), (1, -1)),
}


def forward_neighbors(n: int, *, degree: int) -> npt.NDArray[np.int32]:
    """Return for each person on a ring the `degree` / 2 next ones, shape (n, degree / 2).

    Raises
    ------
    ValueError
        If `degree` is odd or not in [0, n - 1].
    """
    check_size(n)
    if degree % 2 or not 0 <= degree <= n - 1:
        raise ValueError(f"degree must be even and lie in [0, {n - 1}], got {degree}")
    steps = np.arange(1, degree // 2 + 1, dtype=np.int64)
    ahead = np.arange(n, dtype=np.int64)[:, np.newaxis] + steps
    ahead[ahead >= n] -= n
    return ahead.astype(np.int32)


def from_forward(ahead: npt.NDArray[np.int32]) -> Graph:
    """Return the undirected graph that ties person i to everyone in row i of `ahead`."""
    n, per_person = ahead.shape
    persons = np.repeat(np.arange(n, dtype=np.int32), per_person)
    return Graph.from_edges(persons, ahead.reshape(-1), n_persons=n)


def ring(n: int, *, degree: int) -> Graph:
    """Return a ring on which everyone is tied to the `degree` / 2 nearest on either side.

    Parameters
    ----------
    n
        Number of persons, in order around the ring.
    degree
        Even, in [0, n - 1].
    """
    return from_forward(forward_neighbors(n, degree=degree))


def lattice(rows: int, columns: int, *, neighborhood: Neighborhood, periodic: bool) -> Graph:
    """Return a rectangular lattice; the person in row r and column c is r · `columns` + c.

    Parameters
    ----------
    rows, columns
        Extent, each ≥ 1.
    neighborhood
        `von_neumann`: the 4 nearest; `moore`: the 8 nearest.
    periodic
        Whether opposite edges meet.  Where an extent is below 3 neighbors on both sides
        coincide and count once, and in an extent of 1 nobody is their own neighbor.
    """
    if rows < 1 or columns < 1:
        raise ValueError(f"rows and columns must be at least 1, got {rows} and {columns}")
    if neighborhood not in _OFFSETS:
        raise ValueError(f"neighborhood must be one of {', '.join(_OFFSETS)}, got {neighborhood!r}")
    check_size(rows * columns)
    person = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    sources, targets = [], []
    for down, right in _OFFSETS[neighborhood]:
        there = np.roll(person, (-down, -right), axis=(0, 1))
        inside = np.ones(person.shape, dtype=np.bool_)
        if not periodic:
            inside[rows - down :, :] = False
            inside[:, columns - right :] = right <= 0
            inside[:, : max(-right, 0)] = False
        sources.append(person[inside])
        targets.append(there[inside])
    return Graph.from_edges(
        np.concatenate(sources), np.concatenate(targets), n_persons=rows * columns
    )


def star(n: int) -> Graph:
    """Return a star: person 0 is the hub, tied to everyone; nobody else is tied to anyone else."""
    leaves = np.arange(1, n, dtype=np.int32)
    return Graph.from_edges(np.zeros_like(leaves), leaves, n_persons=n)


def complete(n: int) -> Graph:
    """Return the complete graph, which takes no memory: see `Graph.complete_graph`."""
    return Graph.complete_graph(n)
