from __future__ import annotations

import gc
import weakref
from typing import Any

import mesa
import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.optimizers.planned import Planned
from sim.scenario.schema import Scenario

CONTENT: dict[str, Any] = {
    "seed": 11,
    "time": {"steps": 10},
    "population": {"size": 60, "resample": "population"},
    "network": {"kind": "poisson", "degree": 4.0},
    "stressors": [{"kind": "constant", "level": 0.2}],
    "exposure": {"noise": 0.4},
    "constraints": {"coupling": 0.4},
    "turnover": {"rate": 0.02},
    "optimizers": [{"kind": "proportional", "budget": 3.0}, {"kind": "none"}],
}


def model(*, replicate: int = 0, **changes: Any) -> AlignmentModel:
    return AlignmentModel(Scenario.model_validate({**CONTENT, **changes}), replicate=replicate)


def finished(m: AlignmentModel) -> AlignmentModel:
    while m.running:
        m.step()
    return m


def test_it_is_an_ordinary_mesa_model() -> None:
    m = model()
    assert isinstance(m, mesa.Model)
    assert m.running
    kinds = [type(agent).__name__ for agent in m.agents]
    assert kinds == ["Person"] * m.resolved.population.size + ["Proportional", "Idle"]
    assert all(isinstance(agent, mesa.Agent) for agent in m.optimizers)
    assert len({agent.unique_id for agent in m.agents}) == len(m.agents)


def test_running_stops_at_the_end_and_stepping_on_is_allowed() -> None:
    m = model()
    steps = 0
    while m.running:
        m.step()
        steps += 1
    assert steps == m.clock == m.steps == 10
    m.step()
    assert m.clock == 11
    assert not m.running


def test_run_model_of_mesa_ends_too() -> None:
    m = model()
    m.run_model()
    assert m.clock == 10


def test_equal_seeds_are_equal_runs_and_others_are_not() -> None:
    first, second = finished(model()), finished(model())
    assert first.state.equals(second.state)
    np.testing.assert_equal(first.recorder.rows, second.recorder.rows)
    assert not finished(model(replicate=1)).state.equals(first.state)
    assert not finished(model(seed=12)).state.equals(first.state)


def test_seed_0_and_the_largest_seed_are_seeds() -> None:
    zero, large = model(seed=0), model(seed=2**63 - 1)
    assert not np.array_equal(zero.frame.population.up, large.frame.population.up)
    assert np.array_equal(zero.frame.population.up, model(seed=0).frame.population.up)


def test_nothing_outside_can_shift_a_draw() -> None:
    disturbed = model()
    while disturbed.running:
        disturbed.random.random()
        disturbed.rng.random(7)
        np.random.default_rng(0).random()
        disturbed.step()
    assert disturbed.state.equals(finished(model()).state)


def test_prevalence_is_that_of_the_persons() -> None:
    m = finished(model())
    assert m.prevalence() == pytest.approx(m.state.constraint.mean())
    assert 0.0 < m.prevalence() < 1.0


def test_a_fork_may_have_other_optimizers_and_keeps_what_was_recorded() -> None:
    m = model()
    for _ in range(4):
        m.step()
    fork = m.fork({"optimizers": [{"kind": "rlhf"}]})
    finished(fork)
    table, collected = fork.recorder.table(), fork.datacollector.model_vars
    assert list(table) == list(collected)
    assert np.isnan(table["spent[rlhf]"][:4]).all()
    assert (table["spent[rlhf]"][4:] > 0.0).all()
    assert not any("proportional" in name for name in table)
    assert table["prevalence"][:4].tolist() == m.recorder.table()["prevalence"].tolist()
    np.testing.assert_equal(collected["spent[rlhf]"], table["spent[rlhf]"].tolist())


def test_a_fork_replays_the_same_future() -> None:
    m = model()
    for _ in range(4):
        m.step()
    fork = m.fork()
    assert fork.state.equals(m.state)
    assert fork.prevalence() == m.prevalence()
    finished(fork)
    assert m.clock == len(m.datacollector.model_vars["step"]) == 4
    assert finished(m).state.equals(fork.state)
    np.testing.assert_equal(m.recorder.rows, fork.recorder.rows)
    assert m.recorder.spent == fork.recorder.spent
    np.testing.assert_equal(m.datacollector.model_vars, fork.datacollector.model_vars)
    assert [o.spent.tolist() for o in m.optimizers] == [o.spent.tolist() for o in fork.optimizers]


def test_a_fork_shows_the_step_just_made() -> None:
    m = model()
    for _ in range(4):
        m.step()
    fork = m.fork()
    for name in ("stress", "effort", "changes"):
        mine, its = getattr(m.frame, name), getattr(fork.frame, name)
        assert mine.any()
        assert np.array_equal(its, mine)
        assert not np.shares_memory(its, mine)


def test_a_fork_of_a_finished_model_is_finished() -> None:
    assert not finished(model()).fork().running


def test_a_fork_has_agents_of_its_own() -> None:
    m = model()
    fork = m.fork()
    assert all(agent.model is fork for agent in fork.agents)
    assert len(fork.agents) == len(m.agents) == m.resolved.population.size + 2
    assert not {id(agent) for agent in fork.optimizers} & {id(agent) for agent in m.optimizers}
    assert not any(agent in m.agents for agent in fork.agents)


def test_a_change_that_changes_no_trait_keeps_the_persons() -> None:
    m = model()
    m.step()
    fork = m.fork({"exposure.leak.deprivation": 0.9})
    assert fork.frame.population is m.frame.population
    harder = m.fork({"constraints.coupling.deprivation": 5.0})
    assert np.array_equal(harder.frame.population.up, m.frame.population.up)
    assert harder.frame.population.graph is m.frame.population.graph
    rewired = m.fork({"network.degree": 0.0})
    assert np.array_equal(rewired.frame.population.up, m.frame.population.up)
    assert rewired.frame.population.graph != m.frame.population.graph
    for changed in (fork, harder, rewired):
        assert changed.state.equals(m.state)
        assert not finished(changed).state.equals(finished(m.fork()).state)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 1),
        ("time.steps", 11),
        ("population.size", 61),
        ("population.arrangement", "shuffled"),
        ("population.groups", {"some": 0.5, "others": 0.5}),
        ("channels.deprivation.weight", 0.25 + 1e-10),
    ],
)
def test_a_fork_must_keep_its_persons(path: str, value: object) -> None:
    with pytest.raises(ValueError, match="a fork keeps its persons"):
        model().fork({path: value})


def test_new_optimizers_start_afresh() -> None:
    m = model()
    for _ in range(6):
        m.step()
    assert m.optimizers[0].spent[0] > 0.0
    fork = m.fork({"optimizers": [{"kind": "proportional", "budget": 9.0}]})
    assert [o.spent.tolist() for o in fork.optimizers] == [[0.0]]
    assert len(fork.agents) == m.resolved.population.size + 1


def test_a_controller_acts_beside_the_optimizers() -> None:
    shape = (1, 4)
    planned = Planned(np.ones(shape), np.array([[2.0], [0.0]]), start=1)
    m = model(optimizers=[])
    m.control(planned)
    efforts = []
    for _ in range(4):
        m.step()
        efforts.append(m.recorder.latest()["effort"])
    assert efforts == [0.0, 8.0, 0.0, 0.0]


def test_a_controller_does_not_displace_the_optimizers() -> None:
    m = model()
    m.control(Planned(np.zeros((1, 4)), np.zeros((1, 1))))
    assert finished(m).recorder.spent == finished(model()).recorder.spent > 0.0


def test_a_finished_model_can_be_collected() -> None:
    m = finished(model())
    fork = m.fork()
    gone = [weakref.ref(m), weakref.ref(fork)]
    del m, fork
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
