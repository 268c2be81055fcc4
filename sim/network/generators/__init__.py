"""Networks by name: regular ones, and random ones drawn by counter-based draws."""

from __future__ import annotations

from sim.network.generators.blocks import (
    block_model,
    block_model_from_degrees,
    homophilous_degrees,
    poisson,
)
from sim.network.generators.regular import Neighborhood, complete, lattice, ring, star
from sim.network.generators.scale_free import barabasi_albert
from sim.network.generators.small_world import watts_strogatz

__all__ = [
    "Neighborhood",
    "barabasi_albert",
    "block_model",
    "block_model_from_degrees",
    "complete",
    "homophilous_degrees",
    "lattice",
    "poisson",
    "ring",
    "star",
    "watts_strogatz",
]
