from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.network import Graph
from sim.network.numbering import near

GROUPS = {"a": {"share": 0.3}, "b": {"share": 0.7}}


def as_networkx(graph: Graph, group: np.ndarray) -> nx.Graph:
    made = nx.from_scipy_sparse_array(graph.to_scipy() > 0)
    nx.set_node_attributes(made, dict(enumerate(group.tolist())), "group")
    return made


def spread(graph: Graph) -> float:
    """How far apart in number neighbors are, on average."""
    rows = np.repeat(np.arange(graph.n_persons), graph.degrees())
    return float(np.abs(rows - graph.indices).mean())


@pytest.mark.parametrize("arrangement", ["contiguous", "shuffled"])
@pytest.mark.parametrize(
    "network",
    [
        {"kind": "poisson"}, {"kind": "watts_strogatz"}, {"kind": "barabasi_albert"},
        {"kind": "block_model", "homophily": 0.9},
    ],
    ids=lambda network: network["kind"],
)  # fmt: skip
def test_the_same_network_with_neighbors_nearer(network: dict[str, Any], arrangement: str) -> None:
    population = {"population.size": 300, "population.groups": GROUPS}
    population["population.arrangement"] = arrangement
    models = [
        AlignmentModel(
            "reversible_control", **population, network={**network, "numbering": numbering}
        )
        for numbering in ("as_made", "near")
    ]
    made, numbered = (model.frame.population.graph for model in models)
    group = models[0].frame.population.group
    assert np.array_equal(models[1].frame.population.group, group)
    assert numbered != made
    same_group = nx.algorithms.isomorphism.categorical_node_match("group", None)
    assert nx.is_isomorphic(
        as_networkx(made, group), as_networkx(numbered, group), node_match=same_group
    )


def test_a_shuffled_ring_is_put_in_order() -> None:
    order = np.random.default_rng(1).permutation(400)
    shuffled = Graph.from_edges(order, np.roll(order, 1), n_persons=400)
    assert spread(near(shuffled, np.zeros(400, np.int32))) < 3.0
    assert spread(shuffled) > 100.0


def test_ties_that_differ_in_weight_are_refused() -> None:
    weighted = Graph.from_edges(
        np.array([0, 1]), np.array([1, 2]), n_persons=3, weights=np.array([1.0, 2.0])
    )
    for graph in (weighted, Graph.complete_graph(3)):
        with pytest.raises(ValueError, match="weigh the same"):
            near(graph, np.zeros(3, np.int32))


def test_the_order_is_breadth_first_from_the_first_person_on() -> None:
    #  5 - 0 - 3   4 - 1   2
    graph = Graph.from_edges(np.array([0, 0, 4]), np.array([5, 3, 1]), n_persons=6)
    numbered = near(graph, np.zeros(6, np.int32))
    # 0, 3, 5, then 1, 4, then 2 become 0, 1, 2, 3, 4, 5.
    wanted = Graph.from_edges(np.array([0, 0, 3]), np.array([1, 2, 4]), n_persons=6)
    assert numbered == wanted
