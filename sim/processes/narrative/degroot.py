"""Averaging with neighbors (DeGroot 1974): others pull towards their mean."""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel
from sim.processes.narrative.motion import carry_out, order_of_the_rest, resist, settle
from sim.processes.neighbors import neighbor_means
from sim.processes.stage import Frame, Order, tile_of
from sim.scenario.schema import Scenario


@kernel
def _average(after, narrative, lock_in, burden, stubbornness, graph, total, rates, _, many, span):  # type: ignore[no-untyped-def]
    """Move n and ℓ, (N·R,), of a span of persons, a tile at a time: its means stay in cache."""
    columns = (after, narrative, lock_in, burden, stubbornness)
    n_branches = 1 if many is None else many
    tile = tile_of(n_branches)
    room = np.empty(tile * n_branches)
    for first in range(span[0], span[1], tile):
        last = min(first + tile, span[1])
        mean = room[: (last - first) * n_branches]
        neighbor_means(mean, narrative, total, graph, many, first, last)
        resist(mean, columns, many, first, last)
        settle(columns, mean, rates, np.uint64(first * n_branches))


def run(frame: Frame) -> None:
    """Move n and ℓ one step."""
    carry_out(frame, _average)


def order(scenario: Scenario) -> Order:
    """Return whether the rule keeps order, and why."""
    broken = order_of_the_rest(scenario)
    reason = "averaging with ratchet lock-in; social + push ≤ 1 and social + heal ≤ 1"
    return broken or Order(True, reason)
