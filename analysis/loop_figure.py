"""The figure of the hysteresis loop."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd

from analysis.drawing import STYLE, Drawing, both_ways, draw_way, write_labels
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
        labels = [
            draw_way(axes, rows, str(role), x="exposure", y="prevalence")
            for role, rows in loop.groupby("role", sort=True)
        ]
        reach = float(loop["exposure"].max()) or 1.0
        axes.set_xlim(-0.03 * reach, (1.03 if narrow else 1.0) * reach)
        axes.set_ylim(-0.03, 1.03)
        write_labels(axes, labels, top=1.0, inside=narrow)
        axes.set_xlabel("Mean exposure E [load]")
        axes.set_ylabel("Prevalence P [share]")
    return figure


def _in_words(loop: pd.DataFrame) -> str:
    sentences = []
    for role, rows in loop.groupby("role", sort=True):
        _, down = both_ways(rows)
        ends = [
            f"{number(row.prevalence)} at exposure {number(row.exposure)}"
            for row in down.iloc[[0, -1]].itertuples()
        ]
        name = ROLES[str(role)].capitalize()
        sentences.append(f"{name}: {ends[0]} when the stress ends, {ends[1]} after the rest")
    return "Median prevalence. " + ". ".join(sentences) + "."
