"""Count thresholds (Centola and Macy 2007): enough of one's neighbors, as a number."""

from __future__ import annotations

from sim.processes.narrative.adoption import adopt
from sim.processes.narrative.motion import order_of_the_rest
from sim.processes.stage import Frame, Order
from sim.scenario.schema import Scenario


def run(frame: Frame) -> None:
    """Move n and ℓ one step."""
    adopt(frame, share=False)


def order(scenario: Scenario) -> Order:
    """Return whether the rule keeps order, and why."""
    broken = order_of_the_rest(scenario)
    return broken or Order(True, "a number of displaced neighbors pulls up or not at all")
