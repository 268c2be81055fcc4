"""The figures of a cost report.  They draw what the tables hold and compute nothing of it."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from analysis.drawing import (
    COLORS,
    LINES,
    MARGIN,
    MARKERS,
    STYLE,
    TITLES,
    Drawing,
    Label,
    time_axis,
    write_labels,
)
from analysis.palette import LINE, MUTED
from analysis.restoration import TARGETS
from analysis.summary import Summary
from analysis.svg import to_svg
from analysis.wording import ROLES, number, of
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario

__all__ = ["Drawing", "cost_figure", "drawn_steps", "path_figure", "to_svg"]

_MOST_STEPS = 600


def cost_figure(summary: Summary, *, scenario: Scenario, narrow: bool = False) -> Drawing:
    """Return the cost of restoration against the delay, hold beside heal.

    Above each panel, where any replicate is censored, bars give the share of replicates that no
    correction tried could restore.  The median's line stops where the median is infinite.

    Parameters
    ----------
    summary
        Tables of a cost run.
    scenario
        The scenario they belong to.
    narrow
        One panel above the other, for small screens.
    """
    scenario = full(scenario)
    curve = summary.curve
    censored = bool((curve["censored"] > 0.0).any())
    figure = Drawing(
        "cost-narrow" if narrow else "cost",
        title="Cost of restoration against the delay before it starts",
        description=_cost_in_words(curve),
        size=(3.5, 7.0 if censored else 5.8) if narrow else (7.6, 4.3 if censored else 3.6),
    )
    with mpl.rc_context(fname=STYLE):
        strips, panels = _cost_axes(figure, narrow=narrow, censored=censored)
        top = top_of(curve)
        for column, target in enumerate(TARGETS):
            part = curve[curve["target"] == target]
            cost_panel(panels[column], part, top=top, narrow=narrow)
            if censored:
                _censoring_strip(strips[column], part, scenario.restoration.u_max)
            (strips if censored else panels)[column].set_title(TITLES[target])
        if curve["censored"].eq(1.0).all():
            panels[0].set_yticks([])
        if not narrow:
            panels[1].tick_params(labelleft=False, length=0)
            for axes in strips[1:]:
                axes.set_yticklabels([])
        figure.supxlabel(f"Delay before restoration starts [{scenario.time.unit}]")
        figure.supylabel("Cost: effort per person [load·steps]")
    return figure


def _cost_axes(figure: Drawing, *, narrow: bool, censored: bool) -> tuple[list[Axes], list[Axes]]:
    """Return the strips (none if nothing is censored) and the panels, one a target."""
    heights = [1.1, 5.0] if censored else [1.0]
    shape = (len(heights) * 2, 1) if narrow else (len(heights), 2)
    grid = figure.add_gridspec(*shape, height_ratios=heights * (2 if narrow else 1))
    first: Axes | None = None
    strips, panels = [], []
    for column in range(2):
        place = (column * len(heights), 0) if narrow else (0, column)
        below = (place[0] + len(heights) - 1, place[1])
        panel = figure.add_subplot(grid[below], sharex=first, sharey=first)
        first = first or panel
        panels.append(panel)
        if censored:
            strips.append(figure.add_subplot(grid[place], sharex=panel))
    return strips, panels


def top_of(curve: pd.DataFrame) -> float:
    """Return the upper end of the cost axis, above every finite cost."""
    finite = curve["finite_high"].max()
    return 1.08 * float(finite) if finite > 0.0 else 1.0


def cost_panel(
    axes: Axes, curve: pd.DataFrame, *, top: float, narrow: bool, named: bool = True
) -> None:
    """Draw the cost of one target against the delay, each line named where it ends."""
    labels = []
    for role, rows in curve.sort_values("delay").groupby("role", sort=True):
        _bands(axes, rows, top, COLORS[role])
        median = rows["cost"].to_numpy()
        axes.plot(
            rows["delay"],
            np.where(np.isfinite(median), median, np.nan),
            color=COLORS[role],
            linestyle=LINES[role],
            **MARKERS[role],
        )
        _stops(axes, rows, str(role))
        known = rows[np.isfinite(median)]
        if len(known):
            labels.append(Label(str(role), known["delay"].iloc[-1], known["cost"].iloc[-1]))
    axes.set_ylim(-0.03 * top, top)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    if np.isnan(curve["finite_high"]).all():
        axes.text(0.5, 0.5, "no finite cost", transform=axes.transAxes, color=MUTED, ha="center")
    time_axis(axes, curve["delay"])
    if named:
        write_labels(axes, labels, top=top, inside=narrow)


def _bands(axes: Axes, rows: pd.DataFrame, top: float, color: str) -> None:
    """Draw the interval of the median as a band and the finite costs' range as thin strokes.

    An interval without a finite upper end reaches the top edge.
    """
    x = rows["delay"].to_numpy(dtype=np.float64)
    axes.vlines(x, rows["finite_low"], rows["finite_high"], color=color, alpha=0.6, linewidth=0.8)
    low = rows["cost_low"].to_numpy(dtype=np.float64)
    high = np.minimum(rows["cost_high"].to_numpy(dtype=np.float64), top)
    known = np.isfinite(low)
    axes.fill_between(x, low, high, where=known, color=color, alpha=0.2, linewidth=0)
    # The band has no width at a delay whose neighbors are infinite.
    beside = np.r_[False, known[:-1]] | np.r_[known[1:], False]
    alone = known & ~beside
    axes.vlines(x[alone], low[alone], high[alone], color=color, alpha=0.2, linewidth=5)


def _stops(axes: Axes, rows: pd.DataFrame, role: str) -> None:
    """Mark the delays at which the median is infinite, along the top edge."""
    lost = rows.loc[np.isinf(rows["cost"]), "delay"]
    height = 0.97 if role == "scenario" else 0.92
    axes.plot(
        lost,
        np.full(len(lost), height),
        transform=axes.get_xaxis_transform(),
        color=COLORS[role],
        marker="^",
        markerfacecolor="none",
        linestyle="none",
    )


def _censoring_strip(axes: Axes, curve: pd.DataFrame, u_max: float) -> None:
    """Draw the share of replicates censored at each delay, one row a role."""
    roles = sorted(set(curve["role"]))
    delays = np.unique(curve["delay"])
    # No bar reaches beyond the margin of the axis.
    width = (
        min(0.7 * np.diff(delays).min(), 1.8 * MARGIN * np.ptp(delays)) if len(delays) > 1 else 0.2
    )
    for row, role in enumerate(roles[::-1]):
        rows = curve[curve["role"] == role]
        axes.bar(rows["delay"], 0.75, width, bottom=row, color=LINE, alpha=0.6)
        shares = axes.bar(
            rows["delay"], 0.75 * rows["censored"], width, bottom=row, color=COLORS[role]
        )
        for bar, one in zip(shares, rows.itertuples(), strict=True):
            bar.set_gid(f"censored-{one.target}-{role}-{one.delay}")
    axes.set_ylim(0.0, len(roles))
    axes.set_yticks([row + 0.375 for row in range(len(roles))])
    for text, role in zip(axes.set_yticklabels(roles[::-1]), roles[::-1], strict=True):
        text.set_color(COLORS[role])
    axes.annotate(
        f"Share infeasible up to u_max = {number(u_max)} load",
        (0.0, 0.0),
        xycoords="axes fraction",
        xytext=(0, -4),
        textcoords="offset points",
        color=MUTED,
        size=8.5,
        va="top",
    )
    axes.grid(visible=False)
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(False)


def _cost_in_words(curve: pd.DataFrame) -> str:
    sentences = []
    for target in TARGETS:
        for role, rows in curve[curve["target"] == target].groupby("role", sort=True):
            finite, infinite = rows[np.isfinite(rows["cost"])], rows[np.isinf(rows["cost"])]
            ends = (
                [
                    f"{number(row.cost)} at delay {row.delay}"
                    for row in finite.iloc[[0, -1]].itertuples()
                ]
                if len(finite)
                else []
            )
            if len(infinite):
                first = infinite["delay"].iloc[0]
                ends.append(
                    f"infeasible at {of(len(infinite), len(rows))} delays, first at {first}"
                )
            sentences.append(f"{target.capitalize()}, {ROLES[str(role)]}: median {', '.join(ends)}")
    return ". ".join(sentences) + ". Every number is in the table below the figure."


def drawn_steps(path: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a path that are drawn and listed: all, or evenly spaced ones."""
    stride = -(-int(path["step"].max() + 1) // _MOST_STEPS)
    return path[path["step"] % stride == 0]


def path_figure(
    path: pd.DataFrame, *, crossings: pd.DataFrame, scenario: Scenario, narrow: bool = False
) -> Drawing:
    """Return prevalence during exposure, with declared thresholds and when they are crossed.

    Parameters
    ----------
    path
        From `analysis.summary.path_table`.
    crossings
        First-passage times, from `analysis.summary.crossing_table`.
    scenario
        The scenario they belong to.
    narrow
        For small screens.
    """
    path = drawn_steps(path)
    figure = Drawing(
        "path-narrow" if narrow else "path",
        title="Prevalence during exposure",
        description=_path_in_words(path, crossings),
        size=(3.5, 2.9) if narrow else (7.6, 3.0),
    )
    with mpl.rc_context(fname=STYLE):
        axes = figure.add_subplot()
        labels = [_draw_path(axes, rows, str(role)) for role, rows in path.groupby("role")]
        _thresholds(axes, crossings)
        axes.set_ylim(-0.03, 1.03)
        time_axis(axes, path["step"])
        write_labels(axes, labels, top=1.0, inside=False)
        axes.set_xlabel(f"Time under exposure [{scenario.time.unit}]")
        axes.set_ylabel("Prevalence P [share]")
    return figure


def _draw_path(axes: Axes, rows: pd.DataFrame, role: str) -> Label:
    color = COLORS[role]
    axes.fill_between(rows["step"], rows["low"], rows["high"], color=color, alpha=0.2, linewidth=0)
    axes.plot(rows["step"], rows["median"], color=color, linestyle=LINES[role])
    return Label(role, float(rows["step"].iloc[-1]), float(rows["median"].iloc[-1]))


def _thresholds(axes: Axes, crossings: pd.DataFrame) -> None:
    """Draw each threshold as a thin line and the median of its first passage as a point."""
    if crossings.empty:
        return
    for level, rows in crossings.groupby("level", sort=True):
        ways = " ".join(sorted({{"up": "↑", "down": "↓"}[way] for way in rows["direction"]}))
        axes.axhline(float(level), color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
        axes.annotate(
            f"{number(float(level))} {ways}",
            (0.0, float(level)),
            xycoords=axes.get_yaxis_transform(),
            xytext=(3, 2),
            textcoords="offset points",
            color=MUTED,
            size=8.5,
        )
    for row in crossings[np.isfinite(crossings["step"])].itertuples():
        role = str(row.role)
        axes.plot([row.step], [row.level], color=COLORS[role], **MARKERS[role])


def _path_in_words(path: pd.DataFrame, crossings: pd.DataFrame) -> str:
    sentences = []
    for role, rows in path.groupby("role", sort=True):
        first, last = rows["median"].iloc[0], rows["median"].iloc[-1]
        sentences.append(f"{ROLES[str(role)].capitalize()}: from {number(first)} to {number(last)}")
    for row in crossings.itertuples():
        when = "never crossed" if np.isinf(row.step) else f"crossed at step {number(row.step)}"
        level = f"{number(row.level)} {row.direction}"
        sentences.append(f"{ROLES[str(row.role)].capitalize()}: threshold {level} {when}")
    return "Medians. " + ". ".join(sentences) + "."
