"""Snapshots: whom they take up, and which ties among them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.snapshot import MOST_PERSONS, sample_of, ties_among
from sim.network import Graph, poisson, star
from sim.streams import Draws


def rank(n: int, draws: Draws) -> np.ndarray:
    return draws.on("analysis").uniforms("snapshot", n)[0]


def test_a_small_population_is_taken_whole() -> None:
    for n in (1, 2, MOST_PERSONS):
        assert sample_of(Graph.complete_graph(n), Draws(1)).tolist() == list(range(n))


@given(st.integers(0, 40), st.floats(0.0, 12.0))
def test_a_sample_is_as_large_as_allowed_and_repeats_nobody(seed: int, degree: float) -> None:
    graph = poisson(500, degree=degree, draws=Draws(seed, 0, "setup"))
    sample = sample_of(graph, Draws(seed))
    assert len(set(sample.tolist())) == sample.size == MOST_PERSONS
    assert (np.diff(sample) > 0).all()
    assert sample[0] >= 0
    assert sample[-1] < 500


def test_the_snowball_begins_at_the_least_draw_and_grows_wave_by_wave() -> None:
    n, draws = 700, Draws(3, 5)
    order = np.roll(np.arange(n), 1)
    ring = Graph.from_edges(np.arange(n), order, n_persons=n)
    first = int(np.argmin(rank(n, draws)))
    distance = np.abs((sample_of(ring, draws) - first + n // 2) % n - n // 2)
    # 1 + 149 · 2 persons within 149 ties, and one of the two at 150.
    assert np.bincount(distance).tolist() == [1, *[2] * 149, 1]


def test_a_last_wave_too_large_is_cut_by_draw() -> None:
    n, draws = 1000, Draws(7)
    sample = set(sample_of(star(n), draws).tolist())
    start = int(np.argmin(rank(n, draws)))
    others = [p for p in np.argsort(rank(n, draws)).tolist() if p not in (0, start)]
    assert sample == {0, start, *others[: MOST_PERSONS - 2]}


def test_where_nobody_is_tied_persons_are_drawn_one_by_one() -> None:
    n, draws = 900, Draws(2)
    nobody = np.empty(0, dtype=np.int64)
    least = sorted(np.argsort(rank(n, draws))[:MOST_PERSONS].tolist())
    for graph in (Graph.from_edges(nobody, nobody, n_persons=n), Graph.complete_graph(n)):
        sample = sample_of(graph, draws)
        assert sample.tolist() == least
        assert ties_among(graph, sample) == []


def test_another_replicate_draws_another_sample() -> None:
    graph = poisson(2000, degree=6.0, draws=Draws(1, 0, "setup"))
    one, other = (sample_of(graph, Draws(1, r)).tolist() for r in (0, 1))
    assert one != other
    assert one == sample_of(graph, Draws(1, 0, "bench")).tolist()


@pytest.mark.parametrize("weighted", [False, True])
def test_ties_are_the_entries_of_the_network_among_the_sample(weighted: bool) -> None:
    rng = np.random.default_rng(4)
    sources, targets = rng.integers(0, 400, size=(2, 1500))
    weights = rng.uniform(0.1, 1.0, 1500) if weighted else None
    graph = Graph.from_edges(sources, targets, n_persons=400, weights=weights, directed=True)
    sample = sample_of(graph, Draws(0))
    matrix = graph.to_scipy().toarray()
    inside = np.isin(np.arange(400), sample)
    np.fill_diagonal(matrix, 0.0)
    expected = {
        (s, t, matrix[t, s])
        for t, s in zip(*np.nonzero(matrix), strict=True)
        if inside[t] and inside[s]
    }
    ties = ties_among(graph, sample)
    assert {(tie["source"], tie["target"], tie["weight"]) for tie in ties} == expected
    assert len(ties) == len(expected) > 500
