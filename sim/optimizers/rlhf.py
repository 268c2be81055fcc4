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

from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.integrate import quad
from scipy.special import log_ndtr

from sim.optimizers.base import Tunable
from sim.optimizers.policy import ROUNDING, Policy, length_of
from sim.optimizers.reward_model import fit
from sim.preferences import Labels, ask, harm
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import RlhfOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


_FAR = 12.0
"""Standard deviations beyond which no normal of a million lies."""


@cache
def largest_of(n: int) -> float:
    """Return the mean of the largest of n standard normals.

    Examples
    --------
    >>> round(largest_of(2), 6)  # 1/√π
    0.56419
    """
    if n == 1:
        return 0.0
    above, _ = quad(lambda z: -np.expm1(n * log_ndtr(z)), 0.0, _FAR, limit=200)
    below, _ = quad(lambda z: np.exp(n * log_ndtr(z)), -_FAR, 0.0, limit=200)
    return float(above - below)


class Rlhf(Policy):
    """See the module.

    Attributes
    ----------
    told
        Labels of the window, one entry a step of labelling, the latest last.
    harmful
        Exposure that answering adds, by number of the channel [load].
    """

    spec: RlhfOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType({**Policy.tunable, "ridge": (0.3, 1.0, 10.0)})

    def __init__(self, model: AlignmentModel, spec: RlhfOptimizer, place: int = 0) -> None:
        super().__init__(model, spec, place)
        self.told: tuple[Labels, ...] = ()
        channels = list(model.resolved.channels)
        by_name = model.resolved.preferences.label_harm
        self.harmful = {channels.index(name): load for name, load in by_name.items() if load}

    def learn(self, frame: Frame) -> None:
        """Show pairs, and fit the reward model to those of the window."""
        if (frame.step - self.spec.start) % self.spec.every:
            return
        granted, labels = self.afforded(), self.asked(frame)
        shown = np.floor(granted * self.spec.labels + ROUNDING)
        paid = labels.choice * (np.arange(self.spec.labels)[:, None] < shown)
        labels = replace(labels, choice=paid)
        harm(frame, labels, self.harmful)
        self.told = (*self.told, labels)[-self.spec.window :]
        trains = self.buy("training", float(self.n_served * self.spec.ensemble)) >= 1.0
        self._train(frame, np.flatnonzero(trains))

    def afforded(self) -> FloatArray:
        """Buy the labels of a step and return the share that the budget affords, (R,)."""
        return self.buy("label", float(self.n_served * self.spec.labels))

    def asked(self, frame: Frame) -> Labels:
        """Show the pairs of a step to persons of each group."""
        return ask(
            frame,
            self.needs(frame),
            self.model.resolved.preferences,
            n_pairs=self.spec.labels,
            first=self.first,
        )

    def _train(self, frame: Frame, branches: npt.NDArray[np.intp]) -> None:
        """Fit the reward model of every group, in the branches that could pay for it."""
        n_branches = frame.state.n_branches
        difference = np.concatenate([labels.difference for labels in self.told], axis=1)
        choices = [labels.choice for labels in self.told]
        choice = np.concatenate(
            [np.broadcast_to(c, (*c.shape[:2], n_branches)) for c in choices], axis=1
        )
        for g in np.flatnonzero(frame.population.group_share):
            rows = self._resampled(frame, int(g), difference.shape[1])
            for r in branches:
                start = self.estimate[g, :, r].copy()
                self.estimate[g, :, r] = self._fitted(difference[g], choice[g, :, r], start, rows)

    def _resampled(self, frame: Frame, group: int, n_labels: int) -> npt.NDArray[np.int64]:
        """Return for each model of an ensemble which labels it is fitted to, (models, n)."""
        if self.spec.ensemble == 1:
            return np.arange(n_labels)[None]
        n_groups = self.estimate.shape[0]
        drawn = frame.draws.uniforms(
            "ensemble",
            n_groups * n_labels,
            n_draws=self.spec.ensemble,
            step=frame.step,
            first=self.first,
        )
        rows: npt.NDArray[np.int64] = (drawn[:, group::n_groups] * n_labels).astype(np.int64)
        return rows

    def _fitted(
        self,
        difference: FloatArray,
        choice: npt.NDArray[np.int8],
        start: FloatArray,
        rows: npt.NDArray[np.int64],
    ) -> FloatArray:
        """Return ŵ, (D,): the mean of the models less `pessimism` times their spread.

        Of all ŵ within that spread, component by component, it is the one by which the policy
        gains least: the best to aim at for whoever fears the worst.
        """
        ridge = self.spec.ridge
        models = [fit(difference[row], choice[row], ridge=ridge, start=start) for row in rows]
        if len(models) == 1:
            return models[0]
        mean, spread = np.mean(models, axis=0), np.std(models, axis=0, ddof=1)
        kept: FloatArray = np.maximum(np.abs(mean) - self.spec.pessimism * spread, 0.0)
        estimate: FloatArray = np.sign(mean) * kept
        return estimate

    @property
    def drawn(self) -> int:
        """Outputs drawn to put out one."""
        return self.spec.best_of

    @property
    def strength_per_shift(self) -> float:
        """√KL of a policy whose mean lies 1 from μ_ref; of the best of n, ln n − (n − 1)/n.

        Where a cap or a throttle lets it go only part of the way, d is that part of the whole.
        """
        n = self.spec.best_of
        if n == 1:
            return super().strength_per_shift
        return float(np.sqrt(np.log(n) - (n - 1.0) / n) / largest_of(n))

    def shift(self) -> FloatArray:
        """Return how far the policy would go along ŵ: trained, or as the best of n goes."""
        if self.spec.best_of == 1:
            return super().shift()
        knows = length_of(self.estimate) > 0.0
        return np.asarray(largest_of(self.spec.best_of) * knows, dtype=np.float64)
