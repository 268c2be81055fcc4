"""Random worlds in which engine and oracle are set side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.coefficients import Coefficients
from sim.environment import Environment
from sim.population import Population
from sim.processes.sensitisation import largest_wear
from sim.processes.stage import Controller, Frame
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.state import State
from sim.streams import Draws
from tests.reference.oracle import ReferenceModel, Table
from tests.reference.scenarios import Dice, edge_list, random_scenario

FloatArray = npt.NDArray[np.float64]


class Plan:
    """Efforts fixed beforehand, (T, G, K, R)."""

    def __init__(self, table: FloatArray) -> None:
        self.table = table

    def sense(self, frame: Frame) -> None:
        pass

    def act(self, frame: Frame) -> FloatArray:
        return self.table[frame.step % len(self.table)].copy()

    def efforts(self, model: ReferenceModel) -> Table:
        return self.table[model.clock % len(self.table), :, :, 0].tolist()


class Reaction:
    """Effort equal to the share of the last reports that say "active"."""

    def sense(self, frame: Frame) -> None:
        self.wish = frame.state.positives / np.maximum(frame.state.answers, 1)

    def act(self, frame: Frame) -> FloatArray:
        return self.wish

    def efforts(self, model: ReferenceModel) -> Table:
        return (np.array(model.positives) / np.maximum(model.answers, 1)).tolist()


@dataclass(frozen=True)
class World:
    """A scenario with its population, some states to start from and corrections in force."""

    scenario: Scenario
    population: Population
    states: list[State]
    plans: list[FloatArray]
    reacts: bool
    listening: bool
    bench: bool
    replicate: int
    start: int

    @property
    def draws(self) -> Draws:
        return Draws(self.scenario.seed, self.replicate, "scenario")

    def controllers(self, branches: slice = slice(0, 1)) -> list[Any]:
        """Return fresh controllers for some of the branches."""
        plans = [Plan(plan[..., branches]) for plan in self.plans]
        return [*plans, Reaction()] if self.reacts else plans

    def frame(self, state: State, *, controllers: list[Controller] | None = None) -> Frame:
        """Return a frame of the engine at the first step."""
        environment = Environment.of(self.scenario, self.draws)
        if self.bench:
            environment = Environment.bench(self.scenario)
        frame = Frame.begin(
            self.population,
            state,
            coefficients=Coefficients.of(self.scenario),
            environment=environment,
            draws=self.draws.on(environment.clock),
            controllers=self.controllers() if controllers is None else controllers,
            listening=self.listening,
        )
        frame.step = self.start
        return frame

    def oracle(self) -> ReferenceModel:
        """Return the oracle at the first step, without a state."""
        model = ReferenceModel(
            self.scenario,
            self.population,
            replicate=self.replicate,
            bench=self.bench,
            controllers=self.controllers(),
        )
        model.clock = self.start
        return model


def random_state(scenario: Scenario, population: Population, rng: np.random.Generator) -> State:
    """Return a state anywhere in the state space, with one branch."""
    n_channels = len(scenario.channels)
    n, shape = population.n_persons, (population.group_share.size, n_channels, 1)
    answers = rng.integers(0, 5, shape)
    state = State(
        exposure=rng.exponential(0.7, (n_channels, n, 1)),
        constraint=rng.integers(0, 2, (n_channels, n, 1), dtype=np.uint8),
        narrative=rng.beta(0.5, 0.5, (n, 1)),
        lock_in=rng.beta(0.5, 0.5, (n, 1)),
        trust=rng.beta(0.5, 0.5, (n, 1)),
        correction=rng.uniform(0.0, 1.5, shape) * rng.integers(0, 2, shape),
        answers=answers,
        positives=rng.integers(0, answers + 1),
    ).suited(scenario)
    state.intensity[...] = rng.exponential(1.0, state.intensity.shape)
    if state.wear.size > 0:
        worn = rng.choice([0.0, 0.5, 1.0], state.wear.shape[1:]) * rng.random(state.wear.shape)
        state.wear[...] = worn * largest_wear(population)[:, :, None]
    if state.exited.size:
        state.exited[...] = rng.random((n, 1)) < 0.2
    return state


def _plan(scenario: Scenario, rng: np.random.Generator, *, n_branches: int) -> FloatArray:
    """Return efforts for some steps, on and off at random, none above u_max."""
    shape = (int(rng.integers(1, 9)), len(scenario.population.groups), len(scenario.channels))
    height = rng.uniform(0.0, min(2.0, scenario.correction.u_max), (*shape, n_branches))
    return height * rng.integers(0, 2, (*shape[:1], 1, 1, n_branches))


def random_world(seed: int, *, n_states: int = 1, max_size: int = 60) -> World:
    """Return any world, with as many states and branches as asked for; low seeds are small."""
    dice = Dice(seed)
    size = 1 + seed % max_size
    scenario = full(Scenario.model_validate(random_scenario(dice, size=size)))
    replicate = dice.choice([0, 1, 7, 2**32 - 1])
    draws = Draws(scenario.seed, replicate, "scenario")
    graph = dice.choice([None, None, edge_list(dice, size, signed=scenario.signed)])
    population = Population.draw(scenario, draws, graph=graph)
    rng = np.random.default_rng(dice.getrandbits(32))
    states = [random_state(scenario, population, rng) for _ in range(n_states)]
    if dice.random() < 0.5:
        states[0] = State.initial(scenario, population, draws)
    listening = dice.random() < 0.7
    # What chance adds up has to be gone through from step 0 on.
    lasting = any(s.kind in ("shocks", "ornstein_uhlenbeck") for s in scenario.stressors)
    return World(
        scenario,
        population,
        states,
        plans=[_plan(scenario, rng, n_branches=n_states) for _ in range(dice.randint(0, 2))],
        reacts=listening and dice.random() < 0.5,
        listening=listening,
        bench=dice.random() < 0.2,
        replicate=replicate,
        start=dice.choice([0, 0, 1, 10, 30, 60 if lasting else 100_000]),
    )
