"""A planner that sees everything: it tries plans out in the actual future, and keeps the best.

Sensor: everything, the future's draws included.  Estimate: none; the future itself is run, with
everyone else who acts in it.  Actuator: a plan made once, at its start, and then carried out
whatever happens (open loop): in one future nothing happens that it has not seen.  Budget: the same
as anyone's; it pays for effort, and for capital where it may build.  Failure mode: none of a
method's, since it is none: it bounds what others can do within the budget, and how tightly is a
question of search.  It is told what others achieved (`plan_from`) and then does no worse.

A bound by perfect foresight is what the value of information is reckoned from: Raiffa & Schlaifer
1961; Howard 1966, doi:10.1109/TSSC.1966.300074.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.optimizers.base import Optimizer
from sim.optimizers.courses import Bounds
from sim.optimizers.rehearsal import Rehearsal, part_of
from sim.optimizers.search import Search
from sim.optimizers.works import deliver, per_person
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import OracleOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


_ROUNDING = 1e-12
"""Share of the budget left over, so that adding up the bills cannot exceed it."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What somebody spent on correction, by step of the scenario clock from 0 on.

    Attributes
    ----------
    effort
        (T, G, K) [load].
    capital
        (T, G, K) [load]; None without any.
    """

    effort: FloatArray
    capital: FloatArray | None = None


class Oracle(Optimizer):
    """See the module.

    Attributes
    ----------
    plan
        Effort, and capital where it builds, by step from the start on, (T, 1 or 2, G, K, R) [load];
        nothing before it is made.
    foreseen
        Mean prevalence over the steps of the plan, (R,); nan before it is made.
    pipeline
        Paid for and not yet finished, (lead time + 1, G, K, R) [load]; what comes next first.
    """

    spec: OracleOptimizer

    def __init__(self, model: AlignmentModel, spec: OracleOptimizer, place: int = 0) -> None:
        super().__init__(model, spec, place)
        shape = (len(model.resolved.population.groups), len(model.resolved.channels), 1)
        self.lead_time = model.resolved.shelter.lead_time
        self.plan: FloatArray = np.empty((0, 1 + spec.builds, *shape))
        self.foreseen: FloatArray = np.full(1, np.nan)
        self.pipeline: FloatArray = np.zeros((self.lead_time + 1 if spec.builds else 0, *shape))
        self._told: tuple[Course, ...] = ()

    def plan_from(self, candidates: Sequence[Course]) -> None:
        """Consider these courses too when the plan is made, as far as it can follow them.

        What comes before its start is left out, and so is capital unless it builds; what exceeds
        its budget is scaled down to it.

        Raises
        ------
        ValueError
            If the plan has been made.
        """
        if self.plan.size:
            raise ValueError("the plan has been made: hand candidates over before the first step")
        self._told = (*self._told, *candidates)

    def sense(self, frame: Frame) -> None:
        """Make the plan when it is time."""
        self.widen(frame.state.n_branches)
        n_steps = self.model.resolved.time.steps - frame.step
        if frame.step == self.spec.start and n_steps > 0:
            plans = [self._planned(frame, r, n_steps) for r in range(frame.state.n_branches)]
            self.plan = np.stack([plan for plan, _ in plans], axis=-1)
            self.foreseen = np.array([foreseen for _, foreseen in plans])

    def act(self, frame: Frame) -> FloatArray:
        """Carry out the plan."""
        effort, capital = part_of(self.plan, frame.step - self.spec.start, frame=frame)
        if self.spec.builds:
            share = self.buy("capital", per_person(capital, frame=frame))
            deliver(self.pipeline, capital * share, frame=frame)
        return self.pay(effort, frame=frame)

    def _planned(self, frame: Frame, branch: int, n_steps: int) -> tuple[FloatArray, float]:
        """Return the best course found for a branch and the mean prevalence it leads to."""
        rehearsal = Rehearsal(frame, self, branch, n_steps, self.lead_time)
        nothing = np.zeros((n_steps, *self.plan.shape[1:4]))
        search = Search(rehearsal, self._bounds(frame), nothing)
        told = np.array([self._followed(course, n_steps) for course in self._told])
        search.widely(
            frame.coefficients.weight,
            need=self.needs(frame).need[..., branch],
            told=told.reshape(-1, *nothing.shape),
        )
        search.nearby(self.spec.rounds)
        return search.course, search.reached

    def _bounds(self, frame: Frame) -> Bounds:
        prices = self.model.resolved.prices
        kinds = np.array([prices.effort, prices.capital][: 1 + self.spec.builds])
        price = kinds[:, None, None] * frame.population.group_share[:, None]
        return Bounds(price, self.spec.budget * (1.0 - _ROUNDING), frame.coefficients.u_max)

    def _followed(self, course: Course, n_steps: int) -> FloatArray:
        """Return what is left of a course from the start on, (T, 1 or 2, G, K)."""
        followed = np.zeros((n_steps, *self.plan.shape[1:4]))
        for kind, spent in enumerate((course.effort, course.capital)[: followed.shape[1]]):
            if spent is not None:
                ahead = spent[self.spec.start : self.spec.start + n_steps]
                followed[: len(ahead), kind] = ahead
        return followed
