"""Who is influenced by whom: the graph, its generators, and edge lists from files."""

from __future__ import annotations

from sim.network.edgelist import EdgeListError, read_edge_list
from sim.network.generators import (
    Neighborhood,
    barabasi_albert,
    block_model,
    block_model_from_degrees,
    complete,
    homophilous_degrees,
    lattice,
    poisson,
    ring,
    star,
    watts_strogatz,
)
from sim.network.graph import Graph

__all__ = [
    "EdgeListError",
    "Graph",
    "Neighborhood",
    "barabasi_albert",
    "block_model",
    "block_model_from_degrees",
    "complete",
    "homophilous_degrees",
    "lattice",
    "poisson",
    "read_edge_list",
    "ring",
    "star",
    "watts_strogatz",
]
