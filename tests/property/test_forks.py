"""Forks replay the same future, share every draw with it, and leave their parent alone."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sim.engine import advance
from sim.environment import Environment
from sim.model import AlignmentModel
from sim.population import Population
from sim.processes.stage import Frame
from sim.scenario.resolve import with_changes
from sim.state import State
from sim.streams import Draws
from tests.property.lineups import frame_of, random_state, some_population, weakening_plans
from tests.property.strategies import Content, between, cooperative, maybe, resolved, seeds, share


@st.composite
def watched(draw: st.DrawFn) -> Content:
    """A scenario with reports, and perhaps an optimizer that runs out of budget."""
    content = draw(cooperative(max_size=20))
    content["time"] = {"steps": 30}
    flips = st.fixed_dictionaries({"at_no_trust": maybe(between(0.0, 0.5))})
    content["feedback"] |= {"over_report": draw(flips), "under_report": draw(flips)}
    optimizer = {
        "kind": "proportional",
        "response": draw(between(0.0, 4.0)),
        "budget": draw(between(0.0, 10.0)),
        "start": draw(st.integers(0, 3)),
    }
    content["optimizers"] = draw(st.sampled_from([[optimizer], [optimizer] * 2, []]))
    content["record"] = {"every": draw(st.integers(1, 3))}
    return content


def run(model: AlignmentModel, n_steps: int) -> AlignmentModel:
    for _ in range(n_steps):
        model.step()
    return model


def assert_same(one: AlignmentModel, other: AlignmentModel) -> None:
    """Persons, optimizers, clocks and everything recorded, bit for bit."""
    assert one.state.equals(other.state)
    assert (one.clock, one.steps, one.running) == (other.clock, other.steps, other.running)
    for mine, theirs in zip(one.optimizers, other.optimizers, strict=True):
        np.testing.assert_equal(vars(mine)["spent"], vars(theirs)["spent"])
        np.testing.assert_equal(getattr(mine, "estimate", 0), getattr(theirs, "estimate", 0))
    np.testing.assert_equal(one.recorder.table(), other.recorder.table())
    np.testing.assert_equal(one.datacollector.model_vars, other.datacollector.model_vars)


def assert_same_persons(one: State, other: State) -> None:
    """Every column but the reports."""
    for column in fields(State):
        if column.name not in ("answers", "positives"):
            got, wanted = getattr(one, column.name), getattr(other, column.name)
            np.testing.assert_array_equal(got, wanted, column.name)


@given(watched(), st.integers(0, 10), st.integers(1, 20))
def test_a_fork_replays_the_same_future(content: Content, before: int, after: int) -> None:
    parent = run(AlignmentModel(resolved(content), replicate=3), before)
    fork = parent.fork()
    assert_same(fork, parent)
    assert_same(run(fork, after), run(parent, after))


@given(watched(), st.integers(1, 10), st.data())
def test_forking_changes_nothing_in_the_parent(
    content: Content, n_steps: int, data: st.DataObject
) -> None:
    scenario = resolved(content)
    alone, parent = AlignmentModel(scenario), AlignmentModel(scenario)
    for _ in range(n_steps):
        run(parent, 1)
        fork = parent.fork(data.draw(st.sampled_from([None, {"trust.trust_gain": 1.0}])))
        run(fork, data.draw(st.integers(0, 3)))
        fork.state.trust[...] = 0.5
        fork.recorder.rows.clear()
    assert_same(parent, run(alone, n_steps))


CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "trust.trust_gain": share,
        "trust.trust_loss": share,
        "constraints.coupling": between(0.0, 2.0),
        "constraints.narrative_feed": between(0.0, 2.0),
        "constraints.relax": st.sampled_from(["once", "until_stable", "adiabatic"]),
        "constraints.damage": between(0.0, 0.5),
        "correction.gain": between(0.0, 2.0),
        "narrative.rule": st.sampled_from(
            [
                "none",
                "degroot",
                "friedkin_johnsen",
                "hegselmann_krause",
                "deffuant",
                "biased_assimilation",
            ]
        ),
        "narrative.stubbornness": share,
        "feedback.response_base": between(-2.0, 2.0),
        "optimizers": st.just([]),
    },
)


@given(watched(), CHANGES, st.integers(0, 8))
def test_a_changed_fork_shares_every_draw(content: Content, changes: Content, before: int) -> None:
    """Nothing that is changed reaches exposure, so noise and newcomers show in it unmixed."""
    content["exposure"] |= {"noise": 0.5, "cure": 0.0}
    content["stressors"] = [{"kind": "constant", "level": 0.3}]
    content["turnover"] = {"rate": 0.2}
    parent = run(AlignmentModel(resolved(content)), before)
    fork = parent.fork(changes)
    mine, theirs = fork.frame.population, parent.frame.population
    assert mine.graph == theirs.graph
    for name in ("group", "vulnerability", "up", "down"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), name)
    for _ in range(10):
        run(fork, 1), run(parent, 1)
        np.testing.assert_array_equal(fork.state.exposure, parent.state.exposure)


@given(watched(), between(0.05, 1.0))
def test_other_noise_replaces_the_same_persons(content: Content, noise: float) -> None:
    content["exposure"] |= {"noise": 0.0, "cure": 0.0}
    for group in content["population"]["groups"].values():
        group["vulnerability"] = 1.0
    content["stressors"] = [{"kind": "constant", "level": 0.3}]
    content["turnover"] = {"rate": 0.3}
    parent = AlignmentModel(resolved(content))
    fork = parent.fork({"exposure.noise": noise})
    for _ in range(8):
        run(fork, 1), run(parent, 1)
        newcomers = (parent.state.exposure == 0.0).all(axis=0)
        np.testing.assert_array_equal((fork.state.exposure == 0.0).all(axis=0), newcomers)
        if not newcomers.all():
            assert not fork.state.equals(parent.state)


@given(watched(), st.integers(2, 5))
def test_watching_changes_nobody(content: Content, every: int) -> None:
    """Records may be rare, and reports unheard where no optimizer listens."""
    scenario = resolved(content)
    often = AlignmentModel(scenario)
    rarely = AlignmentModel(with_changes(scenario, {"record.every": every}))
    if not scenario.optimizers:
        rarely.frame.listening = False
    run(often, 12), run(rarely, 12)
    assert_same_persons(often.state, rarely.state)
    assert len(rarely.recorder.rows) == 12 // every


@settings(max_examples=2 * settings.default.max_examples)
@given(cooperative(max_size=20), st.data(), st.integers(2, 5))
def test_branches_are_single_runs(content: Content, data: st.DataObject, n: int) -> None:
    scenario = resolved(content)
    population: Population = some_population(data.draw, scenario)
    seed = data.draw(seeds)
    states = [random_state(population, seed=seed + r, scenario=scenario) for r in range(n)]
    plan = weakening_plans(population, seed=seed, n=n)
    environment = Environment.of(scenario, Draws(scenario.seed))

    def after_ten_steps(state: State, effort: np.ndarray) -> Frame:
        frame = frame_of(scenario, population, state=state, plan=effort, environment=environment)
        frame.listening = True
        advance(frame, 10)
        return frame

    together = after_ten_steps(State.stack(states), plan)
    for r, state in enumerate(states):
        alone = after_ten_steps(state, plan[..., r : r + 1])
        assert together.state.take([r]).equals(alone.state), f"branch {r} of {n}"
        assert together.prevalence()[r] == alone.prevalence()[0]


class RatchetsNeverRelease(RuleBasedStateMachine):
    """Whatever is done, a ratchet once active stays active, in the model and in its forks."""

    @initialize(content=cooperative(max_size=12))
    def begin(self, content: Content) -> None:
        content["turnover"] = {}
        content["constraints"]["ratchet_share"] = 0.5
        self.model = AlignmentModel(resolved(content))
        self.shadow = self.model.fork()
        self.ratchets = np.isneginf(self.model.frame.population.down)
        self.active = np.zeros_like(self.ratchets)

    def relays(self) -> np.ndarray:
        return self.model.state.constraint[:, :, 0].astype(bool)

    @rule(n_steps=st.integers(1, 6))
    def wait(self, n_steps: int) -> None:
        run(self.model, n_steps), run(self.shadow, n_steps)

    @rule(gain=between(0.0, 20.0), cure=share)
    def correct(self, gain: float, cure: float) -> None:
        """Give corrections another reach, in both futures."""
        changes = {"correction.gain": gain, "exposure.cure": cure}
        self.model, self.shadow = self.model.fork(changes), self.shadow.fork(changes)

    @rule(height=between(0.0, 20.0))
    def relieve(self, height: float) -> None:
        for model in (self.model, self.shadow):
            model.state.correction += height

    @rule(trust=share)
    def forgive(self, trust: float) -> None:
        """Take all exposure, displacement and lock-in away, by hand."""
        for model in (self.model, self.shadow):
            for name in ("exposure", "narrative", "lock_in"):
                getattr(model.state, name)[...] = 0.0
            model.state.trust[...] = trust

    @rule()
    def step_aside(self) -> None:
        """Go on in the fork and leave the parent behind."""
        self.model, self.shadow = self.shadow, self.model.fork()

    @invariant()
    def ratchets_never_release(self) -> None:
        self.active |= self.ratchets & self.relays()
        assert (self.relays() | ~self.active).all()

    @invariant()
    def fork_and_parent_agree(self) -> None:
        assert self.model.state.equals(self.shadow.state)


TestRatchetsNeverRelease = RatchetsNeverRelease.TestCase
TestRatchetsNeverRelease.settings = settings(
    max_examples=max(settings.default.max_examples // 4, 5), stateful_step_count=15
)
