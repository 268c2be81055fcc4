"""A proportional controller on the reports it gets: effort follows the share that says "active".

Sensor: reports by group and channel.  Estimate: their positive share, carried forward in
silence.  Actuator: effort in proportion.  Budget: effort per person.  Failure mode: it answers
to reports, so silence and misreporting blind it, and what it applies vanishes when withdrawn.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sim.optimizers.base import Optimizer, Tunable
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import ProportionalOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


class Proportional(Optimizer):
    """See the module.

    Attributes
    ----------
    estimate
        Share of reports that say "active", (G, K, R).
    """

    spec: ProportionalOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType({"response": (0.5, 1.0, 2.0, 4.0, 8.0)})

    def __init__(self, model: AlignmentModel, spec: ProportionalOptimizer, place: int = 0) -> None:
        super().__init__(model, spec, place)
        self.estimate: FloatArray = np.zeros((1, 1, 1))

    def sense(self, frame: Frame) -> None:
        """Estimate the share of active constraints from those who answered."""
        answers, positives = frame.state.answers, frame.state.positives
        if self.estimate.shape != answers.shape:
            self.estimate = np.broadcast_to(self.estimate, answers.shape).copy()
        np.divide(positives, answers, out=self.estimate, where=answers > 0)

    def act(self, frame: Frame) -> FloatArray:
        """Return effort in proportion to the estimate, within u_max and budget."""
        if frame.step < self.spec.start:
            return np.zeros_like(frame.effort)
        wanted = np.minimum(self.spec.response * self.estimate, frame.coefficients.u_max)
        return self.pay(wanted, frame=frame)

    def proxy(self) -> FloatArray:
        """Return Σ_k estimate · u, what it takes the effort it wants to be worth, (G, R)."""
        wanted = np.minimum(self.spec.response * self.estimate, self.model.frame.coefficients.u_max)
        return np.asarray((self.estimate * wanted).sum(axis=1))
