"""Wants and needs against plain sums over matrices, on networks of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from sim.model import AlignmentModel
from sim.needs import Needs
from sim.network import Graph
from sim.processes.stage import Frame
from sim.scenario.load import load_scenario
from sim.scenario.schema import Scenario
from sim.scenario.schema.optimizers import Preferences
from sim.state import State

N = 40
NETWORKS: dict[str, dict[str, Any]] = {
    "complete": {"kind": "complete"},
    "ring": {"kind": "ring", "degree": 4},
    "poisson": {"kind": "poisson", "degree": 3.0},
    "star": {"kind": "star"},
    "edge_list": {"kind": "edge_list", "file": "ties.csv"},
}
CONTENT: dict[str, Any] = {
    "name": "needy",
    "seed": 8,
    "time": {"steps": 5},
    "channels": {"rent": 0.6, "work": 0.3, "care": 0.1},
    "population": {
        "size": N,
        "arrangement": "shuffled",
        "groups": {"most": 0.7, "few": 0.3, "nobody": 0.0},
        "initial": {
            "exposure": {"kind": "uniform", "low": 0.0, "high": 2.0},
            "narrative": {"kind": "uniform", "low": 0.0, "high": 1.0},
            "constrained": 0.6,
        },
    },
    "constraints": {
        "width": 0.4,
        "ratchet_share": 0.3,
        "coupling": {"rent": 0.7, "work": 0.2, "care": 0.0},
        "narrative_feed": 0.3,
        "spillover": {"rent": {"work": 0.25}},
        "damage": 0.1,
    },
    "stressors": [{"kind": "constant", "level": 0.2}],
}


def model(network: str, folder: Path, **blocks: Any) -> AlignmentModel:
    """A model two steps on, with a correction in force that needs must not count."""
    import yaml

    ties = [f"{i},{(i * 7 + d) % N},{1 + (i + d) % 3}" for i in range(N) for d in (1, 2, 5)]
    (folder / "ties.csv").write_text("source,target,weight\n" + "\n".join(ties) + "\n")
    file = folder / "needy.yaml"
    file.write_text(
        yaml.safe_dump({**CONTENT, "network": NETWORKS[network], **blocks}, sort_keys=False)
    )
    made = AlignmentModel(load_scenario(str(file)))
    made.step()
    made.step()
    made.state.correction[...] = 1.7
    return made


def batch(made: AlignmentModel, branches: list[int]) -> Frame:
    """A frame of a batch of futures that begin where the model stands."""
    frame = made.frame
    return Frame.begin(
        frame.population,
        made.state.take(branches),
        coefficients=frame.coefficients,
        environment=frame.environment,
        draws=frame.draws,
    )


def matrix(graph: Graph) -> csr_array:
    """W, row by row."""
    if graph.complete:
        return csr_array((np.ones((N, N)) - np.eye(N)) / (N - 1))
    degree = np.diff(graph.indptr)
    weights = graph.weights
    if weights is None:
        weights = np.repeat(1.0 / np.maximum(degree, 1), degree)
    return csr_array((weights, graph.indices, graph.indptr), shape=(N, N))


def wanted(
    made: AlignmentModel, state: State, branch: int, *, floor: float, cap: float
) -> np.ndarray:
    """q of one branch, (K, N), from the equations."""
    population, scenario = made.frame.population, made.resolved
    constraints, weights = scenario.constraints, [c.weight for c in scenario.channels.values()]
    active = state.constraint[..., branch].astype(float)
    names = list(scenario.channels)
    load = state.exposure[..., branch].copy()
    for k, name in enumerate(names):
        load[k] += constraints.coupling[name] * (matrix(population.graph) @ active[k])
        load[k] += constraints.narrative_feed[name] * state.narrative[:, branch]
        for other, spill in constraints.spillover.get(name, {}).items():
            load[k] += spill * active[names.index(other)]
    worn_up = population.up - state.wear[..., branch]
    release = np.where(np.isinf(population.down), worn_up, population.down)
    excess = np.minimum(active * np.maximum(load - release, 0.0), cap)
    return np.array(weights)[:, None] * (floor + excess)


@pytest.mark.parametrize("network", NETWORKS)
def test_needs_are_those_of_the_equations(network: str, tmp_path: Path) -> None:
    made = model(network, tmp_path)
    assert np.isinf(made.frame.population.down).any()
    assert made.state.wear.any()
    frame = batch(made, [0, 0, 0])
    frame.state.exposure[..., 1] *= 2.0
    frame.state.constraint[..., 2] = 1 - frame.state.constraint[..., 2]
    found = Needs.of(frame, Preferences(need_floor=0.1, need_cap=0.8))
    for branch in range(3):
        want = wanted(made, frame.state, branch, floor=0.1, cap=0.8)
        np.testing.assert_allclose(found.want[..., branch], want, rtol=1e-12)
        for g in range(2):
            of_group = want[:, frame.population.group == g].mean(axis=1)
            np.testing.assert_allclose(found.need[g, :, branch], of_group, rtol=1e-12)
    assert not found.need[2].any()


def test_a_cap_binds_and_a_floor_is_left_without_constraint(tmp_path: Path) -> None:
    made = model("complete", tmp_path)
    weight = np.array([0.6, 0.3, 0.1])[:, None]
    free = Needs.of(made.frame, Preferences(need_floor=0.1, need_cap=100.0)).want[..., 0]
    capped = Needs.of(made.frame, Preferences(need_floor=0.1, need_cap=0.5)).want[..., 0]
    inactive = made.state.constraint[..., 0] == 0
    np.testing.assert_allclose(free[inactive], np.broadcast_to(0.1 * weight, free.shape)[inactive])
    assert (free > 0.6 * weight).any()
    np.testing.assert_allclose(capped, np.minimum(free, 0.6 * weight))


def test_a_ratchet_wants_what_lies_above_its_activation(tmp_path: Path) -> None:
    made = model("ring", tmp_path)
    made.state.constraint[...] = 1
    made.state.wear[...] = 0.0
    ratchet = np.isinf(made.frame.population.down)
    before = Needs.of(made.frame, Preferences(need_cap=100.0)).want[..., 0]
    made.state.wear[...] = 0.05
    after = Needs.of(made.frame, Preferences(need_cap=100.0)).want[..., 0]
    assert np.array_equal(before[~ratchet], after[~ratchet])
    assert (after[ratchet] >= before[ratchet]).all()
    weight = np.broadcast_to(np.array([0.6, 0.3, 0.1])[:, None], before.shape)
    both = ratchet & (before > 0.05 * weight * 1.0000001)
    assert both.any()
    np.testing.assert_allclose((after - before)[both], 0.05 * weight[both])


def test_a_branch_alone_is_that_branch_in_a_batch_bit_for_bit(tmp_path: Path) -> None:
    made = model("poisson", tmp_path)
    frame = batch(made, [0] * 5)
    frame.state.exposure *= np.linspace(0.3, 1.7, 5)
    together = Needs.of(frame, Preferences())
    for branch in range(5):
        one = batch(made, [0])
        one.state = frame.state.take([branch])
        alone = Needs.of(one, Preferences())
        assert np.array_equal(alone.want[..., 0], together.want[..., branch])
        assert np.array_equal(alone.need[..., 0], together.need[..., branch])


def test_single_precision_wants_the_same_but_for_rounding(tmp_path: Path) -> None:
    double, single = (
        Needs.of(model("ring", tmp_path, precision=p).frame, Preferences())
        for p in ("double", "single")
    )
    np.testing.assert_allclose(single.need, double.need, rtol=1e-4)


def test_what_is_recorded_does_not_depend_on_who_asks_for_labels() -> None:
    """w* is that of the start of the step, whether or not anybody needed it to learn."""
    content = {k: v for k, v in CONTENT.items() if k != "name"}
    quiet = {"kind": "rlhf", "name": "quiet", "every": 1000, "strongest": 0.0, "budget": 1e6}
    asking = {"kind": "rlhf", "labels": 5, "strongest": 0.0, "budget": 0.0}
    found = []
    for optimizers in ([quiet], [quiet, asking]):
        made = AlignmentModel(Scenario.model_validate({**content, "optimizers": optimizers}))
        made.run_model()
        found.append(made.recorder.table()["gold[quiet]"])
    assert np.array_equal(*found)
    assert np.unique(found[0]).size == found[0].size
