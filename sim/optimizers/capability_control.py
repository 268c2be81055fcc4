"""Capability control: a meter of exposure to systems, and a cap on strength above a limit.

Sensor: a meter in each group: the mean correction in force, or the share of reports that say
active.  Estimate: its running mean.  Actuator: a cap on the policy's strength,
d ≤ d_max (limit/reading)^strictness.  Budget: the utility lost, which is the gold that the uncapped
policy would have had in the step less what it has.  Failure mode: over-restriction, since the
meter does not tell help from harm, and where needs are great either reading is high.

Containment and its price: Armstrong, Sandberg & Bostrom 2012, doi:10.1007/s11023-012-9282-2;
thresholds of capability that call for restrictions: Shevlane et al. 2023, arXiv:2305.15324.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sim.optimizers.base import Tunable
from sim.optimizers.overseer import Overseer, reported
from sim.optimizers.policy import Policy
from sim.processes.stage import Frame, weighted
from sim.scenario.schema.optimizers import CapabilityControlOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


class CapabilityControl(Overseer):
    """See the module.

    Attributes
    ----------
    reading
        Of the meter, (G, R) [load or share]; 0 before anything was metered.
    """

    spec: CapabilityControlOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType(
        {**Policy.tunable, "limit": (0.1, 0.25, 0.5, 1.0), "strictness": (0.5, 1.0, 2.0)}
    )

    def __init__(
        self, model: AlignmentModel, spec: CapabilityControlOptimizer, place: int = 0
    ) -> None:
        super().__init__(model, spec, place)
        self.reading: FloatArray = np.zeros_like(self.throttle)

    def observe(self, frame: Frame) -> None:
        """Read the meter; in silence the meter of reports stands still."""
        if self.spec.meter == "effort":
            per_channel = np.full(self.n_channels, 1.0 / self.n_channels)
            now = weighted(per_channel, frame.state.correction.swapaxes(0, 1))
        else:
            answers, positives = reported(frame)
            now = np.divide(positives, answers, out=self.reading.copy(), where=answers > 0.0)
        self.reading = self.reading + (now - self.reading) / self.spec.memory

    def guide(self, frame: Frame, policies: list[Policy]) -> None:
        """Cap the policies in groups where the reading is above the limit."""
        allowed = (self.spec.limit / np.maximum(self.reading, self.spec.limit)) ** (
            self.spec.strictness
        )
        for policy in policies:
            self.limit(frame, policy, policy.spec.strongest * allowed)
