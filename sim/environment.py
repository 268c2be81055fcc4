"""What surrounds a population: the scenario's world, or a fixed bench."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.processes.stressors import stress_table
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import AnyDistribution
from sim.streams import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Environment:
    """Everything outside the persons that a step reads.

    Attributes
    ----------
    clock
        Name of the clock its draws are made on.
    stress
        e[t, g, k], (T, G, K) [load per step]; the last row holds from step T − 1 on.
    noise
        Standard deviation of log ξ.
    turnover
        μ, probability of replacement per step.
    promised
        Relief announced to everyone [load].
    newcomer_trust
        Distribution of the trust of newcomers.
    """

    clock: str
    stress: FloatArray
    noise: float
    turnover: float
    promised: float
    newcomer_trust: AnyDistribution

    @classmethod
    def of(cls, scenario: Scenario) -> Environment:
        """Return the world of a resolved scenario."""
        return cls(
            clock="scenario",
            stress=stress_table(scenario),
            noise=scenario.exposure.noise,
            turnover=scenario.turnover.rate,
            promised=scenario.trust.promised,
            newcomer_trust=scenario.population.initial.trust,
        )

    @classmethod
    def bench(cls, scenario: Scenario) -> Environment:
        """Return the bench: no stressor, no noise, no turnover, nothing promised."""
        quiet = np.zeros((1, len(scenario.population.groups), len(scenario.channels)))
        return cls(
            clock="bench",
            stress=quiet,
            noise=0.0,
            turnover=0.0,
            promised=0.0,
            newcomer_trust=scenario.population.initial.trust,
        )

    def stress_at(self, step: int) -> FloatArray:
        """Return e at one step, (G, K)."""
        row: FloatArray = self.stress[min(step, self.stress.shape[0] - 1)]
        return row
