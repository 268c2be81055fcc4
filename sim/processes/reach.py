"""How far a correction reaches each person: through trust, and past lock-in."""

from __future__ import annotations

import numpy as np

from sim.compiled import inlined, kernel
from sim.processes.stage import Frame, Order, Stage, several
from sim.scenario.schema import Scenario


@inlined
def gain_of(gain, trust_dependence, lock_in_dependence, trust, lock_in):  # type: ignore[no-untyped-def]
    """Return gain_i = γ (1 − ρ_T (1 − T)) (1 − ρ_ℓ ℓ) [load per unit of correction]."""
    return gain * (1.0 - trust_dependence * (1.0 - trust)) * (1.0 - lock_in_dependence * lock_in)


@kernel
def _fill(reach, relief, trust, lock_in, physics, many, span):  # type: ignore[no-untyped-def]
    """Fill `reach` of a span of persons with gain_i, and `relief`, all (N·R,)."""
    n_branches = np.uint64(1 if many is None else many)
    gain, trust_dependence, lock_in_dependence, backlash = physics
    first, last = np.uint64(span[0]) * n_branches, np.uint64(span[1]) * n_branches
    for j in range(first, last):
        reach[j] = gain_of(gain, trust_dependence, lock_in_dependence, trust[j], lock_in[j])
    if backlash > 0.0:
        for j in range(first, last):
            relief[j] = reach[j] * (1.0 - backlash * (1.0 - trust[j]))


def _run(frame: Frame) -> None:
    state, c, many = frame.state, frame.coefficients, several(frame.state)
    physics = (c.gain, c.trust_dependence, c.lock_in_dependence, c.backlash)
    reach, relief = frame.reach.ravel(), frame.relief.ravel()
    trust, lock_in = state.trust.ravel(), state.lock_in.ravel()
    frame.over_persons(lambda span: _fill(reach, relief, trust, lock_in, physics, many, span))


def _order(scenario: Scenario) -> Order:
    if scenario.correction.backlash > 1.0:
        return Order(False, "backlash is above 1: a correction adds load where trust is low")
    return Order(True, "a correction reaches further with trust and less far with lock-in")


STAGE = Stage(
    name="reach",
    summary="How much load a unit of correction takes off each person.",
    equation=(
        "gain_i = gain (1 − ρ_T (1 − T)) (1 − ρ_ℓ ℓ); relief_i = gain_i (1 − backlash (1 − T))"
    ),
    reads=("trust", "lock_in"),
    writes=("reach", "relief"),
    run=_run,
    order=_order,
)
