from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.premium_figure import premium_figure
from sim.scenario.schema import Scenario


def premiums(values: list[float], lost: list[int]) -> pd.DataFrame:
    rows = [
        {
            "target": target, "delay": 10 * i, "premium": value, "premium_low": value - 2.0,
            "premium_high": value + 3.0, "finite": 4, "lost": lost[i], "gained": 0, "undefined": 0,
        }
        for target in ("hold", "heal")
        for i, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def drawn(values: list[float], lost: list[int], *, narrow: bool = False):  # type: ignore[no-untyped-def]
    return premium_figure(premiums(values, lost), scenario=Scenario(), narrow=narrow)


@pytest.mark.parametrize("narrow", [False, True])
def test_medians_intervals_and_lost_pairs_are_drawn(narrow: bool) -> None:
    figure = drawn([0.0, 5.0, np.nan], [0, 1, 4], narrow=narrow)
    assert len(figure.axes) == 2
    for axes in figure.axes:
        zero, median, lost = axes.lines
        assert set(zero.get_ydata()) == {0.0}
        np.testing.assert_array_equal(median.get_ydata(), [0.0, 5.0, np.nan])
        assert list(lost.get_xdata()) == [10.0, 20.0]
        strokes = axes.collections[0].get_segments()
        assert [list(stroke[:, 1]) for stroke in strokes[:2]] == [[-2.0, 3.0], [3.0, 8.0]]
        low, high = axes.get_ylim()
        assert low < -2.0
        assert high > 8.0
    assert {axes.get_title(loc="left") for axes in figure.axes} == {
        "Hold: safe under the correction", "Heal: safe after it ends",
    }  # fmt: skip


def test_it_is_told_in_words() -> None:
    words = drawn([0.0, 5.0, np.nan], [0, 1, 4]).description
    assert "Hold: median 0 at delay 0, 5 at delay 10, pairs lost at 2 of 3 delays" in words
    assert "no finite pair at any delay" in drawn([np.nan], [4]).description


def test_a_premium_that_is_never_finite_has_an_axis() -> None:
    for values in ([np.nan, np.nan], [0.0, 0.0]):
        table = premiums(values, [0, 0])
        table = table.assign(premium_low=table["premium"], premium_high=table["premium"])
        low, high = premium_figure(table, scenario=Scenario()).axes[0].get_ylim()
        assert np.isfinite([low, high]).all()
        assert low < 0.0 < high
