"""What surrounds a population: the scenario's world, or a fixed bench."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.initial import PersonValue
from sim.processes.stressors import deployment, stress_table
from sim.processes.unsettled import Unsettled, is_random, unsettling
from sim.scenario.schema import Scenario
from sim.streams import Draws, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Environment:
    """Everything outside the persons that a step reads.

    Attributes
    ----------
    clock
        Name of the clock its draws are made on.
    stress
        e[t, g, k], (T, G, K) [load per step], of the stressors that settle; the last row holds
        from step T − 1 on.
    noise
        Standard deviation of log ξ.
    turnover
        μ, probability of replacement per step by group, (G,).
    inherit
        Share of the neighbors' displacement that a newcomer takes over.
    promised
        Relief announced to everyone [load].
    newcomer_trust
        Trust of newcomers.
    unsettled
        Stressors that never settle, on top of `stress`; None without any.
    deployment
        χ, (G, K): stress per unit of deployment intensity [1/load]; None without any.
    """

    clock: str
    stress: FloatArray
    noise: float
    turnover: FloatArray
    inherit: float
    promised: float
    newcomer_trust: PersonValue
    unsettled: Unsettled | None = None
    deployment: FloatArray | None = None

    @classmethod
    def of(cls, scenario: Scenario, draws: Draws | None = None) -> Environment:
        """Return the world of a resolved scenario.

        Parameters
        ----------
        draws
            Of the replicate; they may be left out where no stressor is random.

        Raises
        ------
        ValueError
            If a stressor is random and there are no draws.
        """
        never = unsettling(scenario)
        if draws is None and any(map(is_random, never.values())):
            raise ValueError("stressors are random: the draws of a replicate are needed")
        drawn = (draws or Draws(scenario.seed)).on("scenario")
        return cls(
            clock="scenario",
            stress=stress_table(scenario),
            noise=scenario.exposure.noise,
            turnover=np.array(scenario.turnover.by_group(scenario.population.groups)),
            inherit=scenario.turnover.inherit,
            promised=scenario.trust.promised,
            newcomer_trust=PersonValue.of(scenario, "trust"),
            unsettled=Unsettled(scenario, drawn) if never else None,
            deployment=deployment(scenario),
        )

    @classmethod
    def bench(cls, scenario: Scenario) -> Environment:
        """Return the bench: no stressor, no noise, no turnover, nothing promised."""
        n_groups, n_channels = len(scenario.population.groups), len(scenario.channels)
        return cls(
            clock="bench",
            stress=np.zeros((1, n_groups, n_channels)),
            noise=0.0,
            turnover=np.zeros(n_groups),
            inherit=0.0,
            promised=0.0,
            newcomer_trust=PersonValue.of(scenario, "trust"),
        )

    def stress_at(self, step: int) -> FloatArray:
        """Return e at one step but for that of deployment, (G, K)."""
        row: FloatArray = self.stress[min(step, self.stress.shape[0] - 1)]
        return row if self.unsettled is None else row + self.unsettled.at(step)
