from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import PathPatch, Rectangle

from analysis.flow_figure import flow_figure
from analysis.flows import flow_table, stock_table
from analysis.person_tables import flows, stocks
from analysis.svg import to_svg
from tests.unit.analysis.sample_results import results


@pytest.fixture(scope="module")
def moved() -> pd.DataFrame:
    return flow_table(results().tables["flows"])


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=2, max_size=4),
    st.integers(1, 3),
)
def test_flows_conserve_persons(states: list[list[int]], replicates: int) -> None:
    """Six persons are in some states at some moments; shares must follow them."""
    rows = []
    for replicate in range(replicates):
        for i, (before, after) in enumerate(pairwise(states)):
            for a in range(4):
                for b in range(4):
                    n = sum((x, y) == (a, b) for x, y in zip(before, after, strict=True))
                    rows.append(
                        {
                            "role": "scenario", "replicate": replicate, "moment_from": f"m{i}",
                            "moment_to": f"m{i + 1}", "step_from": i, "step_to": i + 1,
                            "active_from": a, "active_to": b, "persons": n,
                        }
                    )  # fmt: skip
    table = flow_table(pd.DataFrame(rows))
    np.testing.assert_allclose(table.groupby("step_to")["share"].sum(), 1.0)
    stock = stock_table(table).pivot(index="step", columns="active", values="share").to_numpy()
    expected = [[row.count(state) / 6 for state in range(4)] for row in states]
    np.testing.assert_allclose(stock, expected, atol=1e-12)


def test_shares_are_means_of_replicates() -> None:
    rows = results().tables["flows"]
    uneven = rows.assign(persons=rows["persons"].where(rows["replicate"] > 0, 0))
    first = (uneven["replicate"] == 0) & (uneven["active_from"] == 0) & (uneven["active_to"] == 2)
    uneven.loc[first, "persons"] = 20
    leg = flow_table(uneven).query("role == 'twin' and moment_to == 'longest delay'")
    share = leg.set_index(["active_from", "active_to"])["share"]
    np.testing.assert_allclose(share[0, 2], 1 / 3)
    np.testing.assert_allclose(share[0, 1], 2 / 3 * 15 / 20)


def bars(axes) -> list[tuple[float, float]]:
    """Return place and height of every bar's part, from its outline."""
    return [
        (round(p.get_x() + p.get_width() / 2, 6), p.get_height())
        for p in axes.patches
        if isinstance(p, Rectangle) and not p.get_fill()
    ]


def bands(axes) -> list[np.ndarray]:
    return [p.get_path().vertices for p in axes.patches if isinstance(p, PathPatch)]


@pytest.mark.parametrize("narrow", [False, True])
def test_bars_are_states_and_bands_are_as_wide_as_their_share(moved, narrow: bool) -> None:
    figure = flow_figure(moved, narrow=narrow)
    for axes, role in zip(figure.axes, ("scenario", "twin"), strict=True):
        stock = stock_table(moved[moved["role"] == role])
        assert [height for _, height in bars(axes)] == pytest.approx(stock["share"].tolist())
        assert {place for place, _ in bars(axes)} == {0, 1, 2, 3}
        shares = moved.loc[(moved["role"] == role) & (moved["share"] > 0.0), "share"]
        drawn = [(outline[7, 1] - outline[0, 1], outline[4, 1] - outline[3, 1])
                 for outline in bands(axes)]  # fmt: skip
        np.testing.assert_allclose(drawn, np.column_stack([shares, shares]))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Scenario", "Reversible twin"]


def test_bands_leave_and_reach_a_bar_side_by_side(moved: pd.DataFrame) -> None:
    axes = flow_figure(moved).axes[0]
    for place, end in ((1, (0, 7)), (1, (3, 4))):
        spans = sorted(
            (outline[end[0], 1], outline[end[1], 1])
            for outline in bands(axes)
            if round(outline[end[0], 0]) == place
        )
        assert spans[0][0] == pytest.approx(0.0)
        assert spans[-1][1] == pytest.approx(1.0)
        for (_, top), (bottom, _) in pairwise(spans):
            assert top == pytest.approx(bottom)


def test_states_are_named_and_moments_dated(moved: pd.DataFrame) -> None:
    axes = flow_figure(moved).axes[0]
    assert [text.get_text() for text in axes.texts] == ["0", "0", "1", "0", "1", "0", "1"]
    assert [text.get_text() for text in axes.get_xticklabels()] == [
        "start\nstep 0", "longest\ndelay\nstep 20", "first\nrest\nstep 60",
        "longest\nrest\nstep 100",
    ]  # fmt: skip


def test_it_is_told_in_words_and_listed(moved: pd.DataFrame) -> None:
    words = flow_figure(moved).description
    assert "longest delay (step 20): 25 % without an active constraint, 0 % with all 4;" in words
    rows = stocks(stock_table(moved)).rows
    assert rows[1] == ("scenario", "longest delay", "20", "25 %", "75 %", "0 %", "0 %", "0 %")
    assert flows(moved).rows[:2] == (
        ("scenario", "start", "longest delay", "0", "0", "25 %"),
        ("scenario", "start", "longest delay", "0", "1", "75 %"),
    )


def test_bytes_are_the_same(moved: pd.DataFrame) -> None:
    one = moved[moved["role"] == "scenario"]
    assert to_svg(flow_figure(one)) == to_svg(flow_figure(one))
    assert len(flow_figure(one).axes) == 1
