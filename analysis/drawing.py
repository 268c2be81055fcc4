"""What the figures share: a named canvas, the look of a role, time axes and direct labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.palette import PAPER, SCENARIO, TWIN
from analysis.wording import ROLES

STYLE = Path(__file__).with_name("house.mplstyle")
"""The house style of figures."""

COLORS = {"scenario": SCENARIO, "twin": TWIN}
LINES = {"scenario": "-", "twin": "--"}
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
            # Over a band, the label's own color would be too pale to read.
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
        )


def time_axis(axes: Axes, steps: pd.Series) -> None:
    """Make the horizontal axis one of whole steps, just wider than the steps given."""
    low, high = float(steps.min()), float(steps.max())
    margin = MARGIN * (high - low) or 1.0
    axes.set_xlim(low - margin, high + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.grid(visible=False, axis="x")
