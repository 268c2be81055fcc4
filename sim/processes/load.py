"""Load from a person's own state: everything that drives a relay except other relays."""

from __future__ import annotations

import numpy as np

from sim.compiled import inlined, kernel
from sim.processes.stage import Frame, Order, Stage, flat, several
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import each
from sim.streams import FloatArray

_NONE = np.empty((0, 0))


@inlined
def gain_of(gain, trust_dependence, lock_in_dependence, trust, lock_in):  # type: ignore[no-untyped-def]
    """Return gain_i = γ (1 − ρ_T (1 − T)) (1 − ρ_ℓ ℓ) [load per unit of correction]."""
    return gain * (1.0 - trust_dependence * (1.0 - trust)) * (1.0 - lock_in_dependence * lock_in)


@kernel
def _relief(out, group, correction, trust, lock_in, physics, many):  # type: ignore[no-untyped-def]
    """Fill `out`, (K, N·R), with gain_i a[g(i), k] [load]."""
    n_branches = np.uint64(1 if many is None else many)
    gain, trust_dependence, lock_in_dependence = physics
    for i in range(group.size):
        g, own = group[i], np.uint64(i) * n_branches
        for r in range(n_branches):
            j = own + r
            reach = gain_of(gain, trust_dependence, lock_in_dependence, trust[j], lock_in[j])
            for k in range(out.shape[0]):
                out[k, j] = reach * correction[g, k, r]


@kernel
def _own_load(load, exposure, narrative, feed, relief):  # type: ignore[no-untyped-def]
    """Fill `load` with E + κ n − gain_i a; `relief` is empty when no correction is in force."""
    relieved = relief.size > 0
    for k in range(load.shape[0]):
        row, own, strength = load[k], exposure[k], feed[k]
        for j in range(row.size):
            row[j] = own[j] + strength * narrative[j]
        if relieved:
            taken_off = relief[k]
            for j in range(row.size):
                row[j] -= taken_off[j]


def relief(frame: Frame) -> FloatArray:
    """Return gain_i a[g(i), k], (K, N·R) [load]; empty when no correction is in force."""
    state, c = frame.state, frame.coefficients
    if not state.correction.any():
        return _NONE
    out = np.empty((c.weight.size, state.trust.size))
    physics = (c.gain, c.trust_dependence, c.lock_in_dependence)
    trust, lock_in = state.trust.ravel(), state.lock_in.ravel()
    _relief(out, frame.population.group, state.correction, trust, lock_in, physics, several(state))
    return out


def _run(frame: Frame) -> None:
    state = frame.state
    _own_load(
        frame.load,
        flat(state.exposure),
        state.narrative.ravel(),
        frame.coefficients.narrative_feed,
        relief(frame),
    )


def _order(scenario: Scenario) -> Order:
    feed = scenario.constraints.narrative_feed
    if min(each(feed).values()) < 0.0:
        return Order(False, "narrative_feed is negative: displacement takes load off")
    return Order(True, "load grows with E and n, and falls with trust, −lock-in and correction")


STAGE = Stage(
    name="load",
    summary="Load from the person's own state, less the correction that reaches the person.",
    equation="S = E + narrative_feed · n − gain_i · a, gain_i = gain (1 − ρ_T (1 − T)) (1 − ρ_ℓ ℓ)",
    reads=("exposure", "narrative", "trust", "lock_in", "correction"),
    writes=("load",),
    run=_run,
    order=_order,
)
