"""Steps small or plain enough to be worked out by hand, for engine and oracle alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.engine import advance
from sim.network import Graph
from sim.population import Population
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.state import State
from sim.streams import Draws
from tests.reference.worlds import World

QUIET = {"rule": "degroot", "social": 0.0, "push": 0.0, "heal": 0.0, "lock": 0.0, "unlock": 0.0}


def world(blocks: dict[str, Any], *, up: Any, down: Any, graph: Graph | None = None) -> World:
    """Return a world of one channel with the given thresholds, one a person."""
    n = np.size(up)
    blocks = {"narrative": QUIET, "exposure": {"leak": 0.0}} | blocks
    defaults = {"channels": ["only"], "population": {"size": n}, "network": {"kind": "star"}}
    scenario = full(Scenario.model_validate(defaults | blocks))
    draws = Draws(scenario.seed, 0, "scenario")
    population = Population.draw(scenario, draws, graph=graph)
    thresholds = {"up": np.array([up], dtype=float), "down": np.array([down], dtype=float)}
    population = replace(population, **thresholds)
    state = State.initial(scenario, population, draws)
    return World(
        scenario,
        population,
        [state],
        plans=[],
        reacts=False,
        listening=False,
        bench=False,
        replicate=0,
        start=0,
    )


def isolated(n_persons: int) -> Graph:
    nobody = np.empty(0, dtype=np.int64)
    return Graph.from_edges(nobody, nobody, n_persons=n_persons)


def column(values: Any) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_one_step_of_two_persons() -> None:
    w = world(
        {
            "stressors": [{"kind": "constant", "level": 1.0}],
            "exposure": {"leak": 0.5, "cure": 0.25},
            "constraints": {"coupling": 1.0, "narrative_feed": 1.0},
            "correction": {"decay": 0.5},
            "narrative": {"social": 0.2, "push": 0.2, "heal": 0.1, "lock": 0.5, "unlock": 0.2},
            "trust": {"trust_gain": 0.2, "trust_loss": 0.4, "promised": 3.0, "promise_scale": 2.0},
        },
        up=[2.0, 0.0],
        down=[1.0, -1.0],
    )
    w = replace(w, plans=[np.ones((1, 1, 1, 1))])
    state = w.states[0]
    state.exposure[0, :, 0] = 2.0, 0.0
    state.constraint[0, :, 0] = 1, 0
    state.narrative[:, 0] = state.lock_in[:, 0] = 0.5, 0.0
    state.trust[:, 0] = 0.5, 1.0
    state.correction[...] = 2.0
    oracle, frame = w.oracle(), w.frame(state)
    oracle.adopt(state)
    oracle.step()
    advance(frame, 1)
    # a = 0.5·2 + 1 = 2; gains (1 − 0.5·0.5)² = 0.5625 and 1.
    # E = 0.5·2 + 1 − 0.25·0.5625·2 and 1 − 0.25·1·2.
    # S = 1.71875 + 0.5 − 1.125 = 1.09375, in (1, 2): stays on; S = 0.5 + 1 − 2: stays off.
    # n = 0.5 + 0.2·1·0.5 − (0.2·0.5)(1 − 0.5) and 0.2·0.5; ℓ = 0.5 + 0.5·0.25·0.5 − 0.2·0.5·0.5.
    # x = 1, and (3 − 2)/2 = 0.5 by the promise; T = 0.5 − 0.4·0.5·1 and 1 − 0.4·1·0.5.
    expected = {
        "exposure": [1.71875, 0.5],
        "narrative": [0.55, 0.1],
        "lock_in": [0.5125, 0.0],
        "trust": [0.3, 0.8],
    }
    assert oracle.relays().tolist() == frame.state.constraint[:, :, 0].tolist() == [[1, 0]]
    assert oracle.correction == frame.state.correction[:, :, 0].tolist() == [[2.0]]
    for name, wanted in expected.items():
        mine = np.ravel([getattr(person, name) for person in oracle.persons])
        assert mine.tolist() == pytest.approx(wanted, rel=1e-14)
        assert getattr(frame.state, name).ravel().tolist() == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("relax", ["once", "until_stable"])
@pytest.mark.parametrize("n_branches", [1, 3])
def test_exact_ties(relax: str, n_branches: int) -> None:
    load, before, up, down, after = np.array(
        [
            (1.0, 0, 1.0, 0.5, 1),  # meets the upper threshold: on
            (1.0, 1, 1.5, 1.0, 0),  # meets the lower threshold: off
            (1.0, 0, 1.5, 0.5, 0),  # in between: as before
            (1.0, 1, 1.5, 0.5, 1),
            (1.0, 0, 1.0, 1.0, 1),  # no width: on wins the tie
            (1.0, 1, 1.0, 1.0, 1),
            (0.0, 1, 1.0, -np.inf, 1),  # a ratchet never releases
            (np.nextafter(1.0, 0.0), 0, 1.0, 0.5, 0),
            (np.nextafter(1.0, 2.0), 1, 1.5, 1.0, 1),
        ]
    ).T
    w = world({"constraints": {"relax": relax}}, up=up, down=down, graph=isolated(load.size))
    w.states[0].exposure[0] = load[:, None]
    w.states[0].constraint[0] = before[:, None]
    oracle, frame = w.oracle(), w.frame(w.states[0].take([0] * n_branches))
    oracle.adopt(w.states[0])
    oracle.step()
    advance(frame, 1)
    assert oracle.relays()[0].tolist() == after.tolist()
    np.testing.assert_array_equal(frame.state.constraint[0], np.tile(column(after), n_branches))


@pytest.mark.parametrize("n_branches", [1, 3])
def test_avalanche_runs_down_a_chain_in_one_step_and_back_in_another(n_branches: int) -> None:
    n = 9
    chain = Graph.from_edges(np.arange(n - 1), np.arange(1, n), n_persons=n, directed=True)
    blocks = {"constraints": {"coupling": 1.0, "relax": "until_stable"}}
    w = world(blocks, up=np.ones(n), down=np.full(n, 0.5), graph=chain)
    frame = w.frame(w.states[0].take([0] * n_branches))
    frame.state.exposure[0, 0] = 1.0
    advance(frame, 1)
    assert frame.state.constraint.sum(axis=1).tolist() == [[n] * n_branches]
    assert frame.changes.tolist() == [[n] * n_branches, [0] * n_branches]
    # The first listens only to themself, so they are held up by nobody once released.
    frame.state.exposure[0, 0] = 0.0
    frame.state.constraint[0, 0] = 0
    advance(frame, 1)
    assert frame.state.constraint.sum() == 0
    assert frame.changes.tolist() == [[0] * n_branches, [n - 1] * n_branches]


@pytest.mark.parametrize("n_branches", [1, 3])
@pytest.mark.parametrize("kind", ["star", "edges", "weighted", "complete"])
@pytest.mark.parametrize("n_leaves", [300, 70_000])
def test_shares_of_a_hub(kind: str, n_leaves: int, n_branches: int) -> None:
    """One leaf more or less decides; counters of 8 or 16 bits do not survive this."""
    leaves = np.arange(1, n_leaves + 1)
    weight = 2.0 ** -(leaves % 2) if kind == "weighted" else np.ones(n_leaves)
    network = kind if kind in ("star", "complete") else "edges"
    graph = {
        "star": None,
        "complete": Graph.complete_graph(n_leaves + 1),
        "edges": Graph.from_edges(
            leaves,
            np.zeros_like(leaves),
            n_persons=n_leaves + 1,
            weights=weight if kind == "weighted" else None,
        ),
    }[network]
    # Rounding is allowed where weights are added up, none where persons are counted.
    slack = 1e-9 if kind == "weighted" else 0.0
    blocks = {"constraints": {"coupling": 1.0}, "narrative": QUIET | {"social": 1.0}}
    for m in (1, 255, 256, 257, 300, 65_535, 65_536, 65_537, 70_000):
        if m > n_leaves:
            break
        share = weight[:m].sum() / weight.sum()
        up, down = np.full(n_leaves + 1, 9.0), np.full(n_leaves + 1, -9.0)
        up[0] = share - slack
        w = world(blocks, up=up, down=down, graph=graph)
        state = w.states[0].take([0] * n_branches)
        state.constraint[0, 1 : m + 1] = 1
        state.narrative[1 : m + 1] = 1.0
        state.constraint[0, m, -1] = 0
        frame = w.frame(state)
        advance(frame, 1)
        assert frame.state.constraint[0, 0].tolist() == [1] * (n_branches - 1) + [0]
        np.testing.assert_allclose(frame.state.narrative[0], share, rtol=1e-12)


@pytest.mark.parametrize("n_branches", [1, 3])
def test_hubs_are_counted_wherever_they_stand(n_branches: int) -> None:
    """Kernels take some 4,000 persons, fewer with many branches, at a time."""
    n, rng = 9_000, np.random.default_rng(5)
    hubs = np.array([0, 1364, 1365, 2_000, 4_095, 4_096, 8_191, 8_192, 8_999])
    degrees = np.array([256, 300, 257, 255, 256, 400, 350, 511, 512])
    sources = np.concatenate([rng.choice(n, m, replace=False) for m in degrees])
    graph = Graph.from_edges(sources, np.repeat(hubs, degrees), n_persons=n)
    up = np.full(n, 0.5) + 1e-6  # at least half of the neighbors, and none exactly
    crowd = world({"constraints": {"coupling": 1.0}}, up=up, down=np.full(n, -1.0), graph=graph)
    state = crowd.states[0].take(np.zeros(n_branches, dtype=np.intp))
    before = rng.integers(0, 2, state.constraint.shape, dtype=np.uint8)
    state.constraint[...] = before
    frame = crowd.frame(state)
    advance(frame, 1)
    share = graph.mean_over_neighbors(before[0].astype(float))
    np.testing.assert_array_equal(frame.state.constraint[0], (share >= up[:, None]) | before[0])


@pytest.mark.parametrize("relax", ["once", "until_stable"])
@pytest.mark.parametrize("n_others", [6, 7, 10, 13, 60])
def test_all_of_some_weighted_neighbors_are_all_of_them(n_others: int, relax: str) -> None:
    """Six times a sixth is a little less than 1, which must not keep anyone from joining."""
    sources, targets = np.arange(n_others), np.full(n_others, n_others)
    graph = Graph.from_edges(
        sources, targets, n_persons=n_others + 1, weights=np.ones(n_others), directed=True
    )
    for coupling, joins in ((1.0, 1), (1.0 - 1e-9, 0)):
        w = world(
            {"constraints": {"coupling": coupling, "relax": relax}},
            up=[1.0] * (n_others + 1),
            down=[-1.0] * (n_others + 1),
            graph=graph,
        )
        w.states[0].constraint[0, :n_others] = 1
        frame, oracle = w.frame(w.states[0]), w.oracle()
        oracle.adopt(frame.state)
        advance(frame, 1)
        oracle.step()
        assert frame.state.constraint[0, n_others, 0] == joins
        assert oracle.relays()[0, n_others] == joins
