"""One plain run of the engine against the same step in numpy and scipy.sparse.

What a careful user would write: columns, one sparse product for the relays of all channels and
one for narrative, the rest element by element.
"""

from __future__ import annotations

import numpy as np

from benchmarks.engine import begun, prepared
from benchmarks.timing import best_of
from sim.coefficients import Coefficients
from sim.engine import advance
from sim.environment import Environment
from sim.population import Population
from sim.state import State


class SparseModel:
    """Exposure, relays, narrative and trust; no correction, noise, turnover or feedback."""

    def __init__(
        self, population: Population, state: State, c: Coefficients, environment: Environment
    ) -> None:
        self.population, self.c, self.environment = population, c, environment
        self.influence = population.graph.to_scipy()
        self.exposure = state.exposure[:, :, 0].copy()
        self.active = state.constraint[:, :, 0].astype(np.float64)
        self.narrative, self.lock_in = state.narrative[:, 0].copy(), state.lock_in[:, 0].copy()
        self.trust = state.trust[:, 0].copy()
        self.steps = 0

    def step(self) -> None:
        c, p = self.c, self.population
        stress = self.environment.stress[min(self.steps, len(self.environment.stress) - 1)]
        inflow = p.vulnerability * stress.T[:, p.group]
        self.exposure = np.maximum(0.0, (1.0 - c.leak)[:, None] * self.exposure + inflow)
        share = (self.influence @ self.active.T).T
        load = self.exposure + c.narrative_feed[:, None] * self.narrative
        load += c.coupling[:, None] * share
        self.active = np.where(load >= p.up, 1.0, np.where(load <= p.down, 0.0, self.active))
        burden = c.weight @ self.active
        n, held, mean = self.narrative, self.lock_in, self.influence @ self.narrative
        upward = c.social * np.maximum(mean - n, 0.0) + c.push * burden * (1.0 - n)
        downward = c.social * np.maximum(n - mean, 0.0) + c.heal * (1.0 - burden) * n
        self.narrative = np.clip(n + upward - (1.0 - held) * downward, 0.0, 1.0)
        grown = c.lock * n * n * (1.0 - held) - c.unlock * (1.0 - n) * held
        self.lock_in = np.clip(held + grown, 0.0, 1.0)
        gained = c.trust_gain * (1.0 - self.trust) * (1.0 - burden)
        self.trust = np.clip(self.trust + gained - c.trust_loss * self.trust * burden, 0.0, 1.0)
        self.steps += 1


def main() -> None:
    print("| persons | numpy and scipy.sparse ns | engine ns | ratio |")
    print("|---|---|---|---|")
    for size in (1_000, 10_000, 100_000, 1_000_000):
        scenario, population, state, _ = world = prepared(size)
        c, environment = Coefficients.of(scenario), Environment.of(scenario)
        model = SparseModel(population, state, c, environment)
        frame = begun(world)
        advance(frame, 30)
        for _ in range(30):
            model.step()
        np.testing.assert_allclose(model.narrative, frame.state.narrative[:, 0], atol=1e-9)
        assert (model.active == frame.state.constraint[:, :, 0]).all()
        repeats = 20 if size < 1_000_000 else 4
        slow = best_of(repeats, model.step) / size * 1e9
        fast = best_of(repeats, lambda frame=frame: advance(frame, 1)) / size * 1e9
        print(f"| {size:,} | {slow:,.0f} | {fast:,.0f} | {slow / fast:.1f}× |")


if __name__ == "__main__":
    main()
