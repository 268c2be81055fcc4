"""The world changes in the middle of a run, announced or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.cost import measure
from sim.model import AlignmentModel
from sim.optimizers.base import Idle
from sim.scenario.schema import Scenario

SHIFT = {"at": 6, "changes": {"stressors.0.level": 0.0, "exposure.leak": 0.5}}


def model(*shifts: dict[str, Any], **blocks: Any) -> AlignmentModel:
    content: dict[str, Any] = {
        "time": {"steps": 12},
        "channels": ["rent"],
        "population": {"size": 80, "groups": {"a": 0.5, "b": 0.5}},
        "stressors": [{"kind": "constant", "level": 0.3}],
        "exposure": {"noise": 0.3},
        "turnover": {"rate": 0.05},
        "optimizers": [{"kind": "proportional", "budget": 5.0}],
        "shifts": list(shifts),
        **blocks,
    }
    return AlignmentModel(Scenario.model_validate(content))


def series(m: AlignmentModel) -> np.ndarray[Any, Any]:
    m.run_model()
    return np.array(m.recorder.rows)


def test_nothing_differs_before_and_all_goes_on_as_in_a_fork_after() -> None:
    plain = model()
    for _ in range(6):
        plain.step()
    fork = plain.fork(SHIFT["changes"])
    shifted = model(SHIFT)
    rows = series(shifted)
    assert np.array_equal(rows[:6], np.array(plain.recorder.rows), equal_nan=True)
    fork.run_model()
    assert np.array_equal(rows, np.array(fork.recorder.rows), equal_nan=True)
    assert shifted.state.equals(fork.state)
    assert not np.array_equal(rows[6:], series(model())[6:], equal_nan=True)


def test_several_at_one_step_hold_in_their_order() -> None:
    one, other = ({"at": 6, "changes": {"exposure.leak": leak}} for leak in (0.9, 0.1))
    assert np.array_equal(series(model(one, other)), series(model(other)), equal_nan=True)


def test_a_fork_shifts_later_as_its_parent_does() -> None:
    parent = model(SHIFT)
    parent.step()
    fork = parent.fork()
    assert np.array_equal(series(parent), series(fork), equal_nan=True)


@pytest.mark.parametrize("announced", [True, False])
def test_optimizers_are_told_if_it_is_announced(
    announced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    monkeypatch.setattr(Idle, "hear_of_shift", lambda _, frame: told.append(frame.step))
    m = model({**SHIFT, "announced": announced}, optimizers=[{"kind": "none"}])
    m.run_model()
    assert told == ([6] if announced else [])


@pytest.mark.parametrize(
    ("path", "value"),
    [("optimizers.0.budget", 9.0), ("preferences.styles", []), ("population.size", 90)],
)
def test_a_shift_changes_neither_persons_nor_optimizers(path: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"a shift changes the world|keeps its persons"):
        model({"at": 2, "changes": {path: value}}).run_model()


def test_cost_is_not_measured_across_a_shift() -> None:
    with pytest.raises(ValueError, match="does not shift"):
        measure(model(SHIFT).resolved, 0)
