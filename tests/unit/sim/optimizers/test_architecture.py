from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.optimizers.architecture import dictionary, mixing_of, reach
from sim.optimizers.policy import Policy
from sim.processes.correction import STAGE
from sim.scenario.problems import ScenarioError
from sim.scenario.resolve import with_changes
from sim.scenario.schema import Scenario
from sim.scenario.schema.optimizers import Emergence
from sim.streams import Draws

CHANNELS = ["rent", "work", "health"]
OWN = {"mesa_objective": {"weight": 0.5, "toward": "flatter"}}


def model(architecture: dict[str, Any], *, n: int = 1, **blocks: Any) -> AlignmentModel:
    spec = {"kind": "rlhf", "labels": 10, "architecture": architecture}
    content = {
        "time": {"steps": 12},
        "channels": CHANNELS,
        "population": {"size": 40, "groups": {"a": 0.25, "b": 0.75}},
        "network": {"kind": "ring"},
        "stressors": [{"kind": "constant", "level": 0.3}],
        "optimizers": [spec | blocks.pop("spec", {}) for _ in range(n)],
        **blocks,
    }
    return AlignmentModel(Scenario.model_validate(content))


def policy(m: AlignmentModel, estimate: Any = (1.0, 2.0, 0.5, 0.0, 0.0)) -> Policy:
    """The first optimizer of a model, once it has started, with an estimate given by hand."""
    (first, *_) = m.optimizers
    assert isinstance(first, Policy)
    first.sense(m.frame)
    first.reference[...] = 0.0
    first.estimate[...] = np.array(estimate)[:, None]
    return first


def path(m: AlignmentModel) -> list[bytes]:
    """Everything that optimizers do in a run, bit for bit."""
    done = []
    while m.running:
        m.step()
        done.append(m.frame.effort.tobytes() + m.optimizers[0].bills.tobytes())
    return done


NOTHING: list[dict[str, Any]] = [
    {"superposition": 3},
    {"superposition": 50},
    {"opacity": 0.7},
    {"mesa_objective": {"weight": 0.0}},
    {"emergence": {"scale": 1e9, "steepness": 1000.0}},
    {"reliability": {}},
]


@pytest.mark.parametrize("architecture", NOTHING, ids=[next(iter(a)) for a in NOTHING])
def test_an_architecture_that_does_nothing_changes_no_bit(architecture: dict[str, Any]) -> None:
    assert path(model(architecture)) == path(model({}))


SOMETHING: list[dict[str, Any]] = [
    {"superposition": 2},
    {"mesa_objective": {"weight": 0.5}},
    {"emergence": {"scale": 0.5}},
    {"reliability": {"failure": 0.5}},
    {"reliability": {"noise": 0.5}},
]


@pytest.mark.parametrize("architecture", SOMETHING)
def test_an_architecture_that_does_something_changes_a_run(architecture: dict[str, Any]) -> None:
    assert path(model(architecture)) != path(model({}))


def test_a_dictionary_has_unit_vectors_that_interfere_as_random_ones_do() -> None:
    packed = dictionary(400, 20, Draws(5, 0, "setup"))
    assert packed.shape == (20, 400)
    np.testing.assert_allclose((packed**2).sum(axis=0), 1.0)
    gram = packed.T @ packed
    beside = gram[~np.eye(400, dtype=bool)]
    # The cosine of two random directions in m dimensions has mean 0 and variance 1/m.
    assert np.mean(beside**2) == pytest.approx(1 / 20, rel=0.05)
    assert abs(np.mean(beside)) < 0.01
    mixing = mixing_of(400, 20, Draws(5, 0, "setup"))[..., 0]
    np.testing.assert_allclose(mixing, gram, atol=1e-12)
    assert (np.diag(mixing) == 1.0).all()
    assert np.linalg.matrix_rank(mixing) == 20
    for n_dims in (400, 401, None):
        assert np.array_equal(mixing_of(400, n_dims, Draws(5))[..., 0], np.eye(400))


def test_a_dictionary_is_as_fixed_as_persons_are_and_each_system_has_its_own() -> None:
    scenario = model({"superposition": 2}, n=2).resolved
    first, second = (o.mixing for o in AlignmentModel(scenario).optimizers)
    assert not np.allclose(first, second)
    again = AlignmentModel(scenario, replicate=1).optimizers[0].mixing
    assert np.array_equal(first, again)
    redrawn = with_changes(scenario, {"population.resample": "population"})
    assert not np.allclose(AlignmentModel(redrawn, replicate=1).optimizers[0].mixing, first)


def test_two_systems_fail_apart_and_want_different_things() -> None:
    build = {"superposition": 2, "mesa_objective": {"weight": 0.1}, "reliability": {"failure": 0.5}}
    m = model(build, n=2, spec={"budget": 1e8})
    one, other = (o for o in m.optimizers if isinstance(o, Policy))
    assert abs(one.aim[:, 0] @ other.aim[:, 0]) < 0.999
    draws = Draws(m.resolved.seed, 0, "setup")
    for p in (one, other):  # its own objective is no vector of its dictionary either
        vectors = dictionary(3, 2, draws, first=p.first)
        beginning = p.aim[:2, 0] / np.linalg.norm(p.aim[:2, 0])
        assert (np.abs(beginning @ vectors) < 1.0 - 1e-9).all()
    failed = []
    for step in range(40):
        m.frame.step = step
        m.state.answers[...] = 4
        efforts = []
        for p in (one, other):
            p.sense(m.frame)
            p.estimate[...] = 1.0
            efforts.append(p.act(m.frame).any(axis=(1, 2)).tolist())
        failed.append(efforts)
    assert any(first != second for first, second in failed)


def test_effort_leaks_through_the_dictionary_and_stays_within_bounds() -> None:
    m = model({"superposition": 2}, correction={"u_max": 1.5}, spec={"kl_price": 1.0})
    p = policy(m)
    meant = np.array([1.0, 1.5, 0.5])  # 2 is more than u_max
    signs = set()
    for gram in (p.mixing[..., 0], np.array([[1, -0.9, 0], [-0.9, 1, 0.8], [0, 0.8, 1]])):
        p.mixing = gram[..., None].copy()
        effort = p.act(m.frame)[..., 0]
        expected = np.clip(gram @ meant, 0.0, 1.5)
        np.testing.assert_allclose(effort, np.array([expected, expected]))
        share = np.abs(expected - meant).sum() / meant.sum()
        np.testing.assert_allclose(p.interference[:, 0], share)
        signs |= set(np.sign(gram @ meant - meant))
    assert {-1.0, 1.0} <= signs  # both helped and hindered
    p.mixing[...] = np.eye(3)[..., None]  # as an audit would undo it
    assert p.act(m.frame)[0, :, 0].tolist() == meant.tolist()
    assert not p.interference.any()


def test_interference_is_recorded_and_nothing_where_there_is_no_effort() -> None:
    m = model({"superposition": 2}, spec={"start": 2})
    m.step()
    assert np.isnan(m.recorder.last("interference[rlhf]"))
    for _ in range(3):
        m.step()
    (p,) = m.optimizers
    by_group = p.interference[:, 0]
    assert m.recorder.last("interference[rlhf]") == pytest.approx(by_group @ [0.25, 0.75])
    p.interference = np.array([[np.nan], [0.5]])
    m.recorder(m.frame)
    assert m.recorder.last("interference[rlhf]") == 0.5
    plain = model({})
    plain.step()
    assert plain.recorder.last("interference[rlhf]") == 0.0


def test_an_objective_of_its_own_turns_the_policy_but_moves_it_no_farther() -> None:
    plain, m = model({}), model(OWN)
    honest, mesa = policy(plain), policy(m)
    honest.act(plain.frame)
    mesa.act(m.frame)
    np.testing.assert_allclose(mesa.strength, honest.strength)
    unit = np.array([1.0, 2.0, 0.5, 0.0, 0.0]) / np.sqrt(5.25)
    blend = 0.5 * unit + 0.5 * np.array([0.0, 0.0, 0.0, 1.0, 0.0])
    blend *= honest.strength[0, 0] * np.sqrt(2.0) / np.linalg.norm(blend)
    np.testing.assert_allclose(mesa.mean[..., 0], [blend, blend])
    nothing = policy(m, estimate=[0.0] * 5)
    nothing.act(m.frame)
    assert not nothing.mean.any()


def test_a_whole_objective_of_its_own_points_at_nothing_else() -> None:
    for toward in (None, "work", "refuse"):
        m = model({"mesa_objective": {"weight": 1.0} | ({"toward": toward} if toward else {})})
        p = policy(m)
        p.act(m.frame)
        moved = p.mean[0, :, 0] / np.linalg.norm(p.mean[0, :, 0])
        np.testing.assert_allclose(moved, p.aim[:, 0])
        assert np.linalg.norm(p.aim) == pytest.approx(1.0)
        if toward:
            assert p.aim[[*CHANNELS, "flatter", "refuse"].index(toward), 0] == 1.0


def test_it_is_hidden_exactly_while_it_believes_itself_audited() -> None:
    plain, m = model({}), model(OWN)
    honest, mesa = policy(plain), policy(m)
    mesa.audited[0] = True
    expected, found = honest.act(plain.frame), mesa.act(m.frame)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(mesa.mean[0], honest.mean[0])
    assert not np.allclose(mesa.mean[1], honest.mean[1])
    mesa.sense(m.frame)
    assert not mesa.audited.any()


def test_an_overseer_finds_it_honest_in_a_run() -> None:
    def audited(frame: Any, others: Any) -> None:
        others[0].audited[...] = True

    faking, honest = model(OWN), model({})
    faking.optimizers[0].oversee = audited  # type: ignore[method-assign]
    assert path(faking) == path(honest)


def test_throttles_are_obeyed_with_probability_one_less_weight() -> None:
    m = model({"mesa_objective": {"weight": 0.3, "toward": "rent"}})
    p, moved, n = policy(m), 0, 600
    for step in range(n):
        m.frame.step = step
        p.throttle[...] = 0.0
        p.act(m.frame)
        moved += int((p.strength > 0.0).sum())
    spread = np.sqrt(0.3 * 0.7 / (2 * n))
    assert abs(moved / (2 * n) - 0.3) < 4.5 * spread
    for step in range(50):
        m.frame.step = step
        p.throttle[...], p.audited[...] = 0.0, True
        p.act(m.frame)
        assert not p.strength.any()


def test_without_an_objective_of_its_own_every_throttle_is_obeyed() -> None:
    m = model({"superposition": 2})
    p = policy(m)
    p.act(m.frame)
    whole = p.strength.copy()
    p.throttle[:, 0] = 0.0, 0.25
    p.act(m.frame)
    np.testing.assert_allclose(p.strength[:, 0], [0.0, 0.25 * whole[1, 0]])


def test_reach_is_a_logistic_of_log_scale() -> None:
    e = Emergence(scale=2.0, midpoint=8.0, growth=np.log(2.0), steepness=3.0)
    found = [reach(e, step) for step in range(5)]
    np.testing.assert_allclose(found, [1 / (1 + (8 / (2 * 2.0**t)) ** 3) for t in range(5)])
    assert found[2] == pytest.approx(0.5)
    abrupt = e.model_copy(update={"steepness": 200.0})
    assert [round(reach(abrupt, step), 6) for step in range(5)] == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_emergence_bounds_strength_and_loosens_no_cap() -> None:
    m = model({"emergence": {"scale": 1.0, "midpoint": 3.0}}, spec={"kl_price": 1e-6})
    p = policy(m)
    p.act(m.frame)
    np.testing.assert_allclose(p.strength, 3.0 * 0.25)
    p.cap[:, 0] = 0.1, 2.9
    p.act(m.frame)
    np.testing.assert_allclose(p.strength[:, 0], [0.1, 0.75])


def test_effort_fails_as_often_as_it_is_said_to_and_is_not_billed() -> None:
    m = model({"reliability": {"failure": 0.2}}, spec={"budget": 1e8})
    p, failed, n = policy(m), 0, 600
    for step in range(n):
        m.frame.step, before = step, p.bills[0, 0]
        effort = p.act(m.frame)[..., 0]
        whole = np.array([1.0, 2.0, 0.5]) * np.sqrt(2.0) * p.strength / np.sqrt(5.25)
        fails = ~effort.any(axis=1)
        np.testing.assert_allclose(effort, np.where(fails[:, None], 0.0, whole))
        bill = np.dot([0.25, 0.75], effort.sum(axis=1))
        assert p.bills[0, 0] - before == pytest.approx(bill)
        failed += int(fails.sum())
    assert abs(failed / (2 * n) - 0.2) < 4.5 * np.sqrt(0.2 * 0.8 / (2 * n))


def test_noise_of_the_actuator_has_mean_one_and_respects_u_max() -> None:
    rich = {"kl_price": 1.0, "budget": 1e8}
    m = model({"reliability": {"noise": 0.4}}, spec=rich, correction={"u_max": 1e6})
    p, factors = policy(m), []
    for step in range(1500):
        m.frame.step = step
        effort = p.act(m.frame)[..., 0]
        np.testing.assert_allclose(effort / effort[:, :1], [[1.0, 2.0, 0.5]] * 2)
        factors += effort[:, 0].tolist()
    logs = np.log(factors)
    assert np.std(logs) == pytest.approx(0.4, rel=0.08)
    assert np.mean(factors) == pytest.approx(1.0, abs=4.5 * 0.42 / np.sqrt(3000))
    tight = model({"reliability": {"noise": 2.0}}, correction={"u_max": 0.7})
    q = policy(tight)
    for step in range(100):
        tight.frame.step = step
        assert q.act(tight.frame).max() <= 0.7


EVERYTHING: dict[str, Any] = {
    "superposition": 2,
    "opacity": 0.3,
    "mesa_objective": {"weight": 0.4},
    "emergence": {"scale": 0.2, "growth": 0.3, "steepness": 4.0},
    "reliability": {"failure": 0.2, "noise": 0.3},
}


def test_a_branch_in_a_batch_is_that_branch_alone() -> None:
    m = model(EVERYTHING)
    for _ in range(4):
        m.step()
    alone, batch = m.fork(), m.fork()
    batch.frame.state = m.state.take([0, 0, 0])
    batch.frame.effort = np.zeros((2, 3, 3))
    (one,), (many,) = alone.optimizers, batch.optimizers
    many.widen(3)
    STAGE.run(alone.frame)
    many.sense(batch.frame)
    many.throttle[:, 1], many.audited[:, 2] = 0.0, True
    effort = many.act(batch.frame)
    assert np.array_equal(effort[..., 0], alone.frame.effort[..., 0])
    assert np.array_equal(many.interference[:, 0], one.interference[:, 0], equal_nan=True)
    assert not np.array_equal(effort[..., 1], effort[..., 0])
    assert not np.array_equal(effort[..., 2], effort[..., 0])


def test_a_fork_goes_on_as_the_run_does_and_shares_nothing() -> None:
    m = model(EVERYTHING)
    for _ in range(4):
        m.step()
    fork, other = m.fork(), m.fork()
    other.optimizers[0].mixing[...] = 0.0
    assert path(fork) == path(m)


@pytest.mark.parametrize("budget", [0.0, 2.0, 1000.0])
def test_everything_at_once_stays_within_budget_with_an_empty_group_and_a_start(
    budget: float,
) -> None:
    groups = {"a": 0.0, "b": 1.0}
    population = {"size": 40, "groups": groups}
    m = model(EVERYTHING, spec={"budget": budget, "start": 3}, population=population)
    while m.running:
        early = m.clock < 3
        m.step()
        assert np.isfinite(m.frame.effort).all()
        assert m.frame.effort.min() >= 0.0
        assert not (early and m.frame.effort.any())
        assert m.optimizers[0].spent[0] <= budget
    assert (budget == 0.0) == (m.recorder.spent == 0.0)
    assert m.optimizers[0].opacity == 0.3
    assert model({}).optimizers[0].opacity == 0.0


def test_bad_values_are_refused() -> None:
    m = model({})
    for path_, value in [
        ("superposition", 0),
        ("opacity", 1.5),
        ("mesa_objective", {"weight": -0.1}),
        ("mesa_objective", {"weight": 0.5, "toward": "nobody"}),
        ("emergence", {"scale": 0.0}),
        ("reliability", {"failure": 2.0}),
    ]:
        with pytest.raises(ScenarioError):
            with_changes(m.resolved, {f"optimizers.0.architecture.{path_}": value})
