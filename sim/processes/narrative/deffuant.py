"""Meetings of two (Deffuant, Neau, Amblard and Weisbuch 2000), one after the other within a step.

In each, a random person i and a random influencer j of i compare notes.  If |n_j − n_i| < ε_i, i
moves by μ (n_j − n_i); where i influences j too, so does j, by the same difference.  Push,
healing and lock-in follow once a step, after the meetings.  Who meets is drawn once for all
branches.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import inlined, kernel
from sim.processes.narrative.confidence import bound, bounded_order
from sim.processes.narrative.motion import locked_in, moved, rates_of
from sim.processes.neighbors import graph_arrays
from sim.processes.stage import Frame, Order, several
from sim.scenario.schema import Scenario
from sim.spans import Span, over_branches
from sim.streams import FloatArray

_AT_ONCE = 1 << 20
"""Meetings drawn at a time, so that room for them does not grow with the population."""


@inlined
def _chosen(graph, n_persons, i, chance):  # type: ignore[no-untyped-def]
    """Return an influencer of i, drawn by weight, and the sign of the tie."""
    indptr, indices, weights, _, complete = graph
    if complete:
        j = np.int64(chance * (n_persons - 1))
        return (j + 1 if j >= i else j), 1.0
    begin, end = indptr[i], indptr[i + 1]
    if weights.size == 0:
        return np.int64(indices[begin + np.int64(chance * (end - begin))]), 1.0
    edge, passed = begin, abs(weights[begin])
    while passed <= chance and edge + 1 < end:
        edge += 1
        passed += abs(weights[edge])
    return np.int64(indices[edge]), np.sign(weights[edge])


@inlined
def _heeds(graph, j, i):  # type: ignore[no-untyped-def]
    """Return the sign of the influence of i on j; 0 if there is none."""
    indptr, indices, weights, _, complete = graph
    if complete:
        return 1.0
    edge = indptr[j] + np.searchsorted(indices[indptr[j] : indptr[j + 1]], i)
    if edge == indptr[j + 1] or indices[edge] != i:
        return 0.0
    return 1.0 if weights.size == 0 else np.sign(weights[edge])


@inlined
def _after_meeting(n, other, sign, held, pull, trust, symmetric):  # type: ignore[no-untyped-def]
    """Return n after meeting someone; unchanged unless they are near enough to be listened to."""
    if not abs(other - n) < bound(trust, held):
        return n
    step = pull * (sign * other - n)
    if step < 0.0 or symmetric:
        step = (1.0 - held) * step
    return min(1.0, max(0.0, n + step))


@kernel
def _meet(told, lock_in, stubbornness, graph, chances, physics, branches):  # type: ignore[no-untyped-def]
    """Let pairs of persons meet, in order, in a span of branches; told is n, (N, R), in place."""
    pull, trust, symmetric = physics
    n_persons = told.shape[0]
    for meeting in range(chances.shape[1]):
        i = np.int64(chances[0, meeting] * n_persons)
        j, sign = _chosen(graph, n_persons, i, chances[1, meeting])
        if i == j:
            continue
        back = _heeds(graph, j, i)
        mine = theirs = pull
        if stubbornness.size > 0:
            mine *= 1.0 - np.float64(stubbornness[i])
            theirs *= 1.0 - np.float64(stubbornness[j])
        for r in range(branches[0], branches[1]):
            n, other = np.float64(told[i, r]), np.float64(told[j, r])
            held, their_held = np.float64(lock_in[i, r]), np.float64(lock_in[j, r])
            told[i, r] = _after_meeting(n, other, sign, held, mine, trust, symmetric)
            if back != 0.0:
                told[j, r] = _after_meeting(other, n, back, their_held, theirs, trust, symmetric)


@kernel
def _live(told, narrative, lock_in, burden, rates, many, span):  # type: ignore[no-untyped-def]
    """Push, heal and lock in a span of persons after their meetings, (N·R,), in place."""
    n_branches = np.uint64(1 if many is None else many)
    for j in range(np.uint64(span[0]) * n_branches, np.uint64(span[1]) * n_branches):
        n, held = told[j], lock_in[j]
        free = 1.0 - held
        told[j] = moved(n, n, burden[j], free, rates)
        lock_in[j] = locked_in(held, narrative[j], free, rates)


def run(frame: Frame) -> None:
    """Move n and ℓ one step."""
    state = frame.state
    told = frame.spare_narrative
    told[...] = state.narrative
    _hold_meetings(frame, told)
    columns = (told.ravel(), state.narrative.ravel(), state.lock_in.ravel(), frame.burden.ravel())
    rates, many = rates_of(frame.coefficients), several(state)

    def live(span: Span) -> None:
        _live(*columns, rates, many, span)

    frame.over_persons(live)
    state.narrative, frame.spare_narrative = told, state.narrative


def _hold_meetings(frame: Frame, told: FloatArray) -> None:
    """Let pairs of persons meet, one after the other."""
    c, population = frame.coefficients, frame.population
    graph, lock_in = graph_arrays(population.graph), frame.state.lock_in
    physics = (c.social * c.convergence, (c.confidence, c.confidence_lock_in), c.symmetric_lock_in)
    n_meetings = round(c.pairs * population.n_persons)
    for first in range(0, n_meetings, _AT_ONCE):
        chances = frame.draws.uniforms(
            "pairs", min(_AT_ONCE, n_meetings - first), n_draws=2, step=frame.step, first=first
        )

        def meet(branches: Span, chances: FloatArray = chances) -> None:
            _meet(told, lock_in, population.stubbornness, graph, chances, physics, branches)

        over_branches(meet, population.n_persons, n_branches=frame.state.n_branches)


def order(scenario: Scenario) -> Order:
    """Return whether the rule keeps order, and why."""
    return bounded_order(scenario, strictly=True)
