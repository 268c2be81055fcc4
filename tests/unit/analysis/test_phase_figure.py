from __future__ import annotations

import numpy as np
import pytest

from analysis.hysteresis import loop_table
from analysis.palette import SCENARIO, TWIN
from analysis.person_tables import phase
from analysis.phase_figure import phase_figure
from analysis.svg import to_svg
from tests.unit.analysis.sample_results import results


@pytest.fixture(scope="module")
def loop():
    return loop_table(results().tables["path"])


def points(axes, color: str) -> dict[str, tuple[float, float]]:
    return {
        line.get_marker(): (line.get_xdata()[0], line.get_ydata()[0])
        for line in axes.lines
        if line.get_linestyle() == "None" and line.get_color() == color
    }


@pytest.mark.parametrize("narrow", [False, True])
def test_lines_are_medians_and_three_moments_are_marked(loop, narrow: bool) -> None:
    figure = phase_figure(loop, narrow=narrow)
    for axes, column in zip(figure.axes, ("narrative", "trust"), strict=True):
        for role, color in (("scenario", SCENARIO), ("twin", TWIN)):
            rows = loop[loop["role"] == role].sort_values(["phase", "step"])
            up, down = (rows[rows["phase"] == name] for name in ("exposure", "rest"))
            lines = [line for line in axes.lines if line.get_color() == color]
            ways = [line for line in lines if line.get_linestyle() != "None"]
            for line, part in zip(ways, (up, down), strict=True):
                np.testing.assert_array_equal(line.get_xdata(), part["prevalence"])
                np.testing.assert_array_equal(line.get_ydata(), part[column])
            expected = [part[["prevalence", column]].iloc[i].tolist()
                        for part, i in ((up, 0), (down, 0), (down, -1))]  # fmt: skip
            assert [list(points(axes, color)[shape]) for shape in "oDs"] == expected
        styles = {line.get_color(): line.get_linestyle() for line in axes.lines
                  if line.get_linestyle() != "None"}  # fmt: skip
        assert styles[SCENARIO] != styles[TWIN]
        assert axes.get_ylim() == axes.get_xlim() == (-0.04, 1.04)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Narrative displacement", "Trust",
    ]  # fmt: skip


def test_arrows_give_the_direction_of_time(loop) -> None:
    narrative, trust = phase_figure(loop).axes
    # In the sample nothing but trust changes at rest, and a path of no length has no direction.
    for axes, n_arrows in ((narrative, 2), (trust, 4)):
        arrows = [text for text in axes.texts if text.arrowprops]
        assert len(arrows) == n_arrows
    back = arrows[1]
    assert back.xy[1] > back.get_position()[1]


def test_it_is_told_in_words_and_listed(loop) -> None:
    figure = phase_figure(loop)
    assert "Scenario, start: prevalence 0.03333, narrative 0, trust 1;" in figure.description
    assert "longest delay: prevalence 0.7, narrative 0.4, trust 0.4;" in figure.description
    table = phase(loop)
    assert len(table.rows) == len(loop)
    assert table.rows[0] == ("scenario", "exposure", "0", "0.03333", "0", "0", "1")


def test_without_a_twin_there_is_one_line_each_way() -> None:
    loop = loop_table(results(with_twin=False, replicates=1).tables["path"])
    figure = phase_figure(loop)
    assert {line.get_color() for axes in figure.axes for line in axes.lines} == {SCENARIO}
    assert to_svg(figure) == to_svg(phase_figure(loop))
    (key,) = figure.legends
    assert [text.get_text() for text in key.get_texts()] == [
        "scenario", "start", "longest delay", "end of rest",
    ]  # fmt: skip
