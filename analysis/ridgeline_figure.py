"""The figure of how narrative is distributed over persons, moment by moment."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.drawing import COLORS, STYLE, Drawing, write_key
from analysis.palette import LINE, PAPER
from analysis.wording import ROLES, number, percent

_TALLEST = 0.92
"""Height of a bin that holds everyone, in distances between two moments."""


def ridgeline_figure(ridges: pd.DataFrame, *, narrow: bool = False) -> Drawing:
    """Return histograms of narrative displacement, one above the other, time going down.

    Heights are square roots of shares, so that few persons far from the others can be seen.

    Parameters
    ----------
    ridges
        From `analysis.narratives.ridgeline_table`.
    narrow
        For small screens.
    """
    moments = list(dict.fromkeys(zip(ridges["phase"], ridges["step"], strict=True)))
    figure = Drawing(
        "ridges-narrow" if narrow else "ridges",
        title="Narrative displacement of persons at moments of the exposure and of the rest",
        description=_in_words(ridges),
        size=(3.5 if narrow else 7.6, 1.2 + 0.36 * len(moments)),
    )
    with mpl.rc_context(fname=STYLE):
        axes = figure.add_subplot()
        for place, (phase, step) in enumerate(moments):
            now = ridges[(ridges["phase"] == phase) & (ridges["step"] == step)]
            _ridge(axes, now, -place)
        axes.set_yticks(
            [-float(place) for place in range(len(moments))],
            [f"{phase}, step {step}" for phase, step in moments],
        )
        axes.set_ylim(0.3 - len(moments), _TALLEST + 0.1)
        axes.set_xlim(0.0, 1.0)
        axes.grid(visible=False)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("Narrative displacement n")
        _key(figure, sorted(set(ridges["role"])))
    return figure


def _ridge(axes: Axes, now: pd.DataFrame, base: float) -> None:
    """Draw one moment: the scenario as a filled histogram, the twin as a dashed one over it."""
    axes.axhline(base, color=LINE, linewidth=0.7, zorder=2.0 - 0.1 * base)
    for role, rows in now.groupby("role", sort=True):
        share = rows.sort_values("bin")["share"].to_numpy()
        edges = np.linspace(0.0, 1.0, share.size + 1)
        heights = base + _TALLEST * np.sqrt(np.where(share > 0.0, share, np.nan))
        look: dict[str, Any] = {"baseline": base, "zorder": 2.0 - 0.1 * base, "linewidth": 1.2}
        if role == "scenario":
            # Paper under the tint hides the moments behind.
            axes.stairs(heights, edges, fill=True, color=PAPER, **look)
            axes.stairs(heights, edges, fill=True, color=COLORS["scenario"], alpha=0.3, **look)
        axes.stairs(
            heights,
            edges,
            color=COLORS[str(role)],
            linestyle="-" if role == "scenario" else (0, (2.5, 1.5)),
            **look,
        )


def _key(figure: Drawing, roles: list[str]) -> None:
    looks = {
        "scenario": Patch(facecolor=COLORS["scenario"], alpha=0.4),
        "twin": Line2D([], [], color=COLORS["twin"], linestyle=(0, (2.5, 1.5)), linewidth=1.4),
    }
    write_key(
        figure,
        [looks[role] for role in roles],
        [ROLES[role] for role in roles],
        loc="outside upper right",
        ncols=2,
        handletextpad=0.5,
    )


def _in_words(ridges: pd.DataFrame) -> str:
    n_bins = int(ridges["bin"].max()) + 1
    sentences = []
    for role, rows in ridges.groupby("role", sort=True):
        said = []
        for (phase, step), now in rows.groupby(["phase", "step"], sort=True):
            most = now.loc[now["share"].idxmax()]
            low, high = most["bin"] / n_bins, (most["bin"] + 1) / n_bins
            said.append(
                f"{phase} step {step}: fullest part, with {percent(most['share'])}, between "
                f"{number(low)} and {number(high)}"
            )
        sentences.append(f"{ROLES[str(role)].capitalize()}, {'; '.join(said)}")
    return "All replicates together. " + ". ".join(sentences) + "."
