from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_rel

from analysis.interaction import (
    ARMS,
    interaction_table,
    lived_table,
    paired_interval,
    spending_table,
)
from sim.model import AlignmentModel
from sim.scenario.schema import Scenario


def lived(**arms: Any) -> pd.DataFrame:
    """A table of lived alignment from lists of values, one a replicate, by arm."""
    rows = [
        {"arm": arm, "replicate": r, "lived_alignment": float(value)}
        for arm, values in arms.items()
        for r, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def verdicts(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["expectation"], table["verdict"], strict=True))


rng = np.random.default_rng(3)
BASE = 0.2 + 0.1 * rng.normal(size=12)
NOISE = 0.001 * rng.normal(size=12)


@pytest.mark.parametrize(
    ("together", "found"),
    [
        (0.5, {"sum": "additive", "mixture": "super-additive", "best": "better"}),
        (0.6, {"sum": "super-additive", "mixture": "super-additive", "best": "better"}),
        (0.3, {"sum": "sub-additive", "mixture": "super-additive", "best": "equal"}),
        (0.25, {"sum": "sub-additive", "mixture": "additive", "best": "worse"}),
        (0.1, {"sum": "sub-additive", "mixture": "sub-additive", "best": "worse"}),
    ],
)
def test_what_two_methods_do_together(together: float, found: dict[str, str]) -> None:
    arms = {"none": BASE, "first": BASE + 0.3, "second": BASE + 0.2, "both": BASE + together}
    arms["both"] = arms["both"] + NOISE - NOISE.mean()
    assert verdicts(interaction_table(lived(**arms))) == found


def test_the_share_of_the_budget_moves_what_a_mixture_is_expected_to_reach() -> None:
    table = lived(none=[0.1, 0.1], first=[0.9, 0.7], second=[0.3, 0.3], both=[0.6, 0.6])
    for share, expected in [(0.0, 0.3), (0.25, 0.425), (1.0, 0.8)]:
        row = interaction_table(table, share=share).set_index("expectation").loc["mixture"]
        assert row["expected"] == pytest.approx(expected)
        assert row["difference"] == pytest.approx(0.6 - expected)


values = st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4)


@given(st.lists(values, min_size=2, max_size=9), st.sampled_from([0.8, 0.95]))
def test_differences_are_paired_and_intervals_are_students(
    rows: list[list[float]], level: float
) -> None:
    arms = np.array(rows).T
    table = interaction_table(lived(**dict(zip(ARMS, arms, strict=True))), level=level)
    row = table.set_index("expectation").loc["sum"]
    difference = arms[3] - arms[1] - arms[2] + arms[0]
    assert row["replicates"] == len(rows)
    assert row["difference"] == pytest.approx(difference.mean(), abs=1e-12)
    if difference.std() > 1e-6:
        interval = ttest_1samp(difference, 0.0).confidence_interval(level)
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    # Who is called first does not matter, and rows may come in any order.
    names = {"first": "second", "second": "first"}
    flipped = lived(**dict(zip(ARMS, arms, strict=True)))
    flipped["arm"] = flipped["arm"].replace(names)
    again = interaction_table(flipped.iloc[::-1], level=level)
    np.testing.assert_allclose(again["difference"], table["difference"], atol=1e-12)


def test_pairing_finds_what_unpaired_replicates_hide() -> None:
    wide = 0.2 * rng.normal(size=10)
    arms = {"none": wide, "first": wide + 0.1, "second": wide + 0.1, "both": wide + 0.22}
    arms["both"] = arms["both"] + 0.002 * rng.normal(size=10)
    assert verdicts(interaction_table(lived(**arms)))["sum"] == "super-additive"
    assert ttest_rel(arms["both"], arms["first"] + arms["second"] - wide).pvalue < 1e-4
    arms["both"] = rng.permutation(arms["both"])
    assert verdicts(interaction_table(lived(**arms)))["sum"] == "undecided"


def test_no_difference_is_not_proved_by_a_wide_interval() -> None:
    flat = np.full(4, 0.5)
    loose = flat + np.array([0.2, -0.2, 0.1, -0.1])
    assert verdicts(interaction_table(lived(none=flat, first=flat, second=flat, both=loose))) == {
        "sum": "undecided",
        "mixture": "undecided",
        "best": "undecided",
    }
    table = interaction_table(lived(none=flat, first=flat, second=flat, both=loose), margin=0.5)
    assert set(table["verdict"]) == {"additive", "equal"}


def test_rounding_is_no_interaction_and_one_replicate_no_proof() -> None:
    exact = interaction_table(
        lived(none=[0.1] * 3, first=[0.3] * 3, second=[0.2] * 3, both=[0.4] * 3)
    )
    assert verdicts(exact)["sum"] == "additive"
    above, below = 0.8 - (0.7 + 0.2 - 0.1), 0.3 - (0.1 + 0.2)
    assert below < 0.0 < above
    for none, first, second, both in ((0.1, 0.7, 0.2, 0.8), (0.0, 0.1, 0.2, 0.3)):
        table = lived(none=[none] * 3, first=[first] * 3, second=[second] * 3, both=[both] * 3)
        assert verdicts(interaction_table(table))["sum"] == "additive"
    one = interaction_table(lived(none=[0.1], first=[0.3], second=[0.2], both=[0.9]))
    assert set(one["verdict"]) == {"undecided"}
    assert one["low"].isna().all()
    assert np.isnan(paired_interval(np.array([1.0])).high)


def test_runs_that_are_not_matched_are_refused() -> None:
    good = lived(none=[0.1, 0.2], first=[0.1, 0.2], second=[0.1, 0.2], both=[0.1, 0.2])
    bad = {
        "lacks a value": good.iloc[:-1],
        "arm `second` lacks": good[good["arm"] != "second"],
        "twice": pd.concat([good, good.iloc[:1]]),
        "lacks": good.assign(lived_alignment=[np.nan, *good["lived_alignment"][1:]]),
    }
    for message, table in bad.items():
        with pytest.raises(ValueError, match=message):
            interaction_table(table)
    for wrong in ({"share": 1.5}, {"margin": -1.0}, {"level": 1.0}):
        with pytest.raises(ValueError, match="must lie"):
            interaction_table(good, **wrong)
    with pytest.raises(ValueError, match="no run of the arm `none`"):
        lived_table({})
    with pytest.raises(ValueError, match="no recorded step from 9 on"):
        lived_table(dict.fromkeys(ARMS, runs([])), since=9)


def runs(optimizers: list[dict[str, Any]], n: int = 3, **blocks: Any) -> pd.DataFrame:
    """Series of matched replicates of a small scenario under some optimizers."""
    content = {
        "time": {"steps": 8},
        "population": {"size": 60},
        "stressors": [{"kind": "constant", "level": 0.25}],
        "exposure": {"noise": 0.3},
        "optimizers": optimizers,
        **blocks,
    }
    scenario, parts = Scenario.model_validate(content), []
    for replicate in range(n):
        m = AlignmentModel(scenario, replicate=replicate)
        while m.running:
            m.step()
        parts.append(pd.DataFrame(m.recorder.table()).assign(replicate=replicate))
    return pd.concat(parts, ignore_index=True)


def test_lived_alignment_is_that_of_the_steps_that_count() -> None:
    series = runs([{"kind": "proportional"}, {"kind": "proportional"}])
    table = lived_table(dict.fromkeys(ARMS, series), since=4)
    assert table["arm"].tolist() == [arm for arm in ARMS for _ in range(3)]
    one = series[(series["replicate"] == 1) & (series["step"] >= 4)]
    row = table[(table["arm"] == "both") & (table["replicate"] == 1)].iloc[0]
    assert len(one) == 5
    assert row["lived_alignment"] == pytest.approx(one["lived_alignment"].mean())
    last = one.iloc[-1]
    assert row["spent"] == pytest.approx(
        last["spent[proportional]"] + last["spent[proportional-2]"]
    )
    spending = spending_table(table)
    assert spending["arm"].tolist() == list(ARMS)
    assert (spending["replicates"] == 3).all()
    assert (spending["least"] <= spending["spent"]).all()


def test_a_partner_that_does_nothing_adds_nothing() -> None:
    method, idle = {"kind": "proportional", "response": 3.0}, {"kind": "none"}
    arms = {"none": [], "first": [method], "second": [idle], "both": [idle, method]}
    table = lived_table({arm: runs(optimizers) for arm, optimizers in arms.items()})
    found = interaction_table(table).set_index("expectation")
    assert found.loc["sum", "difference"] == pytest.approx(0.0, abs=1e-15)
    assert found.loc["sum", "verdict"] == "additive"
    assert found.loc["best", "verdict"] == "equal"
    assert found.loc["mixture", "difference"] > 0.0
    assert found.loc["sum", "first"] > found.loc["sum", "none"]


def test_the_same_method_twice_from_one_purse_is_sub_additive() -> None:
    one = {"kind": "proportional", "response": 4.0, "purse": "common"}
    half = one | {"response": 2.0}
    budgets = {"common": 20.0}
    arms = {"none": [], "first": [one], "second": [one], "both": [half, half]}
    table = lived_table({a: runs(o, n=4, budgets=budgets) for a, o in arms.items()})
    found = interaction_table(table).set_index("expectation")
    # Half the response twice is the method itself: one budget does not do what two would.
    assert found.loc["mixture", "difference"] == pytest.approx(0.0, abs=0.01)
    assert found.loc["sum", "verdict"] == "sub-additive"
    assert (spending_table(table)["most"] <= 20.0 * (1.0 + 1e-12)).all()
