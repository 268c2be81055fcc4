"""A1 on the step itself: what starts nowhere better stays nowhere better, column by column.

Columns are compared within 1e-12, since an average over neighbors is rounded; relays are
compared exactly.  Loads that meet a threshold exactly have a test of their own, in arithmetic
that is exact, with no tolerance at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.coefficients import Coefficients
from sim.engine import advance
from sim.environment import Environment
from sim.population import Population
from sim.processes.sensitisation import in_force
from sim.processes.stage import Frame
from sim.properties import keeps_order
from sim.scenario.schema import Scenario
from sim.state import State
from sim.streams import Draws
from tests.property.lineups import (
    frailer,
    frame_of,
    harsher_coefficients,
    harsher_environment,
    in_a_row,
    parts_of_a_state,
    random_state,
    some_population,
    weakening_plans,
    worse,
)
from tests.property.strategies import Content, any_order, cooperative, resolved, seeds

BASE = settings.default.max_examples
MANY = settings(max_examples=2 * BASE)
ROUNDING = 1e-12
first_steps = st.sampled_from([0, 0, 3, 10, 30])


def world_of(scenario: Scenario) -> Environment:
    return Environment.of(scenario, Draws(scenario.seed))


def assert_in_order(better: State, worse: State, *, tolerance: float = ROUNDING) -> None:
    relays = np.subtract(better.constraint, worse.constraint, dtype=np.int64)
    assert not (relays > 0).any(), "a relay is active only in the better state"
    assert better.no_worse_than(worse, tolerance=tolerance).all()


def stay_in_order(draw: st.DrawFn, content: Content, *, n_steps: int) -> None:
    """Run three branches in a row of worse states and weaker corrections."""
    scenario = resolved(content)
    population = some_population(draw, scenario)
    start = random_state(population, seed=draw(seeds), scenario=scenario)
    kind = draw(st.sampled_from([world_of, world_of, Environment.bench]))
    frame = frame_of(
        scenario,
        population,
        state=in_a_row(start, draw(parts_of_a_state), seed=draw(seeds)),
        plan=weakening_plans(population, seed=draw(seeds), n=3),
        environment=kind(scenario),
        step=draw(first_steps),
    )
    for _ in range(n_steps):
        advance(frame, 1)
        assert_in_order(frame.state.take([0, 1]), frame.state.take([1, 2]))
        assert (np.diff(frame.prevalence()) >= 0.0).all()


@MANY
@given(st.data(), cooperative(), st.integers(15, 30))
def test_worse_states_and_weaker_corrections_stay_worse(
    data: st.DataObject, content: Content, n_steps: int
) -> None:
    stay_in_order(data.draw, content, n_steps=n_steps)


@given(st.data(), any_order())
def test_whatever_is_derived_to_keep_order_does(data: st.DataObject, content: Content) -> None:
    assume(keeps_order(resolved(content)))
    stay_in_order(data.draw, content, n_steps=15)


def with_thresholds(frame: Frame) -> State:
    """Return the state with the thresholds in force, negative, for wear."""
    if frame.state.wear.size == 0:
        return frame.state
    up, down = frame.population.up[:, :, None], frame.population.down[:, :, None]
    return replace(frame.state, wear=-in_force(up, down, frame.state.wear))


in_what = st.sets(st.sampled_from(["stress", "persons", "coefficients", "state"]))


@MANY
@given(st.data(), cooperative(max_size=30), in_what)
def test_a_harsher_world_stays_worse(
    data: st.DataObject, content: Content, harsher_in: set[str]
) -> None:
    """More stress, frailer persons, closer coupling, slower recovery, less correction."""
    scenario = resolved(content)
    population = some_population(data.draw, scenario)
    start = random_state(population, seed=data.draw(seeds), scenario=scenario)
    how = data.draw(seeds)
    plan = weakening_plans(population, seed=how, n=2)
    mild = harsh = world_of(scenario)
    persons, later = population, start
    coefficients = Coefficients.of(scenario)
    if "stress" in harsher_in:
        harsh = harsher_environment(mild, seed=how)
    if "persons" in harsher_in:
        persons = frailer(population, seed=how)
    if "coefficients" in harsher_in:
        coefficients = harsher_coefficients(coefficients, seed=how)
    if "state" in harsher_in:
        later = worse(start, {"exposure", "constraint", "wear"}, seed=how)
    step = data.draw(first_steps)
    one = frame_of(
        scenario, population, state=start, plan=plan[..., :1], environment=mild, step=step
    )
    other = frame_of(
        scenario,
        persons,
        state=later,
        plan=plan[..., 1:],
        environment=harsh,
        step=step,
        coefficients=coefficients,
    )
    for _ in range(15):
        advance(one, 1)
        advance(other, 1)
        # Wear lowers thresholds by no more than there is: of other persons they are compared.
        assert_in_order(with_thresholds(one), with_thresholds(other))


quarters = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@st.composite
def exact(draw: st.DrawFn) -> Content:
    """A scenario in which every product and quotient of a step is a short binary fraction."""
    size, network = draw(
        st.sampled_from(
            [
                (2, {"kind": "complete"}),
                (5, {"kind": "complete"}),
                (9, {"kind": "ring", "degree": 4}),
                (9, {"kind": "star"}),
                (9, {"kind": "complete"}),
            ]
        )
    )
    return {
        "population": {"size": size},
        "network": network,
        "channels": ["a", "b"],
        "stressors": [{"kind": "constant", "level": draw(quarters)}],
        "exposure": {"leak": draw(st.sampled_from([0.0, 0.5, 1.0])), "cure": draw(quarters)},
        "constraints": {
            "coupling": draw(quarters),
            "narrative_feed": draw(quarters),
            "spillover": {"a": {"b": draw(quarters)}},
            "relax": draw(st.sampled_from(["once", "until_stable", "adiabatic"])),
            "damage": {"a": draw(quarters)},
            "damage_onset": draw(quarters),
        },
        "correction": {
            "trust_dependence": draw(quarters),
            "lock_in_dependence": draw(quarters),
            "decay": draw(st.sampled_from([0.5, 1.0])),
        },
        "narrative": {"rule": "none"},
        "trust": {"trust_gain": 0, "trust_loss": 0},
    }


def coarse(rng: np.random.Generator, shape: Any, *, largest: int) -> np.ndarray:
    """Return multiples of a quarter."""
    return rng.integers(0, largest + 1, shape) / 4.0


def coarse_state(scenario: Scenario, population: Population, rng: np.random.Generator) -> State:
    n = population.n_persons
    state = random_state(population, seed=0, scenario=scenario)
    state.wear[...] = coarse(rng, state.wear.shape, largest=2)
    state.constraint[...] = rng.integers(0, 2, (2, n, 1))
    state.exposure[...] = coarse(rng, (2, n, 1), largest=8)
    for name in ("narrative", "lock_in", "trust"):
        getattr(state, name)[...] = coarse(rng, (n, 1), largest=4)
    state.correction[...] = coarse(rng, (1, 2, 1), largest=4)
    return state


@settings(max_examples=2 * BASE)
@given(exact(), seeds)
def test_order_survives_exact_ties(content: Content, seed: int) -> None:
    """Loads on a grid meet thresholds on the same grid all the time, also where down = up."""
    scenario, rng = resolved(content), np.random.default_rng(seed)
    population = Population.draw(scenario, Draws(0))
    up = coarse(rng, population.up.shape, largest=8)
    down = up - coarse(rng, up.shape, largest=2) * rng.integers(0, 2, up.shape)
    population = replace(
        population, up=up, down=np.where(rng.random(up.shape) < 0.1, -np.inf, down)
    )
    better = coarse_state(scenario, population, rng)
    second = coarse_state(scenario, population, rng)
    joined = State(
        exposure=np.maximum(better.exposure, second.exposure),
        constraint=np.maximum(better.constraint, second.constraint),
        narrative=np.maximum(better.narrative, second.narrative),
        lock_in=np.maximum(better.lock_in, second.lock_in),
        trust=np.minimum(better.trust, second.trust),
        correction=np.minimum(better.correction, second.correction),
        answers=better.answers,
        positives=better.positives,
        wear=np.maximum(better.wear, second.wear),
    )
    strong = coarse(rng, (4, 1, 2, 1), largest=4)
    plan = np.concatenate([strong, strong * rng.integers(0, 2, strong.shape)], axis=-1)
    frame = frame_of(
        scenario,
        population,
        state=State.stack([better, joined]),
        plan=plan,
        environment=world_of(scenario),
    )
    for _ in range(16):
        advance(frame, 1)
        assert_in_order(frame.state.take([0]), frame.state.take([1]), tolerance=0.0)
