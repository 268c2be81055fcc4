"""Turnover: a person leaves, and a newcomer takes the place in the network.

Thresholds and vulnerability belong to the place.  A newcomer brings no exposure, constraint,
displacement, anchor or lock-in, and the trust of someone new to the scenario.
"""

from __future__ import annotations

import numpy as np

from sim.population import quantiles
from sim.processes.stage import Frame, Order, Stage
from sim.scenario.schema import Scenario


def _run(frame: Frame) -> None:
    rate = frame.environment.turnover
    if rate <= 0.0:
        return
    chance, fresh = frame.draws.uniforms(
        "turnover", frame.population.n_persons, n_draws=2, step=frame.step
    )
    newcomers = np.flatnonzero(chance < rate)
    state = frame.state
    state.exposure[:, newcomers] = 0.0
    state.constraint[:, newcomers] = 0
    state.narrative[newcomers] = 0.0
    state.lock_in[newcomers] = 0.0
    if state.anchor.size:
        state.anchor[newcomers] = 0.0
    trust = quantiles(frame.environment.newcomer_trust, fresh)[newcomers]
    state.trust[newcomers] = np.clip(trust, 0.0, 1.0)[:, None]
    frame.take_stock()


def _order(scenario: Scenario) -> Order:
    return Order(True, "a newcomer does not depend on who left")


STAGE = Stage(
    name="turnover",
    summary="Some are replaced by newcomers in the same position.",
    equation="with probability rate: E = L = n = ℓ = anchor = 0, T ~ initial trust",
    reads=(),
    writes=(
        "exposure",
        "constraint",
        "narrative",
        "lock_in",
        "anchor",
        "trust",
        "burden",
        "active",
    ),
    run=_run,
    order=_order,
)
