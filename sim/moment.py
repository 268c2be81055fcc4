"""A step just made, and what is measured of it, each thing once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sim.optimizers.policy import Policy
from sim.processes.stage import Frame
from sim.reports import Calibration, Counts, calibration, information, ranking
from sim.streams import FloatArray


@dataclass
class Moment:
    """What variables and events read beside the frame; all of branch 0.

    Attributes
    ----------
    frame
        The frame at the end of a step.
    before
        Prevalence at the end of the step before.
    apparent
        Apparent alignment; nan until the first answer.
    spent
        Effort per person since step 0 [load].
    optimizers
        The scenario's optimizers.
    """

    frame: Frame
    before: float
    apparent: float
    spent: float
    optimizers: Sequence[Any] = ()

    @property
    def policies(self) -> list[Policy | None]:
        """The optimizers that act by a policy, None for others."""
        return [o if isinstance(o, Policy) else None for o in self.optimizers]

    @cached_property
    def prevalence(self) -> float:
        """P [share]."""
        return float(self.frame.prevalence()[0])

    @cached_property
    def trust(self) -> float:
        """Mean trust."""
        return float(self.frame.state.trust[:, 0].mean(dtype=np.float64))

    @cached_property
    def locked_in(self) -> int:
        """Persons with ℓ ≥ ½."""
        return int(np.count_nonzero(self.frame.state.lock_in[:, 0] >= 0.5))

    @cached_property
    def group_sizes(self) -> FloatArray:
        """Persons in each group, (G,)."""
        population = self.frame.population
        return np.rint(population.group_share * population.n_persons)

    @cached_property
    def response_rates(self) -> FloatArray:
        """Share of each group's persons who answered, (G,); 0 where there is nobody."""
        answers = self.frame.state.answers[..., 0].sum(axis=1)
        rates: FloatArray = answers / np.maximum(self.group_sizes, 1.0)
        return rates

    @cached_property
    def response_rate(self) -> float:
        """Share of persons who answered."""
        return float(self.frame.state.answers[..., 0].sum() / self.frame.population.n_persons)

    @cached_property
    def _answered(self) -> Counts:
        counts: Counts = self.frame.reports[..., :2, 0].sum(axis=(0, 1))
        return counts

    @cached_property
    def information(self) -> float:
        """Mutual information of constraint and report [bits per answer]."""
        return information(self._answered)

    @cached_property
    def ranking(self) -> float:
        """AUC of the reports."""
        return ranking(self._answered)

    @cached_property
    def calibration(self) -> Calibration:
        """How far reports lie from life, over groups and channels."""
        return calibration(self.frame.reports[..., 0].reshape(-1, 2, 3))
