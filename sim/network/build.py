"""From the network block of a scenario to a graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from sim.network import edgelist, generators
from sim.network.graph import Graph
from sim.network.numbering import near
from sim.scenario.schema import Scenario
from sim.scenario.schema.population import (
    BarabasiAlbert,
    BlockModel,
    Complete,
    EdgeListFile,
    Lattice,
    PoissonNetwork,
    RandomNetwork,
    Ring,
    Star,
    WattsStrogatz,
)
from sim.streams import Draws


def build_graph(scenario: Scenario, group: npt.NDArray[np.int32], draws: Draws) -> Graph:
    """Return the network of a resolved scenario.

    Parameters
    ----------
    group
        Group of each person, (N,), for networks that follow groups.
    draws
        Draws on the setup clock.
    """
    graph = _as_made(scenario, group, draws)
    if isinstance(scenario.network, RandomNetwork) and scenario.network.numbering == "near":
        return near(graph, group)
    return graph


def _as_made(scenario: Scenario, group: npt.NDArray[np.int32], draws: Draws) -> Graph:
    n = scenario.population.size
    match scenario.network:
        case PoissonNetwork(degree=degree):
            return generators.poisson(n, degree=degree, draws=draws)
        case WattsStrogatz(degree=degree, rewire=rewire):
            return generators.watts_strogatz(n, degree=degree, rewire=rewire, draws=draws)
        case BarabasiAlbert(ties=ties):
            return generators.barabasi_albert(n, ties=ties, draws=draws)
        case Ring(degree=degree):
            return generators.ring(n, degree=degree)
        case Lattice() as net:
            return generators.lattice(
                net.rows, net.columns, neighborhood=net.neighborhood, periodic=net.periodic
            )
        case BlockModel(degree=degree, homophily=homophily):
            return generators.block_model(group, degree=degree, homophily=homophily, draws=draws)
        case Complete():
            return generators.complete(n)
        case Star():
            return generators.star(n)
        case EdgeListFile(file=file, directed=directed, self_loops=self_loops):
            return edgelist.read_edge_list(
                Path(file),
                n_persons=n,
                directed=directed,
                signed=scenario.signed,
                self_loops=self_loops,
            )
