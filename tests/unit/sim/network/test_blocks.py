from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.network import Graph, block_model, block_model_from_degrees, homophilous_degrees, poisson
from sim.network.generators.blocks import _tied_pairs
from sim.streams import Draws


def tie_counts(graph: Graph) -> np.ndarray:
    """Number of ties of each person; 0, not 1, for the isolated."""
    rows = np.repeat(np.arange(graph.n_persons), graph.degrees())
    return np.bincount(rows[rows != graph.indices], minlength=graph.n_persons)


def ties_between(graph: Graph, group: np.ndarray) -> np.ndarray:
    """Ties from the persons of one group to those of another, shape (G, G), counted as stubs."""
    rows = np.repeat(np.arange(graph.n_persons), graph.degrees())
    tied = rows != graph.indices
    counts = np.zeros((group.max() + 1,) * 2)
    np.add.at(counts, (group[rows[tied]], group[graph.indices[tied]]), 1)
    return counts


@pytest.mark.parametrize("degree", [0.5, 4.0, 10.0])
def test_degrees_are_poisson(degree):
    n = 40_000
    counts = tie_counts(poisson(n, degree=degree, draws=Draws(11)))
    standard_error = np.sqrt(2 * degree / n)  # every edge counts twice
    assert counts.mean() == pytest.approx(degree, abs=4 * standard_error)
    top = int(stats.poisson.ppf(1 - 20 / n, degree))
    bottom = int(stats.poisson.ppf(20 / n, degree))
    observed = np.bincount(np.clip(counts, bottom, top), minlength=top + 1)[bottom:]
    shares = stats.poisson.pmf(np.arange(bottom, top + 1), degree)
    shares[0] = stats.poisson.cdf(bottom, degree)
    shares[-1] = stats.poisson.sf(top - 1, degree)
    assert stats.chisquare(observed, n * shares).pvalue > 0.001


def test_every_pair_is_tied_equally_often_and_independently():
    n, replicates, degree = 9, 1500, 3.0
    n_pairs, p = n * (n - 1) // 2, degree / (n - 1)
    pairs = np.zeros((n, n))
    n_edges = []
    for replicate in range(replicates):
        pattern = poisson(n, degree=degree, draws=Draws(5, replicate)).to_scipy().toarray() != 0
        np.fill_diagonal(pattern, False)
        pairs += pattern
        n_edges.append(pattern.sum() // 2)
    tied = pairs[np.tril_indices(n, -1)]
    spread = ((tied - replicates * p) ** 2).sum() / (replicates * p * (1 - p))
    assert stats.chi2.sf(spread, n_pairs) > 0.001
    # The number of edges is binomial: G(n, p) and not G(n, m).
    variance = n_pairs * p * (1 - p)
    assert np.mean(n_edges) == pytest.approx(n_pairs * p, abs=4 * np.sqrt(variance / replicates))
    assert np.var(n_edges) == pytest.approx(variance, rel=4 * np.sqrt(2 / replicates))


def test_neighbors_of_a_person_are_seldom_tied():
    graph = nx.from_scipy_sparse_array(poisson(3000, degree=10, draws=Draws(2)).to_scipy())
    graph.remove_edges_from(nx.selfloop_edges(graph))
    assert nx.transitivity(graph) == pytest.approx(10 / 2999, abs=0.002)


def test_extreme_degrees():
    assert (tie_counts(poisson(30, degree=0.0, draws=Draws(1))) == 0).all()
    assert (tie_counts(poisson(30, degree=29.0, draws=Draws(1))) == 29).all()
    assert (tie_counts(poisson(30, degree=1e-300, draws=Draws(1))) == 0).all()
    for n, degree in ((10, 9.5), (10, -1.0), (10, np.nan), (1, 1.0)):
        with pytest.raises(ValueError, match="degree must lie in"):
            poisson(n, degree=degree, draws=Draws(1))


class ShortGaps:
    """Draws so unusual that the usual number of them does not reach the last pair."""

    def uniforms(self, stream, n_items, *, step):
        return np.full((1, n_items), 1.0 - 1e-9)


@pytest.mark.parametrize(("n_rows", "width", "n_pairs"), [(12, 0, 66), (12, 7, 84)])
def test_more_draws_are_taken_when_the_first_do_not_suffice(n_rows, width, n_pairs):
    rows, columns = _tied_pairs(n_rows, width, probability=0.01, draws=ShortGaps(), block=0)
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == rows.size == n_pairs
    assert (columns < (width or rows)).all()
    assert rows.max() == n_rows - 1


def test_mean_degrees_between_groups_are_those_asked_for():
    sizes = np.array([4000, 2000, 1000])
    degrees = np.array([[6.0, 1.0, 0.5], [2.0, 3.0, 0.0], [2.0, 0.0, 8.0]])
    group = np.repeat([0, 1, 2], sizes)
    graph = block_model_from_degrees(group, degrees=degrees, draws=Draws(3))
    expected = sizes[:, np.newaxis] * degrees
    got = ties_between(graph, group)
    assert (got[expected == 0] == 0).all()
    # A count of edges is Poisson; inside a group it is half the number of stubs.
    standard_error = np.sqrt(expected * (1 + np.eye(3)))
    assert (np.abs(got - expected) <= 4 * standard_error).all()


def test_every_pair_of_a_block_model_can_be_tied():
    group = np.array([1, 0, 2, 1, 0, 1])
    sizes = np.bincount(group)
    everyone = np.tile(sizes, (3, 1)) - np.eye(3)
    graph = block_model_from_degrees(group, degrees=everyone, draws=Draws(0))
    assert (tie_counts(graph) == 5).all()


def test_blocks_are_independent_of_each_other():
    group = np.repeat([0, 1], 300)
    inside = np.array([[5.0, 0.0], [0.0, 5.0]])
    pattern = block_model_from_degrees(group, degrees=inside, draws=Draws(9)).to_scipy() != 0
    first, second = pattern[:300, :300].toarray(), pattern[300:, 300:].toarray()
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] < 0.1


def test_persons_keep_their_places():
    tidy = np.repeat([0, 1, 2], 30)
    mixed = np.random.default_rng(0).permutation(tidy)
    place = np.argsort(mixed, kind="stable")
    a = block_model(tidy, degree=5.0, homophily=0.8, draws=Draws(4)).to_scipy().toarray()
    b = block_model(mixed, degree=5.0, homophily=0.8, draws=Draws(4)).to_scipy().toarray()
    np.testing.assert_array_equal(a, b[np.ix_(place, place)])


@given(
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=5).filter(lambda s: sum(s) > 0),
    degree=st.floats(0, 20),
    share=st.floats(0, 1),
)
def test_homophilous_degrees_keep_their_promises(sizes, degree, share):
    sizes = np.array(sizes)
    n, present = sizes.sum(), sizes > 0
    widest = n - sizes[present].min()
    least = 1 - (n**2 - (sizes**2).sum()) / (n * widest) if widest else 0.0
    homophily = least + share * (1 - least)
    degrees = homophilous_degrees(sizes, degree=degree, homophily=homophily)
    assert (degrees >= 0).all()
    np.testing.assert_allclose(degrees[present].sum(axis=1), degree, atol=1e-9)
    stubs = sizes[:, np.newaxis] * degrees
    np.testing.assert_allclose(stubs, stubs.T, atol=1e-9)
    inside = np.trace(stubs)
    kept = homophily if present.sum() > 1 else 1.0
    assert inside == pytest.approx(kept * n * degree, abs=1e-7)


def test_homophily_at_the_share_of_random_meetings_is_random_mixing():
    sizes = np.array([600, 300, 100])
    at_random = ((sizes / 1000) ** 2).sum()
    degrees = homophilous_degrees(sizes, degree=8.0, homophily=at_random)
    np.testing.assert_allclose(degrees, np.tile(8.0 * sizes / 1000, (3, 1)), rtol=1e-12)


def test_homophily_is_the_share_of_ties_inside():
    group = np.repeat([0, 1], [9000, 3000])
    graph = block_model(group, degree=8.0, homophily=0.9, draws=Draws(6))
    stubs = ties_between(graph, group)
    assert np.trace(stubs) / stubs.sum() == pytest.approx(0.9, abs=0.006)
    assert stubs.sum(axis=1) / [9000, 3000] == pytest.approx([8.0, 8.0], abs=0.3)


def test_equal_groups_without_homophily_have_no_ties_inside():
    group = np.arange(300) % 3
    graph = block_model(group, degree=4.0, homophily=0.0, draws=Draws(6))
    assert np.trace(ties_between(graph, group)) == 0
    assert graph.indices.size > 900


def test_homophily_too_small_for_the_smallest_group_is_refused():
    with pytest.raises(ValueError, match=r"at least 0\.6 for groups of sizes \[80, 20\], got 0\.5"):
        homophilous_degrees(np.array([80, 20]), degree=5.0, homophily=0.5)
    homophilous_degrees(np.array([80, 20]), degree=5.0, homophily=0.6)


@pytest.mark.parametrize(
    ("degree", "homophily"), [(5.0, 1.5), (5.0, -0.1), (-1.0, 0.5), (5.0, np.nan)]
)
def test_homophily_or_degree_out_of_range_is_refused(degree, homophily):
    with pytest.raises(ValueError, match="must lie in"):
        homophilous_degrees(np.array([50, 50]), degree=degree, homophily=homophily)


@pytest.mark.parametrize(
    ("group", "degrees", "message"),
    [
        ([0, 0, 1], [[1.0, 0.5], [0.5, 0.0]], r"size\[0\] \* degrees\[0, 1\] = 1 must equal"),
        ([0, 0, 1, 1], [[1.5, 0.0], [0.0, 0.0]], "group 0 offers 1 persons"),
        ([0, 0, 1, 1], [[0.0, 2.5], [2.5, 0.0]], "group 1 offers 2 persons"),
        ([0, 1], [[0.0, -1.0], [-1.0, 0.0]], ">= 0"),
        ([0, 1], [[0.0, np.nan], [np.nan, 0.0]], "finite"),
        ([0, 1], [[0.0, 1.0]], "shape"),
        ([0, 2], [[0.0, 1.0], [1.0, 0.0]], "shape"),
        ([], [[0.0]], "not empty"),
        ([-1, 0], [[0.0]], ">= 0"),
        ([[0, 0]], [[0.0]], "one-dimensional"),
    ],
)
def test_impossible_block_models_are_refused(group, degrees, message):
    with pytest.raises(ValueError, match=message):
        block_model_from_degrees(np.array(group, dtype=int), degrees=degrees, draws=Draws(0))
