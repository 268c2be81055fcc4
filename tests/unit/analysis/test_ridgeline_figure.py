from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.narratives import ridgeline_table
from analysis.palette import SCENARIO, TWIN
from analysis.person_tables import ridges
from analysis.ridgeline_figure import ridgeline_figure
from analysis.svg import to_svg
from tests.unit.analysis.sample_results import results


@pytest.fixture(scope="module")
def shares() -> pd.DataFrame:
    return ridgeline_table(results().tables["narrative"])


def outlines(axes, color: str):
    return [p for p in axes.patches if not p.get_fill() and p.get_edgecolor()[:3] == color]


def rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_shares_of_a_moment_are_of_all_persons(shares: pd.DataFrame) -> None:
    sums = shares.groupby(["role", "phase", "step"])["share"].sum()
    assert len(sums) == 6
    np.testing.assert_allclose(sums, 1.0)
    first = shares[(shares["role"] == "twin") & (shares["step"] == 20)].set_index("bin")["share"]
    # Replicates 0 to 2 moved 4, 5 and 6 of their 20 persons.
    assert (first[0], first[2]) == (45 / 60, 15 / 60)


@pytest.mark.parametrize("narrow", [False, True])
def test_heights_are_roots_of_shares_one_moment_below_the_other(shares, narrow: bool) -> None:
    figure = ridgeline_figure(shares, narrow=narrow)
    (axes,) = figure.axes
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["exposure, step 0", "exposure, step 20", "rest, step 100"]
    ticks = axes.get_yticks()
    assert (np.diff(ticks) < 0.0).all()
    for role, color in (("scenario", SCENARIO), ("twin", TWIN)):
        drawn = outlines(axes, rgb(color))
        assert len(drawn) == 3
        mine = shares[shares["role"] == role]
        for patch, base, (_, rows) in zip(
            drawn, ticks, mine.groupby(["phase", "step"]), strict=True
        ):
            values, edges, baseline = patch.get_data()
            assert baseline == base
            np.testing.assert_allclose(edges, np.linspace(0.0, 1.0, 21))
            share = ((values - base) / 0.92) ** 2
            np.testing.assert_allclose(np.nan_to_num(share), rows.sort_values("bin")["share"])
    assert axes.get_ylim()[1] > 0.92


def test_scenario_and_twin_differ_by_more_than_color(shares: pd.DataFrame) -> None:
    (axes,) = ridgeline_figure(shares).axes
    mine, twins = ({p.get_linestyle() for p in outlines(axes, rgb(c))} for c in (SCENARIO, TWIN))
    assert mine == {"-"}
    assert mine.isdisjoint(twins)
    filled = [p for p in axes.patches if p.get_fill() and p.get_alpha()]
    assert len(filled) == 3


def test_it_is_told_in_words_and_listed(shares: pd.DataFrame) -> None:
    figure = ridgeline_figure(shares)
    assert "Reversible twin, exposure step 0: fullest part, with 95 %, between 0 and 0.05;" in (
        figure.description
    )
    table = ridges(shares)
    assert table.rows[:2] == (
        ("scenario", "exposure", "0", "0", "0.05", "95 %"),
        ("scenario", "exposure", "0", "0.05", "0.1", "5 %"),
    )
    assert len(table.rows) == (shares["share"] > 0.0).sum() == 12


def test_bytes_are_the_same_without_a_twin(shares: pd.DataFrame) -> None:
    alone = shares[shares["role"] == "scenario"]
    assert to_svg(ridgeline_figure(alone)) == to_svg(ridgeline_figure(alone))
    assert "twin" not in ridgeline_figure(alone).description
