"""What the figures share: a named canvas, the look of a role, time axes and direct labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator

from analysis.palette import MUTED, PAPER, SCENARIO, TWIN
from analysis.wording import ROLES

FloatArray = npt.NDArray[np.float64]

STYLE = Path(__file__).with_name("house.mplstyle")
"""The house style of figures."""

COLORS = {"scenario": SCENARIO, "twin": TWIN}
LINES: dict[str, Literal["-", "--"]] = {"scenario": "-", "twin": "--"}
# The twin's open square still shows where it stands around the scenario's point.
MARKERS: dict[str, dict[str, Any]] = {
    "scenario": {"marker": "o", "markersize": 4.0, "markerfacecolor": SCENARIO},
    "twin": {"marker": "s", "markersize": 6.5, "markerfacecolor": "none"},
}

TITLES = {"hold": "Hold: safe under the correction", "heal": "Heal: safe after it ends"}
"""Titles of panels, by target."""

MARGIN = 0.03
"""Room beside the first and the last step, as a share of the steps between them."""

_LABEL_GAP = 0.13
_LABEL_ENDS = (0.04, 0.97)


class Drawing(Figure):
    """A figure that knows its name and its alternative text, in the house style.

    Parameters
    ----------
    name
        Unique in a page; every id in the SVG begins with it.
    title
        What the figure is, in a few words.
    description
        What it shows, for those who cannot see it.
    size
        Width and height [inch].
    """

    def __init__(
        self, name: str, *, title: str, description: str, size: tuple[float, float], **more: Any
    ) -> None:
        with mpl.rc_context(fname=STYLE):
            super().__init__(figsize=size, **more)
        self.name = name
        self.title = title
        self.description = description

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the SVG of a report, with its alternative text."""
        from analysis.svg import to_svg  # draws drawings

        style = f"background: var(--paper, {PAPER}); max-width: {self.get_figwidth():g}in"
        return f'<div style="{style}">{to_svg(self)}</div>'


Draw = Callable[[bool], Drawing]
"""Draws a figure, narrow for small screens or wide."""


class Label(NamedTuple):
    """The name of a role at a point of its line."""

    role: str
    x: float
    y: float


def write_labels(axes: Axes, labels: Sequence[Label], *, top: float, inside: bool) -> None:
    """Name each line at its end, beside or above it; names that would meet are moved apart.

    Parameters
    ----------
    top
        Upper end of the vertical axis, which begins near 0.
    inside
        Above the line instead of beside it, which needs no margin.
    """
    lowest, highest = _LABEL_ENDS
    heights = [min(max(label.y / top, lowest), highest) for label in labels]
    if len(labels) == 2 and labels[0].x == labels[1].x:
        upper = int(heights[1] > heights[0])
        lack = max(_LABEL_GAP - abs(heights[1] - heights[0]), 0.0)
        heights[upper] += lack / 2.0
        heights[1 - upper] -= lack / 2.0
        shift = max(lowest - min(heights), 0.0) + min(highest - max(heights), 0.0)
        heights = [height + shift for height in heights]
    for label, height in zip(labels, heights, strict=True):
        name = ROLES[label.role]
        axes.annotate(
            name if inside else name.replace(" ", "\n"),
            (label.x, height * top),
            xytext=(0, 7) if inside else (7, 0),
            textcoords="offset points",
            color=COLORS[label.role],
            weight="bold",
            size=9,
            ha="right" if inside else "left",
            va="bottom" if inside else "center",
            linespacing=1.0,
            annotation_clip=False,
            # Over a band, the label's own color would be too pale to read; no line is covered.
            zorder=1.8,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
        )


def write_key(
    figure: Drawing, handles: Sequence[Artist], names: Sequence[str], **placement: Any
) -> None:
    """Explain the looks of lines, marks and areas in a line outside the panels."""
    look: dict[str, Any] = {"frameon": False, "fontsize": 8.5, "labelcolor": MUTED}
    figure.legend(handles, names, borderpad=0.0, **look, **placement)


def time_axis(axes: Axes, steps: pd.Series) -> None:
    """Make the horizontal axis one of whole steps, just wider than the steps given."""
    low, high = float(steps.min()), float(steps.max())
    margin = MARGIN * (high - low) or 1.0
    axes.set_xlim(low - margin, high + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.grid(visible=False, axis="x")


def name_panel(axes: Axes, role: str) -> None:
    """Head a panel that shows one role alone with its name."""
    axes.set_title(ROLES[role].capitalize(), color=COLORS[role])


def draw_way(axes: Axes, rows: pd.DataFrame, role: str, *, x: str, y: str) -> Label:
    """Draw one column against another: up to the longest delay, and back during the rest.

    Arrows give the direction of time.

    Parameters
    ----------
    rows
        One row a step of one role, with its phase, from `analysis.hysteresis.loop_table`.
    """
    for part, width in zip(both_ways(rows), (1.8, 1.1), strict=True):
        xs, ys = part[x].to_numpy(), part[y].to_numpy()
        axes.plot(xs, ys, color=COLORS[role], linestyle=LINES[role], linewidth=width)
        _arrow(axes, xs, ys, COLORS[role])
    turn = both_ways(rows)[0].iloc[-1]
    return Label(role, float(turn[x]), float(turn[y]))


def both_ways(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the steps up to the longest delay, and those of the rest after it."""
    down = rows[rows["phase"] == "rest"].sort_values("step")
    turn = down["step"].iloc[0]
    up = rows[(rows["phase"] == "exposure") & (rows["step"] <= turn)].sort_values("step")
    return up, down


def _arrow(axes: Axes, x: FloatArray, y: FloatArray, color: str) -> None:
    """Put an arrowhead halfway along the line, by length, where the line has one."""
    lengths = np.hypot(np.diff(x) / max(np.ptp(x), 1e-12), np.diff(y))
    if not lengths.sum() > 0.0:
        return
    half = int(np.searchsorted(np.cumsum(lengths), 0.5 * lengths.sum()))
    axes.annotate(
        "",
        (x[half + 1], y[half + 1]),
        xytext=(x[half], y[half]),
        arrowprops={"arrowstyle": "-|>", "color": color, "shrinkA": 0, "shrinkB": 0},
    )


def strokes(axes: Axes, starts: npt.ArrayLike, ends: npt.ArrayLike, **look: Any) -> PathPatch:
    """Draw many straight strokes as one path, which keeps a page with thousands of them small.

    A stroke of no length with round ends is a dot as wide as the line.

    Parameters
    ----------
    starts, ends
        Points, (n, 2), in the axes' coordinates.
    """
    points = np.stack([np.asarray(starts, float), np.asarray(ends, float)], axis=1).reshape(-1, 2)
    codes = np.tile([Outline.MOVETO, Outline.LINETO], len(points) // 2)
    outline = Outline(points, codes)
    outline.should_simplify = False  # it would drop strokes of no length
    patch = PathPatch(outline, fill=False, **look)
    axes.add_artist(patch)  # unlike `add_patch`, leaves the limits of the axes as they are
    return patch
