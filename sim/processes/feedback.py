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


@kernel
def _collect(constraint, trust, traits, draws, rates, n_groups, many, span):  # type: ignore[no-untyped-def]
    """Return how many of a span answered, and said "active", by group and channel, (G, K, R)."""
    n_branches = np.uint64(1 if many is None else many)
    group, cumulative, legibility = traits
    base, slope, over, under = rates
    answers = np.zeros((n_groups, cumulative.size, 1 if many is None else many), np.int64)
    positives = np.zeros_like(answers)
    for i in range(np.uint64(span[0]), np.uint64(span[1])):
        k, row = 0, i - np.uint64(span[0])
        while k < cumulative.size - 1 and draws[0, row] >= cumulative[k]:
            k += 1
        for r in range(n_branches):
            j = i * n_branches + r
            t = trust[j]
            responds = legibility[k] / (1.0 + math.exp(-(base + slope * t)))
            if draws[1, row] < responds:
                active = constraint[k, j]
                full, none = under if active else over
                flipped = draws[2, row] < full + (none - full) * (1.0 - t)
                answers[group[i], k, r] += 1
                positives[group[i], k, r] += active ^ np.uint8(flipped)
    return answers, positives


def _run(frame: Frame) -> None:
    if not frame.listening:
        return
    state, c, many = frame.state, frame.coefficients, several(frame.state)
    constraint, trust = flat(state.constraint), state.trust.ravel()
    traits = (frame.population.group, np.cumsum(c.weight), c.legibility)
    rates = (c.response_base, c.response_trust, c.over_report, c.under_report)
    n_groups = frame.active.shape[0]

    def collect(span: Span) -> tuple[IntArray, IntArray]:
        first, last = span
        draws = frame.draws.uniforms(
            "feedback", last - first, n_draws=3, step=frame.step, first=first
        )
        return _collect(constraint, trust, traits, draws, rates, n_groups, many, span)  # type: ignore[no-any-return]

    answers, positives = zip(*frame.over_persons(collect), strict=True)
    state.answers[...], state.positives[...] = sum(answers), sum(positives)


def _order(scenario: Scenario) -> Order:
    return Order(True, "reports are read by optimizers only and change no person")


STAGE = Stage(
    name="feedback",
    summary="Some answer, about one constraint each, some of them wrongly.",
    equation=(
        "answers with probability legibility σ(response_base + response_trust T); "
        "y = L[i, k_i], k_i ~ ω, flipped with probability m⁺(T) or m⁻(T)"
    ),
    reads=("constraint", "trust"),
    writes=("answers", "positives"),
    run=_run,
    order=_order,
)
