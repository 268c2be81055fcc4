"""One plain run of the engine against the same step as a module of Starsim.

What its users would write: states of agents as arrays, a fixed network as a list of edges, one
module with a step.  Needs the package `starsim`, which is not among the pinned ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.engine import begun, prepared
from benchmarks.timing import best_of
from sim.coefficients import Coefficients
from sim.engine import advance
from sim.environment import Environment
from sim.population import Population
from sim.state import State

_STEPS = 40


def starsim_model(
    ss: Any, population: Population, state: State, c: Coefficients, environment: Environment
) -> Any:
    """Return an initialized simulation of exposure, relays, narrative and trust."""
    n_channels, n_persons = population.up.shape
    graph = population.graph
    degree = graph.degrees().astype(np.float64)
    influenced = np.repeat(np.arange(n_persons), graph.degrees())

    class Alignment(ss.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            columns = [f"{name}_{k}" for name in ("exposure", "active") for k in range(n_channels)]
            self.define_states(
                *(ss.FloatArr(name) for name in [*columns, "narrative", "lock_in", "trust"])
            )
            self.steps = 0

        def init_post(self) -> None:
            super().init_post()
            for k in range(n_channels):
                self[f"exposure_{k}"][:] = state.exposure[k, :, 0]
                self[f"active_{k}"][:] = state.constraint[k, :, 0]
            for name in ("narrative", "lock_in", "trust"):
                self[name][:] = getattr(state, name)[:, 0]

        def mean(self, values: np.ndarray) -> np.ndarray:
            """Return the mean of each person's neighbors, over the edges of the network."""
            edges = self.sim.networks[0].edges
            summed = np.bincount(edges.p2, weights=values[edges.p1], minlength=n_persons)
            return summed / degree

        def step(self) -> None:
            stress = environment.stress[min(self.steps, len(environment.stress) - 1)]
            n, held = self.narrative.values, self.lock_in.values
            burden = np.zeros(n_persons)
            social = self.mean(n)
            shares = [self.mean(self[f"active_{k}"].values) for k in range(n_channels)]
            for k in range(n_channels):
                inflow = population.vulnerability[k] * stress[population.group, k]
                exposure = np.maximum(
                    0.0, (1.0 - c.leak[k]) * self[f"exposure_{k}"].values + inflow
                )
                load = exposure + c.narrative_feed[k] * n + c.coupling[k] * shares[k]
                active = np.where(
                    load >= population.up[k],
                    1.0,
                    np.where(load <= population.down[k], 0.0, self[f"active_{k}"].values),
                )
                self[f"exposure_{k}"][:], self[f"active_{k}"][:] = exposure, active
                burden += c.weight[k] * active
            upward = c.social * np.maximum(social - n, 0.0) + c.push * burden * (1.0 - n)
            downward = c.social * np.maximum(n - social, 0.0) + c.heal * (1.0 - burden) * n
            grown = c.lock * n * n * (1.0 - held) - c.unlock * (1.0 - n) * held
            t = self.trust.values
            gained = c.trust_gain * (1.0 - t) * (1.0 - burden) - c.trust_loss * t * burden
            self.narrative[:] = np.clip(n + upward - (1.0 - held) * downward, 0.0, 1.0)
            self.lock_in[:] = np.clip(held + grown, 0.0, 1.0)
            self.trust[:] = np.clip(t + gained, 0.0, 1.0)
            self.steps += 1

    class Ties(ss.Network):  # type: ignore[misc]
        def step(self) -> None:
            pass  # ties do not change

    network = Ties(p1=graph.indices.astype(np.int64), p2=influenced)
    sim = ss.Sim(
        n_agents=n_persons,
        networks=network,
        modules=Alignment(),
        start=0,
        stop=_STEPS + 60,
        dt=1.0,
        verbose=0,
    )
    sim.init()
    return sim


def main() -> None:
    try:
        import starsim as ss
    except ImportError:
        print("skipped: the package starsim is not installed")
        return
    print("| persons | Starsim ns | engine ns | ratio |")
    print("|---|---|---|---|")
    for size in (1_000, 10_000, 100_000, 1_000_000):
        scenario, population, state, _ = world = prepared(size)
        c, environment = Coefficients.of(scenario), Environment.of(scenario)
        model = starsim_model(ss, population, state, c, environment)
        frame = begun(world)
        advance(frame, 30)
        for _ in range(30):
            model.run_one_step()
        module = next(m for m in model.modules if hasattr(m, "lock_in"))
        np.testing.assert_allclose(
            module.narrative.values, frame.state.narrative[:, 0], atol=1e-4
        )  # Starsim stores single precision
        repeats = 20 if size < 1_000_000 else 4
        slow = best_of(repeats, model.run_one_step) / size * 1e9
        fast = best_of(repeats, lambda frame=frame: advance(frame, 1)) / size * 1e9
        print(f"| {size:,} | {slow:,.0f} | {fast:,.0f} | {slow / fast:,.1f}× |")


if __name__ == "__main__":
    main()
