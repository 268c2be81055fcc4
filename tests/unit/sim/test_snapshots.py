from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.agents import Person
from sim.engine import advance
from sim.model import AlignmentModel
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from tests.property.strategies import Content, cooperative, resolved

CONTENT: dict[str, Any] = {
    "time": {"steps": 6},
    "population": {
        "size": 40,
        "arrangement": "shuffled",
        "groups": {"most": 0.7, "few": 0.3},
        "initial": {"lock_in": 0.5, "narrative": 0.8},
    },
    "network": {"kind": "ring", "degree": 2},
    "channels": ["rent", "work"],
    "stressors": [{"kind": "constant", "level": 0.4}],
    "feedback": {"exit": 0.3},
}


def finished(persons: dict[str, Any] | None, *, replicate: int = 0, **more: Any) -> AlignmentModel:
    record = {} if persons is None else {"persons": persons}
    scenario = full(Scenario.model_validate({**CONTENT, "record": record, **more}))
    model = AlignmentModel(scenario, replicate=replicate)
    while model.running:
        model.step()
    return model


def test_a_snapshot_is_what_the_agents_say() -> None:
    table = finished({"every": 1}).recorder.persons()
    alone = finished(None)
    again = AlignmentModel(alone.resolved)
    for step in range(7):
        rows = table[table["step"] == step]
        persons = again.agents_by_type[Person]
        assert rows["person"].tolist() == list(range(40))
        for name in rows.columns[2:]:
            assert rows[name].tolist() == persons.get(name), name
        if step < 6:
            again.step()
    assert rows["exited"].sum() > 0
    assert set(table.columns) == {
        "step", "person", "group", "burden", "narrative", "lock_in", "trust", "exited",
        "exposure_rent", "exposure_work", "constraint_rent", "constraint_work",
    }  # fmt: skip


def test_steps_and_columns_are_those_asked_for() -> None:
    table = finished({"steps": [0, 4, 6], "columns": ["up", "constraint"]}).recorder.persons()
    assert table["step"].unique().tolist() == [0, 4, 6]
    assert list(table.columns[2:]) == [
        f"{family}_{channel}" for channel in ("rent", "work") for family in ("constraint", "up")
    ]
    assert finished({"every": 4}).recorder.persons()["step"].unique().tolist() == [0, 4]
    assert finished(None).recorder.persons().empty


def test_a_sample_is_the_same_persons_throughout() -> None:
    def sample(**how: Any) -> list[list[int]]:
        table = finished({"every": 3, "sample": 12}, **how).recorder.persons()
        return [group["person"].tolist() for _, group in table.groupby("step")]

    first = sample()
    assert len(first[0]) == len(set(first[0])) == 12
    assert first[0] == sorted(first[0])
    assert first == [first[0]] * 3 == sample(replicate=5)
    assert sample(seed=1) != first
    resampled = {"population": {**CONTENT["population"], "resample": "population"}}
    assert sample(replicate=5, **resampled) != sample(**resampled)
    whole = finished({"every": 3, "sample": 41}).recorder.persons()
    pd.testing.assert_frame_equal(whole, finished({"every": 3}).recorder.persons())


def test_a_sample_of_rows_is_part_of_the_whole() -> None:
    whole, part = (
        finished({"every": 2, "sample": n}).recorder.persons().set_index(["step", "person"])
        for n in ("all", 9)
    )
    pd.testing.assert_frame_equal(whole.loc[part.index], part)


@given(cooperative(max_size=20), st.integers(1, 3), st.integers(1, 30))
def test_no_number_depends_on_what_is_recorded(content: Content, every: int, sample: int) -> None:
    sparse = {"every": 50, "variables": ["trust"], "crossings": []}
    dense = {"persons": {"every": every, "sample": sample}, "avalanches": {"least": 1}}
    models = [AlignmentModel(resolved(content | {"record": r})) for r in (sparse, dense)]
    for model in models:
        while model.running:
            model.step()
    unwatched = AlignmentModel(models[0].resolved)
    advance(unwatched.frame, unwatched.resolved.time.steps)
    assert models[0].state.equals(models[1].state)
    assert models[0].state.equals(unwatched.state)


def test_a_fork_records_what_its_parent_would() -> None:
    scenario = full(Scenario.model_validate({**CONTENT, "record": {"persons": {"every": 2}}}))
    parent = AlignmentModel(scenario)
    for _ in range(3):
        parent.step()
    fork = parent.fork()
    while fork.running:
        fork.step()
    assert len(parent.recorder.persons()) == 2 * 40
    while parent.running:
        parent.step()
    pd.testing.assert_frame_equal(parent.recorder.persons(), fork.recorder.persons())
    pd.testing.assert_frame_equal(parent.recorder.events(), fork.recorder.events())
    with pytest.raises(ValueError, match="a fork keeps its persons and records"):
        parent.fork({"record.every": 2})


def test_an_option_switched_on_in_a_fork_leaves_the_columns_of_snapshots_alone() -> None:
    content = {**CONTENT, "feedback": {}, "record": {"persons": {"every": 1}}}
    fork = AlignmentModel(full(Scenario.model_validate(content)))
    fork.step()
    fork = fork.fork({"feedback.exit": 1.0})
    fork.step()
    assert fork.state.exited.size == 40
    assert fork.state.exited.any()
    assert "exited" not in fork.recorder.persons()
    assert len(fork.recorder.persons()) == 3 * 40


def test_only_chosen_variables_are_in_the_series() -> None:
    record = {"variables": ["trust", "prevalence_group"]}
    model = finished(None, record=record)
    table, whole = model.recorder.table(), finished(None).recorder.table()
    assert list(table) == ["step", "prevalence_group[most]", "prevalence_group[few]", "trust"]
    for name, column in table.items():
        np.testing.assert_array_equal(column, whole[name])
    assert list(model.datacollector.model_vars) == list(table)
