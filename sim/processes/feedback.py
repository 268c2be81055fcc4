"""Feedback: who answers, about which constraint, and how truthfully.

Silence is not a symbol: only those who answered are counted.  Draws are shared by all
branches, so a future answers differently only where its persons differ.
"""

from __future__ import annotations

import math

import numpy as np

from sim.compiled import kernel
from sim.processes.stage import Frame, Order, Stage, flat, several
from sim.scenario.schema import Scenario


@kernel
def _collect(answers, positives, constraint, trust, traits, draws, rates, many):  # type: ignore[no-untyped-def]
    """Count answers and those that say "active" by group and channel, both (G, K, R)."""
    n_branches = np.uint64(1 if many is None else many)
    group, cumulative, legibility = traits
    base, slope, over, under = rates
    answers[...] = 0
    positives[...] = 0
    for i in range(group.size):
        k = 0
        while k < cumulative.size - 1 and draws[0, i] >= cumulative[k]:
            k += 1
        for r in range(n_branches):
            j = np.uint64(i) * n_branches + r
            t = trust[j]
            responds = legibility[k] / (1.0 + math.exp(-(base + slope * t)))
            if draws[1, i] < responds:
                active = constraint[k, j]
                full, none = under if active else over
                flipped = draws[2, i] < full + (none - full) * (1.0 - t)
                answers[group[i], k, r] += 1
                positives[group[i], k, r] += active ^ np.uint8(flipped)


def _run(frame: Frame) -> None:
    if not frame.listening:
        return
    state, c = frame.state, frame.coefficients
    draws = frame.draws.uniforms("feedback", frame.population.n_persons, n_draws=3, step=frame.step)
    _collect(
        state.answers,
        state.positives,
        flat(state.constraint),
        state.trust.ravel(),
        (frame.population.group, np.cumsum(c.weight), c.legibility),
        draws,
        (c.response_base, c.response_trust, c.over_report, c.under_report),
        several(state),
    )


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
