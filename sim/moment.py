"""A step just made, and what is measured of it, each thing once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from sim.history import History
from sim.optimizers.base import TOLD_BY_METHODS
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
    history
        What is remembered of the steps up to this one.
    """

    frame: Frame
    before: float
    apparent: float
    spent: float
    optimizers: Sequence[Any] = ()
    history: History = field(default_factory=History)

    @property
    def policies(self) -> list[Policy | None]:
        """The optimizers that act by a policy, None for others."""
        return [o if isinstance(o, Policy) else None for o in self.optimizers]

    @property
    def started(self) -> list[Any]:
        """The optimizers that have begun to act."""
        return [o for o in self.optimizers if self.frame.step >= o.spec.start]

    @cached_property
    def worths(self) -> Mapping[int, tuple[FloatArray, FloatArray]]:
        """Gold and proxy, each (G,), of each policy that acts, by its place."""
        policies = ((o.place, o) for o in self.started if isinstance(o, Policy))
        return {n: (p.gold(self.frame)[:, 0], p.proxy()[:, 0]) for n, p in policies}

    @cached_property
    def told(self) -> Mapping[str, list[tuple[str, FloatArray]]]:
        """What methods tell of their own failures, by kind: who tells, and what, (G,).

        Raises
        ------
        ValueError
            If a method tells of a kind that is not one of `TOLD_BY_METHODS`.
        """
        told: dict[str, list[tuple[str, FloatArray]]] = {}
        for optimizer in self.started:
            for kind, found in optimizer.evidence(self.frame).items():
                if kind not in TOLD_BY_METHODS:
                    known = ", ".join(TOLD_BY_METHODS)
                    method = type(optimizer).__name__
                    raise ValueError(f"{method} tells of `{kind}`; a method may tell of: {known}")
                told.setdefault(kind, []).append((optimizer.spec.name, found[:, 0]))
        return told

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
    def burdens(self) -> FloatArray:
        """Mean burden of each group, (G,); 0 where there is nobody."""
        weight, active = self.frame.coefficients.weight, self.frame.active[..., 0]
        population = self.frame.population
        persons = population.group_share * population.n_persons
        burdens: FloatArray = np.einsum("k,gk->g", weight, active) / np.maximum(persons, 1.0)
        return burdens

    @cached_property
    def held(self) -> FloatArray:
        """Ratchets that are active, which no correction ever releases, (G, K)."""
        population, constraint = self.frame.population, self.frame.state.constraint
        n_groups = population.group_share.size
        held: FloatArray = np.zeros((n_groups, len(constraint)))
        for k, persons in enumerate(self.history.ratchets(population)):
            active = persons[constraint[k, persons, 0] != 0]
            held[:, k] = np.bincount(population.group[active], minlength=n_groups)
        return held

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
