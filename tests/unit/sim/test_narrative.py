"""Narrative rules against the published models: social = 1, and nothing else moves n."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.model import AlignmentModel
from sim.network import Graph
from sim.processes.narrative import RULES
from sim.scenario.load import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.schema import Scenario
from sim.state import State

ALONE = {"social": 1, "push": 0, "heal": 0, "lock": 0, "unlock": 0}
HK = "hegselmann_krause"


def model_of(
    start: Any, rule: str, *, graph: Graph | None = None, network: Any = None, **settings: Any
) -> AlignmentModel:
    """Return a model in which nothing but the rule moves n."""
    start = np.asarray(start, dtype=float)
    model = AlignmentModel(
        Scenario.model_validate(
            {
                "population": {"size": start.size, "initial": {"narrative": start.tolist()}},
                "network": network or {"kind": "complete" if start.size > 1 else "star"},
                "narrative": {"rule": rule, **ALONE, **settings},
            }
        )
    )
    if graph is not None:
        own = graph.own_weights() if rule == "biased_assimilation" else np.empty(0)
        model.frame.population = replace(model.frame.population, graph=graph, own_weight=own)
    return model


def narrative(model: AlignmentModel, n_steps: int = 1) -> np.ndarray:
    """Return n after some steps of the narrative stage alone."""
    for _ in range(n_steps):
        RULES[model.resolved.narrative.rule][0](model.frame)
        model.frame.step += 1
    return model.state.narrative[:, 0].copy()


def row_stochastic(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return a matrix with weights of oneself whose rows sum to 1."""
    w = rng.random((n, n)) * (rng.random((n, n)) < 0.5) + np.diag(rng.uniform(0.1, 1.0, n))
    return np.asarray(w / w.sum(axis=1, keepdims=True))


def written(folder: Path, w: np.ndarray, block: str) -> Path:
    """Write a scenario with any matrix W, as a person would."""
    edges = [f"{j},{i},{w[i, j]!r}" for i, j in zip(*np.nonzero(w), strict=True)]
    edges = [edge.replace("np.float64(", "").replace(")", "") for edge in edges]
    (folder / "w.csv").write_text("\n".join(["source,target,weight", *edges]))
    path = folder / "model.yaml"
    path.write_text(
        "network: {kind: edge_list, file: w.csv, directed: true, self_loops: true}\n" + block
    )
    return path


@pytest.mark.parametrize("seed", range(5))
def test_any_matrix_can_be_written_down(seed: int, tmp_path: Path) -> None:
    """DeGroot (1974): n(t) = Wᵗ n(0), and the Friedkin–Johnsen limit in closed form."""
    rng = np.random.default_rng(seed)
    n = 7
    w, start, s = row_stochastic(rng, n), rng.random(n), rng.uniform(0.05, 1.0, n)
    block = (
        f"population: {{size: {n}, initial: {{narrative: {start.tolist()}}}}}\n"
        "narrative: {rule: RULE, social: 1, push: 0, heal: 0, lock: 0, unlock: 0"
    )
    path = written(tmp_path, w, block.replace("RULE", "degroot") + "}\n")
    model = AlignmentModel(load_scenario(path))
    np.testing.assert_allclose(model.frame.population.graph.to_scipy().toarray(), w, rtol=1e-14)
    for t in range(1, 8):
        model.step()
        np.testing.assert_allclose(
            model.state.narrative[:, 0], np.linalg.matrix_power(w, t) @ start, atol=1e-14
        )
    stubborn = block.replace("RULE", "friedkin_johnsen") + f", stubbornness: {s.tolist()}}}\n"
    model = AlignmentModel(load_scenario(written(tmp_path, w, stubborn)))
    for _ in range(800):
        model.step()
    susceptible = np.diag(1.0 - s)
    limit = np.linalg.solve(np.eye(n) - susceptible @ w, s * start)
    np.testing.assert_allclose(model.state.narrative[:, 0], limit, atol=1e-10)
    np.testing.assert_array_equal(model.state.anchor[:, 0], start)


def naive_hk(n: np.ndarray, epsilon: float | np.ndarray) -> np.ndarray:
    """Hegselmann and Krause (2002), as written there."""
    near = np.abs(n[None, :] - n[:, None]) <= np.broadcast_to(epsilon, n.shape)[:, None]
    return np.array([n[row].sum() / row.sum() for row in near])


GRID = st.integers(0, 20).map(lambda k: k * 0.05) | st.integers(0, 10).map(lambda k: k / 10)


@given(
    st.lists(GRID | st.floats(0.0, 1.0), min_size=2, max_size=40),
    st.sampled_from([0.0, 0.05, 0.1, 0.15, 0.2, 0.1 + 0.2, 0.3, 0.7, 1.0]) | st.floats(0, 1),
)
@example([k / 10 for k in range(11)], 0.1)
@example([k * 0.1 for k in range(11)], 0.3)
def test_everyone_near_in_a_complete_graph(values: list[float], epsilon: float) -> None:
    start = np.array(values)
    got = narrative(model_of(start, HK, confidence=epsilon))
    np.testing.assert_allclose(got, naive_hk(start, epsilon), rtol=0, atol=1e-14)
    listed = Graph.from_edges(
        *np.nonzero(np.tril(np.ones((start.size,) * 2), -1)), n_persons=start.size
    )
    with_a_list = narrative(model_of(start, HK, graph=listed, confidence=epsilon))
    np.testing.assert_allclose(with_a_list, got, rtol=0, atol=1e-14)


def test_a_hundred_thousand_persons_who_hear_everyone_take_no_square_of_time() -> None:
    n = 100_000
    rng = np.random.default_rng(1)
    start = rng.random(n)
    model = model_of([0.0, 1.0], HK, confidence=0.1, lock=0.0)
    narrative(model)
    model = model_of(start, HK, confidence=0.01, confidence_lock_in=1)
    held = np.where(np.arange(n) < 100, 1.0, rng.random(n))  # the first hear only themselves
    model.state.lock_in[:, 0] = held
    began = time.perf_counter()
    got = narrative(model)
    assert time.perf_counter() - began < 1.0
    epsilon = 0.01 * (1.0 - held)
    for i in [*range(100), *rng.choice(n, 200)]:
        near = start[np.abs(start - start[i]) <= epsilon[i]]
        wanted = near.mean()
        step = wanted - start[i]
        step *= 1.0 - held[i] if step < 0.0 else 1.0
        assert got[i] == pytest.approx(start[i] + step, abs=1e-12)


def test_weights_of_others_and_of_oneself_in_bounded_confidence() -> None:
    edges: Any = [1, 2, 3], [0, 0, 0]
    weights = np.array([1.0, 2.0, 5.0])
    graph = Graph.from_edges(*edges, n_persons=4, weights=weights, directed=True)
    start = np.array([0.5, 0.6, 0.4, 1.0])
    # W_0 = (1, 2, 5)/8; the last is too far; oneself counts a third.
    wanted = (0.5 / 3 + 0.6 / 8 + 2 * 0.4 / 8) / (1 / 3 + 3 / 8)
    assert narrative(model_of(start, HK, graph=graph, confidence=0.2))[0] == pytest.approx(wanted)
    edges = [1, 2, 3, 0], [0, 0, 0, 0]
    graph = Graph.from_edges(
        *edges,
        n_persons=4,
        weights=np.array([1.0, 2.0, 5.0, 8.0]),
        directed=True,
        self_loops=True,
    )
    wanted = (8 * 0.5 + 0.6 + 2 * 0.4) / 11
    assert narrative(model_of(start, HK, graph=graph, confidence=0.2))[0] == pytest.approx(wanted)


def test_meetings_are_those_published() -> None:
    """Deffuant et al. (2000): one after the other, strictly nearer than d, nobody gains."""
    rng = np.random.default_rng(3)
    start = rng.random(50)
    model = model_of(start, "deffuant", confidence=0.3, convergence=0.4, pairs=2)
    chances = model.frame.draws.uniforms("pairs", 100, n_draws=2, step=0)
    wanted = start.copy()
    for who, whom in chances.T:
        i, j = int(who * 50), int(whom * 49)
        j += j >= i
        if abs(wanted[i] - wanted[j]) < 0.3:
            gap = wanted[j] - wanted[i]
            wanted[i], wanted[j] = wanted[i] + 0.4 * gap, wanted[j] - 0.4 * gap
    got = narrative(model)
    np.testing.assert_allclose(got, wanted, atol=1e-15)
    assert got.sum() == pytest.approx(start.sum(), abs=1e-12)


@pytest.mark.parametrize(("confidence", "meet"), [(0.25, False), (0.2500001, True)])
def test_exactly_as_far_apart_as_confidence_reaches_is_too_far(
    confidence: float, meet: bool
) -> None:
    model = model_of([0.25, 0.5], "deffuant", confidence=confidence, pairs=1)
    assert (narrative(model) == [0.375, 0.375]).all() == meet
    agreed = narrative(model_of([0.25, 0.5], HK, confidence=0.25))
    assert agreed.tolist() == [0.375, 0.375]


def test_clusters_are_about_as_many_as_published() -> None:
    """Some 1/(2d) clusters remain, and consensus where d > ½ (Deffuant et al. 2000)."""

    def clusters(confidence: float) -> int:
        start = (np.arange(1000) + 0.5) / 1000
        model = model_of(start, "deffuant", confidence=confidence, pairs=1)
        end = np.sort(narrative(model, 150))
        apart = np.flatnonzero(np.diff(end) > confidence / 2)
        sizes = np.diff([0, *(apart + 1), 1000])
        return int((sizes > 20).sum())

    assert clusters(0.55) == clusters(0.5) == 1
    assert clusters(0.2) == 2
    assert 4 <= clusters(0.1) <= 5


@pytest.mark.parametrize("directed", [False, True])
def test_whoever_is_not_listened_to_learns_nothing_in_a_meeting(directed: bool) -> None:
    graph = Graph.from_edges(np.array([1]), np.array([0]), n_persons=2, directed=directed)
    model = model_of([0.25, 0.5], "deffuant", graph=graph, confidence=1, pairs=1, convergence=0.5)
    got = narrative(model, 8)
    assert (got[1] == 0.5) == directed
    assert got[0] > 0.25


def biased(n: np.ndarray, w: np.ndarray, b: float) -> np.ndarray:
    """Dandekar, Goel and Lee (2013), equation 2, with weights w_ij and w_ii."""
    others = w - np.diag(np.diag(w))
    s, d = others @ n, others.sum(axis=1)
    top = np.diag(w) * n + n**b * s
    return np.asarray(top / (np.diag(w) + n**b * s + (1.0 - n) ** b * (d - s)))


@pytest.mark.parametrize("b", [0.0, 0.5, 1.0, 3.0])
def test_biased_assimilation_is_the_published_one(b: float) -> None:
    rng = np.random.default_rng(4)
    n = 9
    start = rng.random(n)
    equal = (np.ones((n, n)) - np.eye(n)) / (n - 1)
    for weight in (0.0, 0.5, 2.0):
        got = narrative(model_of(start, "biased_assimilation", bias=b, self_weight=weight))
        np.testing.assert_allclose(got, biased(start, equal + weight * np.eye(n), b), rtol=1e-13)
    w = row_stochastic(rng, n)
    targets, sources = np.nonzero(w)
    graph = Graph.from_edges(
        sources, targets, n_persons=n, weights=w[w > 0], directed=True, self_loops=True
    )
    got = narrative(model_of(start, "biased_assimilation", graph=graph, bias=b))
    np.testing.assert_allclose(got, biased(start, w, b), rtol=1e-12)


def test_extreme_views_among_their_opposites_stay_where_nothing_weighs_in() -> None:
    """At n = 0 with s = 1 and w = 0 the published quotient is 0/0."""
    settings: Any = {"self_weight": 0, "bias": 2}
    assert narrative(model_of([0, 1], "biased_assimilation", **settings)).tolist() == [0.0, 1.0]
    alone = narrative(model_of([0.3], "biased_assimilation", **settings))
    assert alone.tolist() == [0.3]


def star(n: int, k: int, *, weights: float | None = None) -> tuple[np.ndarray, Graph]:
    """Return n persons who influence person 0, k of them displaced."""
    leaves = np.arange(1, n + 1)
    weighted = None if weights is None else np.full(n, weights)
    graph = Graph.from_edges(
        leaves, np.zeros_like(leaves), n_persons=n + 1, weights=weighted, directed=True
    )
    return np.where((leaves > 0) & (leaves <= k), 0.5, 0.0), graph


@pytest.mark.parametrize("weights", [None, 0.3, 7.0])
@pytest.mark.parametrize("n", [3, 7, 10, 49, 50, 98, 100])
def test_k_of_n_meet_the_threshold_that_is_written_k_over_n(n: int, weights: float | None) -> None:
    for k in range(1, n + 1):
        leaves, graph = star(n, k, weights=weights)
        start = np.append(0.0, leaves)
        for threshold, adopts in ((k / n, 1.0), (min((k + 0.001) / n, 1.0), float(k == n))):
            rule: Any = {"threshold": threshold, "graph": graph}
            assert narrative(model_of(start, "fraction_threshold", **rule))[0] == adopts
        for count, adopts in ((k, 1.0), (k + 0.5, 0.0)):
            rule = {"threshold": count, "graph": graph}
            assert narrative(model_of(start, "count_threshold", **rule))[0] == adopts


@pytest.mark.parametrize("rule", ["fraction_threshold", "count_threshold"])
def test_oneself_is_nobody_to_follow(rule: str) -> None:
    graph = Graph.from_edges(
        np.array([1, 1]), np.array([1, 2]), n_persons=3, directed=True, self_loops=True
    )
    for threshold, wanted in ((0.5, [0.0, 0.6, 1.0]), (0.0, [1.0, 1.0, 1.0])):
        # Person 1 hears only themself, displaced as they are; person 0 hears nobody.
        model = model_of([0.0, 0.6, 0.0], rule, graph=graph, threshold=threshold)
        assert narrative(model).tolist() == wanted


def test_adoption_is_undone_by_healing_alone() -> None:
    start = [0.9, 0.0, 0.0]
    assert narrative(model_of(start, "count_threshold", threshold=2), 20)[0] == 0.9
    healing = {"social": 0.5, "heal": 0.5}
    assert narrative(model_of(start, "count_threshold", threshold=2, **healing))[0] == 0.45


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in ("none", "degroot")])
@pytest.mark.parametrize("network", [{"kind": "complete"}, {"kind": "ring"}])
def test_a_person_of_stubbornness_one_is_moved_by_nobody(rule: str, network: Any) -> None:
    start = np.linspace(0.2, 0.95, 10) ** 2
    settings: Any = {"threshold": 0.01} if "threshold" in rule else {}
    if rule in (HK, "deffuant"):
        settings = {"confidence": 2}
    s = [1.0] + [0.0] * 8 + [1.0]
    model = model_of(start, rule, network=network, stubbornness=s, **settings)
    end = narrative(model, 30)
    assert end[[0, 9]].tolist() == start[[0, 9]].tolist()
    assert (np.abs(end - start)[1:9] > 1e-6).any()


def test_groups_may_be_stubborn_in_their_own_way() -> None:
    content = {
        "population": {
            "size": 40,
            "groups": {"firm": {"share": 0.5, "stubbornness": 2}, "others": 0.5},
        },
        "narrative": {"stubbornness": {"kind": "uniform", "low": 0, "high": 0.5}},
    }
    population = AlignmentModel(Scenario.model_validate(content)).frame.population
    assert (population.stubbornness[:20] == 1.0).all()
    assert 0.0 < population.stubbornness[20:].max() < 0.5
    quiet = AlignmentModel(Scenario.model_validate({"population": {"size": 40}}))
    assert quiet.frame.population.stubbornness.size == 0
    assert quiet.state.anchor.size == 0


def test_a_fork_takes_anchors_where_it_begins() -> None:
    model = model_of([0.0, 1.0, 0.5], "degroot", social=0.5)
    model.step()
    fork = model.fork({"narrative.rule": "friedkin_johnsen", "narrative.stubbornness": 1})
    assert isinstance(fork.state, State)
    np.testing.assert_array_equal(fork.state.anchor, model.state.narrative)
    fork.step()
    np.testing.assert_array_equal(fork.state.narrative, model.state.narrative)


def test_newcomers_begin_without_an_anchor() -> None:
    content = {
        "population": {"size": 50, "initial": {"narrative": 0.8}},
        "narrative": {"rule": "friedkin_johnsen", "stubbornness": 0.5},
        "turnover": {"rate": 0.5},
    }
    model = AlignmentModel(Scenario.model_validate(content))
    model.step()
    newcomers = model.state.narrative[:, 0] == 0.0
    assert 5 < newcomers.sum() < 45
    assert (model.state.anchor[:, 0] == np.where(newcomers, 0.0, 0.8)).all()


def test_thresholds_of_groups_stand_only_beside_a_rule_that_reads_them() -> None:
    groups = {"easy": {"share": 0.5, "threshold": 0.1}, "others": 0.5}
    content = {"population": {"size": 20, "groups": groups}}
    read = {"rule": "fraction_threshold", "threshold": 0.18}
    model = AlignmentModel(Scenario.model_validate({**content, "narrative": read}))
    Scenario.model_validate({**content, "narrative": {"rule": "none"}})
    with pytest.raises(ScenarioError, match=r"in a fork set it and `narrative\.threshold` to None"):
        model.fork({"narrative.rule": "degroot"})
    dropped = {"narrative.threshold": None, "population.groups.easy.threshold": None}
    assert model.fork({"narrative.rule": "degroot", **dropped}).resolved.narrative.rule == "degroot"
