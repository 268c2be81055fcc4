"""Number persons anew so that those who influence each other lie near each other in memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from sim.network.graph import Graph


def near(graph: Graph, group: npt.NDArray[np.int32]) -> Graph:
    """Return the same ties between persons numbered anew: neighbors get numbers close together.

    Everyone keeps a number that belongs to their group, so that a network made by groups stays
    one.  Reverse Cuthill–McKee (George & Liu 1981) within each group.

    Parameters
    ----------
    graph
        Undirected, its ties of equal weight.
    group
        Group of each person, (N,).
    """
    if graph.complete or graph.weights is not None:
        raise ValueError("only ties that are listed and weigh the same can be numbered anew")
    shape = (graph.n_persons, graph.n_persons)
    ones = np.ones(graph.indices.size, dtype=np.int8)
    pattern = csr_array((ones, graph.indices, graph.indptr), shape=shape)
    nearest_first = reverse_cuthill_mckee(pattern, symmetric_mode=True)
    by_group = nearest_first[np.argsort(group[nearest_first], kind="stable")]
    number = np.empty(graph.n_persons, dtype=np.int64)
    number[by_group] = np.argsort(group, kind="stable")
    sources = number[np.repeat(np.arange(graph.n_persons), graph.degrees())]
    return Graph.from_edges(sources, number[graph.indices], n_persons=graph.n_persons)
