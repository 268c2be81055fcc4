"""What a plan would achieve: it is carried out in copies of the very future it is meant for."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.engine import advance
from sim.optimizers.base import Optimizer
from sim.optimizers.planned import Planned
from sim.optimizers.works import deliver
from sim.processes.stage import Controller, Frame
from sim.streams import FloatArray

CHUNK = 48
"""Plans tried together: enough to fill vector lanes, few enough to stay in cache."""


class Carried:
    """Carries out courses from a step on: effort, and orders of shelter where any may be built.

    Parameters
    ----------
    courses
        Effort, and capital where any is laid out, by step, (T, 1 or 2, G, K, R) [load].
    pipeline
        What is on its way, (lead time + 1, G, K, R) [load]; it moves on in place.
    start
        Step at which the courses begin.
    """

    def __init__(self, courses: FloatArray, pipeline: FloatArray, *, start: int) -> None:
        self.courses = courses
        self.pipeline = pipeline
        self.start = start

    def sense(self, frame: Frame) -> None:
        """Sense nothing."""

    def act(self, frame: Frame) -> FloatArray:
        """Order what is planned, and return the planned effort, (G, K, R) [load]."""
        effort, capital = part_of(self.courses, frame.step - self.start, frame=frame)
        if frame.state.shelter.size:
            deliver(self.pipeline, capital, frame=frame)
        return effort


def part_of(courses: FloatArray, turn: int, *, frame: Frame) -> tuple[FloatArray, FloatArray]:
    """Return effort and capital, (G, K, R) each, of one step of courses; nothing outside them."""
    nothing = np.zeros_like(frame.effort)
    if not 0 <= turn < courses.shape[0]:
        return nothing, nothing
    return courses[turn, 0], courses[turn, 1] if courses.shape[1] > 1 else nothing


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """The future from a step in progress on, as one branch of a frame will live it.

    It must be asked before anyone acts, that is while optimizers sense.

    Attributes
    ----------
    frame
        The step in progress.
    planner
        Who will carry out the course; whoever comes before it has sensed already.
    branch
        Which future.
    n_steps
        How many steps are looked ahead.
    lead_time
        Steps from an order to the shelter.
    """

    frame: Frame
    planner: Optimizer
    branch: int
    n_steps: int
    lead_time: int

    def prevalence(self, courses: FloatArray) -> FloatArray:
        """Return the mean prevalence over the steps ahead under each course, (C,).

        Parameters
        ----------
        courses
            (C, T, 1 or 2, G, K): see `Carried`.
        """
        parts = np.array_split(courses, -(-len(courses) // CHUNK))
        return np.concatenate([self._carried_out(part)[0] for part in parts])

    def burden(self, course: FloatArray) -> FloatArray:
        """Return ω_k · share constrained in each of the steps ahead under a course, (T, G, K)."""
        return self._carried_out(course[None])[1][..., 0]

    def _carried_out(self, courses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean prevalence, (C,), and weighted shares constrained, (T, G, K, C)."""
        n = len(courses)
        frame = self._ahead(n)
        pipeline = np.zeros((self.lead_time + 1, *frame.effort.shape))
        plan = Carried(np.moveaxis(courses, 0, -1), pipeline, start=frame.step)
        frame.controllers = self._company(n, plan)
        total, active = np.zeros(n), np.zeros((self.n_steps, *frame.active.shape))
        for step in range(self.n_steps):
            advance(frame, 1)
            total += frame.prevalence()
            active[step] = frame.active
        persons = np.maximum(frame.population.group_share * frame.population.n_persons, 1.0)
        weight = frame.coefficients.weight[:, None] / persons[:, None, None]
        return total / self.n_steps, active * weight

    def _ahead(self, n: int) -> Frame:
        """Return a frame at the beginning of the step in progress, in n copies of the branch."""
        now = self.frame
        ahead = Frame.begin(
            now.population,
            now.state.take(np.full(n, self.branch)),
            coefficients=now.coefficients,
            environment=now.environment,
            draws=now.draws,
            listening=now.listening and len(now.controllers) > 1,
        )
        ahead.step = now.step
        return ahead

    def _company(self, n: int, plan: Controller) -> list[Controller]:
        """Return who acts in the futures: the plan in its place, and copies of all the others.

        What cannot be copied branch by branch is left out: other planners, who would plan for
        this one planning for them, and controllers of a kind not known here.
        """
        company: list[Controller] = []
        sensed = True
        for controller in self.frame.controllers:
            if controller is self.planner:
                company.append(plan)
                sensed = False
            elif isinstance(controller, Planned):
                heights = self._spread(controller.heights, n)
                company.append(Planned(controller.direction, heights, start=controller.start))
            elif isinstance(controller, Optimizer) and not isinstance(
                controller, type(self.planner)
            ):
                company.append(self._twin(controller, n, sensed=sensed))
        return company

    def _spread(self, value: FloatArray, n: int) -> FloatArray:
        branch = self.branch if value.shape[-1] > 1 else 0
        return np.repeat(value[..., branch : branch + 1], n, axis=-1)

    def _twin(self, optimizer: Optimizer, n: int, *, sensed: bool) -> Optimizer:
        twin = copy.copy(optimizer)
        for name, value in vars(optimizer).items():
            if isinstance(value, np.ndarray):
                setattr(twin, name, self._spread(value, n))
        if sensed:
            twin.__dict__["sense"] = _once_over(twin)
        return twin


def _once_over(twin: Optimizer) -> Any:
    """Return a sensor for one who has sensed already in this step: it gives way to the real one."""

    def sense(_: Frame) -> None:
        del twin.__dict__["sense"]

    return sense
