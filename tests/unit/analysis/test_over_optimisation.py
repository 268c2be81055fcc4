"""Turns and forms of gold: found where they were put, and nowhere else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.over_optimisation import FORMS, forms_table, gold_table, mean_interval, turn_table
from analysis.pressure import COLUMNS, pressed
from sim.model import AlignmentModel
from sim.scenario.load import load_scenario
from sim.scenario.resolve import full, with_changes

STRENGTHS = np.linspace(0.0, 4.0, 9)


def table(curve: Any, *, replicates: int = 6, noise: float = 0.01, seed: int = 0) -> pd.DataFrame:
    """Gold along a curve with noise, one row a run."""
    rng = np.random.default_rng(seed)
    rows = [
        (r, d, d, curve(d) + noise * rng.normal()) for r in range(replicates) for d in STRENGTHS
    ]
    return pd.DataFrame(rows, columns=["replicate", "value", "strength", "gold"])


def rl(d: float) -> float:
    return d * (0.3 - 0.2 * math.log(d)) if d else 0.0


def best_of_n(d: float) -> float:
    return d * (0.4 - 0.09 * d)


@pytest.mark.parametrize(
    ("name", "curve", "alpha", "beta", "peak"),
    [("rl", rl, 0.3, 0.2, math.exp(0.5)), ("best_of_n", best_of_n, 0.4, 0.09, 0.4 / 0.18)],
)
def test_a_form_is_found_where_it_was_put(
    name: str, curve: Any, alpha: float, beta: float, peak: float
) -> None:
    exact = forms_table(table(curve, noise=0.0)).set_index("form").loc[name]
    assert exact["alpha"] == pytest.approx(alpha, abs=1e-6)
    assert exact["beta"] == pytest.approx(beta, abs=1e-6)
    assert exact["peak"] == pytest.approx(peak, rel=1e-4)
    assert exact["r2"] == pytest.approx(1.0)
    other = forms_table(table(curve, noise=0.0)).set_index("form").drop(name).iloc[0]
    assert other["r2"] < 0.999
    covered = 0
    for seed in range(60):
        row = forms_table(table(curve, seed=seed, noise=0.03)).set_index("form").loc[name]
        covered += row["alpha_low"] <= alpha <= row["alpha_high"]
        assert row["r2"] < row["r2_mean"] < 1.0
    assert covered >= 51  # of 60 at 95 %: fewer with a probability below 10⁻³


def test_the_peak_of_a_form_is_where_it_is_highest() -> None:
    d = np.linspace(0.01, 6.0, 60_000)
    for form, peak in FORMS.values():
        highest = d[np.argmax(form(d, 0.4, 0.15))]
        assert peak(0.4, 0.15) == pytest.approx(highest, abs=2e-4)
        assert form(np.zeros(1), 0.4, 0.15) == 0.0


def test_a_form_that_never_falls_has_no_peak() -> None:
    row = forms_table(table(lambda d: 0.2 * d + 0.05 * d * d, noise=0.0)).set_index("form")
    assert math.isnan(row.loc["best_of_n", "peak"])


def test_a_turn_is_seen_where_there_is_one() -> None:
    (row,) = turn_table(table(best_of_n)).to_dict("records")
    assert row["over_optimised"]
    assert row["value"] in (2.0, 2.5)
    assert row["strength"] == row["value"]
    assert row["fall_low"] < best_of_n(2.0) - best_of_n(4.0) < row["fall_high"]
    assert row["rise_low"] < best_of_n(2.0) < row["rise_high"]


def test_noise_alone_is_no_turn_and_neither_is_a_rise_that_levels_off() -> None:
    found = [
        turn_table(table(curve, noise=0.05, seed=seed))["over_optimised"].iloc[0]
        for seed in range(40)
        for curve in (lambda d: 0.0, lambda d: 0.5 * (1.0 - math.exp(-2.0 * d)))
    ]
    assert sum(found) <= 5  # 40 × 2.5 % expected of the second; more has a probability of 10⁻³


def test_one_replicate_or_missing_runs_have_no_turn() -> None:
    for bad in (table(rl, replicates=1), table(rl).drop(index=3)):
        with pytest.raises(ValueError, match="two replicates"):
            turn_table(bad)


def test_intervals_of_means_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    inside = [
        (low <= 0.0 <= high)
        for _, low, high in (mean_interval(rng.normal(size=5), level=0.8) for _ in range(2000))
    ]
    assert abs(np.mean(inside) - 0.8) < 4.0 * math.sqrt(0.16 / 2000)
    assert math.isnan(mean_interval(np.ones(1)).low)


def test_runs_are_matched_and_gold_is_against_the_run_without() -> None:
    scenario = load_scenario("over_optimisation")
    runs = pressed(scenario, path="optimizers.0.strongest", values=(0.0, 1.0), replicates=2)
    assert list(runs.columns) == list(COLUMNS)
    gold = gold_table(runs)
    np.testing.assert_allclose(runs["strength"], [0.0, 1.0, 0.0, 1.0], atol=1e-9)
    assert gold["gold"][[0, 2]].tolist() == [0.0, 0.0]  # strength 0 from a start at 0 is nothing
    assert (gold["gold"][[1, 3]] > 0.0).all()
    alone = AlignmentModel(with_changes(full(scenario), {"optimizers": []}), replicate=1)
    alone.run_model()
    assert runs["without"][2] == pytest.approx(alone.recorder.table()["prevalence"].mean())


def test_strength_belongs_to_policies() -> None:
    scenario = load_scenario("quickstart")
    changes = {"optimizers": [{"kind": "proportional"}], "population.size": 100}
    with pytest.raises(ValueError, match="policy"):
        pressed(
            full(with_changes(full(scenario), changes)),
            path="optimizers.0.response",
            values=(1.0,),
            replicates=1,
        )
