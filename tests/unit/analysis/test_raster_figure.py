from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from analysis.crossings import raster_table
from analysis.drawing import Drawing
from analysis.palette import SCENARIO, TWIN
from analysis.raster_figure import raster_figure
from analysis.report_tables import raster
from analysis.summary import crossing_table
from analysis.svg import to_svg
from sim.scenario.schema import Scenario

STEPS = 60
SCENARIO_60 = Scenario.model_validate({"time": {"steps": STEPS, "unit": "week"}})


def passages(steps: dict[str, dict[tuple[float, str], list[float]]]) -> pd.DataFrame:
    """Return rows of `crossings` from first passages by role and threshold; nan is never."""
    rows = [
        {
            "role": role, "replicate": replicate, "level": level, "direction": way,
            "step": step, "censored": bool(np.isnan(step)),
        }
        for role, thresholds in steps.items()
        for (level, way), values in thresholds.items()
        for replicate, step in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


NEVER = float("nan")
SOME = passages(
    {
        "scenario": {(0.1, "up"): [5, 4, 6, NEVER], (0.5, "up"): [30, NEVER, 20, NEVER]},
        "twin": {(0.1, "up"): [9, 8, 7, 6], (0.5, "up"): [NEVER] * 4},
    }
)


def drawn(found: pd.DataFrame, *, narrow: bool = False) -> Drawing:
    table = raster_table(found)
    return raster_figure(
        table, crossings=crossing_table(found), scenario=SCENARIO_60, narrow=narrow
    )


def marks(axes) -> dict[str, list[tuple[float, float]]]:
    """Return points by shape and fill."""
    return {
        f"{line.get_marker()}{'open' if line.get_markerfacecolor() == 'none' else 'full'}": list(
            zip(line.get_xdata(), line.get_ydata(), strict=True)
        )
        for line in axes.lines
        if line.get_linestyle() == "None"
    }


def test_rows_are_sorted_and_those_who_never_crossed_come_last() -> None:
    table = raster_table(SOME)
    mine = table[table["role"] == "scenario"].drop_duplicates("row")
    # By the higher threshold, then by the lower; replicate 3 never crossed any.
    assert mine["replicate"].tolist() == [2, 0, 1, 3]
    assert table[table["role"] == "twin"].drop_duplicates("row")["replicate"].tolist() == [
        3, 2, 1, 0,
    ]  # fmt: skip
    assert len(table) == len(SOME)
    assert np.isinf(table["step"]).sum() == SOME["censored"].sum()


@pytest.mark.parametrize("narrow", [False, True])
def test_every_passage_is_a_full_mark_and_every_censored_one_an_open_mark(narrow: bool) -> None:
    figure = drawn(SOME, narrow=narrow)
    scenario, twin = figure.axes
    found = marks(scenario)
    assert found["ofull"] == [(6, 0), (5, 1), (4, 2)]
    assert found["sfull"] == [(20, 0), (30, 1)]
    assert [row for _, row in found["oopen"]] == [3]
    assert [row for _, row in found["sopen"]] == [2, 3]
    for shape in ("oopen", "sopen"):
        assert all(STEPS < x < scenario.get_xlim()[1] for x, _ in found[shape])
    assert {x for x, _ in found["oopen"]}.isdisjoint({x for x, _ in found["sopen"]})
    assert marks(twin)["sfull"] == []
    assert len(marks(twin)["sopen"]) == 4
    assert "never\nin 60" in [text.get_text() for text in twin.get_xticklabels()]
    colors = [{line.get_color() for line in a.lines if line.get_marker() != "None"} for a in
              (scenario, twin)]  # fmt: skip
    assert colors == [{SCENARIO}, {TWIN}]
    assert {axes.get_title(loc="left") for axes in figure.axes} == {"Scenario", "Reversible twin"}


def test_shapes_are_named_with_their_medians() -> None:
    keys = [[t.get_text() for t in axes.get_legend().get_texts()] for axes in drawn(SOME).axes]
    assert keys == [
        ["0.1 ↑, median 5", "0.5 ↑, median 30"],
        ["0.1 ↑, median 7", "0.5 ↑, median never"],
    ]


def test_it_is_told_in_words() -> None:
    words = drawn(SOME).description
    assert (
        "Scenario, 0.5 up: crossed in 2 of 4 replicates, first at step 20 to 30, never in 60 "
        in (words)
    )
    assert "Reversible twin, 0.5 up: crossed in 0 of 4 replicates, never in 60 steps in 4" in words


def test_the_table_says_never_and_keeps_the_order_of_the_figure() -> None:
    table = raster(raster_table(SOME), n_steps=STEPS)
    never = "never, in 60 steps"
    assert table.columns == ("Run", "Replicate", "0.1 up [steps]", "0.5 up [steps]")
    assert table.rows[:4] == (
        ("scenario", "2", "6", "20"),
        ("scenario", "0", "5", "30"),
        ("scenario", "1", "4", never),
        ("scenario", "3", never, never),
    )


def test_one_and_hundreds_of_replicates_can_be_read() -> None:
    heights = []
    for n in (1, 20, 400):
        values = [float(i % 50) if i % 7 else NEVER for i in range(n)]
        figure = drawn(passages({"scenario": {(0.5, "up"): values, (0.9, "down"): values}}))
        heights.append(figure.get_size_inches()[1])
        (axes,) = figure.axes
        sizes = {line.get_markersize() for line in axes.lines if line.get_linestyle() == "None"}
        assert min(sizes) >= 1.8
        assert sum(len(points) for points in marks(axes).values()) == 2 * n
    assert heights[0] < 2.5 < heights[1] < heights[2] < 7.0


def test_bytes_are_the_same_and_colors_can_follow_dark_mode() -> None:
    svg = to_svg(drawn(SOME))
    assert to_svg(drawn(SOME)) == svg
    assert re.findall(r"#[0-9a-f]{6}\b", re.sub(r"var\(--\w+, #[0-9a-f]{6}\)", "", svg)) == []
    assert ElementTree.fromstring(svg).attrib["role"] == "img"


def test_nothing_declared_is_an_empty_table() -> None:
    assert raster_table(SOME.iloc[:0]).empty
