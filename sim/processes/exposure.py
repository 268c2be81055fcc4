"""Exposure: stress accumulates, fades, and is cured by corrections that reach the cause."""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel
from sim.processes.stage import Frame, Order, Stage, flat, run_end, several
from sim.scenario.schema import Scenario
from sim.streams import FloatArray


@kernel
def _accumulate(exposure, taken_up, keep, cure, reach, correction, group, many):  # type: ignore[no-untyped-def]
    """E ← max(0, keep E + taken_up − cure · gain_i · a), (K, N·R)."""
    n_branches = np.uint64(1 if many is None else many)
    n_channels, n_persons = taken_up.shape
    for k in range(n_channels):
        kept = keep[k]
        for i in range(np.uint64(n_persons)):
            inflow, own = taken_up[k, i], i * n_branches
            if cure > 0.0:
                in_force = correction[group[i], k]
                for r in range(n_branches):
                    cured = cure * (reach[own + r] * in_force[r])
                    value = kept * exposure[k, own + r] + inflow - cured
                    exposure[k, own + r] = max(0.0, value)
            else:
                for r in range(n_branches):
                    exposure[k, own + r] = max(0.0, kept * exposure[k, own + r] + inflow)


@kernel
def _take_up(vulnerability, stress, group):  # type: ignore[no-untyped-def]
    """Return v e, (K, N) [load]."""
    out = np.empty_like(vulnerability)
    for k in range(out.shape[0]):
        start = 0
        while start < group.size:
            end, level = run_end(group, start), stress[group[start], k]
            for i in range(np.uint64(start), np.uint64(end)):
                out[k, i] = vulnerability[k, i] * level
            start = end
    return out


def _noise(frame: Frame) -> FloatArray:
    """Return ξ, (K, N), lognormal with mean one."""
    sigma = frame.environment.noise
    n_channels, n_persons = frame.population.vulnerability.shape
    z = frame.draws.normals("exposure", n_persons, n_draws=n_channels, step=frame.step)
    return np.exp(sigma * z - 0.5 * sigma * sigma)


def _run(frame: Frame) -> None:
    population, c = frame.population, frame.coefficients
    taken_up = _take_up(population.vulnerability, frame.stress, population.group)
    if frame.environment.noise > 0.0 and frame.stress.any():
        taken_up *= _noise(frame)
    _accumulate(
        flat(frame.state.exposure),
        taken_up,
        1.0 - c.leak,
        c.cure,
        frame.reach.ravel(),
        frame.state.correction,
        population.group,
        several(frame.state),
    )


def _order(scenario: Scenario) -> Order:
    return Order(True, "E grows with E and the stressor and falls with the correction; leak ≤ 1")


STAGE = Stage(
    name="exposure",
    summary="Accumulate exposure; it leaks, and corrections reach the cause by `cure`.",
    equation="E ← max(0, (1 − leak) E + v e ξ − cure · gain_i · a)",
    reads=("exposure", "stress", "correction", "reach"),
    writes=("exposure",),
    run=_run,
    order=_order,
)
