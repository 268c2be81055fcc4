"""One plain run of the engine against the plain-Mesa reference: the same step, the same persons.

Four channels, mean degree 10, coupling, narrative and trust on; with and without noise and
feedback, whose draws cost both sides the same kind of work.
"""

from __future__ import annotations

from typing import Any

from benchmarks.timing import best_of
from sim.coefficients import Coefficients
from sim.engine import advance
from sim.environment import Environment
from sim.population import Population
from sim.processes.stage import Frame
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.state import State
from sim.streams import Draws
from tests.reference.oracle import ReferenceModel

BASE: dict[str, Any] = {
    "seed": 1,
    "network": {"kind": "poisson", "degree": 10},
    "stressors": [{"kind": "ramp", "to_level": 0.16}],
    "constraints": {"coupling": 0.3, "narrative_feed": 0.3, "ratchet_share": 0.1},
}


def prepared(size: int, **changes: Any) -> tuple[Scenario, Population, State, Draws]:
    """Return a scenario of some size with its population and first state."""
    scenario = full(Scenario.model_validate({**BASE, "population": {"size": size}, **changes}))
    draws = Draws(scenario.seed, 0, "scenario")
    population = Population.draw(scenario, draws)
    return scenario, population, State.initial(scenario, population, draws), draws


def begun(prepared: tuple[Scenario, Population, State, Draws], *, listening: bool = False) -> Frame:
    """Return the engine at the first step."""
    scenario, population, state, draws = prepared
    return Frame.begin(
        population,
        state,
        coefficients=Coefficients.of(scenario),
        environment=Environment.of(scenario, draws),
        draws=draws,
        listening=listening,
    )


def main() -> None:
    print("| persons | noise and feedback | plain Mesa ns | engine ns | ratio |")
    print("|---|---|---|---|---|")
    for size in (1_000, 10_000, 100_000):
        for noise in (0.0, 0.3):
            world = prepared(size, exposure={"noise": noise})
            model = ReferenceModel(world[0], world[1])
            model.adopt(world[2])
            if noise == 0.0:
                model.gather_reports = lambda: None  # the engine does not collect them either
            frame = begun(world, listening=noise > 0.0)
            advance(frame, 2)
            model.step()
            slow = best_of(3 if size < 100_000 else 2, model.step) / size * 1e9
            fast = best_of(20, lambda frame=frame: advance(frame, 1)) / size * 1e9
            both = "yes" if noise else "no"
            print(f"| {size:,} | {both} | {slow:,.0f} | {fast:,.0f} | {slow / fast:,.0f}× |")


if __name__ == "__main__":
    main()
