"""Averaging with neighbors (DeGroot 1974), split into upward and downward moves.

n and ℓ of the step before enter both updates; the burden is the new one.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel
from sim.processes.neighbors import column_totals, neighbor_mean
from sim.processes.stage import Frame, Order, graph_arrays, several
from sim.scenario.schema import Scenario


@kernel
def _move(after, narrative, lock_in, burden, graph, rates, many):  # type: ignore[no-untyped-def]
    """Set n of the next step and update ℓ in place, all (N·R,)."""
    n_branches = np.uint64(1 if many is None else many)
    social, push, heal, lock, unlock, symmetric = rates
    mean, total = np.zeros(n_branches), np.zeros(n_branches)
    if graph[3]:
        total = column_totals(narrative, many)
    for i in range(narrative.size // mean.size):
        neighbor_mean(mean, narrative, graph, i, total, many)
        own = np.uint64(i) * n_branches
        for r in range(n_branches):
            j = own + r
            n, held, c = narrative[j], lock_in[j], burden[j]
            upward = social * max(mean[r] - n, 0.0) + push * c * (1.0 - n)
            downward = social * max(n - mean[r], 0.0) + heal * (1.0 - c) * n
            free = 1.0 - held
            if symmetric:
                upward = free * upward
            after[j] = min(1.0, max(0.0, n + upward - free * downward))
            grown = held + lock * n * n * free - unlock * (1.0 - n) * held
            lock_in[j] = min(1.0, max(0.0, grown))


def run(frame: Frame) -> None:
    """Move n and ℓ one step."""
    state, c = frame.state, frame.coefficients
    _move(
        frame.spare_narrative.ravel(),
        state.narrative.ravel(),
        state.lock_in.ravel(),
        frame.burden.ravel(),
        graph_arrays(frame.population.graph),
        (c.social, c.push, c.heal, c.lock, c.unlock, c.symmetric_lock_in),
        several(state),
    )
    state.narrative, frame.spare_narrative = frame.spare_narrative, state.narrative


def order(scenario: Scenario) -> Order:
    """Return whether the rule keeps order, and why."""
    if scenario.narrative.lock_in_mode == "symmetric":
        return Order(False, "symmetric lock-in also slows upward moves: worse lock-in can help")
    return Order(True, "averaging with ratchet lock-in; social + push ≤ 1 and social + heal ≤ 1")
