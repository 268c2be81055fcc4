from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.cost import measure
from analysis.hysteresis import area_table, loop_area, loop_table
from analysis.loop_figure import loop_figure
from analysis.reversibility import twin_at
from sim.scenario.load import load_scenario
from tests.unit.analysis.sample_results import results

SMALL = ["population.size=400", "restoration.delays=[0, 60]", "restoration.horizon=2",
         "restoration.dwell=1", "restoration.lengths=[]", "restoration.tolerance=0.5"]  # fmt: skip


@pytest.fixture(scope="module")
def path() -> pd.DataFrame:
    scenario = load_scenario("quickstart", overrides=SMALL)
    return pd.DataFrame(
        [
            *measure(scenario, 0).path,
            *measure(scenario, 1).path,
            *measure(twin_at(scenario, 0.25), 0, role="twin").path,
            *measure(twin_at(scenario, 0.25), 1, role="twin").path,
        ]
    )


def test_the_way_down_begins_where_the_way_up_ends(path: pd.DataFrame) -> None:
    for _, one in path.groupby(["role", "replicate"]):
        up, down = one[one["phase"] == "exposure"], one[one["phase"] == "rest"]
        assert up["step"].tolist() == list(range(61))
        assert down["step"].tolist() == list(range(60, 60 + 8 * 24 + 1))
        columns = ["prevalence", "exposure"]
        assert up[columns].iloc[-1].tolist() == down[columns].iloc[0].tolist()
        assert (np.diff(down["exposure"]) < 0.0).all()
        assert (np.diff(down["prevalence"]) <= 0.0).all()


def test_the_way_down_ends_in_what_remains() -> None:
    scenario = load_scenario("quickstart", overrides=SMALL)
    measured = measure(scenario, 0)
    by_step = {row["step"]: row["prevalence"] for row in measured.path if row["phase"] == "rest"}
    for row in measured.remanence:
        assert by_step[60 + row["rest"]] == row["prevalence"]
    last = {row["target"]: row["cost"] for row in measured.cost if row["delay"] == 60}
    first = measured.remanence[0]
    assert [first["cost_hold"], first["cost_heal"]] == [last["hold"], last["heal"]]
    free = {row["target"]: row["cost"] for row in measured.cost if row["delay"] == 0}
    assert free != last


def test_memory_opens_the_loop(path: pd.DataFrame) -> None:
    areas = area_table(path).set_index("role")
    assert areas.loc["scenario", "area"] > 3.0 * areas.loc["twin", "area"] > 0.0
    assert areas.loc["scenario", "open"] < 0.01
    longer = path[(path["phase"] == "exposure") | (path["step"] < 70)]
    assert area_table(longer).set_index("role").loc["scenario", "open"] > 0.3


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1)), min_size=2, max_size=9))
def test_a_loop_walked_backwards_has_the_opposite_area(points: list[tuple[float, float]]) -> None:
    exposure, prevalence = np.array(points).T
    there = loop_area(exposure, prevalence)
    assert loop_area(exposure[::-1], prevalence[::-1]) == pytest.approx(-there)
    both = [np.r_[x, x[::-1]] for x in (exposure, prevalence)]
    assert loop_area(*both) == pytest.approx(0.0, abs=1e-9)


def test_medians_are_taken_step_by_step(path: pd.DataFrame) -> None:
    loop = loop_table(path).set_index(["role", "phase", "step"])["prevalence"]
    lower = path.groupby(["role", "phase", "step"])["prevalence"].min()
    pd.testing.assert_series_equal(loop, lower)
    assert (path.groupby(["role", "phase", "step"])["prevalence"].max() > lower).any()


def test_the_area_leaves_out_what_comes_after_the_longest_delay(path: pd.DataFrame) -> None:
    later = pd.DataFrame({"role": "scenario", "replicate": [0, 1], "phase": "exposure"})
    longer = pd.concat([path, later.assign(step=61, exposure=9.0, prevalence=1.0)])
    pd.testing.assert_frame_equal(area_table(longer), area_table(path))


def test_the_figure_draws_both_ways_and_says_so() -> None:
    loop = loop_table(results().tables["path"])
    figure = loop_figure(loop)
    (axes,) = figure.axes
    lines = [line for line in axes.lines if len(line.get_xdata()) > 1]
    assert len(lines) == 4
    for up, down in (lines[:2], lines[2:]):
        assert up.get_xdata()[-1] == down.get_xdata()[0]
        assert up.get_linewidth() > down.get_linewidth()
    assert axes.get_xlabel() == "Mean exposure E [load]"
    assert "Reversible twin: " in figure.description
