"""What all rules share: from where a rule says that others pull, to n and ℓ of the next step.

n and ℓ of the step before enter both updates; the burden is the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.coefficients import Coefficients
from sim.compiled import inlined, part
from sim.processes.neighbors import graph_arrays, negative_ties, totals_if_complete
from sim.processes.stage import Frame, Order, several
from sim.scenario.schema import Scenario
from sim.spans import Span

Rates = tuple[float, float, float, float, float, bool]


@inlined
def moved(n, target, c, free, rates):  # type: ignore[no-untyped-def]
    """Return n after the pull towards a target, push and healing; free = 1 − ℓ."""
    social, push, heal, _, _, symmetric = rates
    upward = social * max(target - n, 0.0) + push * c * (1.0 - n)
    downward = social * max(n - target, 0.0) + heal * (1.0 - c) * n
    if symmetric:
        upward = free * upward
    return min(1.0, max(0.0, n + upward - free * downward))


@inlined
def locked_in(held, n, free, rates):  # type: ignore[no-untyped-def]
    """Return ℓ of the next step from n of this one."""
    grown = held + rates[3] * n * n * free - rates[4] * (1.0 - n) * held
    return min(1.0, max(0.0, grown))


@part
def settle(columns, target, rates, begin):  # type: ignore[no-untyped-def]
    """Set n of the next step and update ℓ in place, from row `begin` on.

    Parameters
    ----------
    columns
        n of the next step, n, ℓ, c and s, as `carry_out` hands them over.
    target
        Where others pull, (tile,).
    """
    after, narrative, lock_in, burden, _ = columns
    for row in range(np.uint64(target.size)):
        j = begin + row
        n, held = narrative[j], lock_in[j]
        free = 1.0 - held
        after[j] = moved(n, target[row], burden[j], free, rates)
        lock_in[j] = locked_in(held, n, free, rates)


@part
def resist(target, columns, many, first, last):  # type: ignore[no-untyped-def]
    """Move targets back towards n by the share s: the social move is multiplied by 1 − s."""
    narrative, stubbornness = columns[1], columns[4]
    if stubbornness.size == 0:
        return
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    for i in range(np.uint64(first), np.uint64(last)):
        s, own = np.float64(stubbornness[i]), i * n_branches
        for r in range(n_branches):
            target[row + r] = (1.0 - s) * target[row + r] + s * narrative[own + r]
        row += n_branches


def rates_of(c: Coefficients) -> Rates:
    """Return the rates that all rules read, as kernels read them."""
    return c.social, c.push, c.heal, c.lock, c.unlock, c.symmetric_lock_in


def carry_out(
    frame: Frame,
    kernel: Callable[..., None],
    *extra: Any,
    totals_of: npt.NDArray[np.generic] | None = None,
) -> None:
    """Let a rule's kernel move n and ℓ of all persons, a span at a time.

    The kernel is called with columns, that is n of the next step, n, ℓ and c, all (N·R,), and s,
    (N,) or empty; then with the graph, the total of a column where all are tied, rates, what only
    this rule reads, R or None, and the span.

    Parameters
    ----------
    totals_of
        The column, (N·R,), whose total a complete graph needs; n if left out.
    """
    state, c, many = frame.state, frame.coefficients, several(frame.state)
    graph = frame.population.graph
    rates = rates_of(c)
    narrative = state.narrative.ravel()
    columns = (
        frame.spare_narrative.ravel(),
        narrative,
        state.lock_in.ravel(),
        frame.burden.ravel(),
        frame.population.stubbornness,
    )
    summed = narrative if totals_of is None else totals_of
    total, arrays = totals_if_complete(graph, summed[None], many), graph_arrays(graph)

    def work(span: Span) -> None:
        kernel(*columns, arrays, total, rates, extra, many, span)

    frame.over_persons(work)
    state.narrative, frame.spare_narrative = frame.spare_narrative, state.narrative


def order_of_the_rest(scenario: Scenario) -> Order | None:
    """Return why no rule at all would keep order in a scenario, or None."""
    if negative_ties(scenario) and scenario.narrative.social > 0.0:
        return Order(False, "ties may be negative: displaced neighbors set a person right")
    if scenario.narrative.lock_in_mode == "symmetric":
        return Order(False, "symmetric lock-in also slows upward moves: worse lock-in can help")
    return None
