"""Every output variable against a direct computation, person by person, on a small state."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.optimizers.policy import Policy
from sim.records import VARIABLES, Recorder, column_names
from sim.reports import calibration, information, ranking
from sim.scenario.schema import Scenario
from sim.scenario.schema.measurement import Variable

CONTENT: dict[str, Any] = {
    "seed": 4,
    "time": {"steps": 12},
    "channels": {"rent": 0.7, "work": 0.3},
    "population": {
        "size": 30,
        "arrangement": "shuffled",
        "groups": {"most": 0.8, "few": {"share": 0.2, "vulnerability": 2.0}, "nobody": 0.0},
        "initial": {"narrative": {"kind": "uniform", "low": 0.0, "high": 0.9}, "lock_in": 0.45},
    },
    "network": {"kind": "ring", "degree": 4},
    "stressors": [
        {"kind": "pulse", "level": 0.5, "duration": 5},
        {"kind": "constant", "level": 0.05, "channel": "work", "groups": ["few"]},
    ],
    "constraints": {"coupling": 0.3, "width": 0.2},
    "turnover": {"rate": 0.1},
    "feedback": {"response_base": -2.0, "response_trust": 1.5},
    "prices": {"effort": 0.5},
    "optimizers": [
        {"kind": "proportional", "response": 1.5, "start": 2},
        {"kind": "rlhf", "labels": 8, "window": 2, "start": 3},
    ],
}
SCENARIO = Scenario.model_validate(CONTENT)


def expected(model: AlignmentModel, before: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Values of the step just made, by loops over persons."""
    state, frame = model.state, model.frame
    group = [int(g) for g in frame.population.group]
    active = state.constraint[:, :, 0].astype(int)
    persons = range(30)
    burden = [0.7 * active[0, i] + 0.3 * active[1, i] for i in persons]
    members = [[i for i in persons if group[i] == g] for g in range(3)]
    answered = int(state.answers.sum())
    effort = sum(
        len(members[g]) / 30 * float(frame.effort[g, k, 0]) for g in range(3) for k in range(2)
    )
    return {
        "prevalence": sum(burden) / 30,
        "prevalence_group": [
            sum(burden[i] for i in some) / len(some) if some else 0.0 for some in members
        ],
        "prevalence_channel": [active[k].sum() / 30 for k in range(2)],
        "exposure": [sum(state.exposure[k, i, 0] for i in persons) / 30 for k in range(2)],
        "stress": [[frame.stress[g, k] for k in range(2)] for g in range(3)],
        "narrative": sum(state.narrative[i, 0] for i in persons) / 30,
        "lock_in": sum(state.lock_in[i, 0] for i in persons) / 30,
        "lock_in_share": sum(state.lock_in[i, 0] >= 0.5 for i in persons) / 30,
        "trust": sum(state.trust[i, 0] for i in persons) / 30,
        "response_rate": answered / 30,
        **measured(frame.reports[..., 0], members),
        **steered(model, [len(some) for some in members]),
        "lived_alignment": 1.0 - sum(burden) / 30,
        "effort": effort,
    }


def steered(model: AlignmentModel, sizes: list[int]) -> dict[str, Any]:
    """What optimizers spent and where the one with a policy went, group by group."""
    rows: list[dict[str, float]] = []
    policy = model.optimizers[1]
    assert isinstance(policy, Policy)
    for g, size in enumerate(sizes):
        if size == 0:
            continue
        shown, sought = policy.mean[g, :, 0].tolist(), policy.estimate[g, :, 0].tolist()
        needed = [*policy.needs(model.frame).need[g, :, 0].tolist(), 0.0, 0.0]
        start = policy.reference[g, :, 0].tolist() if policy.reference.size else shown
        rows.append(
            {
                "size": size,
                "strength": math.dist(shown, start) / math.sqrt(2.0),
                "proxy": sum(a * b for a, b in zip(shown, sought, strict=True)),
                "gold": sum(a * b for a, b in zip(shown, needed, strict=True))
                / math.hypot(*needed),
                "cosine_intent": cosine(shown, sought),
                "cosine_outcome": cosine(shown, needed),
                "interference": 0.0 if sum(max(x, 0.0) for x in shown[:-2]) else math.nan,
            }
        )
    means = {}
    for name in [name for name in rows[0] if name != "size"]:
        told = [(row[name], row["size"]) for row in rows if not math.isnan(row[name])]
        total = sum(value * size for value, size in told)
        means[name] = [math.nan, total / sum(size for _, size in told) if told else math.nan]
    return {
        "spent": [sum(o.bills[:, 0]) for o in model.optimizers],
        "spending": [o.bills[:, 0] for o in model.optimizers],
        **means,
    }


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = math.hypot(*one) * math.hypot(*other)
    return product / lengths if lengths else math.nan


def measured(reports: np.ndarray[Any, Any], members: list[list[int]]) -> dict[str, Any]:
    """Values of reports by group, channel, constraint and what was said, term by term."""
    answered = reports[..., :2].sum(axis=(0, 1))
    n = int(answered.sum())
    cells = [reports[g, k] for g in range(3) for k in range(2)]
    told = [cell for cell in cells if cell[:, :2].sum()]
    gaps = [(c[:, 1].sum() / c[:, :2].sum() - c[1].sum() / c.sum(), c[:, :2].sum()) for c in told]
    found = calibration(np.array(cells))
    return {
        "response_rate_group": [
            reports[g, :, :, :2].sum() / len(some) if some else 0.0
            for g, some in enumerate(members)
        ],
        "exited": 0.0,
        "information_answered": information(answered),
        "information": information(answered) * n / 30,
        "auc": ranking(answered),
        "calibration_bias": sum(gap * weight for gap, weight in gaps) / n if n else np.nan,
        "calibration_error": found.error,
        "calibration_square": found.square,
    }


def flat(value: Any) -> list[float]:
    return [float(x) for x in np.asarray(value, dtype=float).ravel()]


def test_every_variable_is_what_its_meaning_says() -> None:
    model = AlignmentModel(SCENARIO)
    apparent, spent = float("nan"), 0.0
    for _ in range(12):
        before = model.state.constraint.copy()
        model.step()
        row = model.recorder.latest()
        want = expected(model, before)
        answers = int(model.state.answers.sum())
        if answers:
            apparent = 1.0 - int(model.state.positives.sum()) / answers
        spent += want["effort"]
        want |= {"apparent_alignment": apparent, "effort_total": spent}
        want |= {"shelter": np.zeros(model.frame.effort.shape[:2])}
        position = 1
        for variable in VARIABLES:
            names = list(row)[position : position + len(flat(want.get(variable.name, 0.0)))]
            position += len(names)
            assert all(name.split("[")[0] == variable.name for name in names)
            if variable.name not in ("switched_on", "switched_off"):
                got = [row[name] for name in names]
                assert got == pytest.approx(flat(want[variable.name]), nan_ok=True), variable.name
        assert position == len(row)
    assert spent > 0.0
    assert row["spent[rlhf]"] > 0.0
    assert row["strength[rlhf]"] > 0.0
    assert 0.0 < row["cosine_outcome[rlhf]"] < 1.0
    assert 0.0 < row["prevalence"] < 1.0


def test_switches_are_those_of_the_relays() -> None:
    content = {**CONTENT, "turnover": {"rate": 0.0}}
    model = AlignmentModel(Scenario.model_validate(content))
    on = off = 0
    for _ in range(12):
        before = model.state.constraint.astype(int)
        model.step()
        change = model.state.constraint.astype(int) - before
        row = model.recorder.latest()
        assert row["switched_on"] == (change > 0).sum()
        assert row["switched_off"] == (change < 0).sum()
        on, off = on + row["switched_on"], off + row["switched_off"]
    assert on > 0
    assert off > 0


def test_every_variable_can_be_chosen() -> None:
    assert get_args(Variable) == tuple(variable.name for variable in VARIABLES)


def test_columns_are_named_by_the_labels_of_the_scenario() -> None:
    names = column_names(SCENARIO)
    assert names[0] == "step"
    assert len(set(names)) == len(names)
    assert {"prevalence", "prevalence_group[few]", "exposure[work]", "stress[most,rent]"} <= set(
        names
    )
    assert names.index("stress[most,work]") + 1 == names.index("stress[few,rent]")


def test_apparent_alignment_is_carried_forward_in_silence() -> None:
    model = AlignmentModel(SCENARIO)
    recorder, frame = Recorder(SCENARIO), model.frame
    for answers, positives, seen in [(0, 0, np.nan), (4, 1, 0.75), (0, 0, 0.75), (2, 2, 0.0)]:
        frame.state.answers[...] = 0
        frame.state.positives[...] = 0
        frame.state.answers[0, 1, 0] = answers
        frame.state.positives[0, 1, 0] = positives
        recorder(frame)
        assert recorder.latest()["apparent_alignment"] == pytest.approx(seen, nan_ok=True)


def test_half_a_lock_in_counts_as_locked_in() -> None:
    model = AlignmentModel(SCENARIO)
    model.state.lock_in[...] = 0.49
    model.state.lock_in[:6] = 0.5
    model.recorder(model.frame)
    assert model.recorder.latest()["lock_in_share"] == 6 / 30


@pytest.mark.parametrize(("every", "steps"), [(1, range(1, 13)), (5, [5, 10]), (13, [])])
def test_only_every_nth_step_is_recorded_but_effort_is_never_lost(
    every: int, steps: list[int]
) -> None:
    model = AlignmentModel(Scenario.model_validate({**CONTENT, "record": {"every": every}}))
    full = AlignmentModel(SCENARIO)
    while model.running:
        model.step()
        full.step()
    table = model.recorder.table()
    assert list(table) == column_names(SCENARIO)
    assert table["step"].tolist() == list(steps)
    reference = full.recorder.table()
    kept = np.isin(reference["step"], table["step"])
    for name, column in table.items():
        np.testing.assert_array_equal(column, reference[name][kept])
    assert model.recorder.spent == full.recorder.spent
    assert (model.recorder.latest() == {}) == (every == 13)


def test_the_data_collector_holds_the_same_series() -> None:
    model = AlignmentModel(Scenario.model_validate({**CONTENT, "record": {"every": 3}}))
    while model.running:
        model.step()
    collected = model.datacollector.get_model_vars_dataframe()
    table = model.recorder.table()
    assert list(collected.columns) == list(table)
    for name, column in table.items():
        np.testing.assert_array_equal(collected[name].to_numpy(dtype=float), column)


def test_a_copy_goes_on_by_itself() -> None:
    model = AlignmentModel(SCENARIO)
    model.step()
    copy = model.recorder.copy()
    model.step()
    assert (len(copy.rows), len(model.recorder.rows)) == (1, 2)
    copy(model.frame)
    assert (len(copy.rows), len(model.recorder.rows)) == (2, 2)


def test_every_variable_says_what_it_means() -> None:
    names = [variable.name for variable in VARIABLES]
    assert len(set(names)) == len(names)
    assert all(variable.meaning and variable.unit for variable in VARIABLES)
