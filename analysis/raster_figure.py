"""The figure of crossings: every replicate's first passages, and who never crossed."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.drawing import COLORS, STYLE, Drawing, name_panel, strokes
from analysis.palette import LINE, MUTED
from analysis.wording import ROLES, number, of, span
from sim.scenario.schema import Scenario

Threshold = tuple[float, str]

_SHAPES = "osD^vPXh"
_NEVER = 0.11
"""Room for those who never crossed, as a share of the steps."""


def raster_figure(
    raster: pd.DataFrame, *, crossings: pd.DataFrame, scenario: Scenario, narrow: bool = False
) -> Drawing:
    """Return the first passages of declared thresholds, one row a replicate.

    A full mark is a first passage.  An open one behind the last step is a replicate that never
    crossed the threshold of that shape: censored at the end of the exposure.

    Parameters
    ----------
    raster
        From `analysis.crossings.raster_table`; not empty.
    crossings
        Medians, from `analysis.summary.crossing_table`.
    scenario
        The scenario they belong to.
    narrow
        One panel above the other, for small screens.
    """
    roles = sorted(set(raster["role"]))
    thresholds = sorted(set(zip(raster["level"], raster["direction"], strict=True)))
    n_rows, n_steps = int(raster["row"].max()) + 1, scenario.time.steps
    columns = 1 if narrow else 2
    lines = -(-len(thresholds) // columns)
    height = min(max(0.11 * n_rows, 0.9), 4.2) + 0.75 + 0.19 * lines
    side = 1 if narrow else len(roles)
    figure = Drawing(
        "raster-narrow" if narrow else "raster",
        title="First passage of declared thresholds of prevalence, by replicate",
        description=_in_words(raster, n_steps),
        size=(3.5 if narrow else 7.6, height * len(roles) / side + 0.25),
    )
    with mpl.rc_context(fname=STYLE):
        panels = figure.subplots(len(roles) // side, side, sharex=True, sharey=True, squeeze=False)
        for axes, role in zip(panels.flat, roles, strict=True):
            _panel(axes, raster[raster["role"] == role], thresholds, n_steps, narrow=narrow)
            _key(axes, crossings[crossings["role"] == role], thresholds, columns)
        figure.supxlabel(f"Time under exposure [{scenario.time.unit}]")
        figure.supylabel("Replicates, sorted")
    return figure


def _panel(
    axes: Axes, raster: pd.DataFrame, thresholds: list[Threshold], n_steps: int, *, narrow: bool
) -> None:
    role, n_rows = str(raster["role"].iloc[0]), int(raster["row"].max()) + 1
    points = 72.0 * min(max(0.11 * n_rows, 0.9), 4.2) / n_rows
    size = float(np.clip(0.7 * points, 1.8, 5.5 if not narrow else 4.8))
    if n_rows <= 60:
        rows = np.arange(n_rows, dtype=np.float64)
        strokes(
            axes,
            np.column_stack([np.zeros(n_rows), rows]),
            np.column_stack([np.full(n_rows, n_steps), rows]),
            edgecolor=LINE,
            linewidth=0.6,
        )
    for i, (level, way) in enumerate(thresholds):
        part = raster[(raster["level"] == level) & (raster["direction"] == way)]
        crossed = np.isfinite(part["step"].to_numpy(dtype=np.float64))
        look: dict[str, Any] = {
            "color": COLORS[role],
            "marker": _SHAPES[i % len(_SHAPES)],
            "linestyle": "none",
        }
        axes.plot(part.loc[crossed, "step"], part.loc[crossed, "row"], markersize=size, **look)
        axes.plot(
            np.full(int((~crossed).sum()), _behind(n_steps, i, len(thresholds))),
            part.loc[~crossed, "row"],
            markersize=size,
            markerfacecolor="none",
            markeredgewidth=0.9,
            **look,
        )
    axes.axvline(n_steps, color=MUTED, linewidth=0.7)
    axes.set_xlim(-0.03 * n_steps, (1.0 + _NEVER + 0.03) * n_steps)
    axes.set_ylim(n_rows - 0.3, -0.7)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4, min_n_ticks=1))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value + 1:.0f}")
    ticks = [t for t in MaxNLocator(integer=True, nbins=5).tick_values(0, n_steps) if t <= n_steps]
    # The last step would run into the words beside it.
    ticks = [t for t in ticks if t < 0.9 * n_steps or t == 0.0]
    middle = (1.0 + 0.5 * _NEVER + 0.015) * n_steps
    axes.set_xticks([*ticks, middle], [f"{t:.0f}" for t in ticks] + [f"never\nin {n_steps}"])
    axes.grid(visible=False)
    name_panel(axes, role)


def _behind(n_steps: int, i: int, n: int) -> float:
    """Return where the never-crossed of the i-th of n thresholds stand."""
    return n_steps * (1.0 + 0.015 + _NEVER * (i + 0.5) / n)


def _key(axes: Axes, crossings: pd.DataFrame, thresholds: list[Threshold], columns: int) -> None:
    """Name the shapes above a panel, each with its median first passage."""
    median = crossings.set_index(["level", "direction"])["step"].to_dict()
    color = COLORS[str(crossings["role"].iloc[0])]
    handles = [
        Line2D(
            [], [], color=color, marker=_SHAPES[i % len(_SHAPES)], markersize=5, linestyle="none"
        )
        for i in range(len(thresholds))
    ]
    words = [
        f"{threshold_name(t)}, median {number(median[t], infinite='never')}" for t in thresholds
    ]
    axes.legend(
        handles,
        words,
        ncols=columns,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.15,
        borderpad=0.0,
        handletextpad=0.1,
        columnspacing=0.8,
        frameon=False,
        fontsize=8.5,
        labelcolor=MUTED,
    )
    axes.title.set_position((0.0, 1.0))
    lines = -(-len(thresholds) // columns)
    axes.set_title(axes.get_title(loc="left"), color=color, pad=5 + 13.5 * lines)


def threshold_name(threshold: Threshold) -> str:
    """Return a threshold as its level and an arrow for its direction."""
    level, way = threshold
    return f"{number(level)} {({'up': '↑', 'down': '↓'})[way]}"


def _in_words(raster: pd.DataFrame, n_steps: int) -> str:
    sentences = []
    for (role, level, way), part in raster.groupby(["role", "level", "direction"], sort=True):
        crossed = part.loc[np.isfinite(part["step"].to_numpy(dtype=np.float64)), "step"]
        said = f"crossed in {of(len(crossed), len(part))} replicates"
        if len(crossed):
            said += f", first at step {span(crossed.min(), crossed.max())}"
        if len(crossed) < len(part):
            said += f", never in {number(n_steps)} steps in {number(len(part) - len(crossed))}"
        name = ROLES[str(role)].capitalize()
        sentences.append(f"{name}, {number(float(level))} {way}: {said}")
    return ". ".join(sentences) + "."
