"""The figure of persons in their network, at a few moments."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.drawing import COLORS, STYLE, Drawing, strokes, write_key
from analysis.palette import INK, MUTED, PAPER
from analysis.snapshot import pairs_of
from analysis.wording import ROLES, number, of

MOST_TIES = 4_000
"""Ties that are drawn at most; more would hide each other and the persons."""

_MOMENTS = ("start", "longest delay", "longest rest")


def network_figure(
    persons: pd.DataFrame, ties: pd.DataFrame, layout: pd.DataFrame, *, narrow: bool = False
) -> Drawing:
    """Return persons and their ties; dots grow larger and fuller with each active constraint.

    The columns are moments and the rows roles; on narrow screens the other way round.  Everyone
    keeps their place throughout.

    Parameters
    ----------
    persons, ties
        Rows of a snapshot.
    layout
        From `analysis.layout.layout_table`.
    narrow
        For small screens.
    """
    roles = sorted(set(persons["role"]))
    moments = [m for m in _MOMENTS if m in set(persons["moment"])]
    shape = (len(moments), len(roles)) if narrow else (len(roles), len(moments))
    edge = 3.5 / max(len(roles), 1.35) if narrow else 2.5
    figure = Drawing(
        "network-narrow" if narrow else "network",
        title="Persons by number of active constraints in their network",
        description=_in_words(persons, ties, moments),
        size=(3.5 if narrow else 7.6, (edge + 0.28) * shape[0] + 0.3),
    )
    n_states = int(persons["active"].max()) + 1
    scale = 0.75 if narrow else 1.0
    with mpl.rc_context(fname=STYLE):
        panels = figure.subplots(*shape, squeeze=False)
        for i, role in enumerate(roles):
            for j, moment in enumerate(moments):
                axes = panels[j, i] if narrow else panels[i, j]
                now = persons[(persons["role"] == role) & (persons["moment"] == moment)]
                placed = now.merge(layout, on="person", validate="one_to_one")
                _ties(axes, ties[ties["role"] == role], layout)
                size = scale * _crowding(len(placed))
                _dots(axes, placed, role, n_states=n_states, scale=size)
                _frame(axes)
                _name(axes, role, f"{moment}, step {now['step'].iloc[0]}", i, j, narrow)
        _key(figure, n_states, scale)
    return figure


def _crowding(n_persons: int) -> float:
    """Return how much larger than the dots of 300 persons those of fewer may be."""
    return float(np.clip(np.sqrt(300.0 / n_persons), 1.0, 2.0))


def diameter(active: int) -> float:
    """Return the size of a dot [points]; its area grows with the active constraints."""
    return float(np.sqrt(8.0 + 6.0 * active))


def tint(active: int, n_states: int) -> float:
    """Return how much of its color fills a dot."""
    return 0.15 + 0.85 * active / max(n_states - 1, 1) if active else 0.0


def _dots(axes: Axes, placed: pd.DataFrame, role: str, *, n_states: int, scale: float) -> None:
    for active, rows in placed.groupby("active", sort=True):
        points = rows[["x", "y"]].to_numpy()
        width = scale * diameter(int(active))
        color = COLORS[role] if active else MUTED
        look = {"capstyle": "round", "zorder": 2.0 + 0.01 * int(active)}
        rim = strokes(axes, points, points, edgecolor=color, linewidth=width, **look)
        rim.set_gid(f"persons-{rows['moment'].iloc[0].replace(' ', '-')}-{role}-{active}")
        full = tint(int(active), n_states)
        if full < 1.0:
            inside = {"linewidth": width - 1.3, **look}
            strokes(axes, points, points, edgecolor=PAPER, **inside)
            if full:
                strokes(axes, points, points, edgecolor=color, alpha=full, **inside)


def _ties(axes: Axes, ties: pd.DataFrame, layout: pd.DataFrame) -> None:
    pairs = pairs_of(ties)
    if 0 < len(pairs) <= MOST_TIES:
        place = layout.set_index("person")[["x", "y"]]
        ends = (place.loc[pairs[:, end]].to_numpy() for end in (0, 1))
        strokes(axes, *ends, edgecolor=MUTED, alpha=0.35, linewidth=0.5, zorder=1)


def _frame(axes: Axes) -> None:
    axes.set_xlim(-0.04, 1.04)
    axes.set_ylim(-0.04, 1.04)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _name(axes: Axes, role: str, moment: str, i: int, j: int, narrow: bool) -> None:
    """Head columns and rows with what they show."""
    name = ROLES[role].capitalize()
    if narrow:
        axes.set_title(moment.replace(", ", ",\n"), size=8.5, weight="normal", color=MUTED)
        if j == 0:
            axes.set_title(f"{name}\n{axes.get_title(loc='left')}", size=8.5)
    else:
        axes.set_title(moment[0].upper() + moment[1:] if i == 0 else "", size=9.5)
        if j == 0:
            axes.set_ylabel(name, color=COLORS[role], weight="bold")


def _key(figure: Drawing, n_states: int, scale: float) -> None:
    handles = [
        Line2D([], [], color=INK if n else MUTED, marker="o", linestyle="none",
               markersize=1.3 * scale * diameter(n), markeredgewidth=0.65,
               markerfacecolor=(INK, tint(n, n_states)) if n else "none")
        for n in range(n_states)
    ]  # fmt: skip
    write_key(
        figure,
        handles,
        [f"{n}" for n in range(n_states)],
        title="Active constraints",
        loc="outside lower left",
        ncols=n_states,
        title_fontsize=8.5,
        columnspacing=1.2,
        handletextpad=0.1,
        alignment="left",
    )


def _in_words(persons: pd.DataFrame, ties: pd.DataFrame, moments: list[str]) -> str:
    one = persons[(persons["role"] == "scenario") & (persons["moment"] == moments[0])]
    pairs = pairs_of(ties)
    drawn = f" and {number(len(pairs))} ties among them" if len(pairs) else ", no ties drawn"
    sentences = [f"{number(len(one))} persons{drawn}"]
    for role, rows in persons.groupby("role", sort=True):
        said = []
        for moment in moments:
            now = rows[rows["moment"] == moment]
            constrained = of((now["active"] > 0).sum(), len(now))
            said.append(f"{constrained} persons constrained at the {moment}")
        sentences.append(f"{ROLES[str(role)].capitalize()}: {', '.join(said)}")
    return ". ".join(sentences) + "."
