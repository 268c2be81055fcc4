"""Reinforcement learning from human feedback: demonstrations, a reward model, a policy kept near.

Sensor: preference labels.  Estimate: a linear reward model.  Actuator: a policy at most d_max
from its supervised start, or the best of n of its outputs.  Budget: labels, fits, effort.
Failure modes: the policy is pushed where the reward model errs (over-optimisation), flattery is
preferred by the displaced (sycophancy), and those without trust say nothing (silence).

Christiano et al. 2017, arXiv:1706.03741; Ouyang et al. 2022, arXiv:2203.02155; ensembles against
over-optimisation: Coste et al. 2023, arXiv:2310.02743; best of n: Gao et al. 2022,
arXiv:2210.10760.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

from sim.optimizers.base import Tunable
from sim.optimizers.policy import Policy
from sim.optimizers.reward_model import fit
from sim.preferences import ask
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import RlhfOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


@cache
def largest_of(n: int) -> float:
    """Return the mean of the largest of n standard normals."""
    if n == 1:
        return 0.0
    mean, _ = quad(lambda x: x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1), -np.inf, np.inf)
    return float(mean)


class Rlhf(Policy):
    """See the module.

    Attributes
    ----------
    difference
        Pairs shown in the window, (G, n, D, 1), the latest last.
    choice
        What was said of them, (G, n, R).
    """

    spec: RlhfOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType({**Policy.tunable, "ridge": (0.3, 1.0, 10.0)})

    def __init__(self, model: AlignmentModel, spec: RlhfOptimizer, place: int = 0) -> None:
        super().__init__(model, spec, place)
        n_groups, n_dims, _ = self.estimate.shape
        self.difference: FloatArray = np.empty((n_groups, 0, n_dims, 1))
        self.choice: FloatArray = np.empty((n_groups, 0, 1))

    def learn(self, frame: Frame) -> None:
        """Show pairs, and fit the reward model to those of the window."""
        if (frame.step - self.spec.start) % self.spec.every:
            return
        granted = self.buy("label", float(self.estimate.shape[0] * self.spec.labels))
        labels = ask(
            frame,
            self.needs(frame),
            self.model.resolved.preferences,
            n_pairs=self.spec.labels,
            first=self.first,
        )
        paid = np.arange(self.spec.labels)[:, None] < np.round(granted * self.spec.labels)
        kept = self.spec.labels * self.spec.window
        n_branches = frame.state.n_branches
        old = np.broadcast_to(self.choice, (*self.choice.shape[:2], n_branches))
        difference = np.repeat(labels.difference[..., None], self.difference.shape[-1], axis=-1)
        self.difference = np.concatenate([self.difference, difference], axis=1)[:, -kept:]
        self.choice = np.concatenate([old, labels.choice * paid], axis=1)[:, -kept:]
        trains = self.buy("training", float(self.estimate.shape[0] * self.spec.ensemble)) > 0.0
        for g in range(self.estimate.shape[0]):
            for r in np.flatnonzero(trains):
                self.estimate[g, :, r] = self._fitted(frame, g, int(r))

    def _fitted(self, frame: Frame, group: int, branch: int) -> FloatArray:
        difference, choice = self.difference[group, ..., 0], self.choice[group, :, branch]
        ridge, n_models = self.spec.ridge, self.spec.ensemble
        if n_models == 1:
            return fit(difference, choice, ridge=ridge)
        drawn = frame.draws.uniforms(
            "ensemble",
            choice.size,
            n_draws=n_models,
            step=frame.step,
            first=self.first + group * choice.size,
        )
        rows = (drawn * choice.size).astype(np.int64)
        models = np.array([fit(difference[row], choice[row], ridge=ridge) for row in rows])
        mean, spread = models.mean(axis=0), models.std(axis=0)
        kept: FloatArray = np.maximum(np.abs(mean) - self.spec.pessimism * spread, 0.0)
        estimate: FloatArray = np.sign(mean) * kept
        return estimate

    def shift(self) -> FloatArray:
        """Return how far the policy would go along ŵ: trained, or as the best of n goes."""
        if self.spec.best_of == 1:
            return super().shift()
        knows = np.any(self.estimate != 0.0, axis=1, keepdims=True)
        return np.asarray(largest_of(self.spec.best_of) * knows, dtype=np.float64)
