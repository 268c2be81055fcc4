"""What a step changes: the columns of persons, for many futures at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.initial import PersonValue, constrained
from sim.persons_file import stored_persons
from sim.population import (
    MAX_CHANNELS,
    STORED,
    BoolArray,
    IntArray,
    Population,
    RelayArray,
    setup_draws,
)
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import each
from sim.streams import Draws, FloatArray


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
    shelter
        Stock of what was built against stress, (G, K, R), ≥ 0 [load]; or nobody's, (0, K, R).

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
    shelter: FloatArray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        for name, persons in (
            ("anchor", (0,)),
            ("wear", (self.exposure.shape[0], 0)),
            ("exited", (0,)),
            ("intensity", (0,)),
            ("shelter", (0, self.exposure.shape[0])),
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

        The order is (E, L, n, ℓ, anchor, wear, intensity, −T, −a, −shelter): more exposure,
        constraint, displacement, lock-in, wear or deployment intensity is worse, and so is less
        trust, less correction in force or less shelter.
        """
        verdict = np.ones(self.n_branches, dtype=np.bool_)
        for name, sign in _WORSE.items():
            mine, theirs = getattr(self, name), getattr(other, name)
            gap = sign * (mine.astype(np.float64) - theirs)
            verdict &= (gap <= tolerance).reshape(-1, self.n_branches).all(axis=0)
        return verdict


def _builds(scenario: Scenario) -> bool:
    return any(
        o.kind == "infrastructure" or (o.kind == "oracle" and o.builds) for o in scenario.optimizers
    )


def _wears(scenario: Scenario) -> bool:
    return any(each(scenario.constraints.damage).values())


_OPTIONAL: Mapping[str, tuple[Callable[[Scenario], bool], Callable[[State], Any]]] = {
    "anchor": (
        lambda scenario: scenario.narrative.rule == "friedkin_johnsen",
        lambda state: state.narrative.copy(),
    ),
    "intensity": (
        lambda scenario: any(getattr(s, "intensity_coefficient", 0.0) for s in scenario.stressors),
        lambda state: np.zeros((state.correction.shape[0], state.n_branches)),
    ),
    "shelter": (_builds, lambda state: np.zeros_like(state.correction)),
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
    "shelter": -1.0,
}
"""Columns that are ordered, and the sign with which more is worse."""
