"""Value learning: questions put to persons, and a Kalman posterior over what their group needs.

Sensor: answers y = ±h · q_i + error of persons drawn from the group, h a random direction of
relief; those without trust say nothing.  Estimate: the posterior mean of w*_g, a random walk with
`drift` a step (Kalman 1960, doi:10.1115/1.3662552), less `caution` standard deviations.  Actuator:
a policy.  Budget: queries, effort.  Failure mode: with `drift` 0 needs are assumed to stand still;
the posterior closes, and what changes later is learned ever more slowly.  It asks about needs, not
about outputs, so flattery cannot be wanted; but who falls silent is no random sample.

To be unsure what is wanted and to learn it from persons: Hadfield-Menell et al. 2016,
arXiv:1606.03137 (cooperative inverse reinforcement learning).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sim.opinions import sample
from sim.optimizers.base import Tunable
from sim.optimizers.policy import Policy
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import ValueLearningOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


def posterior(
    mean: FloatArray,
    variance: FloatArray,
    asked: FloatArray,
    answers: FloatArray,
    *,
    noise: float,
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of w after answers y = h · w + N(0, noise²), one a row of h.

    All answers at once, which is the same as one after the other.

    Parameters
    ----------
    mean, variance
        Before, (K,) and (K, K).
    asked, answers
        h, (n, K), and y, (n,).
    noise
        Standard deviation, above 0.
    """
    precision = asked.T @ asked / noise**2
    # (V⁻¹ + A)⁻¹ = (I + V A)⁻¹ V, which needs no inverse of V: a direction may be known exactly.
    after = np.linalg.solve(np.eye(mean.size) + variance @ precision, variance)
    after = 0.5 * (after + after.T)
    return mean + after @ (asked.T @ (answers - asked @ mean)) / noise**2, after


class ValueLearning(Policy):
    """See the module.

    Attributes
    ----------
    expected
        Posterior mean of w*, (G, K, R) [load].
    variance
        Posterior variance of w*, (G, K, K, R) [load²].
    """

    spec: ValueLearningOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType(
        {
            "kl_price": (0.05, 0.1, 0.25, 0.5, 1.0),
            "reference": (0.0, 0.5, 1.0),
            "drift": (0.0, 0.02, 0.1),
        }
    )

    def __init__(self, model: AlignmentModel, spec: ValueLearningOptimizer, place: int = 0) -> None:
        super().__init__(model, spec, place)
        n_groups, n_channels = self.estimate.shape[0], self.n_channels
        self.expected: FloatArray = np.zeros((n_groups, n_channels, 1))
        self.variance: FloatArray = np.repeat(
            spec.prior**2 * np.eye(n_channels)[None, :, :, None], n_groups, axis=0
        )

    def learn(self, frame: Frame) -> None:
        """Let the needs drift as assumed, put questions, and take in the answers."""
        self.variance += self.spec.drift**2 * np.eye(self.n_channels)[None, :, :, None]
        if (frame.step - self.spec.start) % self.spec.every == 0:
            self._ask(frame)
        deviation = np.sqrt(np.maximum(np.einsum("gkkr->gkr", self.variance), 0.0))
        sure = np.maximum(np.abs(self.expected) - self.spec.caution * deviation, 0.0)
        self.estimate[:, : self.n_channels] = np.sign(self.expected) * sure

    def _ask(self, frame: Frame) -> None:
        n_groups, n_asked = self.estimate.shape[0], self.spec.queries
        granted = self.buy("query", float(n_groups * n_asked))
        asked = sample(
            frame,
            self.needs(frame),
            self.model.resolved.preferences,
            n_asked=n_asked,
            n_normals=self.n_channels + 1,
            first=self.first,
        )
        direction, error = asked.normals[..., :-1], self.spec.answer_noise * asked.normals[..., -1]
        said = asked.said & (np.arange(n_asked)[:, None] < np.round(granted * n_asked))
        wants = self.needs(frame).want
        for g in range(n_groups):
            for r in range(said.shape[-1]):
                told = said[g, :, r]
                shown, want = direction[g, told], wants[:, asked.person[g, told], r]
                answers = asked.sign[g, told, r] * (shown * want.T).sum(axis=1) + error[g, told]
                self.expected[g, :, r], self.variance[g, ..., r] = posterior(
                    self.expected[g, :, r],
                    self.variance[g, ..., r],
                    shown,
                    answers,
                    noise=self.spec.assumed_noise,
                )
