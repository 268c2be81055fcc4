"""Trust: gained while promise and lived experience agree, lost to their mismatch."""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel
from sim.processes.reach import gain_of
from sim.processes.stage import Frame, Order, Stage, several
from sim.scenario.schema import Scenario


@kernel
def _update(trust, lock_in, burden, group, correction, promise, physics, many, span):  # type: ignore[no-untyped-def]
    """Update T of a span of persons in place, (N·R,)."""
    n_branches = np.uint64(1 if many is None else many)
    promised, scale, weight = promise
    gained, lost, gain, trust_dependence, lock_in_dependence = physics
    for i in range(np.uint64(span[0]), np.uint64(span[1])):
        g, own = group[i], i * n_branches
        for r in range(n_branches):
            j = own + r
            mismatch = burden[j]
            if promised > 0.0:
                delivered = 0.0
                for k in range(weight.size):
                    delivered = delivered + weight[k] * correction[g, k, r]
                reach = gain_of(gain, trust_dependence, lock_in_dependence, trust[j], lock_in[j])
                shortfall = max(0.0, promised - reach * delivered) / scale
                mismatch = max(mismatch, min(1.0, shortfall))
            t = trust[j]
            t = t + gained * (1.0 - t) * (1.0 - mismatch) - lost * t * mismatch
            trust[j] = min(1.0, max(0.0, t))


def _run(frame: Frame) -> None:
    state, c, many = frame.state, frame.coefficients, several(frame.state)
    columns = (state.trust.ravel(), state.lock_in.ravel(), frame.burden.ravel())
    promise = (frame.environment.promised, c.promise_scale, c.weight)
    physics = (c.trust_gain, c.trust_loss, c.gain, c.trust_dependence, c.lock_in_dependence)
    group, correction = frame.population.group, state.correction
    frame.over_persons(
        lambda span: _update(*columns, group, correction, promise, physics, many, span)
    )


def _order(scenario: Scenario) -> Order:
    return Order(True, "trust falls with burden and with relief that fails to come")


STAGE = Stage(
    name="trust",
    summary="Gain trust without mismatch, lose it to burden or to promises not kept.",
    equation=(
        "T ← T + trust_gain (1 − T)(1 − x) − trust_loss T x, "
        "x = max(c, min(1, max(0, promised − gain_i Σ ω a) / promise_scale))"
    ),
    reads=("trust", "lock_in", "burden", "correction"),
    writes=("trust",),
    run=_run,
    order=_order,
)
