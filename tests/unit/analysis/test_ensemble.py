"""The engine as a restoration problem: batches, clocks, safe sets, and the exact optimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis.ensemble
from analysis.ensemble import EnsembleProblems, Surroundings, direction, rest
from analysis.restoration import Family, exhaustive_plans, restore
from sim.environment import Environment
from sim.model import AlignmentModel
from sim.optimizers.planned import Planned
from sim.population import Population
from sim.scenario.schema import Scenario
from sim.state import State
from sim.streams import Draws
from sim.sweep.executors import Stopped
from tests.property.lineups import random_state
from tests.property.strategies import Content, measurable, resolved, rising_and_leaking, seeds


def surroundings_of(scenario: Scenario, *, where: str) -> Surroundings:
    draws = Draws(scenario.seed)
    world = Environment.of(scenario, draws)
    environment = Environment.bench(scenario) if where == "bench" else world
    return Surroundings(scenario, Population.draw(scenario, draws), draws, environment)


def some_problems(scenario: Scenario, *, where: str, n: int, seed: int) -> EnsembleProblems:
    surroundings = surroundings_of(scenario, where=where)
    states = [
        random_state(surroundings.population, seed=seed + p).suited(scenario) for p in range(n)
    ]
    clocks = np.arange(n) // 2 if where == "future" else np.zeros(n, dtype=np.int64)
    return EnsembleProblems(surroundings, State.stack(states), clocks)


places = st.sampled_from(["bench", "future"])


@given(measurable(), places, st.integers(1, 4), st.integers(1, 7), seeds)
def test_batches_do_not_matter(
    content: Content, where: str, n_problems: int, chunk: int, seed: int
) -> None:
    scenario, rng = resolved(content), np.random.default_rng(seed)
    problems = some_problems(scenario, where=where, n=n_problems, seed=seed)
    asked = rng.integers(0, n_problems, 20)
    plans = rng.exponential(2.0, (scenario.restoration.horizon, 20))
    plans *= rng.integers(0, 2, (1, 20))
    together = problems.evaluate(asked, plans)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis.ensemble, "_CHUNK", chunk)
        in_chunks = problems.evaluate(asked, plans)
    for one, other in zip(together, in_chunks, strict=True):
        np.testing.assert_array_equal(one, other)


@given(measurable(), st.integers(0, 6), seeds)
def test_the_actual_future_is_the_one_a_fork_lives_through(
    content: Content, delay: int, seed: int
) -> None:
    """Same stress, noise and newcomers at the same calendar steps, whatever else is restored."""
    scenario = resolved(content)
    r = scenario.restoration
    model = AlignmentModel(scenario)
    for _ in range(delay):
        model.step()
    plan = np.random.default_rng(seed).exponential(2.0, (r.horizon, 1))
    surroundings = surroundings_of(scenario, where="future")
    others = [
        random_state(surroundings.population, seed=seed + p).suited(scenario) for p in range(2)
    ]
    states, clocks = State.stack([others[0], model.state, others[1]]), np.array([0, delay, delay])
    problems = EnsembleProblems(surroundings, states, clocks)
    outcome = problems.evaluate(np.array([2, 1, 0]), np.repeat(plan, 3, axis=1))

    model.frame.state.correction[...] = 0.0
    model.control(Planned(direction(scenario), plan, start=delay))
    seen = []
    for step in range(r.horizon + r.dwell):
        if step == r.horizon:
            model.frame.state.correction[...] = 0.0
        model.step()
        safe, prevalence = surroundings.safe(model.frame)
        seen.append((bool(safe[0]), float(prevalence[0])))
    held = seen[r.horizon - r.dwell : r.horizon]
    assert outcome.hold[1] == all(safe for safe, _ in held)
    assert outcome.prevalence[1] == max(p for _, p in held)
    assert outcome.heal[1] == all(safe for safe, _ in seen[r.horizon - r.dwell :])


@given(rising_and_leaking(), st.integers(0, 6), st.integers(0, 6), seeds)
def test_rest_can_be_taken_in_two_parts(
    content: Content, first: int, second: int, seed: int
) -> None:
    problems = some_problems(resolved(content), where="bench", n=3, seed=seed)
    before = problems.states.copy()
    whole = rest(problems.surroundings, problems.states, step=0, n_steps=first + second)
    part = rest(problems.surroundings, problems.states, step=0, n_steps=first)
    assert rest(problems.surroundings, part, step=first, n_steps=second).equals(whole)
    assert not whole.correction.any()
    assert problems.states.equals(before), "the states that rest are copies"


def two_groups(*, every_group: bool) -> Scenario:
    groups = {"few": {"share": 0.2}, "many": {"share": 0.8}}
    content = {
        "population": {"size": 10, "groups": groups},
        "channels": {"one": 0.75, "other": 0.25},
        "network": {"kind": "complete"},
        "safe": {"prevalence": 0.2, "every_group": every_group},
    }
    return resolved(content)


@pytest.mark.parametrize(
    ("few", "many", "overall", "in_every_group"),
    [
        ((0, 0), (0, 0), True, True),
        ((1, 0), (0, 0), True, False),  # 0.375 of the few, 0.075 of all
        ((0, 1), (0, 0), True, True),  # 0.125 of the few
        ((2, 2), (0, 0), True, False),  # all of the few are exactly 0.2 of all
        ((0, 0), (2, 1), True, False),  # 0.21875 of the many, 0.175 of all
        ((2, 2), (1, 0), False, False),
    ],
)
def test_a_safe_population_can_have_an_unsafe_group(
    few: tuple[int, int], many: tuple[int, int], overall: bool, in_every_group: bool
) -> None:
    for every_group, safe in ((False, overall), (True, in_every_group)):
        surroundings = surroundings_of(two_groups(every_group=every_group), where="bench")
        state = random_state(surroundings.population, seed=0)
        state.constraint[...] = 0
        for g, active in enumerate((few, many)):
            members = np.flatnonzero(surroundings.population.group == g)
            for k, count in enumerate(active):
                state.constraint[k, members[:count]] = 1
        verdict, _ = surroundings.safe(surroundings.frame(state, step=0))
        assert verdict.tolist() == [safe]


def test_stopping_is_asked_between_batches() -> None:
    scenario = two_groups(every_group=False)
    problems = some_problems(scenario, where="bench", n=1, seed=0)
    surroundings = replace(problems.surroundings, stopped=lambda: True)
    stopped = replace(problems, surroundings=surroundings)
    with pytest.raises(Stopped):
        stopped.evaluate(np.array([0]), np.zeros((scenario.restoration.horizon, 1)))


FEW_PERSONS = rising_and_leaking(max_size=6)


@settings(max_examples=max(settings.default.max_examples // 4, 10))
@given(FEW_PERSONS, st.integers(2, 5), st.integers(0, 20), seeds)
def test_no_pulse_beats_the_exact_optimum(
    content: Content, horizon: int, delay: int, seed: int
) -> None:
    """Every plan on a coarse grid of heights is tried; the best pulse among them is found."""
    dwell = 1 + seed % horizon
    content["restoration"] |= {"horizon": horizon, "dwell": dwell, "lengths": []}
    scenario = resolved(content)
    model = AlignmentModel(scenario)
    for _ in range(delay):
        model.step()
    surroundings = surroundings_of(scenario, where="bench")
    rested = rest(surroundings, model.state, step=0, n_steps=scenario.restoration.rest)
    problems = EnsembleProblems(surroundings, rested, np.zeros(1, dtype=np.int64))
    n_levels = 3 if horizon == 5 else 4
    u_max = scenario.restoration.u_max
    levels = exhaustive_plans(range(n_levels + 1), horizon=horizon)
    outcome = problems.evaluate(
        np.zeros(levels.shape[1], dtype=np.int64), u_max * levels / n_levels
    )
    family = Family(horizon, tuple(range(1, horizon + 1)), u_max=u_max, tolerance=1.0 / n_levels)
    found = restore(problems.evaluate, 1, family)
    effort = levels.sum(axis=0)
    starts_at_once = (np.diff(levels, axis=0) <= 0).all(axis=0)
    one_height = np.array([np.unique(plan[plan > 0]).size <= 1 for plan in levels.T])
    for target, achieved in enumerate((outcome.hold, outcome.heal)):
        exact = effort[achieved].min(initial=np.inf)
        pulses = effort[achieved & starts_at_once & one_height].min(initial=np.inf)
        cost = found.cost[target, 0] / u_max * n_levels
        assert cost >= exact - 1e-9
        np.testing.assert_allclose(cost, pulses)


def test_who_heals_is_told_apart_among_those_who_hold() -> None:
    content = {
        "population": {"size": 3},
        "channels": ["only"],
        "network": {"kind": "complete"},
        "exposure": {"leak": 0.0},
        "constraints": {"activation": 1.0, "width": 0.0},
        "restoration": {"horizon": 3, "dwell": 1},
    }
    scenario = resolved(content)
    surroundings = surroundings_of(scenario, where="bench")
    free = AlignmentModel(scenario).state
    burdened = free.copy()
    burdened.exposure[...] = 2.0
    problems = EnsembleProblems(
        surroundings, State.stack([free, burdened]), np.zeros(2, dtype=np.int64)
    )
    for asked in ([0, 1, 1], [1, 0], [1, 1, 0, 1, 1], [0]):
        heights = np.array([6.0] * len(asked) + [0.0])
        outcome = problems.evaluate(np.array([*asked, 1]), np.tile(heights, (3, 1)))
        assert outcome.hold.tolist() == [True] * len(asked) + [False]
        assert outcome.heal.tolist() == [problem == 0 for problem in asked] + [False]
