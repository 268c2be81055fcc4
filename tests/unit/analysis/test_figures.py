from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from analysis.figures import Drawing, cost_figure, drawn_steps, path_figure, to_svg
from analysis.palette import SCENARIO, TWIN
from analysis.results import CostResults
from analysis.summary import path_table
from tests.unit.analysis.sample_results import results


def cost_drawing(run: CostResults, *, narrow: bool = False) -> Drawing:
    return cost_figure(run.summary(), scenario=run.scenario, narrow=narrow)


def path_drawing(run: CostResults, *, narrow: bool = False) -> Drawing:
    path = path_table(run.tables["path"])
    crossings = run.summary().crossings
    return path_figure(path, crossings=crossings, scenario=run.scenario, narrow=narrow)


@pytest.fixture(scope="module")
def run() -> CostResults:
    return results()


@pytest.fixture(scope="module")
def drawn(run) -> Drawing:
    return cost_drawing(run)


@pytest.fixture(scope="module")
def cost_svg(drawn) -> str:
    return to_svg(drawn)


@pytest.fixture(scope="module")
def path_svg(run) -> str:
    return to_svg(path_drawing(run))


def never(role, target, replicate, delay):
    return np.inf


def nothing(role, target, replicate, delay):
    return 0.0


def panels(figure: Drawing) -> list:
    return [axes for axes in figure.axes if not re.match("Share", texts(axes))]


def strips(figure: Drawing) -> list:
    return [axes for axes in figure.axes if re.match("Share", texts(axes))]


def texts(axes) -> str:
    return " ".join(text.get_text() for text in axes.texts)


def medians(axes, color: str):
    return next(
        line for line in axes.lines if line.get_color() == color and line.get_linestyle() != "None"
    )


@pytest.mark.parametrize("narrow", [False, True])
def test_lines_are_the_medians_and_stop_where_they_are_infinite(run, narrow):
    hold, heal = panels(cost_drawing(run, narrow=narrow))
    assert medians(hold, SCENARIO).get_ydata() == pytest.approx([1, 13.5, np.nan], nan_ok=True)
    assert medians(heal, SCENARIO).get_ydata() == pytest.approx([3, 15.5, np.nan], nan_ok=True)
    assert medians(heal, TWIN).get_ydata() == pytest.approx([0, 5, 10])
    assert medians(heal, TWIN).get_xdata() == pytest.approx([0, 10, 20])
    assert medians(heal, TWIN).get_linestyle() != medians(heal, SCENARIO).get_linestyle()


def test_the_strip_shows_the_share_censored_at_each_delay(drawn):
    hold, heal = strips(drawn)
    for axes, share in ((hold, 2 / 3), (heal, 1.0)):
        bars = {bar.get_gid(): bar.get_height() for bar in axes.patches if bar.get_gid()}
        target = "hold" if axes is hold else "heal"
        full = max(bar.get_height() for bar in axes.patches if not bar.get_gid())
        assert bars[f"censored-{target}-scenario-20"] == pytest.approx(share * full)
        assert bars[f"censored-{target}-scenario-10"] == 0.0
        assert bars[f"censored-{target}-twin-20"] == 0.0
        assert "u_max = 12 load" in texts(axes)


def test_infinite_medians_are_marked_along_the_top_edge(drawn):
    hold = panels(drawn)[0]
    marks = [line for line in hold.lines if line.get_marker() == "^" and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in marks] == [[20]]


def test_there_is_no_strip_where_nothing_is_censored():
    figure = cost_drawing(results(nothing))
    assert strips(figure) == []
    assert len(panels(figure)) == 2


def test_the_interval_reaches_the_top_edge_where_its_end_is_infinite():
    def one_lost(role, target, replicate, delay):
        return np.inf if replicate == 0 and delay == 20 else float(delay)

    hold = panels(cost_drawing(results(one_lost)))[0]
    band = hold.collections[1].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(hold.get_ylim()[1])


def test_strokes_span_the_finite_costs(drawn):
    hold = panels(drawn)[0]
    strokes = hold.collections[0].get_segments()
    assert [list(stroke[:, 1]) for stroke in strokes[:2]] == [[0.0, 2.0], [12.5, 14.5]]


def test_titles_say_what_is_shown_and_not_what_was_found(drawn):
    figures = [drawn, cost_drawing(results(nothing)), cost_drawing(results(never))]
    for figure in figures:
        titles = {axes.get_title(loc="left") for axes in figure.axes} - {""}
        assert titles == {"Hold: safe under the correction", "Heal: safe after it ends"}


def test_axes_name_their_units(run, drawn):
    assert drawn.get_supxlabel() == "Delay before restoration starts [month]"
    assert drawn.get_supylabel() == "Cost: effort per person [load·steps]"
    assert path_drawing(run).axes[0].get_xlabel() == "Time under exposure [month]"


def test_names_of_lines_that_end_together_stand_apart():
    hold = panels(cost_drawing(results(nothing)))[0]
    heights = [text.xy[1] for text in hold.texts]
    assert [text.get_text() for text in hold.texts] == ["scenario", "reversible\ntwin"]
    assert heights[0] - heights[1] > 0.12
    assert min(heights) >= 0.04


def test_a_panel_without_a_finite_cost_says_so(drawn):
    assert "no finite cost" in texts(panels(cost_drawing(results(never)))[0])
    assert "no finite cost" not in texts(panels(drawn)[0])


def test_paths_are_medians_with_thresholds_and_first_passages(run):
    axes = path_drawing(run).axes[0]
    assert medians(axes, SCENARIO).get_ydata()[[0, -1]] == pytest.approx([1 / 30, 21 / 30])
    points = {
        (line.get_color(), *line.get_xdata(), *line.get_ydata())
        for line in axes.lines
        if line.get_linestyle() != "None" and len(line.get_xdata()) == 1
    }
    # The twin never crosses 0.5, so it has no point there.
    assert points == {(SCENARIO, 5.0, 0.1), (TWIN, 5.0, 0.1), (SCENARIO, 11.0, 0.5)}
    assert {"0.1 ↑", "0.5 ↑"} <= {text.get_text() for text in axes.texts}


def test_a_path_without_declared_thresholds_is_drawn(run):
    path = path_table(run.tables["path"])
    none = run.summary().crossings.iloc[:0]
    assert len(path_figure(path, crossings=none, scenario=run.scenario).axes[0].lines) == 2


def test_long_paths_are_thinned_evenly():
    path = pd.DataFrame({"step": np.arange(5000), "role": "scenario", "median": 0.0})
    steps = drawn_steps(path)["step"].to_numpy()
    assert len(steps) <= 600
    assert steps[0] == 0
    assert len(set(np.diff(steps))) == 1
    assert len(drawn_steps(path[:600])) == 600


def test_svg_is_the_same_whatever_the_users_settings(run, cost_svg):
    with mpl.rc_context({"font.size": 30, "svg.hashsalt": None, "svg.fonttype": "path"}):
        assert to_svg(cost_drawing(run)) == cost_svg


def test_svg_is_an_image_with_an_alternative_text(cost_svg):
    root = ElementTree.fromstring(cost_svg)
    assert root.attrib["role"] == "img"
    described = {element.get("id"): element.text for element in root}
    assert described[root.attrib["aria-labelledby"]].startswith("Cost of restoration")
    words = described[root.attrib["aria-describedby"]]
    assert "Hold, scenario: median 1 at delay 0, 13.5 at delay 10" in words
    assert "infeasible at 1 of 3 delays, first at 20" in words


def test_svg_keeps_text_and_leaves_fonts_to_the_page(cost_svg):
    root = ElementTree.fromstring(cost_svg)
    assert "scenario" in {element.text for element in root.iter("text")}
    assert cost_svg.count("font-family") == 1
    assert "sans-serif" in root.attrib["style"]


def test_svg_refers_to_nothing_outside_and_carries_no_date(cost_svg, path_svg):
    for svg in (cost_svg, path_svg):
        assert "http" not in svg
        assert "xmlns" not in svg
        assert not re.search(r"<(metadata|style|image|script)", svg)
        assert not re.search(r"20\d\d-\d\d", svg)


def test_every_color_can_follow_dark_mode(cost_svg, path_svg):
    for svg in (cost_svg, path_svg):
        without = re.sub(r"var\(--\w+, #[0-9a-f]{6}\)", "", svg)
        assert "var(--" in svg
        assert re.findall(r"#[0-9a-f]{6}\b|rgb", without) == []


def test_ids_of_figures_in_one_page_do_not_collide(run, cost_svg, path_svg):
    narrow = [draw(run, narrow=True) for draw in (cost_drawing, path_drawing)]
    page = "".join([cost_svg, path_svg, *(to_svg(figure) for figure in narrow)])
    ids = Counter(re.findall(r'\bid="([^"]+)"', page))
    assert [name for name, count in ids.items() if count > 1] == []
    referred = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page)
    assert {a or b for a, b in referred} <= set(ids)
    assert referred


@pytest.mark.parametrize(
    "run",
    [
        results(nothing, delays=(20,), replicates=1),
        results(never, delays=(20,), with_twin=False),
        results(delays=(0, 20), replicates=1),
    ],
    ids=["free", "lost", "two delays"],
)
def test_figures_of_degenerate_runs_can_be_drawn(run):
    for narrow in (False, True):
        assert ElementTree.fromstring(to_svg(cost_drawing(run, narrow=narrow))).tag == "svg"
    assert ElementTree.fromstring(to_svg(path_drawing(run))).tag == "svg"


def test_large_costs_have_short_labels():
    figure = cost_drawing(results(lambda role, target, replicate, delay: 3e9 * delay))
    labels = re.findall(r">([^<]*×10[^<]*)<", to_svg(figure))
    assert "2×10¹⁰" in labels


def test_notebook_shows_a_drawing_on_its_own_ground_with_its_words(drawn):
    shown = ElementTree.fromstring(drawn._repr_html_())
    assert shown.attrib["style"] == "background: var(--paper, #ffffff); max-width: 7.6in"
    assert shown.find("svg/desc").text == drawn.description
    assert shown.find("svg").attrib["role"] == "img"
