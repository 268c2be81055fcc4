"""The figure of the hysteresis loop."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.drawing import COLORS, LINES, STYLE, Drawing, Label, write_labels
from analysis.wording import ROLES, number


def loop_figure(loop: pd.DataFrame, *, narrow: bool = False) -> Drawing:
    """Return prevalence against mean exposure, while stress lasts and while it fades.

    Parameters
    ----------
    loop
        From `analysis.hysteresis.loop_table`.
    narrow
        For small screens.
    """
    figure = Drawing(
        "loop-narrow" if narrow else "loop",
        title="Prevalence against exposure, up to the longest delay and back at rest",
        description=_in_words(loop),
        size=(3.5, 3.2) if narrow else (7.6, 3.4),
    )
    with mpl.rc_context(fname=STYLE):
        axes = figure.add_subplot()
        labels = [_draw(axes, rows, str(role)) for role, rows in loop.groupby("role", sort=True)]
        reach = float(loop["exposure"].max()) or 1.0
        axes.set_xlim(-0.03 * reach, (1.03 if narrow else 1.0) * reach)
        axes.set_ylim(-0.03, 1.03)
        write_labels(axes, labels, top=1.0, inside=narrow)
        axes.set_xlabel("Mean exposure E [load]")
        axes.set_ylabel("Prevalence P [share]")
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, role: str) -> Label:
    """Draw the way up and, from the longest delay on, the way down; arrows give the direction."""
    down = rows[rows["phase"] == "rest"].sort_values("step")
    turn = down["step"].iloc[0]
    up = rows[(rows["phase"] == "exposure") & (rows["step"] <= turn)].sort_values("step")
    for part, width in ((up, 1.8), (down, 1.1)):
        x, y = part["exposure"].to_numpy(), part["prevalence"].to_numpy()
        axes.plot(x, y, color=COLORS[role], linestyle=LINES[role], linewidth=width)
        _arrow(axes, x, y, COLORS[role])
    return Label(role, float(up["exposure"].iloc[-1]), float(up["prevalence"].iloc[-1]))


def _arrow(axes: Axes, x: np.ndarray, y: np.ndarray, color: str) -> None:
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


def _in_words(loop: pd.DataFrame) -> str:
    sentences = []
    for role, rows in loop.groupby("role", sort=True):
        down = rows[rows["phase"] == "rest"].sort_values("step")
        ends = [
            f"{number(row.prevalence)} at exposure {number(row.exposure)}"
            for row in down.iloc[[0, -1]].itertuples()
        ]
        name = ROLES[str(role)].capitalize()
        sentences.append(f"{name}: {ends[0]} when the stress ends, {ends[1]} after the rest")
    return "Median prevalence. " + ". ".join(sentences) + "."
