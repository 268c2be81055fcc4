"""Single precision: half the memory, the same answers up to rounding."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from analysis.cost import measure
from sim import warm
from sim.engine import advance
from sim.model import AlignmentModel
from sim.scenario.load import load_scenario
from sim.scenario.schema import Scenario
from sim.state import State
from tests.reference.worlds import World, random_world

TRIES = max(20, settings.default.max_examples // 5)
COLUMNS = ("exposure", "narrative", "lock_in", "trust")


def stored_single(world: World) -> World:
    """The same persons as single precision stores them."""
    population, state = world.population, world.states[0]
    names = ("vulnerability", "up", "down", "stubbornness")
    traits = {name: getattr(population, name).astype(np.float32) for name in names}
    columns = {f.name: getattr(state, f.name) for f in fields(State)}
    columns |= {name: columns[name].astype(np.float32) for name in (*COLUMNS, "anchor")}
    return replace(world, population=replace(population, **traits), states=[State(**columns)])


@pytest.mark.parametrize("seed", range(TRIES))
def test_a_step_differs_from_double_precision_by_no_more_than_it_rounds(seed: int) -> None:
    world = stored_single(random_world(60_000 + seed))
    frame, oracle = world.frame(world.states[0]), world.oracle()
    for _ in range(6):
        oracle.adopt(frame.state)
        oracle.step()
        advance(frame, 1)
        np.testing.assert_array_equal(frame.state.constraint[:, :, 0], oracle.relays())
        for name in COLUMNS:
            column = getattr(frame.state, name)[..., 0].T
            assert column.dtype == np.float32
            wanted = [getattr(person, name) for person in oracle.persons]
            np.testing.assert_allclose(column, wanted, rtol=2e-6, atol=2e-7, err_msg=name)


@pytest.mark.parametrize("name", ["quickstart", "emergent", "reversible_control"])
def test_whole_runs_agree(name: str) -> None:
    scenario = load_scenario(name, overrides=["population.size=4000", "exposure.noise=0.2"])
    double, single = (AlignmentModel(scenario, precision=p) for p in ("double", "single"))
    while double.running:
        double.step()
        single.step()
    one, other = double.recorder.table(), single.recorder.table()
    # One person on one channel more or less is no disagreement.
    for column in ("prevalence", "narrative", "lock_in", "trust", "response_rate"):
        np.testing.assert_allclose(other[column], one[column], atol=1 / 4000, err_msg=column)


def test_everything_about_persons_takes_half_the_memory() -> None:
    double, single = (AlignmentModel("quickstart", precision=p) for p in ("double", "single"))
    for name in COLUMNS:
        assert 2 * getattr(single.state, name).nbytes == getattr(double.state, name).nbytes
    for name in ("up", "down", "vulnerability"):
        mine, theirs = (getattr(m.frame.population, name) for m in (single, double))
        assert 2 * mine.nbytes == theirs.nbytes
    for name in ("burden", "reach", "spare_narrative"):
        assert 2 * getattr(single.frame, name).nbytes == getattr(double.frame, name).nbytes


def test_costs_agree() -> None:
    overrides = ["population.size=1000", "restoration.delays=3"]
    double, single = (
        measure(load_scenario("quickstart", overrides=[*overrides, f"precision={p}"]), 0)
        for p in ("double", "single")
    )
    for one, other in zip(double.cost, single.cost, strict=True):
        assert one["cost"] == other["cost"], (one["delay"], one["target"])
    assert double.checks[0]["path_violations"] == single.checks[0]["path_violations"] == 0
    assert double.checks[0]["certificate_holds"] == single.checks[0]["certificate_holds"]


def test_a_certificate_of_single_precision_bounds_what_single_precision_stores() -> None:
    scenario = load_scenario(
        "reversible_control", overrides=["precision=single", "population.size=500"]
    )
    measured = measure(scenario, 0)
    assert measured.checks[0]["certificate_holds"]
    assert {row["cost"] for row in measured.cost} == {0.0}


def test_what_single_precision_cannot_hold_cannot_be_set() -> None:
    model = AlignmentModel("quickstart", **{"population.size": 20, "precision": "single"})
    person = model.agents[0]
    with pytest.raises(ValueError, match="too large for single precision"):
        person.exposure_deprivation = 1e39
    person.exposure_deprivation = 1e30
    assert np.isfinite(model.state.exposure).all()


def test_the_path_check_of_single_precision_excuses_rounding_and_no_more() -> None:
    """Exposure that fades by three parts in a million is a fall."""
    content = {
        "precision": "single",
        "population": {"size": 20, "initial": {"exposure": 1.000004, "constrained": 1.0}},
        "channels": ["only"],
        "network": {"kind": "ring"},
        "time": {"steps": 12},
        "exposure": {"leak": 5e-7},
        "constraints": {"activation": 1.0, "width": 0.0},
        "narrative": {"rule": "none"},
        "restoration": {"delays": [0, 6], "rest": 5, "horizon": 6, "dwell": 2},
    }
    measured = measure(Scenario.model_validate(content), 0)
    assert measured.checks[0]["path_violations"] == 1


def test_kernels_are_compiled_once_a_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    made: list[str] = []

    def compile_kernels(precision: str) -> None:
        made.append(precision)
        warm._marker(precision).touch()

    monkeypatch.setattr(warm, "compile_kernels", compile_kernels)
    noticed: list[str] = []
    for precision in ("single", "double", "single", "double"):
        warm.compile_once(precision, notice=lambda: noticed.append("once"))
    assert (made, len(noticed)) == (["single", "double"], 2)
    monkeypatch.setattr(warm, "source_digest", lambda: "another")
    warm.compile_once("single", notice=lambda: noticed.append("again"))
    assert made == ["single", "double", "single"]
