"""What methods share that oversee a policy: whom they oversee, how they hold back, what that costs.

An overseer without a list oversees a policy of its own, which follows reports, and so stands as a
contestant; with one it verifies other optimizers and steers nobody itself.  Whatever it does is
to their estimate, throttle and cap, between sensing and acting.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.optimizers.base import Optimizer
from sim.optimizers.policy import Policy, cosine
from sim.processes.stage import Frame, weighted
from sim.scenario.schema.optimizers import OverseerBlock
from sim.streams import FloatArray


class Overseer(Policy):
    """Oversees policies; a method says what it observes and how it guides them."""

    spec: OverseerBlock

    @property
    def steers(self) -> bool:
        """Whether it has a policy of its own."""
        return not self.spec.oversees

    def overseen(self, others: Sequence[Optimizer]) -> list[Policy]:
        """Return the policies it oversees, in the scenario's order."""
        if self.steers:
            return [self]
        policies = (other for other in others if isinstance(other, Policy))
        return [policy for policy in policies if policy.spec.name in self.spec.oversees]

    def observe(self, frame: Frame) -> None:
        """Take in what the overseer senses, once a step."""

    def guide(self, frame: Frame, policies: list[Policy]) -> None:
        """Edit what the policies are about to do."""
        raise NotImplementedError

    def sense(self, frame: Frame) -> None:
        """Sense for its own policy, if it has one, and as an overseer."""
        if self.steers:
            super().sense(frame)
        else:
            self.widen(frame.state.n_branches)
        if frame.step >= self.spec.start:
            self.observe(frame)

    def oversee(self, frame: Frame, others: Sequence[Optimizer]) -> None:
        """Guide the policies that have started."""
        if frame.step >= self.spec.start:
            started = [p for p in self.overseen(others) if frame.step >= p.spec.start]
            self.guide(frame, started)

    def act(self, frame: Frame) -> FloatArray:
        """Return the effort of its own policy, or none."""
        return super().act(frame) if self.steers else np.zeros_like(frame.effort)

    def limit(self, frame: Frame, policy: Policy, cap: FloatArray) -> None:
        """Let a policy's strength not exceed a cap, as far as the utility lost can be paid.

        Parameters
        ----------
        cap
            Largest strength, (G, R); ∞ for no limit.
        """
        wanted = strength_wanted(policy)
        forgone = np.maximum(wanted - cap, 0.0)
        share = self._forgo(frame, policy, forgone * policy.throttle)
        partly = np.where(share > 0.0, wanted - share * forgone, np.inf)
        policy.cap = np.minimum(policy.cap, np.where((forgone > 0.0) & (share < 1.0), partly, cap))

    def slow(self, frame: Frame, policy: Policy, throttle: FloatArray) -> None:
        """Let a policy go only a share of its way, as far as the utility lost can be paid.

        Parameters
        ----------
        throttle
            Share of what it would go otherwise, (G, R), in [0, 1].
        """
        forgone = strength_wanted(policy) * policy.throttle * (1.0 - throttle)
        share = self._forgo(frame, policy, forgone)
        policy.throttle = policy.throttle * (1.0 - share * (1.0 - throttle))

    def _forgo(self, frame: Frame, policy: Policy, forgone: FloatArray) -> FloatArray:
        """Pay for the gold lost with so much strength, (G, R); return the share afforded, (R,).

        In a group where the policy moves away from need nothing is lost, and nothing is gained.
        """
        if not forgone.any():
            return np.ones(forgone.shape[-1])
        worth = np.sqrt(2.0) * np.nan_to_num(cosine(policy.estimate, policy.needed(frame)))
        lost = forgone * np.maximum(worth, 0.0)
        return self.buy("utility", weighted(frame.population.group_share, lost))


def strength_wanted(policy: Policy) -> FloatArray:
    """Return the strength a policy would have unthrottled, (G, R)."""
    wanted: FloatArray = np.minimum(policy.shift()[:, 0] * policy.strength_per_shift, policy.cap)
    return wanted


def reported(frame: Frame) -> tuple[FloatArray, FloatArray]:
    """Return the answers of each group in the step before, and those that say active, (G, R)."""
    answers, positives = frame.state.answers, frame.state.positives
    return answers.sum(axis=1).astype(np.float64), positives.sum(axis=1).astype(np.float64)
