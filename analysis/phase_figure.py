"""The figure of narrative and trust against constraint, under stress and at rest."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.drawing import COLORS, LINES, STYLE, Drawing, both_ways, draw_way, write_key
from analysis.palette import INK
from analysis.wording import ROLES, number

_PANELS = {"narrative": "Narrative displacement n", "trust": "Trust T"}
# A square and a diamond can stand in the circle, where a path comes back to its start.
_POINTS = {"start": ("o", 9.5), "longest delay": ("D", 6.0), "end of rest": ("s", 5.0)}


def phase_figure(loop: pd.DataFrame, *, narrow: bool = False) -> Drawing:
    """Return mean narrative and mean trust against prevalence, step by step.

    Parameters
    ----------
    loop
        From `analysis.hysteresis.loop_table`.
    narrow
        One panel above the other, for small screens.
    """
    figure = Drawing(
        "phase-narrow" if narrow else "phase",
        title="Narrative and trust against prevalence, up to the longest delay and at rest",
        description=_in_words(loop),
        size=(3.5, 5.9) if narrow else (7.6, 3.6),
    )
    with mpl.rc_context(fname=STYLE):
        panels = figure.subplots(*((2, 1) if narrow else (1, 2)), sharex=True)
        for axes, (column, name) in zip(panels.flat, _PANELS.items(), strict=True):
            for role, rows in loop.groupby("role", sort=True):
                draw_way(axes, rows, str(role), x="prevalence", y=column)
                _points(axes, rows, str(role), column)
            axes.set_xlim(-0.04, 1.04)
            axes.set_ylim(-0.04, 1.04)
            axes.set_title(name.rpartition(" ")[0])
            axes.set_ylabel(f"{name}, mean")
        figure.supxlabel("Prevalence P [share]")
        _key(figure, sorted(set(loop["role"])), narrow=narrow)
    return figure


def _points(axes: Axes, rows: pd.DataFrame, role: str, column: str) -> None:
    """Mark the start, the longest delay and the end of the rest."""
    up, down = both_ways(rows)
    moments = (up.iloc[0], down.iloc[0], down.iloc[-1])
    for moment, (name, (shape, size)) in zip(moments, _POINTS.items(), strict=True):
        axes.plot(
            [moment["prevalence"]],
            [moment[column]],
            color=COLORS[role],
            marker=shape,
            markersize=size,
            markerfacecolor="none" if name == "start" else COLORS[role],
            linestyle="none",
            zorder=3,
        )


def _key(figure: Drawing, roles: list[str], *, narrow: bool) -> None:
    lines = [Line2D([], [], color=COLORS[role], linestyle=LINES[role]) for role in roles]
    points = [
        Line2D([], [], color=INK, marker=shape, markersize=0.8 * size, linestyle="none",
               markerfacecolor="none" if name == "start" else INK)
        for name, (shape, size) in _POINTS.items()
    ]  # fmt: skip
    write_key(
        figure,
        lines + points,
        [ROLES[role] for role in roles] + list(_POINTS),
        loc="outside upper left",
        ncols=3 if narrow else 5,
        columnspacing=1.2,
        handlelength=1.8,
        handletextpad=0.4,
    )


def _in_words(loop: pd.DataFrame) -> str:
    sentences = []
    for role, rows in loop.groupby("role", sort=True):
        up, down = both_ways(rows)
        ends = zip(_POINTS, (up.iloc[0], down.iloc[0], down.iloc[-1]), strict=True)
        said = [
            f"{name}: prevalence {number(row['prevalence'])}, narrative "
            f"{number(row['narrative'])}, trust {number(row['trust'])}"
            for name, row in ends
        ]
        sentences.append(f"{ROLES[str(role)].capitalize()}, {'; '.join(said)}")
    return "Medians of replicates. " + ". ".join(sentences) + "."
