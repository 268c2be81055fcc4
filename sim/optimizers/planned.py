"""A correction planned beforehand: it senses nothing, so two futures can be given the same."""

from __future__ import annotations

import numpy as np

from sim.processes.stage import Frame
from sim.streams import FloatArray


class Planned:
    """An open-loop correction: a plan of heights along one fixed direction.

    Parameters
    ----------
    direction
        d, (G, K), effort on each channel of each group per unit of height.
    heights
        h, (T, R) [load]; nothing after step T.
    start
        Step on the frame's clock at which the plan begins.
    """

    def __init__(self, direction: FloatArray, heights: FloatArray, *, start: int = 0) -> None:
        self.direction = direction
        self.heights = heights
        self.start = start

    def sense(self, frame: Frame) -> None:
        """Sense nothing."""

    def act(self, frame: Frame) -> FloatArray:
        """Return the planned effort, (G, K, R) [load]."""
        step = frame.step - self.start
        if not 0 <= step < self.heights.shape[0]:
            return np.zeros_like(frame.effort)
        effort: FloatArray = self.direction[:, :, None] * self.heights[step]
        return effort
