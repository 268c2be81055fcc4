"""Persons: fixed traits drawn once, and the columns that a step changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.correlation import correlated, matrix_of
from sim.distributions import of_members
from sim.initial import PersonValue, constrained
from sim.network import Graph
from sim.network.build import build_graph
from sim.persons_file import stored_persons
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


def _assign_groups(scenario: Scenario, draws: Draws) -> npt.NDArray[np.int32]:
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
        group = _assign_groups(scenario, draws)
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


@dataclass(slots=True, eq=False)
class State:
    """What a step changes, for R futures (branches) at once; branch is the innermost axis.

    Attributes
    ----------
    exposure
        E, (K, N, R), ≥ 0 [load].
    constraint
        L, (K, N, R), 0 or 1.
    narrative, lock_in, trust
        n, ℓ, T, (N, R), in [0, 1].
    correction
        a, (G, K, R), ≥ 0 [load].
    answers, positives
        Answers received in the step, and those that said "active", (G, K, R).
    anchor
        Displacement to which a person is drawn back, (N, R), in [0, 1]; or nobody's, (0, R).
    wear
        How far damage has lowered `up`, (K, N, R), ≥ 0 [load]; or nobody's, (K, 0, R).
    exited
        Whether a person has stopped answering for good, (N, R), 0 or 1; or nobody's, (0, R).
    intensity
        Deployment intensity of the last step by group, (G, R), ≥ 0 [load²]; or nobody's, (0, R).

    Columns that may be nobody's are there only in scenarios that use them: see `suited`.
    """

    exposure: FloatArray
    constraint: RelayArray
    narrative: FloatArray
    lock_in: FloatArray
    trust: FloatArray
    correction: FloatArray
    answers: IntArray
    positives: IntArray
    anchor: FloatArray = field(default_factory=lambda: np.empty(0))
    wear: FloatArray = field(default_factory=lambda: np.empty(0))
    exited: RelayArray = field(default_factory=lambda: np.empty(0, np.uint8))
    intensity: FloatArray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        for name, persons in (
            ("anchor", (0,)),
            ("wear", (self.exposure.shape[0], 0)),
            ("exited", (0,)),
            ("intensity", (0,)),
        ):
            column = getattr(self, name)
            if column.size == 0:
                setattr(self, name, column.reshape(*persons, self.n_branches))

    @property
    def n_branches(self) -> int:
        """Number of futures R."""
        return int(self.trust.shape[1])

    @classmethod
    def initial(cls, scenario: Scenario, population: Population, draws: Draws) -> State:
        """Return the state at step 0, with one branch."""
        draws = setup_draws(scenario, draws)
        names = tuple(scenario.channels)
        n_channels, n_persons = len(names), population.n_persons
        n_groups = population.group_share.size
        u = draws.uniforms("initial", n_persons, n_draws=2 * MAX_CHANNELS + 3)
        group, stored = population.group, STORED[scenario.precision]
        exposure = np.stack(
            [
                PersonValue.of(scenario, "exposure", name).draw(u[k], group)
                for k, name in enumerate(names)
            ]
        )
        constraint = np.stack(
            [
                constrained(scenario, name, u[MAX_CHANNELS + k], group)
                for k, name in enumerate(names)
            ]
        )

        def unit(name: str, draw: int) -> FloatArray:
            values = PersonValue.of(scenario, name).draw(u[draw], group)
            return np.clip(values, 0.0, 1.0)[:, None].astype(stored, copy=False)

        state = cls(
            exposure=np.maximum(exposure, 0.0)[:, :, None].astype(stored, copy=False),
            constraint=constraint.astype(np.uint8)[:, :, None],
            narrative=unit("narrative", 2 * MAX_CHANNELS),
            lock_in=unit("lock_in", 2 * MAX_CHANNELS + 1),
            trust=unit("trust", 2 * MAX_CHANNELS + 2),
            correction=np.zeros((n_groups, n_channels, 1)),
            answers=np.zeros((n_groups, n_channels, 1), dtype=np.int64),
            positives=np.zeros((n_groups, n_channels, 1), dtype=np.int64),
        ).suited(scenario)
        if scenario.population.initial.file is not None:
            stored_persons(scenario).put(state)
        return state

    def _mapped(
        self, change: Callable[[npt.NDArray[np.generic]], npt.NDArray[np.generic]]
    ) -> State:
        return State(*(np.ascontiguousarray(change(getattr(self, f.name))) for f in fields(self)))

    def suited(self, scenario: Scenario) -> State:
        """Return the state with every column the scenario uses; those missing begin neutral."""
        missing = {
            name: neutral(self)
            for name, (used, neutral) in _OPTIONAL.items()
            if used(scenario) and getattr(self, name).size == 0
        }
        return replace(self, **missing) if missing else self

    def copy(self) -> State:
        """Return an independent copy."""
        return self._mapped(np.copy)

    def take(self, branches: npt.ArrayLike) -> State:
        """Return a new state made of the chosen branches, in that order, repeats allowed."""
        index = np.asarray(branches, dtype=np.intp)
        return self._mapped(lambda column: np.take(column, index, axis=-1))

    @staticmethod
    def stack(states: list[State]) -> State:
        """Return one state with the branches of all given states side by side."""
        return State(
            *(
                np.concatenate([getattr(state, f.name) for state in states], axis=-1)
                for f in fields(State)
            )
        )

    def equals(self, other: State) -> bool:
        """Return whether every column is bit for bit the same."""
        return all(
            np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)
        )

    def no_worse_than(self, other: State, *, tolerance: float = 0.0) -> BoolArray:
        """Return for each branch whether it is nowhere worse than the other state's, (R,).

        The order is (E, L, n, ℓ, anchor, wear, intensity, −T, −a): more exposure, constraint,
        displacement, lock-in, wear or deployment intensity is worse, and so is less trust or less
        correction in force.
        """
        verdict = np.ones(self.n_branches, dtype=np.bool_)
        for name, sign in _WORSE.items():
            mine, theirs = getattr(self, name), getattr(other, name)
            gap = sign * (mine.astype(np.float64) - theirs)
            verdict &= (gap <= tolerance).reshape(-1, self.n_branches).all(axis=0)
        return verdict


def _wears(scenario: Scenario) -> bool:
    return any(each(scenario.constraints.damage).values())


_OPTIONAL: Mapping[str, tuple[Callable[[Scenario], bool], Callable[[State], Any]]] = {
    "anchor": (
        lambda scenario: scenario.narrative.rule == "friedkin_johnsen",
        lambda state: state.narrative.copy(),
    ),
    "intensity": (
        lambda scenario: any(s.kind == "deployment" for s in scenario.stressors),
        lambda state: np.zeros((state.correction.shape[0], state.n_branches)),
    ),
    "wear": (_wears, lambda state: np.zeros_like(state.exposure)),
    "exited": (
        lambda scenario: scenario.feedback.exit > 0.0,
        lambda state: np.zeros(state.trust.shape, dtype=np.uint8),
    ),
}
"""Columns that may be nobody's: which scenarios use them, and how they begin."""

_WORSE = {
    "exposure": 1.0,
    "constraint": 1.0,
    "narrative": 1.0,
    "lock_in": 1.0,
    "trust": -1.0,
    "correction": -1.0,
    "anchor": 1.0,
    "wear": 1.0,
    "intensity": 1.0,
}
"""Columns that are ordered, and the sign with which more is worse."""
