"""Averaging between neighbors and where one started (Friedkin and Johnsen 1990).

Others pull towards their mean by the share 1 − s, the person's own displacement at the start, the
anchor, by the share s.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel, part
from sim.processes.narrative.motion import carry_out, order_of_the_rest, settle
from sim.processes.neighbors import neighbor_means
from sim.processes.stage import Frame, Order, tile_of
from sim.scenario.schema import Scenario


@part
def _hold_back(target, anchor, stubbornness, many, first, last):  # type: ignore[no-untyped-def]
    """Move targets towards anchors by the share s."""
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    for i in range(np.uint64(first), np.uint64(last)):
        s, own = np.float64(stubbornness[i]), i * n_branches
        for r in range(n_branches):
            target[row + r] = (1.0 - s) * target[row + r] + s * anchor[own + r]
        row += n_branches


@kernel
def _average(  # type: ignore[no-untyped-def]
    after, narrative, lock_in, burden, stubbornness, graph, total, rates, extra, many, span
):
    """Move n and ℓ, (N·R,), of a span of persons, a tile at a time."""
    columns = (after, narrative, lock_in, burden, stubbornness)
    n_branches = 1 if many is None else many
    tile = tile_of(n_branches)
    room = np.empty(tile * n_branches)
    for first in range(span[0], span[1], tile):
        last = min(first + tile, span[1])
        target = room[: (last - first) * n_branches]
        neighbor_means(target, narrative, total, graph, many, first, last)
        _hold_back(target, extra[0], stubbornness, many, first, last)
        settle(columns, target, rates, np.uint64(first * n_branches))


def run(frame: Frame) -> None:
    """Move n and ℓ one step."""
    anchor = frame.state.anchor
    assert anchor.shape == frame.state.narrative.shape, "the state is not suited to the rule"
    carry_out(frame, _average, anchor.ravel())


def order(scenario: Scenario) -> Order:
    """Return whether the rule keeps order, and why."""
    broken = order_of_the_rest(scenario)
    return broken or Order(True, "averaging with neighbors and one's own start, which stays")
