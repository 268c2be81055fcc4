"""Events against conditions written out by hand, on frames whose numbers are set."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from sim.events import FIELDS, KINDS
from sim.model import AlignmentModel
from sim.processes.stage import AVALANCHE, Frame
from sim.records import VARIABLES, Recorder
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.scenario.schema.measurement import PersonColumn, Variable
from sim.snapshots import snapshot_columns

CONTENT: dict[str, Any] = {
    "population": {"size": 20, "groups": {"many": 0.8, "few": 0.2, "nobody": 0.0}},
    "network": {"kind": "ring", "degree": 2},
    "channels": ["only"],
    "record": {
        "every": 7,
        "crossings": [{"level": 0.5}, {"level": 0.5, "direction": "down"}],
        "failures": {
            "feedback_silence": 0.4,
            "apparent_not_lived": 0.3,
            "narrative_lock_in": 0.25,
            "trust_collapse": 0.3,
        },
        "avalanches": {"least": 3},
    },
}


def watched() -> tuple[Recorder, Frame]:
    """Return a recorder and a frame in which all is well."""
    scenario = full(Scenario.model_validate(CONTENT))
    frame, recorder = AlignmentModel(scenario).frame, Recorder(scenario)
    frame.state.answers[:, 0, 0] = (16, 4, 0)
    recorder.begin(frame)
    return recorder, frame


def step(recorder: Recorder, frame: Frame, **changes: Any) -> None:
    """Let a step pass after which some columns of the state have these values."""
    for name, value in changes.items():
        getattr(frame.state, name)[...] = value
    frame.take_stock()
    recorder(frame)
    frame.step += 1


def kept(recorder: Recorder, kind: str) -> list[dict[str, Any]]:
    table = recorder.events()
    return table[table["kind"] == kind].to_dict("records")


def test_nothing_happens_where_all_is_well() -> None:
    recorder, frame = watched()
    for _ in range(3):
        step(recorder, frame)
    assert recorder.events().empty
    assert list(recorder.events().columns) == list(FIELDS)


def test_every_passage_of_a_threshold_is_an_event() -> None:
    recorder, frame = watched()
    for n_active in (9, 10, 12, 10, 3, 14):
        active = (np.arange(20) < n_active)[None, :, None]
        step(recorder, frame, constraint=active)
    found = [
        (row["step"], row["direction"], row["value"], row["level"])
        for row in kept(recorder, "prevalence_crossing")
    ]
    assert found == [(2, "up", 0.5, 0.5), (4, "down", 0.5, 0.5), (6, "up", 0.7, 0.5)]


def test_a_failure_lasts_from_where_it_holds_to_where_it_no_longer_does() -> None:
    recorder, frame = watched()
    for trust in (0.31, 0.29, 0.1, 0.2, 0.5, 0.25):
        step(recorder, frame, trust=trust)
    first, second = kept(recorder, "trust_collapse")
    assert (first["step"], first["end"], first["size"]) == (2, 5.0, 20)
    assert (first["value"], first["extreme"], first["level"]) == pytest.approx((0.29, 0.1, 0.3))
    assert (second["step"], np.isnan(second["end"])) == (6, True)


def test_each_group_falls_silent_by_itself_and_an_empty_one_never() -> None:
    recorder, frame = watched()
    for many, few in ((16, 4), (16, 1), (6, 1), (8, 2)):
        step(recorder, frame, answers=np.array([many, few, 0])[:, None, None])
    found = [
        (row["group"], row["step"], row["end"], row["size"], row["value"])
        for row in kept(recorder, "feedback_silence")
    ]
    assert found == [("few", 2, 4.0, 4, 0.25), ("many", 3, 4.0, 16, 0.375)]


def test_apparent_alignment_that_is_not_lived() -> None:
    recorder, frame = watched()
    positives = np.array([4, 1, 0])[:, None, None]  # A = 0.75
    for n_active in (10, 14, 10):
        active = (np.arange(20) < n_active)[None, :, None]
        step(recorder, frame, positives=positives, constraint=active)
    (row,) = kept(recorder, "apparent_not_lived")
    assert (row["step"], row["end"], row["value"]) == (2, 3.0, pytest.approx(0.45))


def test_narrative_lock_in_counts_persons() -> None:
    recorder, frame = watched()
    for n_locked in (5, 6):
        step(recorder, frame, lock_in=np.where(np.arange(20) < n_locked, 0.5, 0.49)[:, None])
    (row,) = kept(recorder, "narrative_lock_in")
    assert (row["step"], row["size"], row["value"]) == (2, 6, 0.3)


def test_large_avalanches_of_the_first_future_are_events() -> None:
    recorder, frame = watched()
    rows = [(0, 1, 5, 0.25), (0, -1, 3, 0.5), (0, 1, 2, 0.75), (1, 1, 9, 1.0)]
    frame.avalanches = np.array(rows, AVALANCHE)
    step(recorder, frame)
    found = [(r["direction"], r["size"], r["value"]) for r in kept(recorder, "avalanche")]
    assert found == [("on", 5, 0.25), ("off", 3, 0.5)]


def test_a_copy_goes_on_by_itself() -> None:
    recorder, frame = watched()
    step(recorder, frame, trust=0.1)
    copy = recorder.copy()
    step(recorder, frame, trust=0.9)
    assert np.isnan(kept(copy, "trust_collapse")[0]["end"])
    assert kept(recorder, "trust_collapse")[0]["end"] == 2.0


def test_registries_and_schema_name_the_same_things() -> None:
    assert get_args(Variable) == tuple(variable.name for variable in VARIABLES)
    content = {**CONTENT, "record": {"persons": {"every": 1, "columns": get_args(PersonColumn)}}}
    columns = snapshot_columns(full(Scenario.model_validate(content)))
    assert {column.family for column in columns.values()} == set(get_args(PersonColumn))
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.definition and kind.meaning and kind.evidence for kind in KINDS)
