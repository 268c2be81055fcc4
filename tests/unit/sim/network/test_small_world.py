from __future__ import annotations

from itertools import count

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.network import Graph, poisson, ring, watts_strogatz
from sim.network.generators import small_world
from sim.streams import Draws


def as_networkx(graph: Graph) -> nx.Graph:
    converted = nx.from_scipy_sparse_array(graph.to_scipy())
    converted.remove_edges_from(list(nx.selfloop_edges(converted)))
    return converted


def plain_watts_strogatz(n, *, degree, rewire, draws):
    """The procedure of the paper with sets of neighbors; spares run on without end."""
    setup = draws.on("setup")
    uniforms = setup.uniforms("rewiring", n * degree // 2, n_draws=2)
    spares = (
        spare
        for step in count(1)
        for spare in setup.uniforms("rewiring", small_world._SPARES, step=step)[0]
    )
    neighbors = [{(i + d) % n for d in range(-degree // 2, degree // 2 + 1) if d} for i in range(n)]
    edge = 0
    for lap in range(1, degree // 2 + 1):
        for i in range(n):
            if uniforms[0, edge] < rewire and len(neighbors[i]) < n - 1:
                target = int(uniforms[1, edge] * n)
                while target == i or target in neighbors[i]:
                    target = int(next(spares) * n)
                old = (i + lap) % n
                neighbors[i].remove(old)
                neighbors[old].remove(i)
                neighbors[i].add(target)
                neighbors[target].add(i)
            edge += 1
    sources = [i for i in range(n) for _ in neighbors[i]]
    targets = [j for i in range(n) for j in neighbors[i]]
    return Graph.from_edges(np.array(sources, int), np.array(targets, int), n_persons=n)


@given(
    n=st.integers(1, 30),
    half=st.integers(0, 14),
    rewire=st.floats(0, 1),
    seed=st.integers(0, 2**64 - 1),
)
def test_the_kernel_follows_the_paper(n, half, rewire, seed):
    degree = 2 * min(half, (n - 1) // 2)
    arguments = {"degree": degree, "rewire": rewire, "draws": Draws(seed)}
    graph = watts_strogatz(n, **arguments)
    assert graph == plain_watts_strogatz(n, **arguments)
    assert as_networkx(graph).number_of_edges() == n * degree // 2


@pytest.mark.parametrize(("n", "degree"), [(3, 2), (10, 4), (1000, 10)])
def test_without_rewiring_it_is_exactly_the_ring(n, degree):
    graph = watts_strogatz(n, degree=degree, rewire=0.0, draws=Draws(8))
    assert graph == ring(n, degree=degree)


@pytest.mark.parametrize("rewire", [0.1, 1.0])
def test_the_share_of_rewired_ties_and_the_number_of_ties(rewire):
    n, degree = 5000, 10
    graph = as_networkx(watts_strogatz(n, degree=degree, rewire=rewire, draws=Draws(1)))
    assert graph.number_of_edges() == n * degree // 2
    assert min(k for _, k in graph.degree) >= degree // 2
    ring_distance = [min((i - j) % n, (j - i) % n) for i, j in graph.edges]
    moved = np.mean(np.array(ring_distance) > degree // 2)
    # A rewired tie lands on the ring again, next to its near end, with probability 10 / n.
    assert moved == pytest.approx(rewire, abs=4 * np.sqrt(0.1 * 0.9 / 25_000) + 0.002)


def test_rewired_ties_land_anywhere_alike():
    n = 4000
    graph = watts_strogatz(n, degree=10, rewire=1.0, draws=Draws(3))
    landed = graph.degrees() - 5
    binned = landed.reshape(40, 100).sum(axis=1)
    assert stats.chisquare(binned).pvalue > 0.001
    # Poisson arrivals: the mean equals the variance.
    assert landed.var() == pytest.approx(5.0, abs=4 * 5.0 * np.sqrt(2 / n))


@pytest.mark.parametrize("rewire", [0.0, 0.05, 0.2, 0.5])
def test_clustering_falls_as_in_the_literature(rewire):
    """C(p) = C(0) (1 - p)^3 with C(0) = 3 (k - 2) / (4 (k - 1)): Barrat & Weigt 2000."""
    ours = as_networkx(watts_strogatz(2000, degree=10, rewire=rewire, draws=Draws(4)))
    clustering = nx.average_clustering(ours)
    theirs = nx.average_clustering(nx.watts_strogatz_graph(2000, 10, rewire, seed=1))
    assert clustering == pytest.approx(3 * 8 / (4 * 9) * (1 - rewire) ** 3, abs=0.02)
    assert clustering == pytest.approx(theirs, abs=0.02)


def test_a_few_shortcuts_make_the_world_small():
    def mean_distance(rewire):
        graph = as_networkx(watts_strogatz(400, degree=10, rewire=rewire, draws=Draws(5)))
        return nx.average_shortest_path_length(graph)

    random = nx.average_shortest_path_length(as_networkx(poisson(400, degree=10, draws=Draws(5))))
    assert mean_distance(0.0) == pytest.approx(400 / 20, rel=0.05)
    assert mean_distance(0.1) < 1.6 * random


def test_who_is_tied_to_everyone_keeps_every_tie():
    graph = watts_strogatz(7, degree=6, rewire=1.0, draws=Draws(2))
    assert graph == ring(7, degree=6)


@pytest.mark.parametrize("spares", [1, 2, 64])
def test_spare_draws_are_refilled(monkeypatch, spares):
    monkeypatch.setattr(small_world, "_SPARES", spares)
    arguments = {"degree": 8, "rewire": 1.0, "draws": Draws(2)}
    assert watts_strogatz(12, **arguments) == plain_watts_strogatz(12, **arguments)


def test_rewired_ties_are_shared_between_runs_that_differ_in_how_many():
    few, many = (
        watts_strogatz(3000, degree=6, rewire=p, draws=Draws(6)).to_scipy() != 0
        for p in (0.05, 0.1)
    )
    base = ring(3000, degree=6).to_scipy() != 0
    shortcuts = few > base
    kept = shortcuts.multiply(many).sum() / shortcuts.sum()
    assert kept > 0.98


@pytest.mark.parametrize("rewire", [-0.1, 1.1, np.nan])
def test_a_share_out_of_range_is_refused(rewire):
    with pytest.raises(ValueError, match="rewire"):
        watts_strogatz(10, degree=2, rewire=rewire, draws=Draws(0))


def test_an_odd_degree_is_refused():
    with pytest.raises(ValueError, match="even"):
        watts_strogatz(10, degree=3, rewire=0.1, draws=Draws(0))
