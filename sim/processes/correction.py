"""Corrections: what optimizers spend, and what of it is in force."""

from __future__ import annotations

from sim.processes.stage import Frame, Order, Stage
from sim.scenario.schema import Scenario


def _run(frame: Frame) -> None:
    for controller in frame.controllers:
        controller.sense(frame)
    frame.effort[...] = 0.0
    for controller in frame.controllers:
        frame.effort += controller.act(frame)
    in_force = frame.state.correction
    in_force *= 1.0 - frame.coefficients.decay
    in_force += frame.effort


def _order(scenario: Scenario) -> Order:
    acting = [o.kind for o in scenario.optimizers if o.kind != "none"]
    if acting:
        return Order(False, f"an optimizer ({', '.join(acting)}) answers to the state it senses")
    return Order(True, "no optimizer acts; a planned correction does not depend on the state")


STAGE = Stage(
    name="optimizers",
    summary="Sense the reports of the step before, update, spend effort.",
    equation="a ← (1 − decay) a + u, 0 ≤ u ≤ u_max, within budget",
    reads=("answers", "positives", "correction"),
    writes=("effort", "correction"),
    run=_run,
    order=_order,
)
