"""A runtime monitor: a cumulative sum of reports raises an alarm, and the policy is throttled.

Sensor: reports by group.  Estimate: how far apparent misalignment lies above its own running
reference.  Actuator: a throttle on the policy's strength, for some steps after an alarm.  Budget:
each alarm is looked into (`audit`), and the utility lost is paid for.  Failure modes: delay, since
a sum must first grow, and what grows slowly becomes the reference; false alarms; and what is not
reported raises none.

CUSUM: Page 1954, doi:10.1093/biomet/41.1-2.100.  A step's reports are compared with those before
by the difference of two shares, so that without drift scores are independent standard normals
from the second report on, though the reference is learned on the way (self-starting: Hawkins
1987, doi:10.2307/2348827), as long as it forgets nothing.  Steps between false alarms are then
known: Brook & Evans 1972, doi:10.1093/biomet/59.3.539; Siegmund 1985,
doi:10.1007/978-1-4757-1862-1.  Scores are scaled by the binomial spread.  Where the same persons
answer in every step, reports vary less, and false alarms are rarer than that.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from sim.optimizers.base import Tunable
from sim.optimizers.overseer import Overseer, reported
from sim.optimizers.policy import Policy
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import RuntimeMonitorOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


class RuntimeMonitor(Overseer):
    """See the module.

    Attributes
    ----------
    answers, positives
        Reports of the reference, and those of them that say active, (G, R), the older the less.
    total
        The cumulative sum, (G, R) [standard deviations].
    left
        Steps that policies stay throttled, (G, R).
    alarms
        Alarms so far, (G, R).
    """

    spec: RuntimeMonitorOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType(
        {**Policy.tunable, "decision": (2.0, 4.0, 8.0), "throttle": (0.0, 0.5)}
    )

    def __init__(
        self, model: AlignmentModel, spec: RuntimeMonitorOptimizer, place: int = 0
    ) -> None:
        super().__init__(model, spec, place)
        self.answers, self.positives, self.total, self.left, self.alarms = (
            np.zeros_like(self.throttle) for _ in range(5)
        )

    def score(self, answers: FloatArray, positives: FloatArray) -> FloatArray:
        """Return how far reports lie above the reference, (G, R) [sd]; nan without either."""
        told = (answers > 0.0) & (self.answers > 0.0)
        seen, usual, spread = (np.full_like(self.answers, np.nan) for _ in range(3))
        np.divide(positives, answers, out=seen, where=told)
        np.divide(self.positives, self.answers, out=usual, where=told)
        # Half a report of each kind keeps the spread above 0.
        pooled = (self.positives + positives + 0.5) / (self.answers + answers + 1.0)
        scale = pooled * (1.0 - pooled) * (self.answers + answers)
        np.divide(scale, self.answers * answers, out=spread, where=told)
        score: FloatArray = (seen - usual) / np.sqrt(spread)
        return score

    def watch(self, answers: FloatArray, positives: FloatArray) -> npt.NDArray[np.bool_]:
        """Add the reports of a step, (G, R), to sum and reference; return where it alarms."""
        score = self.score(answers, positives)
        grown = np.maximum(0.0, self.total + score - self.spec.allowance)
        self.total = np.where(np.isnan(score), self.total, grown)
        alarm: npt.NDArray[np.bool_] = self.total > self.spec.decision
        self.total[alarm] = 0.0
        kept = 1.0 - 1.0 / self.spec.memory
        self.answers = kept * self.answers + answers
        self.positives = kept * self.positives + positives
        return alarm

    def observe(self, frame: Frame) -> None:
        """Watch the reports; what alarms is looked into and, if that is paid, heeded."""
        alarm = self.watch(*reported(frame))
        self.alarms += alarm
        paid = self.buy("audit", alarm.sum(axis=0).astype(np.float64)) > 0.0
        waited = np.maximum(self.left - 1.0, 0.0)
        self.left = np.where(alarm & paid, float(self.spec.hold), waited)

    def guide(self, frame: Frame, policies: list[Policy]) -> None:
        """Throttle the policies in groups where an alarm is still in force."""
        throttle = np.where(self.left > 0.0, self.spec.throttle, 1.0)
        for policy in policies:
            self.slow(frame, policy, throttle)
