"""What rules of bounded confidence share: how near others must be to be listened to."""

from __future__ import annotations

from sim.compiled import inlined
from sim.processes.narrative.motion import order_of_the_rest
from sim.processes.stage import Order
from sim.scenario.schema import Scenario


@inlined
def bound(trust, held):  # type: ignore[no-untyped-def]
    """Return ε_i = ε (1 − ρ ℓ_i), with trust = (ε, ρ)."""
    return trust[0] * (1.0 - trust[1] * held)


def bounded_order(scenario: Scenario, *, strictly: bool) -> Order:
    """Return whether a rule of bounded confidence keeps order, and why.

    Parameters
    ----------
    strictly
        Whether others at a distance of exactly ε are not listened to.
    """
    narrative = scenario.narrative
    if broken := order_of_the_rest(scenario):
        return broken
    if narrative.social == 0.0:
        return Order(True, "nobody listens to others")

    def reaches_everyone(distance: float) -> bool:
        return distance > 1.0 or (distance == 1.0 and not strictly)

    distance, shrinking = narrative.confidence or 0.0, narrative.confidence_lock_in or 0.0
    if reaches_everyone(distance * (1.0 - shrinking)):
        return Order(True, "everyone is near enough to be listened to")
    if reaches_everyone(distance):
        return Order(False, "lock-in shrinks confidence: the worse locked in hear less bad news")
    return Order(False, "bounded confidence: who is displaced too far is no longer listened to")
