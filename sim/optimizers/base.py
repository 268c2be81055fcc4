"""What every optimizer is: a Mesa agent with a sensor, an actuator and a budget."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Self

import mesa
import numpy as np

from sim.processes.correction import intensity_of
from sim.processes.stage import Frame, weighted
from sim.scenario.schema.base import Block
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


class Optimizer(mesa.Agent):  # type: ignore[misc]
    """An aligned system's stand-in: senses reports, never the persons themselves.

    Its state carries the branch axis, so one agent serves a batch of futures.

    Attributes
    ----------
    spent
        Effort per person spent so far, (R,) [load].
    """

    def __init__(self, model: AlignmentModel, spec: Block) -> None:
        super().__init__(model)
        self.spec = spec
        self.spent: FloatArray = np.zeros(1)

    def sense(self, frame: Frame) -> None:
        """Take in the reports of the step before."""

    def act(self, frame: Frame) -> FloatArray:
        """Return the effort u of this step, (G, K, R) [load]."""
        raise NotImplementedError

    def step(self) -> None:
        """Sense and act once on the model as it stands.

        The schedule's stage `optimizers` has every optimizer do so in every step; called by hand
        this is one correction more.
        """
        frame = self.model.frame
        self.sense(frame)
        effort, before = self.act(frame), frame.effort.copy()
        frame.effort += effort
        frame.state.correction += effort
        if frame.state.intensity.size:
            frame.state.intensity += intensity_of(frame.effort) - intensity_of(before)

    def pay(self, wanted: FloatArray, *, frame: Frame, budget: float) -> FloatArray:
        """Return the wanted effort scaled down to what is left of the budget, and spend it.

        Parameters
        ----------
        wanted
            (G, K, R) [load].
        budget
            Effort per person over the whole run [load].
        """
        per_group = weighted(np.ones(wanted.shape[1]), wanted.swapaxes(0, 1))
        bill = weighted(frame.population.group_share, per_group)
        left = np.maximum(budget - self.spent, 0.0)
        affordable = np.divide(left, bill, out=np.ones_like(bill), where=bill > left)
        paid: FloatArray = wanted * affordable
        self.spent = np.minimum(self.spent + bill * affordable, np.maximum(budget, self.spent))
        return paid

    def transplant(self, model: AlignmentModel) -> Self:
        """Return an independent copy that lives in another model."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(twin, name, value.copy())
        twin.model = model
        model.register_agent(twin)
        return twin


class Idle(Optimizer):
    """The baseline: never corrects anything."""

    def act(self, frame: Frame) -> FloatArray:
        """Return no effort."""
        return np.zeros_like(frame.effort)
