"""Contests: terms, tuning, matched replicates, distances, intervals and the Pareto front."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import analysis.trials
from analysis.closed_loop import least_budget
from analysis.comparison import chosen, delay_curve, standings, with_distance
from analysis.comparison_figure import apart, comparison_figure
from analysis.contest import TUNING, Contest, cures_of
from analysis.intervals import mean_interval
from analysis.trials import (
    COLUMNS,
    FAILURES,
    RUNGS,
    Trial,
    as_table,
    compete,
    price_of_delay,
    trial,
    tune,
)
from sim.model import AlignmentModel
from sim.optimizers import METHODS
from sim.optimizers.base import SPENDING
from sim.scenario.problems import ScenarioError
from sim.scenario.schema import Scenario
from sim.sweep.executors import Stopped

CONTENT: dict[str, Any] = {
    "name": "small",
    "time": {"steps": 12},
    "population": {"size": 60, "resample": "population"},
    "network": {"kind": "ring", "degree": 4},
    "stressors": [{"kind": "constant", "level": 0.3}],
    "exposure": {"leak": 0.1},
    "constraints": {"coupling": 0.3, "ratchet_share": 0.1},
    "optimizers": [
        {"kind": "rlhf", "labels": 7, "budget": 3.0, "start": 1, "name": "mine"},
        {"kind": "proportional", "response": 0.25},
    ],
    "restoration": {"delays": 3, "rest": 2, "horizon": 4, "dwell": 3},
}  # fmt: skip
SMALL = Scenario.model_validate(CONTENT)
TERMS: dict[str, Any] = {
    "budget": 4.0, "delay": 4, "cures": (0.0, 0.5), "replicates": 3, "settings": 6,
}  # fmt: skip


def contest(*kinds: str, **terms: Any) -> Contest:
    return Contest.of(SMALL, kinds or ("proportional",), **TERMS | terms)


def rows_of(contest: Contest, setting: dict[str, float] | None = None) -> pd.DataFrame:
    rows = [
        compete(contest, kind, cure, r, setting or {})
        for cure in contest.cures
        for kind in contest.kinds
        for r in range(contest.replicates)
    ]
    return with_distance(as_table("comparison", rows))


def made_up(lived: dict[str, list[float]], spent: dict[str, float] | None = None) -> pd.DataFrame:
    """A table of one φ in which only lived alignment and spending are chosen."""
    rows = [
        {
            **dict.fromkeys(COLUMNS["comparison"], 0.0),
            "kind": kind, "cure": 0.0, "replicate": r, "setting": "{}",
            "lived_alignment": value, "spent": (spent or {}).get(kind, 0.0),
        }
        for kind, values in lived.items()
        for r, value in enumerate(values)
    ]  # fmt: skip
    return with_distance(as_table("comparison", rows))


def test_a_contestant_takes_the_place_of_all_optimizers_on_the_terms_of_the_contest() -> None:
    (mine,) = contest("rlhf").variant("rlhf", 0.5, {"ridge": 3.0}).optimizers
    assert (mine.kind, mine.budget, mine.start, mine.name) == ("rlhf", 4.0, 4, "rlhf")
    assert (mine.labels, mine.ridge) == (7, 3.0)  # the scenario's own option, and the setting's
    (other,) = contest("none").variant("none", 0.0, {}, budget=1.0, delay=2).optimizers
    assert (other.kind, other.budget, other.start) == ("none", 1.0, 2)
    assert contest().variant("none", 0.5, {}).exposure.cure == 0.5


def test_kinds_come_once_and_the_baseline_first() -> None:
    assert contest("rlhf", "none", "rlhf").kinds == ("none", "rlhf")


def test_phi_is_swept_unless_told_otherwise() -> None:
    assert cures_of(SMALL) == (0.0, 0.5)
    own = SMALL.exposure.model_copy(update={"cure": 0.2})
    assert cures_of(SMALL.model_copy(update={"exposure": own})) == (0.0, 0.2, 0.5)


def test_settings_are_the_own_one_and_others_of_the_grid_by_lot() -> None:
    own, *others = contest(settings=4).settings_of("proportional")
    grid = METHODS["proportional"].tunable["response"]
    assert own == {}
    assert len(others) == 3
    assert {setting["response"] for setting in others} < set(grid)
    assert len({setting["response"] for setting in others}) == 3
    everything = contest(settings=100).settings_of("proportional")
    assert {setting["response"] for setting in everything[1:]} == set(grid)
    assert contest(settings=1).settings_of("proportional") == [{}]
    assert contest(settings=100).settings_of("none") == [{}]
    assert len(contest(settings=5).settings_of("rlhf")) == 5


def test_the_own_setting_is_not_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS["proportional"], "tunable", {"response": (0.25, 1.0)})
    assert contest().settings_of("proportional") == [{}, {"response": 1.0}]


def test_a_setting_that_the_schema_refuses_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS["proportional"], "tunable", {"response": (-1.0, 1.0)})
    assert contest().settings_of("proportional") == [{}, {"response": 1.0}]
    with pytest.raises(ScenarioError):
        contest().variant("proportional", 0.0, {"response": -1.0})


def test_whole_numbers_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS["rlhf"], "tunable", {"labels": (10.0, 20.0)})
    assert contest().settings_of("rlhf")[1:] in (
        [{"labels": 10}, {"labels": 20}], [{"labels": 20}, {"labels": 10}],
    )  # fmt: skip


def test_the_baseline_spends_nothing_and_shows_what_a_plain_run_shows() -> None:
    row = compete(contest(), "none", 0.0, 2, {})
    assert row["spent"] == 0.0
    assert all(row[f"spent_{name}"] == 0.0 for name in SPENDING)
    plain = AlignmentModel(SMALL.model_copy(update={"optimizers": ()}), replicate=2)
    path = []
    while plain.running:
        plain.step()
        path.append(plain.prevalence())
    assert row["harm"] == pytest.approx(sum(path[4:]))
    assert row["lived_alignment"] == pytest.approx(1.0 - np.mean(path[4:]))
    assert row["prevalence_end"] == path[-1]


def test_replicates_share_all_draws_and_differ() -> None:
    """With nothing to spend every contestant lives through the baseline's very run."""
    table = rows_of(contest("proportional", budget=0.0))
    shown = ["lived_alignment", "apparent_alignment", "harm", "failures_trust_collapse", "safe"]
    apart_ = {kind: rows[shown].to_numpy().tolist() for kind, rows in table.groupby("kind")}
    assert apart_["none"] == apart_["proportional"]
    assert table["harm"].nunique() == 3


def test_nobody_overspends_and_kinds_add_up() -> None:
    for kind in METHODS:
        row = compete(contest(budget=0.7), kind, 0.5, 0, {})
        assert row["spent"] <= 0.7 + 1e-12
        assert sum(row[f"spent_{name}"] for name in SPENDING) == pytest.approx(row["spent"])
        assert row["failures"] == sum(row[f"failures_{name}"] for name in FAILURES)


def test_nothing_differs_before_the_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {}
    for kind in ("none", "proportional"):
        model = AlignmentModel(contest().variant(kind, 0.5, {}), replicate=1)
        while model.running:
            model.step()
        paths[kind] = model.recorder.table()["prevalence"]
    assert paths["none"][:4].tolist() == paths["proportional"][:4].tolist()
    assert paths["none"][5:].tolist() != paths["proportional"][5:].tolist()


def test_failures_are_those_that_begin_or_go_on_after_the_delay() -> None:
    record = SMALL.record.failures.model_copy(update={"feedback_silence": 1.0})
    loud = SMALL.model_copy(update={"record": SMALL.record.model_copy(update={"failures": record})})
    row = compete(replace(contest(), scenario=loud), "none", 0.0, 0, {})
    assert row["failures_feedback_silence"] >= 1  # a rate below 1 from the first step on


def test_tuning_replicates_are_disjoint_from_those_compared() -> None:
    tuned = as_table("tuning", tune(contest(), "proportional", 0.5))
    assert tuned["replicate"].min() >= TUNING > 100_000  # the most that may be compared
    assert tuned["replicate"].nunique() == RUNGS[-1][0]


def test_the_chosen_setting_is_never_worse_than_the_own_one() -> None:
    for kind, cure in (("proportional", 0.0), ("proportional", 0.5), ("rlhf", 0.5)):
        tuned = as_table("tuning", tune(contest(), kind, cure))
        last = tuned.groupby("setting")["replicate"].transform("count") == RUNGS[-1][0]
        means = tuned[last].groupby("setting")["lived_alignment"].mean()
        best = chosen(tuned, kind, cure)
        assert "{}" in means.index
        assert means[best] >= means["{}"] - 1e-12
        assert means[best] >= means.max() - 1e-12
        assert tuned[tuned["chosen"]]["setting"].unique().tolist() == [best]
    assert tune(contest(), "none", 0.0) == []
    assert chosen(as_table("tuning", []), "none", 0.0) == "{}"


def ranked(
    monkeypatch: pytest.MonkeyPatch, lived: dict[float, float], spent: dict[float, float]
) -> tuple[str, pd.DataFrame]:
    """Tune against made-up results by response."""

    def fake(scenario: Scenario, replicate: int, **_: Any) -> Trial:
        response = scenario.optimizers[0].response
        return Trial({"lived_alignment": lived.get(response, 0.0), "spent": spent[response]})

    monkeypatch.setattr(analysis.trials, "trial", fake)
    tuned = as_table("tuning", tune(contest(settings=100), "proportional", 0.0))
    return chosen(tuned, "proportional", 0.0), tuned


SPENT = {0.25: 1.0, 0.5: 1.0, 1.0: 2.0, 2.0: 3.0, 4.0: 4.0, 8.0: 5.0}


def test_tuning_finds_the_best_and_a_tie_goes_to_the_cheaper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    best, _ = ranked(monkeypatch, {2.0: 0.9, 4.0: 0.8}, SPENT)
    assert json.loads(best) == {"response": 2.0}
    best, _ = ranked(monkeypatch, {4.0: 0.9, 2.0: 0.9 + 1e-15}, SPENT)
    assert json.loads(best) == {"response": 2.0}
    best, _ = ranked(monkeypatch, {}, SPENT)
    assert best == "{}"  # as cheap as response 0.5, and its own
    best, tuned = ranked(monkeypatch, {8.0: 0.9, 4.0: 0.8, 2.0: 0.7, 1.0: 0.6}, SPENT)
    assert json.loads(best) == {"response": 8.0}
    # Six settings, of which half and then a quarter go on, and the own one beside them.
    assert tuned.groupby("rung")["setting"].nunique().tolist() == [6, 4, 3]


def test_stopping_is_noticed() -> None:
    variant = contest().variant("none", 0.0, {})
    with pytest.raises(Stopped):
        trial(variant, 0, stopped=lambda: True)


def test_distance_is_to_the_bound_or_else_to_the_best() -> None:
    table = made_up({"none": [0.2, 0.3], "rlhf": [0.8, 0.4], "proportional": [0.5, 0.6]})
    by_kind = table.groupby("kind")["distance"].apply(list).to_dict()
    assert by_kind["rlhf"] == [0.0, 0.0]
    assert by_kind["proportional"] == pytest.approx([0.3, -0.2])
    table = made_up({"none": [0.2, 0.3], "oracle": [0.7, 0.7], "rlhf": [0.8, 0.9]})
    by_kind = table.groupby("kind")["distance"].apply(list).to_dict()
    assert by_kind["rlhf"] == pytest.approx([-0.1, -0.2])
    assert table["kind"].tolist() == ["none", "none", "oracle", "oracle", "rlhf", "rlhf"]


def test_the_front_holds_whom_nobody_beats_and_no_bound() -> None:
    lived = {
        "none": [0.2], "oracle": [0.99], "cheap": [0.5], "dear": [0.8], "wasteful": [0.5],
        "worse": [0.7],
    }  # fmt: skip
    spent = {"cheap": 1.0, "dear": 5.0, "wasteful": 2.0, "worse": 5.0}
    table = standings(made_up(lived, spent)).set_index("kind")
    assert table.index[table["front"]].tolist() == ["none", "cheap", "dear"]


def test_gain_is_paired_with_the_baseline_by_replicate() -> None:
    base = [0.1, 0.5, 0.9]
    table = made_up({"none": base, "rlhf": [value + 0.05 for value in base]})
    rows = standings(table.sample(frac=1.0, random_state=1)).set_index("kind")
    assert rows.loc["rlhf", "gain"] == pytest.approx(0.05)
    assert rows.loc["rlhf", "gain_high"] - rows.loc["rlhf", "gain_low"] < 1e-9
    assert rows.loc["rlhf", "lived_alignment_high"] - rows.loc["rlhf", "lived_alignment_low"] > 0.5


def test_intervals_cover_as_often_as_they_say() -> None:
    """2,000 tables of 6 replicates; the share covered has a standard error of 0.5 %."""
    rng = np.random.default_rng(5)
    covered = 0
    for sample in rng.normal(0.3, 0.1, (2000, 6)):
        ends = mean_interval(sample)
        covered += ends.low <= 0.3 <= ends.high
    assert 0.935 <= covered / 2000 <= 0.965


def test_one_replicate_has_no_interval() -> None:
    ends = mean_interval([0.4])
    assert ends.estimate == 0.4
    assert math.isnan(ends.low)
    assert math.isnan(ends.high)
    with pytest.raises(ValueError, match="must have values"):
        mean_interval([])


@pytest.mark.parametrize("threshold", [0.0, 0.3, 2.0, 7.9, 8.0])
def test_the_least_budget_is_exact_to_the_tolerance(threshold: float) -> None:
    tried: list[float] = []

    def attempt(budget: float) -> tuple[bool, float]:
        tried.append(budget)
        return budget >= threshold, min(budget, 8.0)

    found = least_budget(attempt, tolerance=0.1, most=1e9)
    assert threshold <= found.budget <= threshold + 0.1
    assert found.attempts == len(tried) == len(set(tried))
    if threshold > 0.0:
        assert found.short < threshold
        assert found.budget - found.short <= 0.1
    else:
        assert tried == [0.0]


def test_a_budget_that_no_method_can_use_and_that_is_not_enough_is_censored() -> None:
    found = least_budget(lambda budget: (False, min(budget, 8.0)), tolerance=0.1, most=1e9)
    assert math.isinf(found.budget)
    assert found.short == 1e9
    idle = least_budget(lambda budget: (False, 0.0), tolerance=0.1, most=1e9)
    assert math.isinf(idle.budget)


def test_where_too_much_does_harm_a_smaller_budget_is_still_found() -> None:
    found = least_budget(
        lambda budget: (1.0 <= budget <= 3.0, min(budget, 8.0)), tolerance=0.05, most=1e9
    )
    assert 1.0 <= found.budget <= 1.05


def test_a_method_that_plans_by_its_budget_gets_a_larger_bracket() -> None:
    found = least_budget(lambda b: (b >= 20.0, min(0.1 * b, 3.0)), tolerance=0.1, most=1e9)
    assert 20.0 <= found.budget <= 20.1


def test_the_price_of_delay_is_a_budget_that_keeps_the_state_safe() -> None:
    easy = SMALL.model_copy(update={"safe": SMALL.safe.model_copy(update={"prevalence": 0.4})})
    terms = replace(contest(delays=(2, 6)), scenario=easy)
    rows = price_of_delay(terms, "proportional", 0.5, 0, {"response": 4.0})
    assert [row["delay"] for row in rows] == [2, 6]
    for row in rows:
        assert not row["censored"]
        assert row["budget"] > 0.0
        for budget, safe in ((row["budget"], True), (row["short"], False)):
            variant = terms.variant(
                "proportional", 0.5, {"response": 4.0}, budget=budget, delay=row["delay"]
            )
            assert trial(variant, 0).values["safe"] is safe
    (lost, _) = price_of_delay(terms, "none", 0.5, 0, {})
    assert lost["censored"]
    assert math.isinf(lost["budget"])


def test_the_median_least_budget_ranks_what_is_censored() -> None:
    rows = [
        {
            "kind": "rlhf", "cure": 0.0, "delay": 2, "replicate": r, "setting": "{}",
            "budget": budget, "censored": math.isinf(budget), "short": 0.0, "attempts": 3,
        }
        for r, budget in enumerate([1.0, math.inf, math.inf])
    ]  # fmt: skip
    curve = delay_curve(as_table("delays", rows), seed=1)
    assert math.isinf(curve["budget"][0])
    assert curve["censored"][0] == pytest.approx(2 / 3)
    assert delay_curve(as_table("delays", []), seed=1).empty


def test_names_are_kept_apart_in_order_and_inside() -> None:
    rng = np.random.default_rng(3)
    for n in (1, 2, 14, 40):
        heights = rng.uniform(0.0, 1.0, n).tolist()
        placed = apart(heights, gap=0.06)
        order = np.argsort(heights)
        steps = np.diff(np.array(placed)[order])
        assert (steps >= min(0.06, 0.98 / max(n - 1, 1)) - 1e-9).all()
        assert max(placed) <= 1.0


def test_the_figure_names_every_contestant_and_draws_its_mean() -> None:
    rows = standings(rows_of(contest("proportional", "rlhf")))
    for narrow in (False, True):
        figure = comparison_figure(rows, narrow=narrow)
        assert len(figure.axes) == 4
        for axes in figure.axes[::2]:
            cure = float(str(axes.get_title(loc="left")).removeprefix("φ = "))
            wanted = rows[rows["cure"] == cure]
            assert {text.get_text() for text in axes.texts} == set(wanted["kind"])
            drawn = {
                (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
                for line in axes.lines
                if line.get_marker() == "o"
            }
            assert drawn == set(zip(wanted["spent"], wanted["lived_alignment"], strict=True))
