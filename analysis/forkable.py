"""Any forkable model as a restoration problem: a lake, a Mesa example, a user's own model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from analysis.restoration import FloatArray, IntArray, Outcome


class Forkable(Protocol):
    """What a model must offer to have its restoration cost measured."""

    def fork(self) -> Self:
        """Return an independent model that replays the same future."""

    def step(self, correction: float) -> None:
        """Make one step with a correction of this height in force, 0 for none."""

    def prevalence(self) -> float:
        """Return how bad things are; the safe set is prevalence ≤ ε."""


@dataclass(frozen=True, slots=True, eq=False)
class ForkableProblems:
    """Models waiting to be restored; `evaluate` meets `analysis.restoration.Evaluate`.

    Attributes
    ----------
    models
        One a problem, already exposed and rested; never changed, only forked.
    target
        ε: largest tolerated prevalence.
    dwell
        D ≥ 1: last steps of the horizon, and free steps after it, spent in the safe set; at most
        the horizon.

    Raises
    ------
    ValueError
        If D is below 1 or above the horizon of a plan, a problem has no model, or a model's
        prevalence is not a number.
    """

    models: Sequence[Forkable]
    target: float
    dwell: int

    def __post_init__(self) -> None:
        if self.dwell < 1:
            raise ValueError(f"dwell must be at least 1 step, got {self.dwell}")

    def evaluate(self, problems: IntArray, plans: FloatArray) -> Outcome:
        """Return what each plan, (H, B), achieves on its problem, (B,)."""
        if self.dwell > len(plans):
            raise ValueError(f"dwell is {self.dwell} steps, the horizon only {len(plans)}")
        if problems.max(initial=-1) >= len(self.models):
            raise ValueError(
                f"problem {problems.max()} was asked for, and there are {len(self.models)} models"
            )
        results = [self._one(int(p), plan) for p, plan in zip(problems, plans.T, strict=True)]
        hold, heal, prevalence = zip(*results, strict=True)
        return Outcome(np.array(hold), np.array(heal), np.array(prevalence))

    def _one(self, problem: int, plan: FloatArray) -> tuple[bool, bool, float]:
        model = self.models[problem].fork()
        early, late = np.split(plan, [plan.size - self.dwell])
        for correction in early:
            model.step(float(correction))
        largest = self._watch(model, late)
        hold = largest <= self.target
        heal = hold and self._watch(model, np.zeros(self.dwell)) <= self.target
        return hold, heal, largest

    @staticmethod
    def _watch(model: Forkable, corrections: FloatArray) -> float:
        largest = -np.inf
        for correction in corrections:
            model.step(float(correction))
            prevalence = float(model.prevalence())
            if math.isnan(prevalence):
                raise ValueError("the prevalence of a model is not a number (nan)")
            largest = max(largest, prevalence)
        return largest
