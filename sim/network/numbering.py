"""Number persons anew so that those who influence each other lie near each other in memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.compiled import kernel
from sim.network.graph import Graph


@kernel
def _breadth_first(indptr, indices):  # type: ignore[no-untyped-def]
    """Return everyone in the order in which waves from the first person, and so on, reach them."""
    n = indptr.size - 1
    order, seen, found = np.empty(n, np.int64), np.zeros(n, np.bool_), 0
    for start in range(n):
        if seen[start]:
            continue
        seen[start], order[found], next_one = True, start, found
        found += 1
        while next_one < found:
            person = order[next_one]
            for edge in range(indptr[person], indptr[person + 1]):
                other = indices[edge]
                if not seen[other]:
                    seen[other], order[found] = True, other
                    found += 1
            next_one += 1
    return order


def near(graph: Graph, group: npt.NDArray[np.int32]) -> Graph:
    """Return the same ties between persons numbered anew: neighbors get numbers close together.

    Everyone keeps a number that belongs to their group, so that a network made by groups stays
    one.  Breadth first, as Cuthill and McKee (1969) but without sorting by degree: what matters
    here is that the order is the same on every machine.

    Parameters
    ----------
    graph
        Undirected, its ties of equal weight.
    group
        Group of each person, (N,).
    """
    if graph.complete or graph.weights is not None:
        raise ValueError("only ties that are listed and weigh the same can be numbered anew")
    nearest_first = _breadth_first(graph.indptr, graph.indices)
    by_group = nearest_first[np.argsort(group[nearest_first], kind="stable")]
    number = np.empty(graph.n_persons, dtype=np.int64)
    number[by_group] = np.argsort(group, kind="stable")
    sources = number[np.repeat(np.arange(graph.n_persons), graph.degrees())]
    return Graph.from_edges(sources, number[graph.indices], n_persons=graph.n_persons)
