from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from sim.network import Graph, complete, lattice, ring, star


def ties(graph: Graph) -> np.ndarray:
    """Who is tied to whom, without the self-loops of isolated persons."""
    pattern = graph.to_scipy().toarray() != 0
    np.fill_diagonal(pattern, False)
    return pattern


def networkx_ties(graph: nx.Graph) -> np.ndarray:
    return nx.to_numpy_array(graph, nodelist=sorted(graph)) != 0


@pytest.mark.parametrize(("n", "degree"), [(2, 0), (3, 2), (5, 4), (10, 2), (11, 6), (30, 10)])
def test_ring_is_the_textbook_ring(n, degree):
    expected = nx.watts_strogatz_graph(n, degree, 0.0) if degree else nx.empty_graph(n)
    np.testing.assert_array_equal(ties(ring(n, degree=degree)), networkx_ties(expected))


@pytest.mark.parametrize(("n", "degree"), [(10, 3), (4, 4), (5, 6), (5, -2)])
def test_a_ring_of_impossible_degree_is_refused(n, degree):
    with pytest.raises(ValueError, match="degree must be even"):
        ring(n, degree=degree)


# networkx refuses to wrap extents below 3, so those are spelled out in the next test.
@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (4, 7)])
@pytest.mark.parametrize("periodic", [False, True])
def test_von_neumann_lattice_is_the_textbook_grid(shape, periodic):
    expected = nx.grid_2d_graph(*shape, periodic=periodic)
    got = lattice(*shape, neighborhood="von_neumann", periodic=periodic)
    np.testing.assert_array_equal(ties(got), networkx_ties(expected))


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 4), (2, 2), (2, 3), (3, 3), (4, 5)])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("neighborhood", ["von_neumann", "moore"])
def test_lattice_ties_are_those_at_distance_one(shape, periodic, neighborhood):
    rows, columns = shape
    n = rows * columns
    expected = np.zeros((n, n), dtype=bool)
    for a in range(n):
        for b in range(n):
            down = abs(a // columns - b // columns)
            right = abs(a % columns - b % columns)
            if periodic:
                down, right = min(down, rows - down), min(right, columns - right)
            distance = down + right if neighborhood == "von_neumann" else max(down, right)
            expected[a, b] = distance == 1
    got = lattice(rows, columns, neighborhood=neighborhood, periodic=periodic)
    np.testing.assert_array_equal(ties(got), expected)


def test_a_lattice_without_extent_or_of_unknown_shape_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        lattice(0, 3, neighborhood="moore", periodic=False)
    with pytest.raises(ValueError, match="von_neumann, moore"):
        lattice(3, 3, neighborhood="hexagonal", periodic=False)


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_star_is_the_textbook_star(n):
    np.testing.assert_array_equal(ties(star(n)), networkx_ties(nx.star_graph(n - 1)))


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_complete_is_the_textbook_complete_graph(n):
    np.testing.assert_array_equal(ties(complete(n)), networkx_ties(nx.complete_graph(n)))


def test_a_million_persons_know_everyone_in_no_memory():
    graph = complete(10**6)
    assert graph.indptr.nbytes + graph.indices.nbytes == 0
