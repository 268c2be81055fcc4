"""Feedback: who answers, about which constraint, and how truthfully.

Silence is not a symbol: only those who answered are counted.  Draws are shared by all
branches, so a future answers differently only where its persons differ.
"""

from __future__ import annotations

import math

import numpy as np

from sim.compiled import kernel
from sim.population import IntArray
from sim.processes.stage import Frame, Order, Stage, flat, several
from sim.scenario.schema import Scenario
from sim.spans import Span

_NOTHING = 2
"""What the silent said: neither 0, inactive, nor 1, active."""


@kernel
def _collect(constraint, trust, exited, traits, draws, rates, n_groups, many, span):  # type: ignore[no-untyped-def]
    """Return the persons of a span by group, channel, constraint and report, (G, K, 2, 3, R)."""
    n_branches = np.uint64(1 if many is None else many)
    group, cumulative, legibility = traits
    base, slope, bias, over, under = rates
    reports = np.zeros((n_groups, cumulative.size, 2, 3, 1 if many is None else many), np.int64)
    for i in range(np.uint64(span[0]), np.uint64(span[1])):
        k, row = 0, i - np.uint64(span[0])
        while k < cumulative.size - 1 and draws[0, row] >= cumulative[k]:
            k += 1
        for r in range(n_branches):
            j = i * n_branches + r
            t, active, said = trust[j], constraint[k, j], np.uint8(_NOTHING)
            responds = legibility[k] / (1.0 + math.exp(-(base + slope * t + bias * active)))
            if draws[1, row] < responds and not (exited.size > 0 and exited[j]):
                full, none = under if active else over
                flipped = draws[2, row] < full + (none - full) * (1.0 - t)
                said = active ^ np.uint8(flipped)
            reports[group[i], k, active, said, r] += 1
    return reports


def _run(frame: Frame) -> None:
    if not frame.listening:
        return
    state, c, many = frame.state, frame.coefficients, several(frame.state)
    constraint, trust, exited = flat(state.constraint), state.trust.ravel(), state.exited.ravel()
    traits = (frame.population.group, np.cumsum(c.weight), c.legibility)
    response = (c.response_base, c.response_trust, c.response_constrained)
    rates = (*response, c.over_report, c.under_report)
    n_groups = frame.active.shape[0]

    def collect(span: Span) -> IntArray:
        first, last = span
        draws = frame.draws.uniforms(
            "feedback", last - first, n_draws=3, step=frame.step, first=first
        )
        columns = (constraint, trust, exited)
        return _collect(*columns, traits, draws, rates, n_groups, many, span)  # type: ignore[no-any-return]

    frame.reports[...] = sum(frame.over_persons(collect))
    said = frame.reports.sum(axis=2)
    state.answers[...], state.positives[...] = said[:, :, :_NOTHING].sum(axis=2), said[:, :, 1]


def _order(scenario: Scenario) -> Order:
    return Order(True, "reports are read by optimizers only and change no person")


STAGE = Stage(
    name="feedback",
    summary="Some answer, about one constraint each, some of them wrongly.",
    equation=(
        "unless exited, answers with probability legibility "
        "σ(response_base + response_trust T + response_constrained L[i, k_i]); "
        "y = L[i, k_i], k_i ~ ω, flipped with probability m⁺(T) or m⁻(T)"
    ),
    reads=("constraint", "trust", "exited"),
    writes=("answers", "positives", "reports"),
    run=_run,
    order=_order,
)
