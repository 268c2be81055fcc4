"""What is written down of a replicate, against the persons themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.chronicle import BINS, Chronicle, counted_of, landmarks_of
from analysis.cost import Measurement, measure
from sim.engine import advance
from sim.model import AlignmentModel
from sim.scenario.load import load_scenario
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario

SMALL = ["population.size=400", "restoration.delays=[0, 20, 40]", "restoration.horizon=2",
         "restoration.dwell=1", "restoration.lengths=[]", "restoration.tolerance=0.5",
         "restoration.rest=6", "restoration.rest_doublings=3"]  # fmt: skip


@pytest.fixture(scope="module")
def measured() -> Measurement:
    return measure(load_scenario("quickstart", overrides=SMALL), 0)


@pytest.fixture(scope="module")
def model() -> AlignmentModel:
    """The same replicate as a plain model, after the longest delay."""
    model = AlignmentModel(load_scenario("quickstart", overrides=SMALL))
    for _ in range(40):
        model.step()
    return model


def test_means_are_those_of_a_plain_run(measured: Measurement, model: AlignmentModel) -> None:
    path = pd.DataFrame(measured.path)
    exposed = path[path["phase"] == "exposure"].set_index("step")
    for row in model.recorder.rows:
        series = dict(zip(model.recorder.columns, row, strict=True))
        noted = exposed.loc[int(series["step"])]
        for name in ("prevalence", "narrative", "lock_in", "trust"):
            assert noted[name] == series[name]
    assert exposed.loc[0, ["narrative", "lock_in", "trust"]].tolist() == [0.0, 0.0, 1.0]
    assert (np.diff(path.loc[path["phase"] == "rest", "trust"]) != 0.0).any()


def test_narrative_is_counted_person_by_person(
    measured: Measurement, model: AlignmentModel
) -> None:
    counts = pd.DataFrame(measured.narrative)
    one = counts[(counts["phase"] == "exposure") & (counts["step"] == 40)].set_index("bin")
    narrative = model.state.narrative[:, 0]
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        inside = (narrative >= low) & ((narrative < high) | (number == BINS - 1))
        assert one.loc[number, "persons"] == inside.sum()
    assert (one["persons"] > 0).sum() > 3


def test_every_count_of_narrative_is_of_all_persons(measured: Measurement) -> None:
    counts = pd.DataFrame(measured.narrative)
    moments = counts.groupby(["phase", "step"], sort=False)["persons"].agg(["sum", "size"])
    assert moments["sum"].eq(400).all()
    assert moments["size"].eq(BINS).all()
    assert list(moments.index) == [
        *(("exposure", step) for step in (0, 10, 20, 30, 40)),
        *(("rest", 40 + step) for step in (6, 12, 18, 24)),
    ]


def test_flows_conserve_persons(measured: Measurement, model: AlignmentModel) -> None:
    flows = pd.DataFrame(measured.flows)
    legs = flows.groupby(["moment_from", "moment_to"], sort=False)
    assert list(legs.groups) == [
        ("start", "longest delay"),
        ("longest delay", "first rest"),
        ("first rest", "longest rest"),
    ]
    assert legs["persons"].sum().eq(400).all()
    arrived = None
    for _, leg in legs:
        left = leg.groupby("active_from")["persons"].sum()
        if arrived is not None:
            assert left.tolist() == arrived.tolist()
        arrived = leg.groupby("active_to")["persons"].sum()
    active = model.state.constraint[:, :, 0].sum(axis=0)
    first = flows[flows["moment_to"] == "longest delay"].groupby("active_to")["persons"].sum()
    assert first.tolist() == np.bincount(active, minlength=5).tolist()
    assert set(flows["step_to"]) == {40, 46, 64}


def test_flows_are_followed_person_by_person() -> None:
    scenario = full(load_scenario("quickstart", overrides=SMALL))
    chronicle = Chronicle({"role": "scenario"}, scenario, sampled=False)
    model = AlignmentModel(scenario)
    rng = np.random.default_rng(1)
    states = []
    for moment in landmarks_of(scenario):
        model.state.constraint[:, :, 0] = rng.random((4, 400)) < 0.4
        states.append(model.state.constraint[:, :, 0].sum(axis=0).tolist())
        chronicle.note(model.frame, *moment)
    flows = pd.DataFrame(chronicle.flows).groupby("moment_to", sort=False)
    for (_, leg), before, after in zip(flows, states, states[1:], strict=False):
        table = np.zeros((5, 5), dtype=int)
        for i, j in zip(before, after, strict=True):
            table[i, j] += 1
        assert (
            leg.pivot(index="active_from", columns="active_to", values="persons")
            .to_numpy()
            .tolist()
            == table.tolist()
        )


def test_the_snapshot_holds_persons_as_they_were(
    measured: Measurement, model: AlignmentModel
) -> None:
    persons = pd.DataFrame(measured.persons)
    assert persons.groupby("moment", sort=False).size().tolist() == [300] * 4
    late = persons[persons["moment"] == "longest delay"]
    chosen = late["person"].to_numpy()
    assert late["step"].eq(40).all()
    state = model.state
    assert late["active"].tolist() == state.constraint[:, chosen, 0].sum(axis=0).tolist()
    for name in ("narrative", "lock_in", "trust"):
        assert late[name].tolist() == getattr(state, name)[chosen, 0].tolist()
    assert late["group"].tolist() == model.frame.population.group[chosen].tolist()
    ties = pd.DataFrame(measured.ties)
    assert {*ties["source"], *ties["target"]} <= set(chosen.tolist())


def test_only_the_first_replicate_has_a_snapshot(measured: Measurement) -> None:
    other = measure(load_scenario("quickstart", overrides=SMALL), 1)
    assert (other.persons, other.ties) == ([], [])
    assert len(other.flows) == len(measured.flows)


@given(
    delays=st.sampled_from([[0], [1], [0, 7], [3, 60]]),
    rest=st.integers(0, 5),
    doublings=st.integers(1, 4),
)
def test_moments_are_distinct_and_within_what_is_lived(
    delays: list[int], rest: int, doublings: int
) -> None:
    restoration = {"delays": delays, "rest": rest, "rest_doublings": doublings}
    scenario = full(Scenario.model_validate({"restoration": restoration}))
    last = delays[-1] + max(rest, 1) * 2 ** (doublings - 1)
    for moments in (list(landmarks_of(scenario)), counted_of(scenario)):
        assert len(set(moments)) == len(moments)
        assert moments[0] == ("exposure", 0)
        assert moments[-1] == ("rest", last)
        assert moments == sorted(moments)
    names = list(landmarks_of(scenario).values())
    assert len(set(names)) == len(names)
    assert names[-1] == "longest rest"


def test_writing_down_changes_nothing() -> None:
    scenario = full(load_scenario("quickstart", overrides=SMALL))
    watched, alone = AlignmentModel(scenario), AlignmentModel(scenario)
    chronicle = Chronicle({}, scenario, sampled=True)
    advance(watched.frame, 45, observe=lambda f: chronicle.note(f, "exposure", f.step + 1))
    advance(alone.frame, 45)
    assert watched.state.equals(alone.state)
    assert len(chronicle.path) == 45
    assert chronicle.persons
