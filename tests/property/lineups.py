"""States and worlds of which one dominates the other, and frames to set them side by side.

Columns come from a seed: forty persons cost no more to draw than two.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from sim.coefficients import Coefficients
from sim.environment import Environment
from sim.network import Graph
from sim.population import Population
from sim.processes.sensitisation import largest_wear
from sim.processes.stage import Frame
from sim.scenario.schema import Scenario
from sim.state import State
from sim.streams import Draws

PARTS = (
    "exposure", "constraint", "narrative", "lock_in", "anchor", "wear", "trust", "correction",
)  # fmt: skip
parts_of_a_state = st.sets(st.sampled_from(PARTS), min_size=1)


class Plan:
    """Efforts fixed beforehand, (T, G, K, R), repeated for ever."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = table

    def sense(self, frame: Frame) -> None:
        pass

    def act(self, frame: Frame) -> np.ndarray:
        return self.table[frame.step % len(self.table)]


def some_population(draw: st.DrawFn, scenario: Scenario) -> Population:
    """Return the scenario's persons, sometimes tied by a list of weighted edges instead."""
    graph: Graph | None = None
    if draw(st.integers(0, 2)) == 2:
        n = scenario.population.size
        rng = np.random.default_rng(draw(st.integers(0, 1000)))
        sources, targets = rng.integers(0, n, (2, draw(st.integers(0, 3 * n))))
        weights = rng.uniform(0.1, 2.0, sources.size)
        graph = Graph.from_edges(
            sources,
            targets,
            n_persons=n,
            weights=weights,
            directed=draw(st.booleans()),
            self_loops=draw(st.booleans()),
        )
    return Population.draw(scenario, Draws(scenario.seed), graph=graph)


def frame_of(
    scenario: Scenario,
    population: Population,
    *,
    state: State,
    plan: np.ndarray,
    environment: Environment,
    step: int = 0,
    coefficients: Coefficients | None = None,
) -> Frame:
    """Return a frame that owns a copy of the state."""
    frame = Frame.begin(
        population,
        state.copy().suited(scenario),
        coefficients=coefficients or Coefficients.of(scenario),
        environment=environment,
        draws=Draws(scenario.seed, clock=environment.clock),
        controllers=[Plan(plan)],
    )
    frame.step = step
    return frame


def random_state(population: Population, *, seed: int, scenario: Scenario | None = None) -> State:
    """Return a state anywhere in the state space, with one branch and a scenario's columns."""
    rng = np.random.default_rng(seed)
    n_channels, n = population.up.shape
    shape = (population.group_share.size, n_channels, 1)
    state = State(
        exposure=rng.exponential(0.7, (n_channels, n, 1)),
        constraint=rng.integers(0, 2, (n_channels, n, 1), dtype=np.uint8),
        narrative=rng.beta(0.5, 0.5, (n, 1)),
        lock_in=rng.beta(0.5, 0.5, (n, 1)),
        trust=rng.beta(0.5, 0.5, (n, 1)),
        correction=rng.uniform(0.0, 1.5, shape) * rng.integers(0, 2, shape),
        answers=np.zeros(shape, dtype=np.int64),
        positives=np.zeros(shape, dtype=np.int64),
    )
    state = state if scenario is None else state.suited(scenario)
    if state.wear.size > 0:
        worn = rng.choice([0.0, 0.5, 1.0]) * rng.random(population.up.shape)
        state.wear[...] = (worn * largest_wear(population))[:, :, None]
    return state


def worse(state: State, parts: set[str], *, seed: int) -> State:
    """Return a state nowhere better, worse in some entries of the named columns."""
    rng = np.random.default_rng(seed)

    def some(column: np.ndarray) -> np.ndarray:
        reach = rng.choice([0.1, 0.5, 1.0])
        return rng.random(column.shape) * (rng.random(column.shape) < reach)

    out = state.copy()
    if "exposure" in parts:
        out.exposure += 2.0 * some(out.exposure) ** 2
    if "constraint" in parts:
        out.constraint |= some(out.constraint) > 0.0
    if "wear" in parts:
        out.wear += some(out.wear)
    for name in sorted(parts & {"narrative", "lock_in", "anchor"}):
        column = getattr(out, name)
        column[...] = np.minimum(column + (1.0 - column) * some(column), 1.0)
    for name in sorted(parts & {"trust", "correction"}):
        column = getattr(out, name)
        column *= 1.0 - some(column)
    return out


def harsher_environment(environment: Environment, *, seed: int) -> Environment:
    """Return surroundings with more stress at some steps and a larger promise."""
    rng = np.random.default_rng(seed)
    more = rng.exponential(0.3, environment.stress.shape)
    more *= rng.random(environment.stress.shape) < rng.choice([0.1, 1.0])
    promised = environment.promised + rng.choice([0.0, 0.5])
    return replace(environment, stress=environment.stress + more, promised=promised)


def frailer(population: Population, *, seed: int) -> Population:
    """Return persons who take up more and whose relays switch on earlier and off later."""
    rng = np.random.default_rng(seed)
    reach = rng.choice([0.1, 1.0])

    def some() -> np.ndarray:
        shape = population.up.shape
        return rng.exponential(0.3, shape) * (rng.random(shape) < reach)

    earlier = some()
    return replace(
        population,
        vulnerability=population.vulnerability + some(),
        up=population.up - earlier,
        down=population.down - earlier - some(),
    )


def harsher_coefficients(c: Coefficients, *, seed: int) -> Coefficients:
    """Return coefficients under which people pull each other along more and recover less."""
    rng = np.random.default_rng(seed)

    def less(value: Any) -> Any:
        return value * rng.choice([1.0, rng.random()])

    def more(value: Any) -> Any:
        return value + rng.choice([0.0, rng.random()])

    def grown(value: Any) -> Any:
        return value * (1.0 + rng.choice([0.0, rng.random()]))

    def nearer_to_one(value: float) -> float:
        return 1.0 - less(1.0 - value)

    return replace(
        c,
        **{name: more(getattr(c, name)) for name in ("coupling", "narrative_feed", "spillover")},
        **{name: less(getattr(c, name)) for name in ("leak", "cure", "gain", "heal", "unlock")},
        damage=grown(c.damage),
        damage_onset=c.damage_onset - rng.choice([0.0, rng.random()]),
        trust_gain=less(c.trust_gain),
        trust_dependence=nearer_to_one(c.trust_dependence),
        lock_in_dependence=nearer_to_one(c.lock_in_dependence),
        trust_loss=nearer_to_one(c.trust_loss),
        lock=nearer_to_one(c.lock),
    )


def in_a_row(state: State, parts: set[str], *, seed: int, n: int = 3) -> State:
    """Return n branches, each nowhere better than the one before."""
    branches = [state]
    for turn in range(n - 1):
        branches.append(worse(branches[-1], parts, seed=seed + turn))
    return State.stack(branches)


def weakening_plans(population: Population, *, seed: int, n: int) -> np.ndarray:
    """Return efforts by step, (T, G, K, n), each branch's nowhere above the one before."""
    rng = np.random.default_rng(seed)
    shape = (5, population.group_share.size, population.up.shape[0], n)
    strongest = rng.exponential(1.0, shape[:3])[..., None] * rng.integers(0, 2, (5, 1, 1, 1))
    return strongest * np.cumprod(rng.choice([1.0, 0.7, 0.0], shape, p=[0.5, 0.4, 0.1]), axis=-1)
