"""Biased assimilation (Dandekar, Goel and Lee 2013): what agrees with oneself weighs more.

With the neighbors' mean s, oneself weighing w and others together 1, others pull towards
(w n + n^b s) / (w + n^b s + (1 − n)^b (1 − s)).
"""

from __future__ import annotations

import numpy as np

from sim.compiled import inlined, kernel, part
from sim.processes.narrative.motion import carry_out, order_of_the_rest, resist, settle
from sim.processes.neighbors import neighbor_means
from sim.processes.stage import Frame, Order, tile_of
from sim.scenario.schema import Scenario


@inlined
def _assimilated(n, others, weight, bias):  # type: ignore[no-untyped-def]
    """Return where a person is pulled; n itself where oneself and others weigh nothing."""
    if bias == 1.0:  # powers cost most of the time
        against, for_it = (1.0 - n) * (1.0 - others), n * others
    else:
        against, for_it = (1.0 - n) ** bias * (1.0 - others), n**bias * others
    total = weight + for_it + against
    return (weight * n + for_it) / total if total > 0.0 else n


@part
def _assimilate(target, narrative, own_weight, physics, many, first, last):  # type: ignore[no-untyped-def]
    """Turn means with W, as targets hold them, into where others pull."""
    self_weight, bias = physics
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    for i in range(np.uint64(first), np.uint64(last)):
        own, alone, base = own_weight[i], abs(own_weight[i]) >= 1.0, i * n_branches
        others = 1.0 - abs(own)
        # A weight of oneself in the list of ties comes in place of the scenario's.
        weight = self_weight if own == 0.0 or alone else abs(own) / others
        for r in range(n_branches):
            n = np.float64(narrative[base + r])
            if alone:
                target[row + r] = n
                continue
            mean = (target[row + r] - own * n) / others
            mean = min(1.0, max(0.0, mean))
            target[row + r] = _assimilated(n, mean, weight, bias)
        row += n_branches


@kernel
def _average(  # type: ignore[no-untyped-def]
    after, narrative, lock_in, burden, stubbornness, graph, total, rates, extra, many, span
):
    """Move n and ℓ, (N·R,), of a span of persons, a tile at a time."""
    columns = (after, narrative, lock_in, burden, stubbornness)
    own_weight, physics = extra
    n_branches = 1 if many is None else many
    tile = tile_of(n_branches)
    room = np.empty(tile * n_branches)
    for first in range(span[0], span[1], tile):
        last = min(first + tile, span[1])
        target = room[: (last - first) * n_branches]
        neighbor_means(target, narrative, total, graph, many, first, last)
        _assimilate(target, narrative, own_weight, physics, many, first, last)
        resist(target, columns, many, first, last)
        settle(columns, target, rates, np.uint64(first * n_branches))


def run(frame: Frame) -> None:
    """Move n and ℓ one step."""
    c = frame.coefficients
    carry_out(frame, _average, frame.population.own_weight, (c.self_weight, c.bias))


def order(scenario: Scenario) -> Order:
    """Return whether the rule keeps order, and why."""
    broken = order_of_the_rest(scenario)
    reason = "the biased mean grows with n and with the neighbors' mean, for all b, w ≥ 0"
    return broken or Order(True, reason)
