"""What holds for every optimizer there is, whatever it senses: a new entry in METHODS is covered.

What is claimed where.  Budgets, u_max, the start, forks and branches: of every method, exactly, in
random scenarios.  Withdrawal: of every method, exactly, in worlds without memory.  Permuted
groups: exactly, of methods that draw nothing by group and search nothing; whoever draws for each
group (pairs, samples, demonstrations) draws other numbers for it in another place, and a search
that meets a tie keeps what it met first.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.coefficients import Coefficients
from sim.engine import advance
from sim.environment import Environment
from sim.model import AlignmentModel
from sim.optimizers import METHODS
from sim.optimizers.base import SPENDING, Optimizer
from sim.population import Population
from sim.processes.stage import Frame
from sim.scenario.resolve import with_changes
from sim.scenario.schema import Scenario
from sim.state import State
from sim.streams import Draws
from tests.property.lineups import random_state
from tests.property.strategies import Content, between, cooperative, resolved

N_STEPS = 8

SMALL: dict[str, Content] = {
    "rlhf": {"labels": 6, "every": 3, "demonstrations": 5},
    "infrastructure": {"sample": 5, "every": 2, "lag": 1, "hurdle": 0.0},
    "oracle": {"rounds": 1},
}
"""Settings that make a method quick; by default its own."""

SEARCHING = {"oracle"}
"""Methods that try many futures, of which few examples must do."""

DRAWN_BY_NATURE = {
    "exposure", "feedback", "turnover", "shocks", "drift", "pairs", "exit", "inheritance",
}  # fmt: skip
"""Streams of the stages of a step, which name persons and not groups."""

KINDS = sorted(METHODS)


def examples(kind: str) -> Any:
    """Return how many examples a method is tried on."""
    share = 8 if kind in SEARCHING else 2
    return settings(max_examples=max(settings.default.max_examples // share, 3))


def every_method(test: Any) -> Any:
    """Run a property of (data, kind) for every method."""

    @pytest.mark.parametrize("kind", KINDS)
    def run(kind: str) -> None:
        examples(kind)(given(st.data())(lambda data: test(data, kind)))()

    run.__doc__ = test.__doc__
    return run


@st.composite
def optimizers(draw: st.DrawFn, kind: str) -> list[Content]:
    """One of a kind, tuned somehow; at times beside one that learns from labels."""
    tuned = {
        name: draw(st.sampled_from(tried))
        for name, tried in METHODS[kind].tunable.items()
        if draw(st.booleans())
    }
    budget = draw(st.sampled_from([0.0, 1000.0]) | between(0.0, 5.0))
    one = {"kind": kind, "budget": budget, "start": draw(st.integers(0, 3))}
    one |= SMALL.get(kind, {}) | tuned
    if kind in SEARCHING or draw(st.booleans()):
        return [one]
    return [one, {"kind": "rlhf", "budget": draw(between(0.0, 5.0)), **SMALL["rlhf"]}]


@st.composite
def worlds(draw: st.DrawFn, kind: str) -> Scenario:
    """A random scenario with optimizers, prices and shelter."""
    content = draw(cooperative(max_size=16))
    content |= {
        "precision": "double",
        "time": {"steps": N_STEPS},
        "optimizers": draw(optimizers(kind)),
        "prices": {name: draw(between(0.0, 0.1)) for name in ("label", "query", "audit")},
        "shelter": {"lead_time": draw(st.integers(0, 3)), "depreciation": draw(between(0.0, 1.0))},
    }
    content["prices"]["capital"] = draw(between(0.0, 2.0))
    return resolved(content)


def crowded(scenario: Scenario, states: list[State], population: Population) -> AlignmentModel:
    """Return a model whose frame carries the given states as branches."""
    model = AlignmentModel(scenario)
    model.frame = Frame.begin(
        population,
        State.stack(states),
        coefficients=Coefficients.of(scenario),
        environment=Environment.of(scenario, model.frame.draws),
        draws=model.frame.draws,
        controllers=model.optimizers,
        listening=True,
    )
    return model


def some_states(model: AlignmentModel, *, seed: int, n: int = 3) -> list[State]:
    population = model.frame.population
    states = [random_state(population, seed=seed + r, scenario=model.resolved) for r in range(n)]
    rng = np.random.default_rng(seed)
    for state in states:
        state.shelter[...] = rng.exponential(0.5, state.shelter.shape)
    return states


def arrays_of(optimizer: Optimizer) -> dict[str, np.ndarray]:
    return {name: v for name, v in vars(optimizer).items() if isinstance(v, np.ndarray)}


@every_method
def test_budgets_are_never_overspent_and_bills_add_up(data: Any, kind: str) -> None:
    model = AlignmentModel(data.draw(worlds(kind)))
    crowd = crowded(model.resolved, some_states(model, seed=1), model.frame.population)
    for _ in range(N_STEPS):
        advance(crowd.frame, 1)
        for optimizer in crowd.optimizers:
            assert (optimizer.bills >= 0.0).all()
            assert (optimizer.spent <= optimizer.spec.budget).all()
            billed = optimizer.bills.sum(axis=0)
            assert (billed <= optimizer.spec.budget * (1.0 + 1e-9)).all()
            np.testing.assert_allclose(billed, optimizer.spent, rtol=1e-9, atol=1e-12)


@every_method
def test_all_effort_and_all_shelter_are_billed(data: Any, kind: str) -> None:
    """Only then does a budget bind: nothing is put in force or built that nobody paid for."""
    scenario = with_changes(data.draw(worlds(kind)), {"shelter.depreciation": 0.0})
    model = AlignmentModel(scenario)
    share, spent, built = model.frame.population.group_share, 0.0, 0.0
    for _ in range(N_STEPS):
        model.step()
        spent += float(np.einsum("g,gkr->", share, model.frame.effort))
    if model.state.shelter.size:
        built = float(np.einsum("g,gkr->", share, model.state.shelter))
    bills = sum(optimizer.bills[:, 0] for optimizer in model.optimizers)
    billed = dict(zip(SPENDING, bills, strict=True))
    assert spent * scenario.prices.effort == pytest.approx(billed["effort"], rel=1e-9, abs=1e-9)
    assert built * scenario.prices.capital <= billed["capital"] * (1.0 + 1e-9) + 1e-12


@every_method
def test_effort_of_each_is_within_bounds(data: Any, kind: str) -> None:
    scenario = data.draw(worlds(kind))
    u_max = data.draw(between(0.1, 2.0))
    model = AlignmentModel(with_changes(scenario, {"correction.u_max": u_max}))
    efforts: list[np.ndarray] = []

    def noting(act: Any) -> Any:
        def noted(frame: Frame) -> np.ndarray:
            efforts.append(act(frame).copy())
            return efforts[-1]

        return noted

    for optimizer in model.optimizers:
        optimizer.__dict__["act"] = noting(optimizer.act)
    for _ in range(N_STEPS):
        model.step()
    assert len(efforts) == N_STEPS * len(model.optimizers)
    assert min(e.min() for e in efforts) >= 0.0
    assert max(e.max() for e in efforts) <= u_max


@every_method
def test_nothing_happens_before_the_start(data: Any, kind: str) -> None:
    scenario = data.draw(worlds(kind))
    start = data.draw(st.integers(1, N_STEPS - 1))
    late = [scenario.optimizers[0].model_copy(update={"start": start})]
    model = AlignmentModel(scenario.model_copy(update={"optimizers": tuple(late)}))
    poor = [late[0].model_copy(update={"budget": 0.0, "start": 10 * N_STEPS})]
    without = AlignmentModel(scenario.model_copy(update={"optimizers": tuple(poor)}))
    for _ in range(start):
        model.step(), without.step()
        assert not model.frame.effort.any()
        assert not model.optimizers[0].bills.any()
    assert model.state.equals(without.state)


@every_method
def test_a_fork_replays_the_same_future(data: Any, kind: str) -> None:
    parent = AlignmentModel(data.draw(worlds(kind)), replicate=2)
    before = data.draw(st.integers(0, N_STEPS))
    for _ in range(before):
        parent.step()
    fork = parent.fork()
    for _ in range(N_STEPS - before):
        fork.step()
    for _ in range(N_STEPS - before):
        parent.step()
    assert fork.state.equals(parent.state)
    for mine, theirs in zip(fork.optimizers, parent.optimizers, strict=True):
        np.testing.assert_equal(arrays_of(mine), arrays_of(theirs))
    np.testing.assert_equal(fork.recorder.table(), parent.recorder.table())


@every_method
def test_a_batch_of_branches_equals_single_runs(data: Any, kind: str) -> None:
    scenario = data.draw(worlds(kind))
    model = AlignmentModel(scenario)
    population = model.frame.population
    states = some_states(model, seed=data.draw(st.integers(0, 99)))
    together = crowded(scenario, states, population)
    apart = [crowded(scenario, [state], population) for state in states]
    for _ in range(N_STEPS):
        for one in (together, *apart):
            advance(one.frame, 1)
        for r, alone in enumerate(apart):
            assert together.state.take([r]).equals(alone.state), f"branch {r}"
            np.testing.assert_array_equal(
                together.frame.effort[..., r], alone.frame.effort[..., 0], f"branch {r}"
            )
    for place, optimizer in enumerate(together.optimizers):
        for r, alone in enumerate(apart):
            bills = np.broadcast_to(optimizer.bills, (*optimizer.bills.shape[:1], len(apart)))
            np.testing.assert_array_equal(bills[:, r], alone.optimizers[place].bills[:, 0])


def forgetful(scenario: Scenario) -> Scenario:
    """Return a scenario in which nothing remembers: load is that of the stress of the step."""
    return with_changes(
        scenario,
        {
            "correction.decay": 1.0,
            "exposure.leak": 1.0,
            "exposure.cure": 0.0,
            "constraints.width": 0.0,
            "constraints.ratchet_share": 0.0,
            "constraints.damage": 0.0,
            "constraints.coupling": 0.0,
            "constraints.narrative_feed": 0.0,
            "constraints.spillover": {},
            "narrative.rule": "none",
            "narrative.push": 0.0,
            "narrative.heal": 0.0,
            "narrative.lock": 0.0,
            "trust.trust_gain": 0.0,
            "trust.trust_loss": 0.0,
            "turnover.rate": 0.0,
            "feedback.exit": 0.0,
            "shelter.depreciation": 1.0,
            "shelter.lead_time": 0,
        },
    )


PERSONAL = ("exposure", "constraint", "narrative", "lock_in", "trust", "correction")


@every_method
def test_corrections_are_reversible(data: Any, kind: str) -> None:
    """Withdrawn, the load is exactly what it would be had there never been any correction."""
    scenario = forgetful(data.draw(worlds(kind)))
    corrected = AlignmentModel(scenario)
    idle = tuple(o.model_copy(update={"start": 10 * N_STEPS}) for o in scenario.optimizers)
    free = AlignmentModel(scenario.model_copy(update={"optimizers": idle}))
    for _ in range(data.draw(st.integers(1, N_STEPS - 2))):
        corrected.step(), free.step()
    withdrawn = corrected.fork({"optimizers": []})
    for _ in range(2):
        withdrawn.step(), free.step()
    for name in PERSONAL:
        mine, theirs = getattr(withdrawn.state, name), getattr(free.state, name)
        np.testing.assert_array_equal(mine, theirs, name)


WORLD: Content = {
    "population": {"size": 20, "groups": {"a": 0.5, "b": 0.5}},
    "stressors": [{"kind": "constant", "level": 0.9}],
    "exposure": {"leak": 1.0},
    "time": {"steps": N_STEPS},
}


@pytest.mark.parametrize("kind", ["proportional", "rlhf", "infrastructure", "oracle"])
def test_what_is_withdrawn_was_there(kind: str) -> None:
    """The property above is not passed by doing nothing."""
    one = {"kind": kind, **SMALL.get(kind, {})}
    model = AlignmentModel(forgetful(resolved(WORLD | {"optimizers": [one]})))
    for _ in range(N_STEPS - 2):
        model.step()
    assert model.state.correction.any() or model.state.shelter.any()


def test_only_shelter_that_is_gone_is_reversible() -> None:
    """What infrastructure changed is state and stays: while it stands, stress is lower."""
    optimizers = {"optimizers": [{"kind": "infrastructure", **SMALL["infrastructure"]}]}
    scenario = with_changes(forgetful(resolved(WORLD | optimizers)), {"shelter.depreciation": 0.1})
    built, free = AlignmentModel(scenario), AlignmentModel(resolved(WORLD))
    for _ in range(N_STEPS):
        built.step(), free.step()
    withdrawn = built.fork({"optimizers": []})
    withdrawn.step(), free.step()
    assert (withdrawn.state.exposure < free.state.exposure).any()


class Watched:
    """Draws that note which streams were asked."""

    def __init__(self, draws: Draws) -> None:
        self.draws, self.asked = draws, set[str]()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.draws, name)
        if name not in ("uniforms", "normals"):
            return found

        def asked(stream: str, *args: Any, **kwargs: Any) -> Any:
            self.asked.add(stream)
            return found(stream, *args, **kwargs)

        return asked


def relabelled(model: AlignmentModel) -> AlignmentModel:
    """Return the model with the numbers of its two groups exchanged and everyone as they are."""
    twin = model.fork()
    population, environment = model.frame.population, model.frame.environment
    twin.frame.population = replace(
        population, group=1 - population.group, group_share=population.group_share[::-1].copy()
    )
    changes: Content = {
        "stress": environment.stress[:, ::-1].copy(),
        "turnover": environment.turnover[::-1].copy(),
    }
    if environment.deployment is not None:
        changes["deployment"] = environment.deployment[::-1].copy()
    twin.frame.environment = replace(environment, **changes)
    return twin


@every_method
def test_permuting_groups_permutes_results(data: Any, kind: str) -> None:
    """Limits: see the module."""
    if kind in SEARCHING:
        pytest.skip("a search that meets a tie keeps what it met first")
    scenario = data.draw(worlds(kind))
    alone = scenario.optimizers[0]
    if kind == "infrastructure":
        alone = alone.model_copy(update={"sample": 0})
    scenario = scenario.model_copy(update={"optimizers": (alone,), "stressors": ()})
    level = {"kind": "constant", "groups": ["a"], "level": data.draw(between(0.0, 0.6))}
    scenario = with_changes(scenario, {"stressors": [level]})
    model = AlignmentModel(scenario)
    twin = relabelled(model)
    model.frame.draws = watched = Watched(model.frame.draws)  # type: ignore[assignment]
    for _ in range(N_STEPS):
        advance(model.frame, 1)
        advance(twin.frame, 1)
        if watched.asked - DRAWN_BY_NATURE:
            return
        np.testing.assert_array_equal(twin.frame.effort, model.frame.effort[::-1])
    by_group = {"correction", "answers", "positives", "intensity", "shelter"}
    for column in fields(State):
        mine, theirs = getattr(model.state, column.name), getattr(twin.state, column.name)
        mine = mine[::-1] if column.name in by_group else mine
        np.testing.assert_array_equal(theirs, mine, column.name)


def test_some_methods_are_held_to_permutations_of_groups() -> None:
    """The property above is not passed by drawing alone."""
    for kind in ("proportional", "none"):
        model = AlignmentModel(resolved(WORLD | {"optimizers": [{"kind": kind}]}))
        model.frame.draws = watched = Watched(model.frame.draws)  # type: ignore[assignment]
        advance(model.frame, 4)
        assert watched.asked <= DRAWN_BY_NATURE, kind
