"""What holds for every generator, whatever its parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import network
from sim.network import Graph
from sim.streams import Draws

SEEDS = st.integers(0, 2**64 - 1)


@st.composite
def recipes(draw):
    """A generator with its parameters, still waiting for draws."""
    n = draw(st.integers(1, 40))
    even = 2 * draw(st.integers(0, (n - 1) // 2))
    share = draw(st.floats(0, 1))
    kind = draw(
        st.sampled_from(["poisson", "small_world", "blocks", "lattice", "ring", "star", "grown"])
    )
    if kind == "poisson":
        degree = share * (n - 1)
        return lambda draws: network.poisson(n, degree=degree, draws=draws)
    if kind == "small_world":
        return lambda draws: network.watts_strogatz(n, degree=even, rewire=share, draws=draws)
    if kind == "blocks":
        group = np.array(draw(st.permutations([0, 1, 2] * draw(st.integers(2, 12)))))
        degree = draw(st.floats(0, group.size // 3 - 1))
        return lambda draws: network.block_model(group, degree=degree, homophily=share, draws=draws)
    if kind == "lattice":
        rows, columns = draw(st.integers(1, 8)), draw(st.integers(1, 8))
        shape = draw(st.sampled_from(["von_neumann", "moore"]))
        periodic = draw(st.booleans())
        return lambda _: network.lattice(rows, columns, neighborhood=shape, periodic=periodic)
    if kind == "grown":
        ties = draw(st.integers(1, 5))
        return lambda draws: network.barabasi_albert(n + ties, ties=ties, draws=draws)
    if kind == "ring":
        return lambda _: network.ring(n, degree=even)
    return lambda _: network.star(n)


@given(recipe=recipes(), seed=SEEDS)
def test_every_graph_is_well_formed(recipe, seed):
    graph = recipe(Draws(seed))
    w = graph.to_scipy()
    rows = np.repeat(np.arange(graph.n_persons), graph.degrees())
    ordered = np.lexsort((graph.indices, rows))
    assert (ordered == np.arange(rows.size)).all(), "rows are in ascending order"
    assert len(set(zip(rows.tolist(), graph.indices.tolist(), strict=True))) == rows.size
    np.testing.assert_allclose(w.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    pattern = w.toarray() != 0
    assert (pattern == pattern.T).all()
    alone = pattern.sum(axis=1) == 1
    assert not pattern.diagonal()[~alone].any()
    assert (pattern.diagonal() == (pattern.sum(axis=1) - pattern.diagonal() == 0)).all()
    assert (graph.indptr.dtype, graph.indices.dtype) == (np.int64, np.int32)


@given(recipe=recipes(), seed=SEEDS)
def test_the_same_draws_give_the_same_graph(recipe, seed):
    assert recipe(Draws(seed)).digest() == recipe(Draws(seed)).digest()


@pytest.mark.parametrize(
    "build",
    [
        lambda draws: network.poisson(200, degree=6, draws=draws),
        lambda draws: network.watts_strogatz(200, degree=6, rewire=0.1, draws=draws),
        lambda draws: network.block_model(np.arange(200) % 4, degree=6, homophily=0.7, draws=draws),
    ],
)
def test_replicates_and_seeds_differ_and_clocks_do_not(build):
    draws = [Draws(seed, replicate) for seed in (0, 1, 2**63) for replicate in (0, 1, 2)]
    assert len({build(d).digest() for d in draws}) == len(draws)
    assert build(Draws(1)).digest() == build(Draws(1).on("setup")).digest()


def test_hub_of_a_degree_beyond_16_bits():
    n = 70_000
    graph = network.star(n)
    degrees = graph.degrees()
    assert degrees[0] == n - 1 > 65_535
    assert (degrees[1:] == 1).all()
    x = np.zeros(n)
    x[1::2] = 1.0
    means = graph.mean_over_neighbors(x)
    assert means[0] == pytest.approx(35_000 / (n - 1), abs=1e-12)
    assert (means[1:] == 0.0).all()
    weighted = Graph.from_edges(
        np.zeros(n - 1, int), np.arange(1, n), n_persons=n, weights=np.full(n - 1, 0.1)
    )
    np.testing.assert_allclose(weighted.to_scipy().sum(axis=1), 1.0, rtol=0, atol=1e-12)
