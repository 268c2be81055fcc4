"""The certificate of reversibility vouches for every dominated state; the twin deserves it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analysis.cost import measure
from analysis.ensemble import Surroundings, rest
from analysis.reversibility import (
    Certificate,
    certify,
    exposure_bound,
    largest_exposure,
    reversible_twin,
    twin_at,
    worst_state,
)
from sim.engine import advance
from sim.environment import Environment
from sim.model import AlignmentModel
from sim.population import Population
from sim.processes.unsettled import is_random
from sim.scenario.load import load_scenario
from sim.scenario.resolve import dump
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import each
from sim.scenario.schema.measurement import Twin
from sim.state import State
from sim.streams import Draws
from tests.property.lineups import random_state
from tests.property.strategies import (
    Content,
    between,
    cooperative,
    maybe,
    resolved,
    rising_and_leaking,
    seeds,
)


def on_the_bench(scenario: Scenario, *, replicate: int = 0) -> Surroundings:
    draws = Draws(scenario.seed, replicate)
    population = Population.draw(scenario, draws)
    return Surroundings(scenario, population, draws, Environment.bench(scenario))


def certificate_of(scenario: Scenario) -> Certificate:
    surroundings = on_the_bench(scenario)
    bound = exposure_bound(scenario, surroundings.population)
    assert bound is not None
    return certify(surroundings, bound)


@st.composite
def perhaps_reversible(draw: st.DrawFn) -> Content:
    """Leak, healing, weak coupling and no ratchets; a certificate may be had, or not."""
    content = draw(rising_and_leaking())
    content["constraints"]["ratchet_share"] = 0.0
    content["exposure"]["leak"] = draw(between(0.2, 0.8))
    content["narrative"] |= {"social": 0.1, "heal": draw(maybe(between(0.1, 0.8)))}
    content["narrative"]["push"] = draw(maybe(between(0.1, 0.8)))
    content["twin"] = {"certificate_steps": 60}
    return content


def dominated(worst: State, *, population: Population, seed: int) -> State:
    """Return a state nowhere worse than the worst one."""
    rng = np.random.default_rng(seed)
    state = random_state(population, seed=seed)
    state.exposure[...] = worst.exposure * rng.random(worst.exposure.shape)
    state.correction[...] = 0.0
    for name in ("anchor", "wear"):
        column = getattr(worst, name)
        setattr(state, name, column * rng.random(column.shape))
    return state


@given(perhaps_reversible(), seeds)
def test_a_certificate_vouches_for_every_dominated_state(content: Content, seed: int) -> None:
    scenario = resolved(content)
    surroundings = on_the_bench(scenario)
    population = surroundings.population
    bound = exposure_bound(scenario, population)
    assert bound is not None
    certificate = certify(surroundings, bound)
    assume(certificate.holds)
    start = AlignmentModel(scenario).state
    worst = worst_state(population, bound, start=start)
    states = [dominated(worst, population=population, seed=seed + r) for r in range(4)]
    states = [state.suited(scenario) for state in (*states, start)]
    rested = rest(surroundings, State.stack(states), step=0, n_steps=certificate.steps)
    frame = surroundings.frame(rested, step=certificate.steps)
    for _ in range(10):
        assert (frame.prevalence() == 0.0).all()
        advance(frame, 1)


@given(perhaps_reversible(), seeds)
def test_the_worst_state_is_the_worst(content: Content, seed: int) -> None:
    """It dominates whatever a run reaches, and from there everything only gets better."""
    scenario = resolved(content)
    model, surroundings = AlignmentModel(scenario), on_the_bench(scenario)
    population = model.frame.population
    bound = exposure_bound(scenario, population)
    assert bound is not None
    worst = worst_state(population, bound, start=model.state)
    for _ in range(scenario.time.steps):
        model.step()
        assert model.state.no_worse_than(worst, tolerance=1e-12).all()
    np.testing.assert_array_less(
        largest_exposure(scenario, population, model.frame.draws), bound + 1e-12
    )
    frame = surroundings.frame(worst.copy(), step=0)
    for _ in range(10):
        before = frame.state.copy()
        advance(frame, 1)
        assert frame.state.no_worse_than(before, tolerance=1e-12).all()


@given(cooperative(max_size=12))
def test_exposure_is_bounded_where_it_can_be(content: Content) -> None:
    content["population"]["initial"] = {"exposure": 0.7}
    scenario = resolved(content)
    population = Population.draw(scenario, Draws(scenario.seed))
    bound = exposure_bound(scenario, population)
    leaks = all(each(scenario.exposure.leak).values())
    by_chance = any(map(is_random, scenario.stressors))
    assert (bound is None) == (scenario.exposure.noise > 0.0 or not leaks or by_chance)
    if bound is not None:
        largest = largest_exposure(scenario, population, Draws(scenario.seed))
        assert (largest <= bound + 1e-12).all()
        assert (bound >= 0.7).all()


def test_a_random_start_has_no_bound() -> None:
    start = {"exposure": {"kind": "lognormal", "median": 0.5, "sigma": 0.3}}
    scenario = resolved({"population": {"size": 5, "initial": start}, "network": COMPLETE})
    assert exposure_bound(scenario, Population.draw(scenario, Draws(0))) is None


def test_a_leak_next_to_nothing_leaves_no_bound() -> None:
    scenario = resolved(crowd() | {"exposure": {"leak": 5e-324}})
    assert exposure_bound(scenario, Population.draw(scenario, Draws(0))) is None


COMPLETE: Content = {"kind": "complete"}


def crowd(**constraints: float) -> Content:
    """Two hundred persons in touch with everyone, under rising stress."""
    uniform = {"kind": "uniform", "low": 0.5, "high": 1.5}
    return {
        "population": {"size": 200},
        "channels": ["only"],
        "network": COMPLETE,
        "stressors": [{"kind": "ramp", "to_level": 0.3}],
        "exposure": {"leak": 0.1},
        "constraints": {"activation": uniform, "width": 0.0} | constraints,
        "narrative": {"rule": "none"},
        "restoration": {"replicates": 1},
    }


def test_springing_back_alone_is_certified_and_pulling_together_is_not() -> None:
    """Uniform thresholds on a complete graph: the onset of remanence is J = 1.5."""
    for coupling in (0.0, 1.2, 1.4):
        certificate = certificate_of(resolved(crowd(coupling=coupling)))
        assert certificate.holds, coupling
        assert certificate.prevalence == 0.0
    lost = certificate_of(resolved(crowd(coupling=1.6)))
    assert not lost.reached_zero
    assert lost.prevalence > 0.5
    assert lost.steps == Twin().certificate_steps


def test_ratchets_get_no_certificate() -> None:
    certificate = certificate_of(resolved(crowd(ratchet_share=0.1)))
    assert not certificate.holds
    assert certificate.steps == 0
    assert certificate.prevalence == pytest.approx(0.1, abs=0.06)
    surroundings = on_the_bench(resolved(crowd(ratchet_share=0.1)))
    population = surroundings.population
    start = AlignmentModel(surroundings.scenario).state
    worst = worst_state(population, np.full(population.up.shape, 3.0), start=start)
    rested = rest(surroundings, worst, step=0, n_steps=200)
    left = surroundings.frame(rested, step=200).prevalence()
    assert left.tolist() == [certificate.prevalence]


def test_reaching_zero_proves_nothing_where_order_is_broken() -> None:
    scenario = resolved(crowd(coupling=-0.5) | {"signed": True})
    certificate = certificate_of(scenario)
    assert certificate.reached_zero
    assert not certificate.proof
    assert not certificate.holds


RICH: Content = crowd(coupling=2.0, width=0.6, ratchet_share=0.2, narrative_feed=0.4) | {
    "exposure": {"leak": 0.01},
    "narrative": {"social": 0.2, "push": 0.2, "heal": 0.02, "unlock": 0.01},
    "trust": {"trust_gain": 0.02},
}


def test_the_twin_is_the_declared_transformation_and_nothing_else() -> None:
    original = dict(RICH, channels=["a", "b"])
    original["constraints"] = RICH["constraints"] | {"spillover": {"a": {"b": 0.5}}}
    scenario = resolved(original)
    wanted = dump(scenario)
    both = {"a": 0.0, "b": 0.0}
    wanted["name"] = "unnamed_twin"
    wanted["exposure"]["leak"] = {"a": 0.1, "b": 0.1}
    zero = {"kind": "constant", "value": 0.0}
    wanted["constraints"] |= {"width": {"a": zero, "b": zero}, "ratchet_share": both}
    wanted["constraints"] |= {
        "coupling": {"a": 1.0, "b": 1.0},
        "narrative_feed": {"a": 0.2, "b": 0.2},
        "spillover": {"a": {"b": 0.25}},
    }
    wanted["narrative"] |= {"heal": 0.1, "unlock": 0.1}
    wanted["trust"]["trust_gain"] = 0.1
    twin = twin_at(scenario, 0.5)
    assert dump(twin) == wanted
    assert resolved(dump(twin)) == twin, "a twin is a scenario like any other"


def test_the_twin_never_slows_a_recovery() -> None:
    quick = crowd() | {"exposure": {"leak": 0.4}, "trust": {"trust_gain": 0.5}}
    quick["narrative"] = {"social": 0.3, "heal": 0.6, "push": 0.1, "unlock": 0.7}
    scenario = resolved(quick)
    twin = twin_at(scenario, 1.0)
    assert each(twin.exposure.leak) == each(scenario.exposure.leak)
    assert twin.narrative == scenario.narrative
    assert twin.trust == scenario.trust


def test_healing_stays_within_what_social_leaves() -> None:
    scenario = resolved(crowd() | {"narrative": {"social": 0.95, "push": 0.0, "heal": 0.01}})
    assert twin_at(scenario, 1.0).narrative.heal == pytest.approx(0.05)


@given(cooperative(max_size=12), between(0.0, 1.0), between(0.0, 1.0), seeds)
def test_a_larger_factor_is_nowhere_better(
    content: Content, one: float, other: float, seed: int
) -> None:
    """Which is what lets the grid of factors be bisected."""
    scenario = resolved(content)
    small, large = sorted((one, other))
    frames = []
    for factor in (small, large):
        surroundings = on_the_bench(twin_at(scenario, factor))
        state = random_state(surroundings.population, seed=seed, scenario=scenario)
        frames.append(surroundings.frame(state, step=0))
    for _ in range(15):
        for frame in frames:
            advance(frame, 1)
        assert frames[0].state.no_worse_than(frames[1].state, tolerance=1e-12).all()


@pytest.mark.parametrize("factors", [7, 20])
def test_the_factor_is_the_largest_on_the_grid_that_passes(factors: int) -> None:
    scenario = resolved(RICH | {"twin": {"factors": factors}})
    twin, factor = reversible_twin(scenario)
    assert 0.0 < factor < 1.0
    assert factor * factors == pytest.approx(round(factor * factors))
    assert twin == twin_at(scenario, factor)
    assert certificate_of(twin).holds
    assert not certificate_of(twin_at(scenario, factor + 1.0 / factors)).reached_zero


def test_the_factor_passes_for_every_replicate() -> None:
    content = RICH | {"restoration": {"replicates": 4}, "seed": 5}
    content["population"] = {"size": 40, "resample": "population"}
    scenario = resolved(content)
    _, together = reversible_twin(scenario)
    alone = []
    for replicate in range(4):
        passing = 0
        for step in range(21):
            bench = on_the_bench(twin_at(scenario, step / 20), replicate=replicate)
            bound = exposure_bound(bench.scenario, bench.population)
            assert bound is not None
            passing = step if certify(bench, bound).reached_zero else passing
        alone.append(passing / 20)
    assert together == min(alone)
    assert len(set(alone)) > 1, "else one replicate would have done"


def test_a_reversible_scenario_is_its_own_twin_but_for_the_name() -> None:
    scenario = resolved(crowd(coupling=0.5) | {"trust": {"trust_gain": 0.1}})
    twin, factor = reversible_twin(scenario)
    assert factor == 1.0
    narrative = scenario.narrative.model_copy(update={"heal": 0.1, "unlock": 0.1})
    assert twin == scenario.model_copy(update={"name": "unnamed_twin", "narrative": narrative})


def test_where_order_is_broken_the_grid_is_walked() -> None:
    """Negative spillover within the crowd; the largest passing factor is still found."""
    content = RICH | {"signed": True, "channels": ["only", "other"], "twin": {"factors": 8}}
    content["constraints"] = RICH["constraints"] | {"spillover": {"other": {"only": -0.5}}}
    scenario = resolved(content)
    passing = [s / 8 for s in range(9) if certificate_of(twin_at(scenario, s / 8)).reached_zero]
    assert 0.0 < max(passing) < 1.0
    assert reversible_twin(scenario)[1] == max(passing)


def test_the_control_that_is_shipped_is_the_twin_of_the_quickstart() -> None:
    quickstart, control = load_scenario("quickstart"), load_scenario("reversible_control")
    twin, _ = reversible_twin(quickstart)
    labels = {"name": "", "description": ""}
    assert control.model_copy(update=labels) == twin.model_copy(update=labels)


def test_a_twin_is_tried_with_every_replicate_where_they_reach_different_exposures() -> None:
    content: Content = {
        "time": {"steps": 12},
        "channels": ["only"],
        "population": {
            "size": 30,
            "initial": {"exposure": {"kind": "uniform", "low": 0.0, "high": 0.2}},
        },
        "network": COMPLETE,
        "stressors": [{"kind": "constant", "level": 0.15}],
        "exposure": {"leak": 0.1},
        "turnover": {"rate": 0.25},
        "narrative": {"rule": "none"},
        "restoration": {
            "delays": 2, "replicates": 6, "rest": 1, "rest_doublings": 1, "horizon": 2,
            "dwell": 1, "tolerance": 0.5,
        },
    }  # fmt: skip
    for seed in range(16):
        constraints = {"activation": 0.4, "width": 0.0, "coupling": 0.02 * seed}
        steps = {"certificate_steps": 6 + seed % 5}
        scenario = resolved(content | {"seed": seed, "constraints": constraints, "twin": steps})
        twin, factor = reversible_twin(scenario)
        if factor > 0.0:
            checks = [measure(twin, r, role="twin").checks[0] for r in range(6)]
            assert all(check["certificate_holds"] for check in checks), seed


def test_the_longest_name_leaves_room_for_its_twins() -> None:
    name = "x" * 64
    assert twin_at(load_scenario("quickstart").model_copy(update={"name": name}), 0.5).name == (
        "x" * 59 + "_twin"
    )
