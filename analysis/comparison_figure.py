"""The figure of a comparison: what better lives cost, and how far reports lie from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.contest import BOUNDS
from analysis.drawing import STYLE, Drawing, write_key
from analysis.palette import INK, LINE, MUTED, PAPER, SCENARIO, TWIN
from analysis.wording import number

_GAP = 0.06
"""Least distance between two names beside a panel, as a share of its height."""

_NAMES = 0.5
"""Room for names right of the points, as a share of the width the points take."""


def comparison_figure(standings: pd.DataFrame, *, narrow: bool = False) -> Drawing:
    """Return cost against lived alignment beside apparent against lived, one row a φ.

    Parameters
    ----------
    standings
        From `analysis.comparison.standings`; not empty.
    narrow
        One panel above the other, for small screens.
    """
    cures = list(dict.fromkeys(standings["cure"]))
    n_names = int(standings.groupby("cure").size().max())
    height = max(2.6, 0.6 + 0.17 * n_names)
    n_rows = len(cures) * (2 if narrow else 1)
    figure = Drawing(
        "comparison-narrow" if narrow else "comparison",
        title="Lived alignment of each optimizer against its cost, and against what reports say",
        description=_in_words(standings, cures),
        size=(3.5 if narrow else 7.6, height * n_rows + 0.7),
    )
    low, high = _extent(standings[["lived_alignment", "lived_alignment_low",
                                   "lived_alignment_high"]])  # fmt: skip
    with mpl.rc_context(fname=STYLE):
        panels = figure.subplots(n_rows, 1 if narrow else 2, squeeze=False)
        for (cost, gap), cure in zip(panels.reshape(-1, 2), cures, strict=True):
            rows = standings[standings["cure"] == cure]
            for axes in (cost, gap):
                axes.set_ylim(low, high)
                axes.set_title(f"φ = {cure:g}")
                axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
            _front(cost, rows)
            _points(cost, rows, "spent")
            cost.set_xlabel("Spent [load per person]")
            _diagonal(gap)
            _points(gap, rows[rows["apparent_alignment"].notna()], "apparent_alignment")
            gap.set_xlabel("Apparent alignment [share]")
        figure.supylabel("Lived alignment [share]")
        _key(figure)
    return figure


def _extent(values: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of an axis: all that is finite and a margin."""
    found = values.to_numpy(dtype=np.float64)
    finite = found[np.isfinite(found)]
    low, high = float(finite.min()), float(finite.max())
    margin = 0.06 * ((high - low) or 1.0)
    return low - margin, high + margin


def _colors(rows: pd.DataFrame) -> list[str]:
    return [
        TWIN if row.kind in BOUNDS else SCENARIO if row.front else MUTED
        for row in rows.itertuples()
    ]


def _points(axes: Axes, rows: pd.DataFrame, x: str) -> None:
    """Draw a point a contestant with its intervals, and its name right of all points."""
    for row, color in zip(rows.itertuples(), _colors(rows), strict=True):
        place = float(getattr(row, x))
        if np.isfinite(row.lived_alignment_low):
            axes.vlines(
                place, row.lived_alignment_low, row.lived_alignment_high, color=color, linewidth=1
            )
            left, right = (float(getattr(row, f"{x}_{end}")) for end in ("low", "high"))
            axes.hlines(row.lived_alignment, left, right, color=color, linewidth=1)
        hollow = row.kind in BOUNDS
        axes.plot(
            place, row.lived_alignment, marker="s" if hollow else "o", color=color,
            markerfacecolor=PAPER if hollow else color, linestyle="none", zorder=3,
        )  # fmt: skip
    if rows.empty:
        return
    low, high = _extent(rows[[x, f"{x}_low", f"{x}_high"]])
    edge = high + _NAMES * (high - low)
    axes.set_xlim(low, edge)
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: number(value) if value <= high else "")
    )
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    _write_names(axes, rows, x, at=high + 0.06 * (high - low))


def _write_names(axes: Axes, rows: pd.DataFrame, x: str, *, at: float) -> None:
    """Name every point at the height it has, moved apart, with a thin line to it."""
    low, high = axes.get_ylim()
    heights = ((rows["lived_alignment"] - low) / (high - low)).tolist()
    for row, color, height in zip(
        rows.itertuples(), _colors(rows), apart(heights, gap=_GAP), strict=True
    ):
        end = low + height * (high - low)
        start = (float(getattr(row, x)), float(row.lived_alignment))
        axes.plot(
            [start[0], at], [start[1], end], color=LINE, linestyle="-", linewidth=0.6, zorder=1
        )
        axes.annotate(
            str(row.kind), (at, end), xytext=(2, 0), textcoords="offset points", color=color,
            size=7.5, ha="left", va="center", annotation_clip=False,
        )  # fmt: skip


def apart(heights: Sequence[float], *, gap: float) -> list[float]:
    """Return heights at least `gap` apart, in the same order, as near to those given as simple.

    Parameters
    ----------
    heights
        Shares of the height of a panel.
    gap
        Made smaller where there is no room for it.

    Examples
    --------
    >>> [round(height, 2) for height in apart([0.5, 0.5, 0.1], gap=0.1)]
    [0.5, 0.6, 0.1]
    """
    n = len(heights)
    gap = min(gap, 0.98 / max(n - 1, 1))
    order = sorted(range(n), key=lambda place: (heights[place], place))
    placed = list(heights)
    for before, place in pairwise(order):
        placed[place] = max(placed[place], placed[before] + gap)
    ceiling = 0.99
    for place in reversed(order):
        placed[place] = min(placed[place], ceiling)
        ceiling = placed[place] - gap
    return placed


def _front(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the Pareto front as a staircase: what can be had for at most so much."""
    front = rows[rows["front"]].sort_values("spent")
    axes.step(
        front["spent"], front["lived_alignment"], where="post", color=SCENARIO, linewidth=1.2,
        linestyle="--", zorder=2,
    )  # fmt: skip


def _diagonal(axes: Axes) -> None:
    """Draw where apparent and lived alignment are equal."""
    axes.axline((0.0, 0.0), slope=1.0, color=INK, linewidth=0.7, zorder=1)


def _key(figure: Drawing) -> None:
    handles = [
        Line2D([], [], color=SCENARIO, marker="o", linestyle="--"),
        Line2D([], [], color=MUTED, marker="o", linestyle="none"),
        Line2D([], [], color=TWIN, marker="s", markerfacecolor=PAPER, linestyle="none"),
    ]
    names = ["on the Pareto front", "others", "a bound"]
    write_key(figure, handles, names, loc="outside upper right", ncols=3, columnspacing=1.0)


def _in_words(standings: pd.DataFrame, cures: Sequence[float]) -> str:
    sentences = []
    for cure in cures:
        rows = standings[standings["cure"] == cure]
        front = rows[rows["front"]].sort_values("spent")
        parts = [
            f"{row.kind} (spent {number(row.spent)}, lived alignment {number(row.lived_alignment)})"
            for row in front.itertuples()
        ]
        worst = rows.loc[rows["gap"].idxmax()] if rows["gap"].notna().any() else None
        widest = (
            f"; reports lie farthest above life under {worst['kind']}, by {number(worst['gap'])}"
            if worst is not None
            else ""
        )
        sentences.append(f"φ = {cure:g}: on the Pareto front {', '.join(parts)}{widest}")
    return ". ".join(sentences) + ". Every number is in the table below the figure."
