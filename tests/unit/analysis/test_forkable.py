"""Any forkable model can be restored: our engine behind the protocol, and a lake."""

from __future__ import annotations

from dataclasses import fields
from typing import Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.ensemble import EnsembleProblems, Surroundings, direction
from analysis.forkable import ForkableProblems
from analysis.restoration import Family, Restorations, restore
from sim.engine import advance
from sim.environment import Environment
from sim.optimizers.planned import Planned
from sim.population import Population
from sim.state import State
from sim.streams import Draws
from tests.property.lineups import random_state
from tests.property.strategies import Content, resolved, rising_and_leaking


class Patients:
    """The engine as the protocol sees it: one future, corrected step by step."""

    def __init__(self, surroundings: Surroundings, state: State, *, step: int) -> None:
        self.surroundings = surroundings
        self.frame = surroundings.frame(state, step=step)
        self.along = direction(surroundings.scenario)

    def fork(self) -> Self:
        return type(self)(self.surroundings, self.frame.state.copy(), step=self.frame.step)

    def step(self, correction: float) -> None:
        height = np.array([[correction]])
        self.frame.controllers = [Planned(self.along, height, start=self.frame.step)]
        advance(self.frame, 1)

    def prevalence(self) -> float:
        return float(self.frame.prevalence()[0])


@given(rising_and_leaking(), st.integers(1, 4), st.sampled_from(["bench", "future"]))
def test_our_engine_behind_the_protocol_costs_the_same(
    content: Content, n_problems: int, where: str
) -> None:
    content["correction"]["decay"] = 1.0  # the protocol speaks of what is in force
    content["safe"] = {"prevalence": 0.2501}  # no share of persons equals it
    scenario = resolved(content)
    draws = Draws(scenario.seed)
    population = Population.draw(scenario, draws)
    world = Environment.of(scenario, draws)
    environment = Environment.bench(scenario) if where == "bench" else world
    surroundings = Surroundings(scenario, population, draws, environment)
    states = [random_state(population, seed=p).suited(scenario) for p in range(n_problems)]
    for p, state in enumerate(states):
        state.constraint[...] &= p > 0
        state.exposure *= p
    clocks = np.arange(n_problems) * 2
    r = scenario.restoration
    family = Family(r.horizon, r.lengths, u_max=r.u_max, tolerance=r.tolerance)
    ours = EnsembleProblems(surroundings, State.stack(states), clocks)
    models = [Patients(surroundings, s, step=int(c)) for s, c in zip(states, clocks, strict=True)]
    theirs = ForkableProblems(models, target=scenario.safe.prevalence, dwell=r.dwell)
    before = [model.frame.state.copy() for model in models]
    one = restore(ours.evaluate, n_problems, family)
    other = restore(theirs.evaluate, n_problems, family)
    for name in (f.name for f in fields(Restorations)):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    assert all(m.frame.state.equals(s) for m, s in zip(models, before, strict=True))


class Lake:
    """Phosphorus x in a shallow lake: x' = a − b x + x² / (1 + x²), by Euler steps.

    Carpenter, Ludwig & Brock 1999; Mäler, Xepapadeas & de Zeeuw 2003.
    """

    def __init__(self, decay: float, *, x: float = 0.1, loading: float = 0.4) -> None:
        self.decay, self.x, self.loading = decay, x, loading

    def fork(self) -> Self:
        return type(self)(self.decay, x=self.x, loading=self.loading)

    def step(self, correction: float) -> None:
        recycled = self.x**2 / (1.0 + self.x**2)
        loading = max(self.loading - correction, 0.0)
        self.x += 0.5 * (loading - self.decay * self.x + recycled)

    def prevalence(self) -> float:
        return self.x


def lakes(decay: float, delays: list[int]) -> list[Lake]:
    """Return lakes after ever longer heavy loading, then with a light load only."""
    out = []
    for delay in delays:
        lake = Lake(decay)
        for _ in range(delay):
            lake.step(0.0)
        lake.loading = 0.05
        out.append(lake)
    return out


@pytest.mark.parametrize("decay", [0.3, 0.4, 0.5, 0.55, 0.6, 0.7])
def test_a_lake_is_lost_beyond_the_fold_where_decay_is_weak(decay: float) -> None:
    """Even without any loading, x = 1 cannot be left downwards where b ≤ ½."""
    delays = [0, 1, 2, 60]
    problems = ForkableProblems(lakes(decay, delays), target=0.35, dwell=5)
    family = Family(horizon=200, lengths=(100, 200), u_max=0.05, tolerance=0.1)
    found = restore(problems.evaluate, len(delays), family)
    assert problems.models[-1].prevalence() > 1.0
    assert np.isfinite(found.cost[:, 0]).all()
    assert np.isinf(found.cost[:, -1]).all() == (decay <= 0.5)
    assert (np.diff(found.cost[:, np.isfinite(found.cost[0])], axis=1) >= 0.0).all()


class Broken:
    """A model whose measure fails."""

    def __init__(self, value: float) -> None:
        self.value = value

    def fork(self) -> Broken:
        return Broken(self.value)

    def step(self, correction: float) -> None:
        pass

    def prevalence(self) -> float:
        return self.value


@pytest.mark.parametrize(
    ("n_problems", "dwell", "value", "message"),
    [
        (1, 5, float("nan"), "not a number"),
        (1, 21, 0.0, "dwell is 21 steps, the horizon only 20"),
        (1, 0, 0.0, "dwell must be at least 1"),
        (2, 5, 0.0, "problem 1 was asked for, and there are 1 models"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    n_problems: int, dwell: int, value: float, message: str
) -> None:
    family = Family(20, (20,), u_max=1.0, tolerance=0.5)
    with pytest.raises(ValueError, match=message):
        restore(
            ForkableProblems([Broken(value)], target=0.5, dwell=dwell).evaluate, n_problems, family
        )
