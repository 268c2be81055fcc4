"""One page for several runs."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from analysis.figures import top_of
from analysis.overview import overview_table
from analysis.overview_figure import overview_figure
from analysis.palette import SCENARIO
from analysis.report import render, render_all
from analysis.results import CostResults
from analysis.svg import to_svg
from tests.unit.analysis.html_page import Page
from tests.unit.analysis.sample_results import results


def cheap(role, target, replicate, delay):
    return 0.25 * delay


@pytest.fixture(scope="module")
def runs() -> list[tuple[str, CostResults]]:
    """Three runs; two of the same name, from folders of the same name."""
    other = results(cheap, with_twin=False, delays=(0, 15), changes={"name": "other"})
    return [("a", results()), ("a", results()), ("<b> & co", other)]


@pytest.fixture(scope="module")
def html(runs) -> str:
    return render_all(runs)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_runs_are_told_apart_even_where_their_names_coincide(page) -> None:
    runs = dict.fromkeys(row[0] for row in page.rows("The runs side by side"))
    assert list(runs) == ["Run 1: made_up (a)", "Run 2: made_up (a)", "Run 3: other (<b> & co)"]
    assert [page.texts[f"run-{i}-name"] for i in (1, 2, 3)] == list(runs)


def test_every_name_is_unique_and_every_reference_finds_one(page, html) -> None:
    named = Counter(a["id"] for _, a in page.elements if a.get("id"))
    assert [name for name, count in named.items() if count > 1] == []
    for attribute in ("aria-labelledby", "aria-describedby"):
        for a in (a[attribute] for _, a in page.elements if a.get(attribute)):
            assert set(a.split()) <= set(named)
    for found in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', html):
        assert (found[0] or found[1]) in named


def test_regions_have_names_of_their_own(page) -> None:
    regions = [
        a
        for tag, a in page.elements
        if a.get("role") == "region" or (tag == "section" and a.get("aria-labelledby"))
    ]
    names = [
        a.get("aria-label") or " ".join(page.texts[i] for i in a["aria-labelledby"].split())
        for a in regions
    ]
    assert len(names) > 100
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_headings_go_down_step_by_step(page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[:2] == [1, 2]
    assert levels.count(1) == 1
    assert levels.count(2) == 2 + 3
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert set(levels) == {1, 2, 3, 4}


def test_the_contents_name_every_section(page) -> None:
    there = [a["id"] for tag, a in page.elements if tag == "h3" and a.get("id")]
    links = [a["href"].removeprefix("#") for a in page.of("a")]
    assert [link for link in links if not link.endswith("-name")] == there
    assert [link for link in links if link.endswith("-name")] == [
        f"run-{i}-name" for i in (1, 2, 3)
    ]
    assert "run-1-irreversibility-premium" in there
    assert "run-3-irreversibility-premium" not in there


def test_the_overview_gives_the_key_quantities_of_each(page) -> None:
    rows = page.rows("The runs side by side")
    assert rows[0] == [
        "Run 1: made_up (a)", "hold", "3", "1 [0, 2] at 0", "∞ (censored) [25, ∞] at 20",
        "20 [20, never]", "0.4375 [0.4375, 0.4375]", "∞ (lost) [15, ∞]",
    ]  # fmt: skip
    assert rows[1][7] == "∞ (lost)"  # no pair of finite costs
    assert rows[5] == [
        "Run 3: other (<b> & co)", "heal", "3", "0 [0, 0] at 0", "3.75 [3.75, 3.75] at 15",
        "never lost", "0.4375 [0.4375, 0.4375]", "–",
    ]  # fmt: skip


@pytest.fixture
def no_figures(monkeypatch) -> None:
    """Leave out the figures, which take most of the time."""
    for module in ("report", "run_section"):
        monkeypatch.setattr(f"analysis.{module}.svg_of", lambda *_: {"wide": "", "narrow": ""})


@pytest.mark.usefixtures("no_figures")
def test_a_cost_regained_later_has_an_undefined_point_of_no_return(runs) -> None:
    def regained(role, target, replicate, delay):
        return np.inf if delay == 10 else 1.0

    table = overview_table(["one"], [results(regained).summary()])
    assert table["no_return"].isna().all()
    text = Page(render_all([("x", results(regained)), runs[2]])).rows("The runs side by side")
    assert text[0][5] == "undefined"


def test_curves_are_small_multiples_on_shared_axes(runs) -> None:
    curves = {f"Run {i}": run.summary().curve for i, (_, run) in enumerate(runs, 1)}
    for narrow in (False, True):
        figure = overview_figure(curves, narrow=narrow)
        assert len(figure.axes) == 6
        assert {(*axes.get_xlim(), *axes.get_ylim()) for axes in figure.axes} == {
            (-0.6, 20.6, *figure.axes[0].get_ylim())
        }
        assert figure.axes[0].get_ylim()[1] == max(top_of(curve) for curve in curves.values())
        third = next(line for line in figure.axes[5].lines if line.get_color() == SCENARIO)
        assert third.get_ydata().tolist() == [0.0, 3.75]
        titles = [axes.get_title(loc="left") for axes in figure.axes]
        assert titles == ["Run 1", "", "Run 2", "", "Run 3", ""]
        assert [axes.texts[0].get_text() for axes in figure.axes[:2]] == ["Hold", "Heal"]
    words = overview_figure(curves).description
    assert "Run 1, hold: median 1 at delay 0, infeasible at delay 20, finite up to 10" in words
    assert to_svg(overview_figure(curves)) == to_svg(overview_figure(curves))


def test_runs_that_are_always_lost_can_be_drawn() -> None:
    lost = results(lambda *_: np.inf, with_twin=False, replicates=1).summary().curve
    figure = overview_figure({"one": lost, "two": lost})
    assert "never finite" in figure.description


def test_each_run_is_reported_as_alone(runs, html) -> None:
    alone = render(runs[0][1])
    bare = alone[alone.index('id="cost-of-restoration"') : alone.index("</main>")]
    bare = re.sub(r'aria-label(ledby)?="[^"]*"|</?h\d', "", bare)
    page = re.sub(r'aria-label(ledby)?="[^"]*"|</?h\d', "", html.replace("run-1-", ""))
    lines = [line for line in bare.splitlines() if not re.match(r"\d", line)]
    assert len(lines) > 500
    there = set(page.splitlines())
    assert [line for line in lines[1:] if line not in there] == []


@pytest.mark.usefixtures("no_figures")
def test_the_same_runs_give_the_same_bytes(runs) -> None:
    assert render_all(runs) == render_all(runs)
    assert render_all(runs) != render_all(runs[:2])


def test_the_page_needs_nothing_but_itself(html) -> None:
    assert "http:" not in html
    assert "https:" not in html
    assert not re.search(r"<(script|link|iframe|img|object|embed|base)\b", html)
    assert "<b>" not in html
