"""Our engine as a restoration problem: many counterfactual futures in one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.restoration import BoolArray, Evaluate, FloatArray, IntArray, Outcome
from sim.coefficients import Coefficients
from sim.engine import advance
from sim.environment import Environment
from sim.optimizers.planned import Planned
from sim.population import Population
from sim.processes.stage import Frame, weighted
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import each
from sim.state import State
from sim.streams import Draws
from sim.sweep.executors import Stopped

_ROUNDING = 1e-12
_CHUNK = 48
"""Branches advanced together: enough to fill vector lanes, few enough to stay in cache."""
_LANES = 4
"""Branches are made up to a multiple of this: a part-filled vector costs more than a full one."""


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Where states rest and are restored: one replicate of a scenario, and an environment.

    Attributes
    ----------
    environment
        The bench, or the scenario's own future.
    stopped
        Asked between chunks; true raises `sim.sweep.executors.Stopped`.
    """

    scenario: Scenario
    population: Population
    draws: Draws
    environment: Environment
    stopped: Callable[[], bool] = lambda: False

    def frame(self, state: State, *, step: int, controllers: tuple[Planned, ...] = ()) -> Frame:
        """Return a frame that owns the state, with no optimizer but the given plans."""
        frame = Frame.begin(
            self.population,
            state.suited(self.scenario),
            coefficients=Coefficients.of(self.scenario),
            environment=self.environment,
            draws=self.draws.on(self.environment.clock),
            controllers=controllers,
        )
        frame.step = step
        return frame

    def safe(self, frame: Frame) -> tuple[BoolArray, FloatArray]:
        """Return whether each branch is in the safe set, and its prevalence, (R,)."""
        prevalence = frame.prevalence()
        limit = self.scenario.safe.prevalence + _ROUNDING
        if not self.scenario.safe.every_group:
            return prevalence <= limit, prevalence
        weight, group_share = frame.coefficients.weight, self.population.group_share
        persons = np.maximum(group_share * self.population.n_persons, 1.0)
        by_group = weighted(weight, frame.active.swapaxes(0, 1)) / persons[:, None]
        return np.all(by_group <= limit, axis=0), prevalence


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleProblems:
    """States waiting to be restored; `evaluate` meets `analysis.restoration.Evaluate`.

    Attributes
    ----------
    states
        One branch a problem.
    clocks
        Step on the environment's clock at which restoration of each problem starts, (P,).
        On a bench all are 0.
    """

    surroundings: Surroundings
    states: State
    clocks: IntArray

    def evaluate(self, problems: IntArray, plans: FloatArray) -> Outcome:
        """Return what each plan, (H, B), achieves on its problem, (B,)."""
        hold, heal = np.zeros((2, problems.size), dtype=np.bool_)
        prevalence = np.zeros(problems.size)
        for clock in np.unique(self.clocks[problems]):
            members = np.flatnonzero(self.clocks[problems] == clock)
            for chunk in np.array_split(members, -(-members.size // _CHUNK)):
                if self.surroundings.stopped():
                    raise Stopped
                filled = _filled(chunk)
                outcome = self._chunk(problems[filled], plans[:, filled], clock=int(clock))
                for whole, part in zip((hold, heal, prevalence), outcome, strict=True):
                    whole[chunk] = part[: chunk.size]
        return Outcome(hold, heal, prevalence)

    def _chunk(self, problems: IntArray, plans: FloatArray, *, clock: int) -> Outcome:
        scenario = self.surroundings.scenario
        horizon, dwell = plans.shape[0], scenario.restoration.dwell
        plan = Planned(direction(scenario), plans, start=clock)
        frame = self.surroundings.frame(self.states.take(problems), step=clock, controllers=(plan,))
        advance(frame, horizon - dwell)
        hold, prevalence = self._watch(frame, dwell)
        heal = np.zeros_like(hold)
        held = np.flatnonzero(hold)
        if held.size:
            state = frame.state.take(_filled(held))
            state.correction[...] = 0.0
            free = self.surroundings.frame(state, step=frame.step)
            heal[held] = self._watch(free, dwell)[0][: held.size]
        return Outcome(hold, heal, prevalence)

    def _watch(self, frame: Frame, n_steps: int) -> tuple[BoolArray, FloatArray]:
        """Advance and return who stayed safe throughout, and the largest prevalence, (R,)."""
        safe = np.ones(frame.state.n_branches, dtype=np.bool_)
        largest = np.zeros(frame.state.n_branches)
        for _ in range(n_steps):
            advance(frame, 1)
            now, prevalence = self.surroundings.safe(frame)
            safe &= now
            np.maximum(largest, prevalence, out=largest)
        return safe, largest


def joined(parts: Sequence[EnsembleProblems]) -> Evaluate:
    """Return one evaluation for several sets of problems, numbered on from set to set.

    Sets in the same surroundings are advanced together.
    """
    places = list(dict.fromkeys(part.surroundings for part in parts))
    place = np.concatenate([np.full(p.clocks.size, places.index(p.surroundings)) for p in parts])
    local = np.zeros_like(place)
    merged = []
    for number, surroundings in enumerate(places):
        local[place == number] = np.arange(np.count_nonzero(place == number))
        here = [part for part in parts if part.surroundings is surroundings]
        states = State.stack([part.states for part in here])
        clocks = np.concatenate([part.clocks for part in here])
        merged.append(EnsembleProblems(surroundings, states, clocks))

    def evaluate(problems: IntArray, plans: FloatArray) -> Outcome:
        hold, heal = np.zeros((2, problems.size), dtype=np.bool_)
        outcome = Outcome(hold, heal, np.zeros(problems.size))
        for number, group in enumerate(merged):
            asked = np.flatnonzero(place[problems] == number)
            found = group.evaluate(local[problems[asked]], plans[:, asked])
            for whole, values in zip(outcome, found, strict=True):
                whole[asked] = values
        return outcome

    return evaluate


def _filled(branches: IntArray) -> IntArray:
    """Return the branches, made up to a multiple of the lanes by repeating some."""
    return np.resize(branches, -(-branches.size // _LANES) * _LANES)


def direction(scenario: Scenario) -> FloatArray:
    """Return d, (G, K): effort by channel per unit of height, equal over groups, summing to 1."""
    assert scenario.restoration.direction is not None  # given in the resolved form
    chosen = each(scenario.restoration.direction)
    row = np.array([chosen[name] for name in scenario.channels])
    return np.tile(row, (len(scenario.population.groups), 1))


def rest(surroundings: Surroundings, state: State, *, step: int, n_steps: int) -> State:
    """Return the state after resting in the surroundings, no correction in force."""
    state = state.copy()
    state.correction[...] = 0.0
    frame = surroundings.frame(state, step=step)
    advance(frame, n_steps)
    return frame.state
