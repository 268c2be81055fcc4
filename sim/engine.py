"""Walks the schedule.  One engine for plain runs, batches of futures, limits and validation."""

from __future__ import annotations

from collections.abc import Callable

from sim.processes.stage import Frame
from sim.schedule import SCHEDULE

Observer = Callable[[Frame], None]


def advance(frame: Frame, n_steps: int, *, observe: Observer | None = None) -> None:
    """Carry a frame's state n_steps further, in place.

    Parameters
    ----------
    frame
        A frame as `Frame.begin` or an earlier call left it; `frame.step` is the next step.
    observe
        Called after each step, when `frame.step` still is the step just made.
    """
    for _ in range(n_steps):
        for stage in SCHEDULE:
            stage.run(frame)
        if observe is not None:
            observe(frame)
        frame.step += 1
