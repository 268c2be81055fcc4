"""Quasi-static driving: where the load of a step starts from, kept before anything moves it."""

from __future__ import annotations

from sim.processes.stage import Frame, Order, Stage
from sim.scenario.schema import Scenario


def _run(frame: Frame) -> None:
    if frame.coefficients.relax == "adiabatic":
        frame.held = (frame.state.exposure.copy(), frame.state.correction.copy())


def _order(scenario: Scenario) -> Order:
    return Order(True, "what is kept is the state before the step")


STAGE = Stage(
    name="drive",
    summary="Where relays relax adiabatically, note where the load of the step starts from.",
    equation="held ← (E, a)",
    reads=("exposure", "correction"),
    writes=("held",),
    run=_run,
    order=_order,
)
