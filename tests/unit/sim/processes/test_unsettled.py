from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim.environment import Environment
from sim.model import AlignmentModel
from sim.processes.unsettled import Unsettled, highest, is_random, may_fall, unsettling
from sim.properties import derive
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.streams import Draws, FloatArray

SEASONAL = {"kind": "seasonal", "mean": 0.2, "amplitude": 0.5, "period": 12, "peak": 3}
SHOCKS = {"kind": "shocks", "rate": 0.7, "size": {"kind": "lognormal", "sigma": 0.5}, "decay": 0.3}
DRIFT = {"kind": "ornstein_uhlenbeck", "mean": 5.0, "relaxation": 4.0, "sd": 0.5}
CONSTANT = {"kind": "constant", "level": 0.1}


def scenario_of(*stressors: dict[str, Any], **blocks: Any) -> Scenario:
    content = {"channels": ["a", "b"], "population": {"size": 20}, "stressors": list(stressors)}
    return full(Scenario.model_validate({**content, **blocks}))


def path_of(*stressors: dict[str, Any], n_steps: int, replicate: int = 0) -> FloatArray:
    """The levels on the first channel at the first steps."""
    scenario = scenario_of(*stressors)
    environment = Environment.of(scenario, Draws(scenario.seed, replicate))
    return np.array([environment.stress_at(t)[0, 0] for t in range(n_steps)])


def assumption(name: str, scenario: Scenario) -> bool:
    return next(a.guaranteed for a in derive(scenario) if a.name == name)


def test_a_season_peaks_where_it_says_and_is_never_negative() -> None:
    path = path_of(SEASONAL, n_steps=60)
    np.testing.assert_allclose(path[3::12], 0.7, rtol=1e-12)
    np.testing.assert_allclose(path[0::12], 0.2, atol=1e-12)
    assert (path[9::12] == 0.0).all()


def test_a_shock_fades_by_the_same_share_each_step() -> None:
    rare = SHOCKS | {"rate": 0.05, "size": 2.0}
    path = path_of(rare, n_steps=400)
    arrivals = path[1:] - 0.7 * path[:-1]
    counts = np.rint(arrivals / 2.0)
    np.testing.assert_allclose(arrivals, 2.0 * counts, atol=1e-12)
    assert 0 < counts.sum() < 60


def test_shocks_that_last_one_step_are_a_marked_poisson_process() -> None:
    """Chance of failure below 1e-4 for each of three statistics; the seed is fixed."""
    path = path_of({"kind": "shocks", "rate": 2.5, "size": 1.0}, n_steps=20_000)
    observed = np.bincount(path.astype(int), minlength=12)[:12]
    expected = stats.poisson(2.5).pmf(np.arange(12)) * path.size
    assert stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-4
    marked = path_of(
        {"kind": "shocks", "rate": 2.5, "size": {"kind": "uniform", "low": 0, "high": 2}},
        n_steps=20_000,
    )
    # A compound Poisson sum has mean rate · E[m] and variance rate · E[m²].
    assert abs(marked.mean() - 2.5) < 4.0 * np.sqrt(2.5 * 4 / 3 / marked.size)
    assert marked.var() == pytest.approx(2.5 * 4.0 / 3.0, rel=0.06)


def test_drift_has_the_moments_of_the_process_at_whole_steps() -> None:
    path = path_of(DRIFT | {"initial": 5.0}, n_steps=40_000) - 5.0
    assert abs(path.mean()) < 4.0 * 0.5 * np.sqrt(2.0 * 4.0 / path.size)
    assert path.std() == pytest.approx(0.5, rel=0.05)
    for lag in (1, 4, 8):
        correlation = np.corrcoef(path[:-lag], path[lag:])[0, 1]
        assert correlation == pytest.approx(np.exp(-lag / 4.0), abs=0.04)


def test_drift_without_chance_goes_straight_to_its_mean() -> None:
    path = path_of(DRIFT | {"sd": 0.0, "initial": 1.0}, n_steps=10)
    np.testing.assert_allclose(path, 5.0 - 4.0 * np.exp(-np.arange(10) / 4.0), rtol=1e-12)
    assert path_of(DRIFT, n_steps=1)[0] == 5.0


def test_what_is_clipped_is_the_level_and_not_the_process() -> None:
    """Below 0 the process goes on: it must take steps to come back."""
    path = path_of(DRIFT | {"mean": 1.0, "sd": 0.0, "initial": -3.0}, n_steps=12)
    np.testing.assert_allclose(path, np.maximum(0.0, 1.0 - 4.0 * np.exp(-np.arange(12) / 4.0)))
    assert (path[:5] == 0.0).all()


def test_several_add_up_each_with_draws_of_its_own() -> None:
    blocks = [CONSTANT, SEASONAL, SHOCKS, DRIFT, SHOCKS]
    together = path_of(*blocks, n_steps=50)
    silent = {"kind": "constant", "level": 0.0}

    def alone(place: int) -> FloatArray:
        return path_of(*[silent] * place, blocks[place], n_steps=50)

    apart = [alone(place) for place in range(5)]
    np.testing.assert_allclose(together, np.sum(apart, axis=0), rtol=1e-12)
    assert not np.array_equal(apart[2], apart[4])


def test_only_the_chosen_are_hit() -> None:
    groups = {"size": 20, "groups": {"x": 0.5, "y": 0.5}}
    block = SEASONAL | {"channel": "b", "groups": ["y"]}
    at = Environment.of(scenario_of(block, population=groups)).stress_at(3)
    np.testing.assert_allclose(at, [[0.0, 0.0], [0.0, 0.7]])


def test_the_path_is_the_replicates_and_does_not_depend_on_how_it_is_asked_for() -> None:
    scenario = scenario_of(SHOCKS, DRIFT, SEASONAL)

    def fresh(replicate: int = 0) -> Unsettled:
        return Unsettled(scenario, Draws(scenario.seed, replicate, "scenario"))

    forward = fresh()
    in_order = [forward.at(t) for t in range(300)]
    backward = fresh()
    for t in range(299, -1, -1):
        np.testing.assert_array_equal(backward.at(t), in_order[t])
    jumped = fresh()
    np.testing.assert_array_equal(jumped.at(9_000), forward.at(9_000))
    for t in range(300):
        np.testing.assert_array_equal(jumped.at(t), in_order[t])
        assert not np.array_equal(fresh(1).at(t), in_order[t])


def test_threads_that_ask_at_once_get_the_same_path() -> None:
    scenario = scenario_of(SHOCKS, DRIFT)
    alone = Unsettled(scenario, Draws(0))
    wanted = {t: alone.at(t) for t in range(2_000)}
    shared = Unsettled(scenario, Draws(0))
    steps = np.random.default_rng(1).permutation(2_000).tolist() * 2
    with ThreadPoolExecutor(8) as pool:
        for t, got in zip(steps, pool.map(shared.at, steps), strict=True):
            np.testing.assert_array_equal(got, wanted[t])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(shared)).at(2_500), alone.at(2_500))


def test_random_stress_needs_the_draws_of_a_replicate() -> None:
    with pytest.raises(ValueError, match="draws of a replicate"):
        Environment.of(scenario_of(SHOCKS))
    assert Environment.of(scenario_of(SEASONAL)).unsettled is not None
    assert Environment.of(scenario_of(CONSTANT)).unsettled is None


def test_models_meet_the_stress_of_their_replicate_and_forks_the_same() -> None:
    scenario = scenario_of(SHOCKS, DRIFT)
    model = AlignmentModel(scenario, replicate=3)
    for _ in range(5):
        model.step()
    fork = model.fork()
    other = AlignmentModel(scenario, replicate=4)
    for _ in range(80):
        model.step()
        fork.step()
        np.testing.assert_array_equal(fork.frame.stress, model.frame.stress)
        expected = Environment.of(scenario, Draws(scenario.seed, 3)).stress_at(model.clock - 1)
        np.testing.assert_array_equal(model.frame.stress, expected)
    other.step()
    assert not np.array_equal(
        other.frame.stress, Environment.of(scenario, Draws(scenario.seed, 3)).stress_at(0)
    )


FALLS: list[tuple[dict[str, Any], bool, float]] = [
    (SEASONAL, True, 0.7),
    (SEASONAL | {"amplitude": 0.0}, False, 0.2),
    (SEASONAL | {"mean": -0.6}, False, 0.0),
    (SHOCKS, True, np.inf),
    (SHOCKS | {"decay": 0.0}, False, np.inf),
    (SHOCKS | {"rate": 0.0}, False, 0.0),
    (DRIFT, True, np.inf),
    (DRIFT | {"sd": 0.0}, False, 5.0),
    (DRIFT | {"sd": 0.0, "initial": 7.0}, True, 7.0),
    (DRIFT | {"sd": 0.0, "initial": -7.0}, False, 5.0),
    (DRIFT | {"sd": 0.0, "mean": -2.0, "initial": -1.0}, False, 0.0),
]


@pytest.mark.parametrize(("block", "falls", "bound"), FALLS)
def test_what_may_fall_is_told_and_is_never_exceeded(
    block: dict[str, Any], falls: bool, bound: float
) -> None:
    scenario = scenario_of(block, time={"steps": 100}, restoration={"environment": "future"})
    (stressor,) = unsettling(scenario).values()
    assert may_fall(stressor) == falls
    assert highest(stressor) == pytest.approx(bound)
    path = path_of(block, n_steps=200)
    assert (path <= highest(stressor) + 1e-12).all()
    assert bool((np.diff(path) < 0.0).any()) == falls
    assert is_random(stressor) == (np.isinf(bound))
    for name in ("A2", "A4"):
        assert assumption(name, scenario) == (not falls)


def test_stress_may_fall_where_nothing_is_forgotten() -> None:
    assert assumption("A2", scenario_of(SHOCKS, exposure={"leak": 0.0}))
    assert not assumption("A2", scenario_of(SHOCKS | {"channel": "b"}))
    half = {"leak": {"a": 0.1, "b": 0.0}}
    assert assumption("A2", scenario_of(SHOCKS | {"channel": "b"}, exposure=half))
