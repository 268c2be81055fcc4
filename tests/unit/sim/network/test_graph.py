from __future__ import annotations

import pickle
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.network import Graph
from sim.network.graph import MAX_DENSE_PERSONS

EDGE = st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from([-2.5, -1.0, 0.0, 0.5, 3.0]))


def dense(graph: Graph) -> np.ndarray:
    return graph.to_scipy().toarray()


def plain_w(edges, *, n, weighted, directed):
    """W written entry by entry from its definition."""
    w = np.zeros((n, n))
    for source, target, weight in edges:
        if source == target:
            continue
        pairs = [(target, source)] if directed else [(target, source), (source, target)]
        for pair in pairs:
            w[pair] = w[pair] + weight if weighted else 1.0
    for i in range(n):
        total = np.abs(w[i]).sum()
        w[i] = w[i] / total if total > 0 else np.eye(n)[i]
    return w


@given(
    edges=st.lists(EDGE, max_size=30), n=st.just(7), weighted=st.booleans(), directed=st.booleans()
)
def test_rows_are_those_of_the_definition(edges, n, weighted, directed):
    sources, targets, weights = (
        (np.array(column) for column in zip(*edges, strict=True))
        if (edges)
        else (np.empty(0, int), np.empty(0, int), np.empty(0))
    )
    graph = Graph.from_edges(
        sources,
        targets,
        n_persons=n,
        weights=weights if weighted else None,
        directed=directed,
        signed=True,
    )
    expected = plain_w(edges, n=n, weighted=weighted, directed=directed)
    np.testing.assert_allclose(dense(graph), expected, rtol=0, atol=1e-15)
    assert graph.indices.size == np.count_nonzero(expected)
    np.testing.assert_allclose(np.abs(dense(graph)).sum(axis=1), 1.0, rtol=0, atol=1e-12)


def test_an_edge_lets_the_source_influence_the_target():
    w = dense(Graph.from_edges([0], [1], n_persons=2, directed=True))
    assert w.tolist() == [[1.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize("times", [2, 255, 256, 257, 70_000])
def test_unweighted_duplicates_count_once_however_many(times):
    sources = np.append(np.zeros(times, int), 2)
    targets = np.append(np.ones(times, int), 1)
    graph = Graph.from_edges(sources, targets, n_persons=3)
    assert dense(graph).tolist() == [[0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]]


def test_weighted_duplicates_add_up_from_both_ends_of_a_tie():
    graph = Graph.from_edges([0, 1, 1], [1, 0, 2], n_persons=3, weights=[1.0, 2.0, 1.0])
    assert dense(graph).tolist() == [[0, 1, 0], [0.75, 0, 0.25], [0, 1, 0]]


def test_a_tie_whose_weights_cancel_in_one_order_only_is_the_same_from_both_ends():
    weights = np.array([0.1, 0.2, -0.30000000000000004])
    assert weights[0] + weights[1] + weights[2] == 0.0
    assert weights[0] + weights[2] + weights[1] != 0.0
    for order in permutations(weights):
        graph = Graph.from_edges([0, 1, 0], [1, 0, 1], n_persons=2, weights=order, signed=True)
        pattern = dense(graph) != 0
        assert (pattern == pattern.T).all()


def test_a_row_of_zero_weights_becomes_a_self_loop():
    graph = Graph.from_edges([0, 1], [1, 2], n_persons=3, weights=[0.0, 2.0])
    assert dense(graph).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]


def test_a_signed_row_is_divided_by_the_sum_of_absolute_values():
    graph = Graph.from_edges(
        [1, 2], [0, 0], n_persons=3, weights=[-3.0, 1.0], directed=True, signed=True
    )
    assert dense(graph)[0].tolist() == [0.0, -0.75, 0.25]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [1.0, -1.0]}, "unless signed"),
        ({"weights": [1.0, np.nan]}, "finite"),
        ({"weights": [1.0, np.inf]}, "finite"),
        ({"weights": [1e308, 1e308]}, "add up"),
        ({"weights": [1.0]}, "shape"),
        ({"sources": [0, 3]}, r"\[0, 2\]"),
        ({"sources": [0, -1]}, r"\[0, 2\]"),
        ({"sources": [0, 2**32]}, r"\[0, 2\]"),
        ({"sources": [0.0, 1.0]}, "integers"),
        ({"sources": [[0], [1]]}, "one-dimensional"),
        ({"sources": [0]}, "1 sources but 2 targets"),
        ({"n_persons": 0}, "n_persons"),
        ({"n_persons": 2**31}, "n_persons"),
    ],
)
def test_bad_edges_are_refused(change, message):
    edges = {"sources": [0, 1], "targets": [2, 2], "n_persons": 3}
    Graph.from_edges(**edges)
    with pytest.raises(ValueError, match=message):
        Graph.from_edges(**(edges | change))


def test_dtypes_and_read_only():
    graph = Graph.from_edges([0], [1], n_persons=3, weights=[2.0])
    assert (graph.indptr.dtype, graph.indices.dtype) == (np.int64, np.int32)
    for array in (graph.indptr, graph.indices, graph.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    returned = pickle.loads(pickle.dumps(graph))
    assert returned == graph
    assert not returned.indices.flags.writeable


@pytest.mark.parametrize(
    "change",
    [
        {"indptr": [0, 1]},
        {"indptr": [0, 1, 1]},
        {"indptr": [1, 1, 2]},
        {"indptr": [0, 2, 2]},
        {"indices": [1, 2]},
        {"indices": [1, -1]},
        {"weights": [1.0]},
        {"complete": True},
    ],
)
def test_inconsistent_arrays_are_refused(change):
    arrays = {"indptr": [0, 1, 2], "indices": [1, 0], "weights": None, "complete": False}
    Graph(2, **arrays)
    with pytest.raises(ValueError, match="one graph"):
        Graph(2, **(arrays | change))


@pytest.mark.parametrize("n", [2, 3, 50])
def test_a_complete_graph_is_the_mean_of_all_others(n):
    graph = Graph.complete_graph(n)
    assert graph.complete
    assert graph.indices.size == graph.indptr.size == 0
    assert (graph.degrees() == n - 1).all()
    written_out = (np.ones((n, n)) - np.eye(n)) / (n - 1)
    np.testing.assert_array_equal(dense(graph), written_out)
    x = np.linspace(0.0, 1.0, 3 * n).reshape(n, 3) ** 2
    np.testing.assert_allclose(graph.mean_over_neighbors(x), written_out @ x, rtol=1e-12)


def test_a_complete_graph_is_not_written_out_when_large():
    assert Graph.complete_graph(10**6).mean_over_neighbors(np.ones(10**6)).min() == 1.0
    with pytest.raises(ValueError, match=f"{MAX_DENSE_PERSONS} persons"):
        Graph.complete_graph(MAX_DENSE_PERSONS + 1).to_scipy()


def test_one_person_alone_is_isolated():
    graph = Graph.complete_graph(1)
    assert not graph.complete
    assert dense(graph).tolist() == [[1.0]]


@pytest.mark.parametrize("weights", [None, [1.0, 3.0, 2.0]])
def test_mean_over_neighbors_is_the_matrix_product(weights):
    graph = Graph.from_edges([0, 0, 2], [1, 2, 3], n_persons=5, weights=weights)
    x = np.arange(20.0).reshape(5, 2, 2) ** 2
    means = graph.mean_over_neighbors(x)
    np.testing.assert_allclose(means, np.tensordot(dense(graph), x, axes=1), rtol=1e-14)
    np.testing.assert_array_equal(means[4], x[4])
    assert graph.mean_over_neighbors(x[:, 0, 0]).shape == (5,)
    with pytest.raises(ValueError, match="5 rows"):
        graph.mean_over_neighbors(x[:4])


def test_digest_and_equality_tell_every_part_apart():
    def build(sources=(0, 1), targets=(1, 2), n=4, **kwargs):
        return Graph.from_edges(sources, targets, n_persons=n, **kwargs)

    different = [
        build(),
        build(n=5),
        build(targets=(1, 3)),
        build(directed=True),
        build(weights=[1.0, 1.0]),
        build(weights=[1.0, 2.0]),
        Graph.complete_graph(4),
        Graph.complete_graph(5),
        Graph(3, [0, 1, 3, 4], [0, 1, 2, 0], None, complete=False),
        Graph(3, [0, 2, 3, 4], [0, 1, 2, 0], None, complete=False),
    ]
    assert len({graph.digest() for graph in different}) == len(different)
    for a, left in enumerate(different):
        for b, right in enumerate(different):
            assert (left == right) is (a == b)
    again = build(sources=(2, 1, 0), targets=(1, 0, 0))
    assert again == build()
    assert again.digest() == build().digest()
    assert hash(again) == hash(build())
    assert build() != "a graph"
