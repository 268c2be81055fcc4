"""The figure of persons moving between numbers of active constraints."""

from __future__ import annotations

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from analysis.drawing import COLORS, STYLE, Drawing, name_panel
from analysis.flows import stock_table
from analysis.palette import INK, MUTED, PAPER
from analysis.wording import ROLES, number, percent

_BAR = 0.09
"""Width of a moment's bar, in distances between moments."""

_LEAST_NAMED, _LEAST_DRAWN = 0.045, 0.001


def flow_figure(flows: pd.DataFrame, *, narrow: bool = False) -> Drawing:
    """Return an alluvial diagram: a bar a moment, a band a pair of states, wide as its share.

    Parameters
    ----------
    flows
        From `analysis.flows.flow_table`.
    narrow
        One panel above the other, for small screens.
    """
    stocks = stock_table(flows)
    roles = sorted(set(stocks["role"]))
    shape = (len(roles), 1) if narrow else (1, len(roles))
    figure = Drawing(
        "flows-narrow" if narrow else "flows",
        title="Persons by number of active constraints, followed between moments",
        description=_in_words(stocks),
        size=(3.5, 3.1 * len(roles) + 0.3) if narrow else (7.6, 3.6),
    )
    with mpl.rc_context(fname=STYLE):
        panels = figure.subplots(*shape, squeeze=False).ravel()
        for axes, role in zip(panels, roles, strict=True):
            _panel(axes, flows[flows["role"] == role], stocks[stocks["role"] == role], role)
        for axes in panels[1:] if not narrow else ():
            axes.set_yticklabels([])
        figure.supylabel("Share of persons")
    return figure


def _panel(axes: Axes, flows: pd.DataFrame, stocks: pd.DataFrame, role: str) -> None:
    n_states = int(stocks["active"].max()) + 1
    steps = sorted(set(stocks["step"]))
    shares = stocks.pivot(index="step", columns="active", values="share")
    bottoms = shares.cumsum(axis=1) - shares
    for place, (start, stop) in enumerate(pairwise(steps)):
        leg = flows[(flows["step_from"] == start) & (flows["step_to"] == stop)]
        wide = leg.pivot(index="active_from", columns="active_to", values="share").to_numpy()
        left = bottoms.loc[start].to_numpy()[:, None] + np.cumsum(wide, axis=1) - wide
        right = bottoms.loc[stop].to_numpy()[None, :] + np.cumsum(wide, axis=0) - wide
        for i, j in zip(*np.nonzero(wide >= _LEAST_DRAWN), strict=True):
            ends = (place + _BAR / 2, place + 1 - _BAR / 2)
            outline = _band(ends, (left[i, j], right[i, j]), wide[i, j])
            look = {"facecolor": COLORS[role], "alpha": 0.1 + 0.3 * i / (n_states - 1)}
            axes.add_artist(PathPatch(outline, linewidth=0, **look))
    for place, step in enumerate(steps):
        last = place == len(steps) - 1
        _bar(axes, place, shares.loc[step], bottoms.loc[step], role, side=-1 if last else 1)
    names = stocks.drop_duplicates("step").set_index("step")["moment"]
    words = ["\n".join([*names[step].split(), f"step {step}"]) for step in steps]
    axes.set_xticks(range(len(steps)), words)
    axes.set_xlim(-0.5 * _BAR - 0.03, len(steps) - 1 + 0.5 * _BAR + 0.03)
    axes.set_ylim(0.0, 1.0)
    axes.tick_params(axis="x", length=0, labelsize=8.5)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    name_panel(axes, role)


def _bar(
    axes: Axes, place: int, shares: pd.Series, bottoms: pd.Series, role: str, *, side: int
) -> None:
    """Draw a moment as a stack of states, darker with each active constraint, named beside it."""
    n_states = len(shares)
    for state, share in shares.items():
        tint = int(state) / (n_states - 1)
        box = ((place - _BAR / 2, bottoms[state]), _BAR, share)
        axes.add_artist(Rectangle(*box, facecolor=PAPER, linewidth=0))
        axes.add_artist(Rectangle(*box, facecolor=COLORS[role], alpha=0.15 + 0.85 * tint))
        axes.add_artist(Rectangle(*box, fill=False, edgecolor=MUTED, linewidth=0.6))
        if share >= _LEAST_NAMED:
            axes.annotate(
                f"{state}",
                (place + side * 0.5 * _BAR, bottoms[state] + share / 2),
                xytext=(3 * side, 0),
                textcoords="offset points",
                color=INK,
                size=8.5,
                ha="left" if side > 0 else "right",
                va="center",
            )


def _band(ends: tuple[float, float], bottoms: tuple[float, float], width: float) -> Outline:
    """Return a band of constant height that swings from one place to another."""
    (x0, x1), (y0, y1) = ends, bottoms
    half = 0.5 * (x0 + x1)
    there = [(x0, y0), (half, y0), (half, y1), (x1, y1)]
    back = [(x, y + width) for x, y in there[::-1]]
    curve = [Outline.CURVE4] * 3
    codes = [Outline.MOVETO, *curve, Outline.LINETO, *curve, Outline.CLOSEPOLY]
    return Outline([*there, *back, there[0]], codes)


def _in_words(stocks: pd.DataFrame) -> str:
    sentences = []
    for role, rows in stocks.groupby("role", sort=True):
        said = []
        for (step, moment), now in rows.groupby(["step", "moment"], sort=True):
            free = now.loc[now["active"] == 0, "share"].sum()
            most = now.loc[now["active"] == now["active"].max()]
            said.append(
                f"{moment} (step {step}): {percent(free)} without an active constraint, "
                f"{percent(most['share'].sum())} with all {number(most['active'].iloc[0])}"
            )
        sentences.append(f"{ROLES[str(role)].capitalize()}, {'; '.join(said)}")
    return "All replicates together. " + ". ".join(sentences) + "."
