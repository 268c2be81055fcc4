"""Corrections: what optimizers spend, and what of it is in force."""

from __future__ import annotations

import numpy as np

from sim.processes.stage import Frame, Order, Stage, weighted
from sim.scenario.schema import Scenario
from sim.streams import FloatArray


def intensity_of(effort: FloatArray) -> FloatArray:
    """Return the deployment intensity ½ Σ_k u² of an effort u, (G, K, R), by group, (G, R)."""
    return weighted(np.full(effort.shape[1], 0.5), (effort * effort).swapaxes(0, 1))


def _act(frame: Frame) -> None:
    for controller in frame.controllers:
        frame.effort += controller.act(frame)


def _act_and_deploy(frame: Frame) -> None:
    """Let everyone act and note how intensely: by their own account, or by the effort of all."""
    intensity, anonymous = frame.state.intensity, np.zeros_like(frame.effort)
    intensity[...] = 0.0
    for controller in frame.controllers:
        effort = controller.act(frame)
        frame.effort += effort
        account = getattr(controller, "intensity", None)
        if account is None:
            anonymous += effort
        else:
            intensity += account(frame)
    intensity += intensity_of(anonymous)


def _run(frame: Frame) -> None:
    frame.needs = None
    for controller in frame.controllers:
        controller.sense(frame)
    for controller in frame.controllers:
        if oversee := getattr(controller, "oversee", None):
            oversee(frame, frame.controllers)
    frame.state.shelter *= 1.0 - frame.coefficients.shelter_loss
    frame.effort[...] = 0.0
    (_act_and_deploy if frame.state.intensity.size else _act)(frame)
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
    equation="a ← (1 − decay) a + u, 0 ≤ u ≤ u_max, within budget; shelter ← (1 − depreciation) "
    "shelter + what was paid for `lead_time` steps ago",
    reads=("answers", "positives", "correction", "shelter"),
    writes=("effort", "correction", "intensity", "shelter"),
    run=_run,
    order=_order,
)
