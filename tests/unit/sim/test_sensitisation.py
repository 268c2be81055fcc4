"""Damage: load above an onset lowers the activation threshold for good, down to a floor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.reversibility import twin_at, worst_state
from sim.model import AlignmentModel
from sim.processes.sensitisation import largest_wear
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario


def worn(levels: list[float], **constraints: Any) -> AlignmentModel:
    """Return two uncoupled persons whose load is the level of the step."""
    content: dict[str, Any] = {
        "channels": ["only"],
        "time": {"steps": len(levels)},
        "restoration": {"delays": 2},
        "population": {"size": 2},
        "network": {"kind": "complete"},
        "stressors": [{"kind": "table", "steps": list(range(len(levels))), "levels": levels}],
        "exposure": {"leak": 1.0},
        "narrative": {"rule": "none"},
        "constraints": {"activation": 2.0, "width": 1.5, "damage": 0.5, **constraints},
    }
    return AlignmentModel(Scenario.model_validate(content))


def test_a_load_once_borne_is_too_much_later() -> None:
    """Two steps at 1.8 above an onset of 1 wear 2 · 0.5 · 0.8 off: `up` is then 1.2."""
    model = worn([1.8, 1.8, 1.19, 1.21], damage_onset=1.0)
    active = []
    for _ in range(4):
        model.step()
        active.append(model.prevalence())
    # The load of the step wears after it decides, so 1.8 meets 2 and then 1.6.
    assert active == [0.0, 1.0, 1.0, 1.0]
    worn_by = 0.5 * (0.8 + 0.8 + 0.19 + 0.21)
    assert model.state.wear[0, :, 0] == pytest.approx([worn_by, worn_by])


def test_a_threshold_wears_no_lower_than_release() -> None:
    model = worn([9.0, 9.0, 0.4, 0.51], damage_onset=0.0)
    for _ in range(3):
        model.step()
    assert model.state.wear[0, 0, 0] == 1.5
    assert model.prevalence() == 0.0
    model.step()
    assert model.prevalence() == 1.0


def test_a_ratchet_wears_down_to_no_load_at_all() -> None:
    model = worn([9.0, 0.0], damage_onset=0.0, ratchet_share=1.0)
    model.step()
    assert (model.state.wear == 2.0).all()
    model.state.constraint[...] = 0
    model.step()
    assert model.prevalence() == 1.0


def test_whoever_is_new_is_not_worn() -> None:
    model = worn([9.0, 9.0], damage_onset=0.0)
    model.step()
    fork = model.fork({"turnover.rate": 1.0})
    fork.step()
    assert not fork.state.wear.any()
    assert model.state.wear.all()


def test_wear_stays_where_a_fork_ends_the_damage() -> None:
    model = worn([1.8, 1.8, 1.3, 1.3], damage_onset=1.0)
    model.step(), model.step()
    fork = model.fork({"constraints.damage": 0.0})
    before = fork.state.wear.copy()
    fork.state.constraint[...] = 0
    fork.step()
    assert fork.prevalence() == 1.0
    np.testing.assert_array_equal(fork.state.wear, before)


def test_there_is_no_column_for_wear_without_damage() -> None:
    model = worn([1.0, 1.0], damage=0.0)
    model.step()
    assert model.state.wear.shape == (1, 0, 1)
    assert "wear_only" not in model.columns.names


def test_damage_without_its_column_is_refused() -> None:
    model = worn([1.0, 1.0])
    model.state.wear = np.empty((1, 0, 1))
    with pytest.raises(ValueError, match="column for wear"):
        model.step()


def test_the_worst_state_is_at_the_floor_and_the_twin_takes_no_damage() -> None:
    scenario = full(worn([1.0, 1.0]).resolved)
    model = AlignmentModel(scenario)
    population = model.frame.population
    state = worst_state(population, np.zeros((1, 2)), start=model.state)
    np.testing.assert_array_equal(state.wear[:, :, 0], largest_wear(population))
    assert (largest_wear(population) == 1.5).all()
    assert twin_at(scenario, 1.0).constraints.damage == {"only": 0.0}
