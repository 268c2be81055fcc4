"""Governance: standards for every policy, set after published incidents and tightened in phases.

Sensor: incidents, which are steps in which apparent misalignment of a group exceeds a level,
published some steps later.  Estimate: how many, and how long ago the first standard was set.
Actuator: one cap on strength for all policies and groups, tightened from the near to the medium
and the long term, where it is obeyed.  Budget: one inspection (`audit`) of each policy in each
step, without which nobody obeys, and the utility lost by obeying.  Failure modes: slow, since
incidents must happen, be reported and be published; captured, since standards give way to the
strength of systems as these spend; and one standard for all restricts where nothing was wrong.

Standards, visibility and compliance: Anderljung et al. 2023, arXiv:2307.03718; incidents as a
source: McGregor 2020, arXiv:2011.08512; capture: Stigler 1971, doi:10.2307/3003160.

A captured standard is s + p (d − s) for a policy that would have the strength d > s, with
p = capture · spending / (1 + capture · spending), spending what all overseen spend in a step on
average since they started.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from sim.optimizers.base import Optimizer, Tunable
from sim.optimizers.overseer import Overseer, reported, strength_wanted
from sim.optimizers.policy import Policy
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import GovernanceOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


class Governance(Overseer):
    """See the module.

    Attributes
    ----------
    pending
        Incidents not published yet, (publication + 1, R), the oldest first.
    published
        Incidents published so far, (R,).
    age
        Steps since the first standard was set, (R,); −1 before.
    """

    spec: GovernanceOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType(
        {**Policy.tunable, "incident": (0.1, 0.3, 0.5), "compliance": (0.5, 1.0)}
    )

    def __init__(self, model: AlignmentModel, spec: GovernanceOptimizer, place: int = 0) -> None:
        super().__init__(model, spec, place)
        self.pending: FloatArray = np.zeros((spec.publication + 1, 1))
        self.published: FloatArray = np.zeros(1)
        self.age: FloatArray = np.full(1, -1.0)

    def overseen(self, others: Sequence[Optimizer]) -> list[Policy]:
        """Return the policies it oversees: without a list all that steer, its own among them."""
        if not self.steers:
            return super().overseen(others)
        policies = [other for other in others if isinstance(other, Policy)]
        return [p for p in policies if not isinstance(p, Overseer) or p.steers]

    def observe(self, frame: Frame) -> None:
        """Note incidents, publish those that are due, and let standards grow older."""
        answers, positives = reported(frame)
        incidents = (positives > self.spec.incident * answers).sum(axis=0, dtype=np.float64)
        self.pending = np.concatenate([self.pending[1:], incidents[None]])
        self.published = self.published + self.pending[0]
        self.age = self.age + (self.published >= self.spec.incidents)

    def standard(self) -> FloatArray:
        """Return the largest strength allowed, (R,); ∞ before the first standard."""
        starts = (0, *self.spec.phases)
        phase = np.sum([self.age >= start for start in starts], axis=0)
        standard: FloatArray = np.array([np.inf, *self.spec.standards])[phase]
        return standard

    def guide(self, frame: Frame, policies: list[Policy]) -> None:
        """Hold the policies that obey to the standard."""
        standard = self.standard()
        inspected = self.buy("audit", len(policies) * np.isfinite(standard))
        pull = self._pull(frame, policies)
        for policy in policies:
            obeys = self._obeys(frame, policy, inspected)
            given = pull * np.maximum(strength_wanted(policy) - standard, 0.0)
            self.limit(frame, policy, np.where(obeys, standard + given, np.inf))

    def _pull(self, frame: Frame, policies: list[Policy]) -> FloatArray:
        """Return how far standards give way to strength, (R,), in [0, 1)."""
        spending = sum((p.spent / (frame.step - p.spec.start + 1) for p in policies), np.zeros(1))
        force = self.spec.capture * spending
        pull: FloatArray = force / (1.0 + force)
        return pull

    def _obeys(self, frame: Frame, policy: Policy, inspected: FloatArray) -> npt.NDArray[np.bool_]:
        """Return in which groups and futures a policy obeys in this step, (G, R)."""
        n_groups = policy.cap.shape[0]
        drawn = frame.draws.uniforms(
            "governance", n_groups, step=frame.step, first=self.first + policy.place * n_groups
        )[0]
        obeys: npt.NDArray[np.bool_] = drawn[:, None] < self.spec.compliance * inspected
        return obeys
