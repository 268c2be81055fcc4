"""The figure of the irreversibility premium: matched cost above the reversible twin's."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from analysis.drawing import COLORS, MARKERS, STYLE, TITLES, Drawing, time_axis
from analysis.palette import MUTED
from analysis.restoration import TARGETS
from analysis.wording import number, of
from sim.scenario.schema import Scenario


def premium_figure(premium: pd.DataFrame, *, scenario: Scenario, narrow: bool = False) -> Drawing:
    """Return the matched difference in cost to the twin against the delay, hold beside heal.

    Parameters
    ----------
    premium
        From `analysis.summary.premium_table`; not empty.
    scenario
        The scenario it belongs to.
    narrow
        One panel above the other, for small screens.
    """
    figure = Drawing(
        "premium-narrow" if narrow else "premium",
        title="Cost above the reversible twin's against the delay, matched by replicate",
        description=_in_words(premium),
        size=(3.5, 5.4) if narrow else (7.6, 3.2),
    )
    low, high = _extent(premium)
    with mpl.rc_context(fname=STYLE):
        shape = (2, 1) if narrow else (1, 2)
        panels = figure.subplots(*shape, sharex=True, sharey=True).ravel()
        panels[0].set_ylim(low, high)
        for axes, target in zip(panels, TARGETS, strict=True):
            _panel(axes, premium[premium["target"] == target].sort_values("delay"), low, high)
            axes.set_title(TITLES[target])
        figure.supxlabel(f"Delay before restoration starts [{scenario.time.unit}]")
        figure.supylabel("Premium: matched difference [load·steps]")
    return figure


def _extent(premium: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the vertical axis: all that is finite, zero, and a margin."""
    values = premium[["premium", "premium_low", "premium_high"]].to_numpy(dtype=np.float64)
    finite = np.append(values[np.isfinite(values)], 0.0)
    low, high = float(finite.min()), float(finite.max())
    margin = 0.08 * ((high - low) or 1.0)
    return low - margin, high + margin if high > low else 1.0


def _panel(axes: Axes, rows: pd.DataFrame, lowest: float, highest: float) -> None:
    x, color = rows["delay"].to_numpy(dtype=np.float64), COLORS["scenario"]
    axes.axhline(0.0, color=MUTED, linewidth=0.7)
    ends = [np.clip(rows[f"premium_{end}"], lowest, highest) for end in ("low", "high")]
    axes.vlines(x, *ends, color=color, alpha=0.6)
    median = rows["premium"].to_numpy(dtype=np.float64)
    drawn = np.where(np.isfinite(median), median, np.nan)
    axes.plot(x, drawn, color=color, **MARKERS["scenario"])
    lost = rows["lost"] > 0
    axes.plot(
        x[lost],
        np.full(int(lost.sum()), 0.96),
        transform=axes.get_xaxis_transform(),
        color=color,
        marker="^",
        markerfacecolor="none",
        linestyle="none",
    )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    time_axis(axes, rows["delay"])


def _in_words(premium: pd.DataFrame) -> str:
    sentences = []
    for target in TARGETS:
        rows = premium[premium["target"] == target].sort_values("delay")
        known = rows[rows["premium"].notna()]
        parts = ["no finite pair at any delay"]
        if len(known):
            ends = known.iloc[[0, -1]].itertuples()
            parts = [f"{number(row.premium, infinite='∞')} at delay {row.delay}" for row in ends]
        lost = int((rows["lost"] > 0).sum())
        if lost:
            parts.append(f"pairs lost at {of(lost, len(rows))} delays")
        sentences.append(f"{target.capitalize()}: median {', '.join(parts)}")
    return ". ".join(sentences) + ". Every number is in the table below the figure."
