"""The engine against the oracle: two writings of one specification must not differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings

from sim import spans
from sim.engine import advance
from sim.environment import Environment
from sim.processes.stage import Frame
from sim.scenario.resolve import full, with_changes
from sim.scenario.schema import Scenario
from sim.spans import threads_limited
from sim.streams import Draws
from tests.reference.oracle import ReferenceModel
from tests.reference.scenarios import Dice, random_stressor
from tests.reference.surroundings import chance_of, stress_level
from tests.reference.worlds import random_world

# A world costs as much as many small examples: 20, 40 and 200 by profile.
TRIES = max(20, settings.default.max_examples // 5)


ONCE = {"constraints.relax": "once"}


def each_of(n_seeds: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("seed", range(n_seeds))


def close(got: object, wanted: object, *, tolerance: float, what: str) -> None:
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance, err_msg=what)


def compare(frame: Frame, oracle: ReferenceModel, *, tolerance: float = 1e-12) -> None:
    """Relays, answers and counts exactly; everything else within the tolerance."""
    state, persons = frame.state, oracle.persons
    relays = oracle.relays()
    np.testing.assert_array_equal(state.constraint[:, :, 0], relays, "L")
    if frame.listening:
        np.testing.assert_array_equal(state.answers[:, :, 0], oracle.answers, "answers")
        np.testing.assert_array_equal(state.positives[:, :, 0], oracle.positives, "positives")
        np.testing.assert_array_equal(frame.reports[..., :2, 0], oracle.said, "reports")
        asked = frame.reports[..., 0].sum(axis=-1)
        np.testing.assert_array_equal(asked, oracle.asked, "asked")
    if state.exited.size:
        gone = [person.exited for person in persons]
        np.testing.assert_array_equal(state.exited[:, 0], gone, "exited")
    np.testing.assert_array_equal(frame.changes[:, 0], oracle.changes, "changes")
    events = [(0, *event) for event in oracle.avalanches]
    wanted = np.array(events, dtype=frame.avalanches.dtype)
    for name in ("branch", "direction", "size"):
        np.testing.assert_array_equal(frame.avalanches[name], wanted[name], name)
    close(frame.avalanches["at"], wanted["at"], tolerance=1e-7, what="at")
    active = [relays[:, frame.population.group == g].sum(axis=1) for g in oracle.groups]
    np.testing.assert_array_equal(frame.active[:, :, 0], active, "active")
    exposure = [person.exposure for person in persons]
    close(state.exposure[:, :, 0].T, exposure, tolerance=tolerance, what="E")
    for name in ("narrative", "lock_in", "trust"):
        column = [getattr(person, name) for person in persons]
        close(getattr(state, name)[:, 0], column, tolerance=tolerance, what=name)
    if state.wear.size > 0:
        wear = [person.wear for person in persons]
        close(state.wear[:, :, 0].T, wear, tolerance=tolerance, what="wear")
    close(state.correction[:, :, 0], oracle.correction, tolerance=tolerance, what="a")
    stress = frame.stress if frame.stress.ndim == 2 else frame.stress[..., 0]
    close(stress, oracle.stress, tolerance=tolerance, what="e")
    burden = [person.burden() for person in persons]
    close(frame.burden[:, 0], burden, tolerance=tolerance, what="c")
    close(frame.prevalence()[0], oracle.prevalence(), tolerance=tolerance, what="P")


@each_of(5 * TRIES)
def test_every_step_from_a_common_state(seed: int) -> None:
    world = random_world(seed)
    frame, oracle = world.frame(world.states[0]), world.oracle()
    for _ in range(6):
        oracle.adopt(frame.state)
        oracle.step()
        advance(frame, 1)
        compare(frame, oracle)


@each_of(2 * TRIES)
def test_long_run_without_touching(seed: int) -> None:
    world = random_world(10_000 + seed)
    frame, oracle = world.frame(world.states[0]), world.oracle()
    oracle.adopt(frame.state)
    for _ in range(50):
        oracle.step()
        advance(frame, 1)
    compare(frame, oracle, tolerance=1e-10)


@each_of(max(4, TRIES // 10))
def test_more_persons_than_go_through_a_kernel_at_once(seed: int) -> None:
    """Kernels work on some 4,000 persons at a time, which must not be seen."""
    world = random_world(5_000 * (seed + 1) - 40 * seed - 1, max_size=5_000)
    assert world.population.n_persons > 4096
    if world.scenario.constraints.relax == "adiabatic":
        # Thousands of avalanches in each of which the oracle goes through everyone.
        world = replace(world, scenario=full(with_changes(world.scenario, ONCE)))
    frame, oracle = world.frame(world.states[0]), world.oracle()
    oracle.adopt(frame.state)
    for _ in range(2):
        advance(frame, 1)
        oracle.step()
        compare(frame, oracle)


@each_of(2 * TRIES)
def test_threads_change_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    n_branches = 1 + 2 * (seed % 2)
    world = random_world(50_000 + seed, n_states=n_branches)

    def after(n_threads: int) -> Frame:
        state = world.states[0].stack(world.states)
        frame = world.frame(state, controllers=world.controllers(slice(None)))
        with threads_limited(n_threads):
            advance(frame, 8)
        return frame

    whole = after(1)
    monkeypatch.setattr(spans, "MANY", 1)
    monkeypatch.setattr(spans, "_ROW_GROUP", 1)
    shared = after(2 + seed % 4)
    assert shared.state.equals(whole.state)
    for name in ("effort", "burden", "active", "changes", "reports", "reach"):
        np.testing.assert_array_equal(getattr(shared, name), getattr(whole, name), name)


@each_of(2 * TRIES)
def test_branches_are_separate_runs_bit_for_bit(seed: int) -> None:
    n_branches = 300 if seed % 4 == 0 else 5  # many branches leave room for few persons in a tile
    world = random_world(20_000 + seed, n_states=n_branches)
    together = world.frame(
        world.states[0].stack(world.states), controllers=world.controllers(slice(None))
    )
    advance(together, 12)
    for r, state in list(enumerate(world.states))[:: max(n_branches // 5, 1)]:
        alone = world.frame(state, controllers=world.controllers(slice(r, r + 1)))
        advance(alone, 12)
        assert alone.state.equals(together.state.take([r]))
        assert alone.prevalence()[0] == together.prevalence()[r]
        for name in ("effort", "burden", "active", "changes", "reports"):
            np.testing.assert_array_equal(
                getattr(alone, name)[..., 0], getattr(together, name)[..., r], name
            )
        mine = together.avalanches[together.avalanches["branch"] == r]
        for name in ("direction", "size", "at"):
            np.testing.assert_array_equal(alone.avalanches[name], mine[name], name)


@each_of(TRIES)
def test_a_run_cut_in_two_is_one_run(seed: int) -> None:
    world = random_world(30_000 + seed)
    whole = world.frame(world.states[0].copy())
    advance(whole, 12)
    first = world.frame(world.states[0])
    seen: list[int] = []
    advance(first, 5, observe=lambda frame: seen.append(frame.step))
    second = world.frame(first.state.copy())
    second.step = first.step
    advance(first, 7)
    advance(second, 7)
    assert seen == list(range(world.start, world.start + 5))
    assert first.step == second.step == whole.step == world.start + 12
    assert first.state.equals(whole.state)
    assert second.state.equals(whole.state)


@each_of(TRIES)
def test_listening_changes_nothing_but_the_counts(seed: int) -> None:
    world = random_world(40_000 + seed)
    after = []
    for listening in (True, False):
        frame = world.frame(world.states[0].copy(), controllers=world.controllers()[:1])
        frame.controllers = [] if world.reacts else frame.controllers
        frame.listening = listening
        advance(frame, 6)
        frame.state.answers[...] = frame.state.positives[...] = 0
        after.append(frame.state)
    assert after[0].equals(after[1])


@each_of(TRIES)
def test_levels_of_stressors(seed: int) -> None:
    dice = Dice(seed)
    blocks = [random_stressor(dice, ["one"], ["all"]) for _ in range(3)]
    time = {"steps": dice.randint(2, 60)}
    scenario = full(
        Scenario.model_validate(
            {"channels": ["one"], "population": {"groups": {"all": 1.0}}, "time": time}
            | {"stressors": blocks, "restoration": {"delays": [0, 1]}}
        )
    )
    environment = Environment.of(scenario, Draws(scenario.seed, seed))
    chance = chance_of(scenario.seed, seed)
    stepwise = any(s.kind in ("shocks", "ornstein_uhlenbeck") for s in scenario.stressors)
    far = [] if stepwise else [100_000]
    for step in (*range(120), *far):
        wanted = sum(
            stress_level(stressor, step, item=item, chance=chance)
            for item, stressor in enumerate(scenario.stressors)
        )
        assert environment.stress_at(step)[0, 0] == pytest.approx(wanted, rel=1e-10, abs=1e-10)


def test_random_worlds_exercise_every_mechanism() -> None:
    happened: set[str] = set()
    for seed in range(60):
        world = random_world(seed)
        oracle, state = world.oracle(), world.states[0]
        oracle.adopt(state)
        before = [(p.narrative, p.lock_in, p.trust) for p in oracle.persons]
        oracle.step()
        on, off = oracle.changes
        graph = world.population.graph
        moved = np.array([(p.narrative, p.lock_in, p.trust) for p in oracle.persons]) - before
        correction = np.array(oracle.correction)
        answers, positives = np.sum(oracle.answers), np.sum(oracle.positives)
        newcomers = [p for p in oracle.persons if max(p.exposure) == 0.0 == p.narrative]
        facts = {
            "switched on": on > 0,
            "switched off": off > 0,
            "avalanche": oracle.n_sweeps > 3,
            "avalanche on the way": any(0.0 < at < 1.0 for _, _, at in oracle.avalanches),
            "avalanche of several": any(size > 2 for _, size, at in oracle.avalanches if at < 1.0),
            "wear": any(max(p.wear) > 0.0 for p in oracle.persons),
            "correction": bool(correction.any()),
            "lingering correction": bool(correction.any()) and not world.plans,
            "complete": graph.complete,
            "weighted": graph.weights is not None,
            "negative influence": graph.weights is not None and bool((graph.weights < 0).any()),
            "isolated": not graph.complete and bool((graph.degrees() == 1).any()),
            "answers": 0 < positives < answers,
            "gone for good": any(p.exited for p in oracle.persons),
            "newcomers": bool(newcomers) and world.scenario.turnover.happens,
            "ratchet": bool(np.isinf(world.population.down).any()),
            **{
                f"{name} {way}": bool((sign * moved[:, column] > 0.0).any())
                for column, name in enumerate(("n", "lock-in", "T"))
                for way, sign in (("up", 1.0), ("down", -1.0))
            },
        }
        happened |= {name for name, true in facts.items() if true}
    assert happened == set(facts)
