"""Infrastructure: builds shelter that lowers the stress itself, slowly and for good.

Sensor: the state, slowly: every so many steps the true share constrained by group and channel,
counted in a sample or by a census, known some steps later.  Estimate: the last result.  Actuator:
capital, which after a lead time is shelter; it lasts, wears out little by little, and each unit
takes off less than the one before; no effort.  Budget: capital and surveys.  Failure modes: late
(what is ordered in the crisis stands after it, and relieves nobody who is already constrained),
and over-built (capital is sunk: where the need would have passed, it was paid for nothing).

It orders what is lacking, counting what is on its way, where the share constrained has been at
the hurdle or above it for so many surveys in a row.  A hurdle and patience are what investment
that cannot be undone asks for under uncertainty: Arrow & Fisher 1974, doi:10.2307/1883074; Pindyck
1990, doi:10.3386/w3307; Dixit & Pindyck 1994.  That it takes time to build: Kydland & Prescott
1982, doi:10.2307/1913386.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sim.optimizers.base import Optimizer, Tunable
from sim.optimizers.works import deliver, per_person
from sim.population import IntArray
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import InfrastructureOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


class Infrastructure(Optimizer):
    """See the module.

    Attributes
    ----------
    estimate
        Share of persons constrained by the last survey known, (G, K, R).
    standing
        What still stands of what it built itself, (G, K, R) [load].
    pipeline
        Paid for and not yet finished, (lead time + 1, G, K, R) [load]; what comes next first.
    results
        Surveys on their way, (lag + 1, G, K, R); the oldest first, nan for none.
    above
        Surveys in a row at the hurdle or above it, (G, K, R).
    """

    spec: InfrastructureOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType(
        {"response": (0.5, 1.0, 2.0, 4.0, 8.0), "hurdle": (0.0, 0.05, 0.2), "patience": (1, 3)}
    )

    def __init__(
        self, model: AlignmentModel, spec: InfrastructureOptimizer, place: int = 0
    ) -> None:
        super().__init__(model, spec, place)
        shape = (len(model.resolved.population.groups), len(model.resolved.channels), 1)
        weight = np.array([channel.weight for channel in model.resolved.channels.values()])
        self.response = spec.response * (weight / weight.max())[:, None]
        self.estimate: FloatArray = np.zeros(shape)
        self.standing: FloatArray = np.zeros(shape)
        self.pipeline: FloatArray = np.zeros((model.resolved.shelter.lead_time + 1, *shape))
        self.results: FloatArray = np.full((spec.lag + 1, *shape), np.nan)
        self.above: FloatArray = np.zeros(shape)

    def sense(self, frame: Frame) -> None:
        """Survey the state when it is time, and learn of the survey made `lag` steps ago."""
        self.widen(frame.state.n_branches)
        if frame.step < self.spec.start:
            return
        self.results[:-1] = self.results[1:]
        due = (frame.step - self.spec.start) % self.spec.every == 0
        self.results[-1] = self._survey(frame) if due else np.nan
        known = self.results[0]
        np.copyto(self.estimate, known, where=~np.isnan(known))
        self.above[known >= self.spec.hurdle] += 1.0
        self.above[known < self.spec.hurdle] = 0.0

    def _survey(self, frame: Frame) -> FloatArray:
        """Return the share constrained among those asked, (G, K, R).

        It is nan where there is nobody, or no money to ask them all.
        """
        asked = self._asked(frame)
        n_asked = sum(persons.size for persons in asked)
        price = self.model.resolved.prices.query
        affordable = price * n_asked <= self.spec.budget - self.spent
        self.buy("query", n_asked * affordable.astype(np.float64))
        found = np.full(self.estimate.shape, np.nan)
        for g, persons in enumerate(asked):
            if persons.size:
                found[g] = frame.state.constraint[:, persons].mean(axis=1)
        return np.where(affordable, found, np.nan)

    def _asked(self, frame: Frame) -> list[IntArray]:
        """Return who is asked in each group; nobody twice in a census."""
        group = frame.population.group
        members = [np.flatnonzero(group == g) for g in range(self.estimate.shape[0])]
        if self.spec.sample == 0:
            return members
        drawn = frame.draws.uniforms(
            "optimizer", len(members) * self.spec.sample, step=frame.step, first=self.first
        ).reshape(len(members), -1)
        return [
            some[(u * some.size).astype(np.intp)] if some.size else some
            for some, u in zip(members, drawn, strict=True)
        ]

    def act(self, frame: Frame) -> FloatArray:
        """Order what is lacking and finish what is due; there is no effort."""
        if frame.step >= self.spec.start:
            wanted = np.where(self.above >= self.spec.patience, self.response * self.estimate, 0.0)
            self.standing *= 1.0 - frame.coefficients.shelter_loss
            lacking = np.maximum(wanted - self.standing - self.pipeline.sum(axis=0), 0.0)
            ordered = lacking * self.buy("capital", per_person(lacking, frame=frame))
            self.standing += deliver(self.pipeline, ordered, frame=frame)
        return np.zeros_like(frame.effort)
