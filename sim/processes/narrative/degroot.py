"""Averaging with neighbors (DeGroot 1974), split into upward and downward moves.

n and ℓ of the step before enter both updates; the burden is the new one.
"""

from __future__ import annotations

from sim.compiled import kernel
from sim.processes.neighbors import negative_ties, neighbor_means
from sim.processes.stage import Frame, Order, graph_arrays, several
from sim.scenario.schema import Scenario


@kernel
def _move(after, narrative, lock_in, burden, mean, rates):  # type: ignore[no-untyped-def]
    """Set n of the next step and update ℓ in place, all (N·R,)."""
    social, push, heal, lock, unlock, symmetric = rates
    for j in range(narrative.size):
        n, held, c = narrative[j], lock_in[j], burden[j]
        upward = social * max(mean[j] - n, 0.0) + push * c * (1.0 - n)
        downward = social * max(n - mean[j], 0.0) + heal * (1.0 - c) * n
        free = 1.0 - held
        if symmetric:
            upward = free * upward
        after[j] = min(1.0, max(0.0, n + upward - free * downward))
        grown = held + lock * n * n * free - unlock * (1.0 - n) * held
        lock_in[j] = min(1.0, max(0.0, grown))


def run(frame: Frame) -> None:
    """Move n and ℓ one step."""
    state, c = frame.state, frame.coefficients
    narrative, mean = state.narrative.ravel(), frame.narrative_mean.ravel()
    neighbor_means(mean, narrative, graph_arrays(frame.population.graph), several(state))
    rates = (c.social, c.push, c.heal, c.lock, c.unlock, c.symmetric_lock_in)
    after, lock_in = frame.spare_narrative.ravel(), state.lock_in.ravel()
    _move(after, narrative, lock_in, frame.burden.ravel(), mean, rates)
    state.narrative, frame.spare_narrative = frame.spare_narrative, state.narrative


def order(scenario: Scenario) -> Order:
    """Return whether the rule keeps order, and why."""
    if negative_ties(scenario) and scenario.narrative.social > 0.0:
        return Order(False, "ties may be negative: displaced neighbors set a person right")
    if scenario.narrative.lock_in_mode == "symmetric":
        return Order(False, "symmetric lock-in also slows upward moves: worse lock-in can help")
    return Order(True, "averaging with ratchet lock-in; social + push ≤ 1 and social + heal ≤ 1")
