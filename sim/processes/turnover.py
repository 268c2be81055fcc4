"""Turnover: a person leaves, and a newcomer takes the place in the network.

Thresholds and vulnerability belong to the place.  A newcomer brings no exposure, constraint,
lock-in or wear, has not stopped answering, and has the trust of someone new to the scenario and
perhaps a part of the displacement found among the neighbors.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel
from sim.population import IntArray
from sim.processes.neighbors import (
    graph_arrays,
    negative_ties,
    neighbor_means,
    totals_if_complete,
)
from sim.processes.stage import Frame, Order, Stage, several
from sim.scenario.schema import Scenario
from sim.streams import FloatArray


@kernel
def _among_neighbors(out, rows, narrative, total, graph, many):  # type: ignore[no-untyped-def]
    """Fill out, (rows, R), with Σ_j W_ij n_j of some persons; narrative is (N·R,)."""
    for place in range(rows.size):
        neighbor_means(out[place], narrative, total, graph, many, rows[place], rows[place] + 1)


def _inherited(frame: Frame, newcomers: IntArray) -> FloatArray:
    """Return inherit · W n of the newcomers' places, (newcomers, R), before anyone is replaced."""
    share, many = frame.environment.inherit, several(frame.state)
    out = np.zeros((newcomers.size, frame.state.n_branches))
    if share > 0.0 and newcomers.size:
        graph, narrative = frame.population.graph, frame.state.narrative.ravel()
        total = totals_if_complete(graph, narrative[None], many)
        _among_neighbors(out, newcomers, narrative, total, graph_arrays(graph), many)
    return np.clip(share * out, 0.0, 1.0)


def _run(frame: Frame) -> None:
    rate, group = frame.environment.turnover, frame.population.group
    if not rate.any():
        return
    chance, fresh = frame.draws.uniforms("turnover", group.size, n_draws=2, step=frame.step)
    newcomers = np.flatnonzero(chance < rate[group])
    state, inherited = frame.state, _inherited(frame, newcomers)
    state.exposure[:, newcomers] = 0.0
    state.constraint[:, newcomers] = 0
    state.narrative[newcomers] = inherited
    state.lock_in[newcomers] = 0.0
    trust = frame.environment.newcomer_trust.draw(fresh, group)[newcomers]
    state.trust[newcomers] = np.clip(trust, 0.0, 1.0)[:, None]
    if state.anchor.size:
        state.anchor[newcomers] = inherited
    if state.wear.size:
        state.wear[:, newcomers] = 0.0
    if state.exited.size:
        state.exited[newcomers] = 0
    frame.take_stock()


def _order(scenario: Scenario) -> Order:
    if not (scenario.turnover.happens and scenario.turnover.inherit > 0.0):
        return Order(True, "who leaves is drawn, and a newcomer does not depend on who left")
    if negative_ties(scenario):
        return Order(False, "ties may be negative: displaced neighbors make a newcomer less so")
    reason = "who leaves is drawn, and what a newcomer inherits grows with the neighbors' n"
    return Order(True, reason)


STAGE = Stage(
    name="turnover",
    summary="Some are replaced by newcomers in the same position.",
    equation=(
        "with probability rate: E = L = ℓ = wear = exited = 0, n = anchor = inherit · Wn, "
        "T ~ initial trust"
    ),
    reads=("narrative",),
    writes=(
        "exposure",
        "constraint",
        "narrative",
        "lock_in",
        "anchor",
        "wear",
        "exited",
        "trust",
        "burden",
        "active",
    ),
    run=_run,
    order=_order,
)
