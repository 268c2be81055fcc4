"""The figure of several cost runs: their cost curves as small multiples on shared axes."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import shorten

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.drawing import COLORS, LINES, MARKERS, STYLE, Drawing, time_axis, write_key
from analysis.figures import cost_panel, top_of
from analysis.palette import MUTED
from analysis.restoration import TARGETS
from analysis.wording import ROLES, number


def overview_figure(curves: Mapping[str, pd.DataFrame], *, narrow: bool = False) -> Drawing:
    """Return the cost of restoration against the delay of several runs, hold beside heal.

    Parameters
    ----------
    curves
        By the name of the run, from `analysis.summary.cost_curve_table`.
    narrow
        For small screens.
    """
    everything = pd.concat(curves.values())
    n = len(curves)
    figure = Drawing(
        "overview-narrow" if narrow else "overview-curves",
        title="Cost of restoration against the delay, run by run, on shared axes",
        description=_in_words(curves),
        size=(3.5 if narrow else 7.6, 1.75 * n + 0.8),
    )
    with mpl.rc_context(fname=STYLE):
        panels = figure.subplots(n, 2, sharex=True, sharey=True, squeeze=False)
        for row, (name, curve) in zip(panels, curves.items(), strict=True):
            for axes, target in zip(row, TARGETS, strict=True):
                part = curve[curve["target"] == target]
                cost_panel(axes, part, top=top_of(everything), narrow=narrow, named=False)
                place = {"transform": axes.transAxes, "ha": "left", "va": "top"}
                axes.text(0.02, 0.98, target.capitalize(), color=MUTED, size=8.5, **place)
            row[0].set_title(shorten(name, 42, placeholder=" …"), size=9.5)
        time_axis(panels[0, 0], everything["delay"])
        panels[0, 0].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=3 if narrow else 7))
        figure.supxlabel("Delay before restoration starts [steps]")
        figure.supylabel("Cost: effort per person [load·steps]")
        _key(figure, sorted(set(everything["role"])))
    return figure


def _key(figure: Drawing, roles: list[str]) -> None:
    write_key(
        figure,
        [Line2D([], [], color=COLORS[r], linestyle=LINES[r], **MARKERS[r]) for r in roles],
        [ROLES[role] for role in roles],
        loc="outside upper right",
        ncols=2,
    )


def _in_words(curves: Mapping[str, pd.DataFrame]) -> str:
    sentences = []
    for name, curve in curves.items():
        for target in TARGETS:
            rows = curve[(curve["target"] == target) & (curve["role"] == "scenario")]
            ends = rows.sort_values("delay").iloc[[0, -1]].itertuples()
            said = [
                f"{number(row.cost, infinite='infeasible')} at delay {row.delay}" for row in ends
            ]
            finite = rows[np.isfinite(rows["cost"])]
            last = f", finite up to {finite['delay'].max()}" if len(finite) < len(rows) else ""
            never = ", never finite" if finite.empty else last
            sentences.append(f"{name}, {target}: median {', '.join(said)}{never}")
    return ". ".join(sentences) + ". Every number is in the tables of the runs."
