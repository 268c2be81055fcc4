"""Persons: fixed traits drawn once, and the columns that a step changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.correlation import correlated, matrix_of
from sim.distributions import of_members
from sim.initial import PersonValue
from sim.network import Graph
from sim.network.build import build_graph
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import AnyDistribution, Constant, each
from sim.streams import Draws, FloatArray

IntArray = npt.NDArray[np.int64]
RelayArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

MAX_CHANNELS = 8
"""Channels a scenario may have; keeps the draw numbers of the initial state fixed."""

STORED: Mapping[str, type[np.floating[Any]]] = {"double": np.float64, "single": np.float32}
"""Type of the numbers about persons, by the scenario's precision."""

ROUNDING: Mapping[str, float] = {"double": 1e-12, "single": 1e-6}
"""How far rounding alone may carry a number about a person, by the scenario's precision."""


def groups_of(scenario: Scenario, draws: Draws) -> npt.NDArray[np.int32]:
    """Return the group of each person, (N,), by number, from the draws of a population."""
    sizes = list(scenario.population.group_sizes().values())
    group = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    if scenario.population.arrangement == "shuffled":
        order = np.argsort(draws.uniforms("group", group.size)[0], kind="stable")
        group = group[order]
    return group


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """What is fixed about N persons in G groups over K channels.

    Attributes
    ----------
    group
        Group of each person, (N,).
    group_share
        Share of persons in each group, (G,).
    vulnerability
        v, (K, N), ≥ 0.
    up, down
        Activation and release thresholds, (K, N) [load]; down = −∞ for a ratchet.
    graph
        Who influences whom.
    stubbornness
        s, (N,), in [0, 1]; or nobody's, (0,).
    narrative_threshold
        How many others must be displaced before they pull, (N,), a share or a number; or
        nobody's, (0,).  Always in double precision: shares meet it exactly.
    own_weight
        W_ii, (N,), where the rule must tell oneself from others; or nobody's, (0,).
    group_starts
        First persons of the runs of neighbors in number who share a group, then N, (runs + 1,).
    """

    group: npt.NDArray[np.int32]
    group_share: FloatArray
    vulnerability: FloatArray
    up: FloatArray
    down: FloatArray
    graph: Graph
    stubbornness: FloatArray = field(default_factory=lambda: np.empty(0))
    narrative_threshold: FloatArray = field(default_factory=lambda: np.empty(0))
    own_weight: FloatArray = field(default_factory=lambda: np.empty(0))
    group_starts: IntArray = field(init=False)

    def __post_init__(self) -> None:
        starts = np.flatnonzero(np.diff(self.group, prepend=-1, append=-1))
        object.__setattr__(self, "group_starts", starts.astype(np.int64))

    @property
    def n_persons(self) -> int:
        """Number of persons N."""
        return int(self.group.size)

    @classmethod
    def draw(cls, scenario: Scenario, draws: Draws, *, graph: Graph | None = None) -> Population:
        """Return the population of a resolved scenario.

        Parameters
        ----------
        draws
            Draws of the replicate; the replicate is ignored unless the scenario says
            `resample: population`.
        graph
            A network to reuse instead of building the scenario's.
        """
        draws = setup_draws(scenario, draws)
        group = groups_of(scenario, draws)
        names = tuple(scenario.channels)
        constraints = scenario.constraints
        groups = scenario.population.groups.values()
        up = _by_group(
            [each(g.activation or constraints.activation) for g in groups],
            group,
            names,
            draws,
            "activation",
            correlation=constraints.correlation,
        )
        width = _by_group([each(constraints.width)] * len(groups), group, names, draws, "width")
        down = up - np.maximum(width, 0.0)
        chance = draws.uniforms("ratchet", group.size, n_draws=len(names))
        for k, name in enumerate(names):
            down[k, chance[k] < each(constraints.ratchet_share)[name]] = -np.inf
        vulnerability = _by_group(
            [each(g.vulnerability) for g in groups], group, names, draws, "vulnerability"
        )
        stored = STORED[scenario.precision]
        graph = graph if graph is not None else build_graph(scenario, group, draws)
        population = cls(
            group=group,
            group_share=np.bincount(group, minlength=len(groups)) / group.size,
            vulnerability=np.maximum(vulnerability, 0.0).astype(stored, copy=False),
            up=up.astype(stored, copy=False),
            down=down.astype(stored, copy=False),
            graph=graph,
            stubbornness=_stubbornness(scenario, group, draws).astype(stored, copy=False),
            narrative_threshold=_narrative_threshold(scenario, group, draws),
            own_weight=_own_weight(scenario, graph),
        )
        for f in fields(cls):
            if f.name not in ("graph", "group_starts"):
                getattr(population, f.name).setflags(write=False)
        return population


def setup_draws(scenario: Scenario, draws: Draws) -> Draws:
    """Return the draws that make a population: the replicate's own only when it is resampled."""
    replicate = draws.replicate if scenario.population.resample == "population" else 0
    return Draws(draws.seed, replicate, "setup")


def _by_group(
    distributions: list[Mapping[str, AnyDistribution]],
    group: npt.NDArray[np.int32],
    names: tuple[str, ...],
    draws: Draws,
    stream: str,
    correlation: Mapping[str, Mapping[str, float]] | float = 0.0,
) -> FloatArray:
    uniforms = draws.uniforms(stream, group.size, n_draws=len(names))
    if correlation:
        uniforms = correlated(uniforms, matrix_of(correlation, names))
    out = np.empty((len(names), group.size))
    for g, by_channel in enumerate(distributions):
        members = np.flatnonzero(group == g)
        for k, name in enumerate(names):
            out[k, members] = of_members(by_channel[name], uniforms[k], members)
    return out


def _stubbornness(scenario: Scenario, group: npt.NDArray[np.int32], draws: Draws) -> FloatArray:
    """Return s, (N,), clipped to [0, 1]; empty where nobody is stubborn."""
    rule, everyone = scenario.narrative.rule, scenario.narrative.stubbornness
    own = [g.stubbornness for g in scenario.population.groups.values()]
    stubborn = everyone is not None or any(distribution is not None for distribution in own)
    if rule == "none" or not (stubborn or rule == "friedkin_johnsen"):
        return np.empty(0)
    held = PersonValue(everyone or Constant(value=0.0), _given(own))
    return np.clip(held.draw(draws.uniforms("stubbornness", group.size)[0], group), 0.0, 1.0)


def _narrative_threshold(
    scenario: Scenario, group: npt.NDArray[np.int32], draws: Draws
) -> FloatArray:
    """Return how many others must be displaced before they pull, (N,); empty if nobody reads it."""
    narrative = scenario.narrative
    if narrative.threshold is None or narrative.rule == "none":
        return np.empty(0)
    own = _given([g.threshold for g in scenario.population.groups.values()])
    uniforms = draws.uniforms("narrative_threshold", group.size)[0]
    return PersonValue(narrative.threshold, own).draw(uniforms, group)


def _given(own: list[AnyDistribution | None]) -> dict[int, AnyDistribution]:
    return {g: distribution for g, distribution in enumerate(own) if distribution is not None}


def _own_weight(scenario: Scenario, graph: Graph) -> FloatArray:
    if scenario.narrative.rule != "biased_assimilation":
        return np.empty(0)
    return graph.own_weights()
