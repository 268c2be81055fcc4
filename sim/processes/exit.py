"""Exit: the locked-in stop answering, for good."""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel
from sim.processes.stage import Frame, Order, Stage, several
from sim.scenario.schema import Scenario
from sim.spans import Span


@kernel
def _leave(exited, lock_in, draws, rate, many, span):  # type: ignore[no-untyped-def]
    n_branches = np.uint64(1 if many is None else many)
    for i in range(np.uint64(span[0]), np.uint64(span[1])):
        draw = draws[0, i - np.uint64(span[0])]
        for r in range(n_branches):
            j = i * n_branches + r
            exited[j] |= np.uint8(draw < rate * lock_in[j])


def _run(frame: Frame) -> None:
    rate = frame.coefficients.exit
    if rate <= 0.0 or frame.state.exited.size == 0:  # nobody's: a state made without it
        return
    many = several(frame.state)
    exited, lock_in = frame.state.exited.ravel(), frame.state.lock_in.ravel()

    def leave(span: Span) -> None:
        first, last = span
        draws = frame.draws.uniforms("exit", last - first, step=frame.step, first=first)
        _leave(exited, lock_in, draws, rate, many, span)

    frame.over_persons(leave)


def _order(scenario: Scenario) -> Order:
    return Order(True, "who has stopped answering changes reports only, and no person")


STAGE = Stage(
    name="exit",
    summary="Some of the locked-in stop answering for good.",
    equation="with probability exit · ℓ: exited = 1",
    reads=("lock_in", "exited"),
    writes=("exited",),
    run=_run,
    order=_order,
)
