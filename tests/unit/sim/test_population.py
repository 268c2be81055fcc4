from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim.distributions import quantiles
from sim.network import Graph
from sim.population import MAX_CHANNELS, Population, setup_draws
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import Constant, Lognormal, Normal, Uniform, Values
from sim.state import State
from sim.streams import STREAMS, Draws

U = np.linspace(0.001, 0.999, 999)


def scenario(**blocks: Any) -> Scenario:
    content = {"channels": ["rent", "work"], "network": {"kind": "ring"}, **blocks}
    return full(Scenario.model_validate(content))


def drawn(s: Scenario, replicate: int = 0) -> tuple[Population, State]:
    draws = Draws(s.seed, replicate, "scenario")
    population = Population.draw(s, draws)
    return population, State.initial(s, population, draws)


@pytest.mark.parametrize(
    ("distribution", "reference"),
    [
        (Uniform(kind="uniform", low=-1.0, high=3.0), stats.uniform(-1.0, 4.0)),
        (Normal(kind="normal", mean=2.0, sd=0.5), stats.norm(2.0, 0.5)),
        (Lognormal(kind="lognormal", median=2.0, sigma=0.5), stats.lognorm(0.5, scale=2.0)),
    ],
)
def test_quantiles_are_those_of_the_distribution(distribution: Any, reference: Any) -> None:
    np.testing.assert_allclose(quantiles(distribution, U), reference.ppf(U), rtol=1e-12)


def test_degenerate_distributions_are_constants() -> None:
    for distribution in (
        Constant(value=1.5),
        Uniform(kind="uniform", low=1.5, high=1.5),
        Normal(kind="normal", mean=1.5, sd=0.0),
        Lognormal(kind="lognormal", median=1.5, sigma=0.0),
    ):
        assert (quantiles(distribution, U) == 1.5).all()


def test_a_list_of_values_must_fit() -> None:
    values = Values(kind="values", values=(3.0, 1.0, 2.0))
    assert quantiles(values, U[:3]).tolist() == [3.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="3 values for 4 persons"):
        quantiles(values, U[:4])


@pytest.mark.parametrize(
    ("shares", "size", "expected"),
    [
        ([0.5, 0.5], 7, [4, 3]),
        ([0.47, 0.16, 0.37], 10, [5, 1, 4]),
        ([1 / 3, 1 / 3, 1 / 3], 10, [4, 3, 3]),
        ([1.0, 0.0], 3, [3, 0]),
        ([0.7, 0.3], 1, [1, 0]),
        ([0.1] * 10, 10, [1] * 10),
        ([0.7, 0.2, 0.1], 10, [7, 2, 1]),
    ],
)
def test_groups_are_sized_by_largest_remainder(
    shares: list[float], size: int, expected: list[int]
) -> None:
    groups = {f"g{i}": share for i, share in enumerate(shares)}
    s = scenario(population={"size": size, "groups": groups}, network={"kind": "star"})
    population, _ = drawn(s)
    assert np.bincount(population.group, minlength=len(shares)).tolist() == expected
    assert population.group_share.tolist() == pytest.approx([n / size for n in expected])


def test_groups_stand_together_unless_they_are_shuffled() -> None:
    groups = {"a": 0.25, "b": 0.75}
    tidy, _ = drawn(scenario(population={"size": 400, "groups": groups}))
    assert tidy.group.tolist() == [0] * 100 + [1] * 300
    blocks = {"size": 400, "groups": groups, "arrangement": "shuffled"}
    mixed, _ = drawn(scenario(population=blocks))
    assert sorted(mixed.group.tolist()) == tidy.group.tolist()
    assert 5 <= np.sum(mixed.group[:100] == 0) <= 50  # 25 expected, of 100 drawn
    again, _ = drawn(scenario(population=blocks))
    other, _ = drawn(scenario(population=blocks, seed=1))
    assert np.array_equal(mixed.group, again.group)
    assert not np.array_equal(mixed.group, other.group)


def test_each_group_has_thresholds_and_vulnerability_of_its_own() -> None:
    s = scenario(
        population={
            "size": 6,
            "groups": {
                "a": {"share": 0.5, "vulnerability": {"work": 3.0}, "activation": 2.0},
                "b": {"share": 0.5, "vulnerability": -1.0, "activation": {"rent": [7, 8, 9]}},
            },
        },
        constraints={"activation": {"rent": 5.0, "work": 6.0}, "width": {"rent": 0.5}},
    )
    population, _ = drawn(s)
    assert population.up.tolist() == [[2, 2, 2, 7, 8, 9], [2, 2, 2, 6, 6, 6]]
    assert population.vulnerability.tolist() == [[1, 1, 1, 0, 0, 0], [3, 3, 3, 0, 0, 0]]
    width = population.up - population.down
    np.testing.assert_allclose(width, [[0.5] * 6, [0.6] * 6])


def test_a_negative_width_is_none() -> None:
    population, _ = drawn(scenario(constraints={"width": {"kind": "normal", "mean": 0, "sd": 1}}))
    assert (population.down <= population.up).all()
    assert 0.4 < np.mean(population.down == population.up) < 0.6


def test_ratchets_never_release_and_are_as_many_as_asked() -> None:
    constraints = {"ratchet_share": {"rent": 0.3, "work": 0.0}}
    population, _ = drawn(scenario(constraints=constraints))
    ratchets = np.isneginf(population.down)
    assert ratchets[0].mean() == pytest.approx(0.3, abs=0.02)  # 10,000 persons
    assert not ratchets[1].any()
    more, _ = drawn(scenario(constraints={"ratchet_share": 0.5}))
    # Draws are shared: whoever is a ratchet at a smaller share is one at a larger.
    assert (np.isneginf(more.down) >= ratchets).all()
    everyone, _ = drawn(scenario(constraints={"ratchet_share": 1.0}))
    assert np.isneginf(everyone.down).all()


def test_ratchets_of_one_channel_say_nothing_about_another() -> None:
    population, _ = drawn(scenario(constraints={"ratchet_share": 0.5}))
    rent, work = np.isneginf(population.down)
    assert np.mean(rent & work) == pytest.approx(0.25, abs=0.03)  # 10,000 persons


def test_traits_are_fixed() -> None:
    population, _ = drawn(scenario())
    for name in ("group", "group_share", "vulnerability", "up", "down"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(population, name)[...] = 0


def same(a: Population, b: Population) -> bool:
    names = ("group", "vulnerability", "up", "down")
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in names) and a.graph == b.graph


@pytest.mark.parametrize("resample", ["noise", "population"])
def test_a_replicate_has_the_same_persons_unless_they_are_resampled(resample: str) -> None:
    blocks = {
        "population": {"size": 50, "resample": resample, "initial": {"constrained": 0.5}},
        "network": {"kind": "poisson", "degree": 4.0},
    }
    s = scenario(**blocks)
    (first, start), (second, other) = drawn(s, 0), drawn(s, 1)
    assert same(first, second) == (resample == "noise")
    assert start.equals(other) == (resample == "noise")
    assert same(first, drawn(s, 0)[0])
    assert setup_draws(s, Draws(3, 5)).replicate == (5 if resample == "population" else 0)


def test_a_channel_more_changes_no_draw_of_the_others() -> None:
    few = scenario(population={"size": 50, "initial": {"constrained": 0.5}})
    many = scenario(
        population={"size": 50, "initial": {"constrained": 0.5}}, channels=["rent", "work", "x"]
    )
    (a, start), (b, other) = drawn(few), drawn(many)
    assert np.array_equal(a.up, b.up[:2])
    assert np.array_equal(start.constraint, other.constraint[:2])


def test_the_default_start_is_the_bottom_state() -> None:
    _, state = drawn(scenario(population={"size": 30}))
    for name in ("exposure", "constraint", "narrative", "lock_in", "correction", "answers"):
        assert not getattr(state, name).any()
    assert (state.trust == 1.0).all()
    assert state.n_branches == 1


def test_initial_values_come_from_lists_and_stay_in_range() -> None:
    initial = {
        "exposure": {"rent": [0.5, -2.0, 3.0], "work": 1.0},
        "constrained": {"rent": 1.0},
        "narrative": [-1.0, 0.25, 7.0],
        "lock_in": [0.5, 0.5, 2.0],
        "trust": [0.1, 0.2, -0.3],
    }
    s = scenario(population={"size": 3, "initial": initial})
    _, state = drawn(s)
    assert state.exposure[:, :, 0].tolist() == [[0.5, 0.0, 3.0], [1.0, 1.0, 1.0]]
    assert state.constraint[:, :, 0].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert state.narrative[:, 0].tolist() == [0.0, 0.25, 1.0]
    assert state.lock_in[:, 0].tolist() == [0.5, 0.5, 1.0]
    assert state.trust[:, 0].tolist() == [0.1, 0.2, 0.0]


def test_initial_values_are_independent_of_each_other() -> None:
    spread = {"kind": "uniform", "low": 0.0, "high": 1.0}
    initial = {
        "exposure": spread, "constrained": 0.5, "narrative": spread, "lock_in": spread,
        "trust": spread,
    }  # fmt: skip
    eight = [f"c{k}" for k in range(MAX_CHANNELS)]
    _, state = drawn(scenario(channels=eight, population={"initial": initial}))
    columns = [*state.exposure[..., 0], *state.constraint[..., 0]]
    columns += [state.narrative[:, 0], state.lock_in[:, 0], state.trust[:, 0]]
    correlation = np.corrcoef(np.array(columns, dtype=float)) - np.eye(len(columns))
    assert np.abs(correlation).max() < 0.06  # six standard errors of 10,000 persons
    assert state.constraint.mean() == pytest.approx(0.5, abs=0.01)


def test_every_trait_has_a_stream_of_its_own() -> None:
    spread = {"kind": "uniform", "low": 0.0, "high": 1.0}
    s = scenario(
        population={"groups": {"a": {"share": 1.0, "vulnerability": spread}}},
        constraints={"activation": spread, "width": spread, "ratchet_share": 0.0},
    )
    population, _ = drawn(s)
    columns = [*population.up, *population.vulnerability, *(population.up - population.down)]
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 0.06
    assert {"group", "vulnerability", "activation", "width", "ratchet", "initial"} <= set(STREAMS)


def test_a_network_can_be_reused() -> None:
    s = scenario(population={"size": 20})
    graph = Graph.complete_graph(20)
    assert Population.draw(s, Draws(0), graph=graph).graph is graph
