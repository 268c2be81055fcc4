"""The search for a course of correction: widely at first, then near the best one found."""

from __future__ import annotations

import numpy as np

from sim.optimizers.courses import Bounds, broad, changed, drafts, mixed, narrow, redirected
from sim.optimizers.rehearsal import Rehearsal
from sim.streams import FloatArray

_REDIRECTED, _MIXED = 3, 8


class Search:
    """The best course so far: least mean prevalence, then least cost.

    Attributes
    ----------
    course
        (T, 1 or 2, G, K) [load].
    reached
        Mean prevalence over the steps ahead that it leads to.
    """

    def __init__(self, rehearsal: Rehearsal, bounds: Bounds, nothing: FloatArray) -> None:
        self.rehearsal = rehearsal
        self.bounds = bounds
        self.course = nothing
        self.reached = float(rehearsal.prevalence(nothing[None])[0])

    def widely(self, weight: FloatArray, *, need: FloatArray, told: FloatArray) -> None:
        """Try pulses of many lengths in few directions, the best of them in many, and mixtures.

        The few are by weight, by need now, and by the burden without any correction; effort that
        follows this burden step by step is tried as well.

        Parameters
        ----------
        weight
            ω, (K,).
        need
            w* now, (G, K).
        told
            Further courses to consider, (C, T, 1 or 2, G, K).
        """
        free, bounds = self.rehearsal.burden(self.course), self.bounds
        towards = broad(weight, needs=[need, free.mean(axis=0)])
        first = drafts(towards, bounds, following=free)
        courses = np.concatenate([first, bounds.within(told)])
        found = self._try(courses)
        towards += narrow(weight, n_groups=self.course.shape[2])
        self._try(redirected(_best(courses, found, _REDIRECTED), towards, bounds))
        self._try(mixed(self.course, _best(courses, found, _MIXED), bounds))

    def nearby(self, rounds: int) -> None:
        """Change the best course little by little, by less where nothing was better."""
        by = 0.5
        for _ in range(rounds):
            before = self.course
            self._try(changed(before, by, self.bounds))
            by *= 0.5 if self.course is before else 1.0

    def _try(self, courses: FloatArray) -> FloatArray:
        """Return the prevalence each course leads to, (C,), and keep the best if it is better."""
        if len(courses) == 0:
            return np.empty(0)
        found, costs = self.rehearsal.prevalence(courses), self.bounds.cost(courses)
        best = int(np.lexsort((costs, found))[0])
        mine = (self.reached, float(self.bounds.cost(self.course[None])[0]))
        if (float(found[best]), float(costs[best])) < mine:
            self.course, self.reached = courses[best], float(found[best])
        return found


def _best(courses: FloatArray, found: FloatArray, n: int) -> FloatArray:
    """Return the best n courses, (C, …), that spend on each kind; nothing where none spends."""
    order = np.argsort(found, kind="stable")
    spends = np.asarray(courses.any(axis=(1, 3, 4)))[order]
    best = [order[spends[:, kind]][:n] for kind in range(spends.shape[1])]
    few: FloatArray = courses[np.unique(np.concatenate(best))]
    return few
