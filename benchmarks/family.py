"""How far the pulse family lies above the exact optimum over all plans on the same grid.

Exhaustive search: every plan that takes one of a few heights at each step of a short horizon,
on small random populations after an exposure, restored at once or after a rest.  Without a rest
exposure still fades, and waiting before correcting saves effort that no pulse can save.
"""

from __future__ import annotations

import numpy as np

from analysis.ensemble import EnsembleProblems, Surroundings, rest
from analysis.restoration import Family, exhaustive_plans, restore
from sim.environment import Environment
from sim.model import AlignmentModel
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario

HORIZON, DWELL, LEVELS, U_MAX = 6, 2, 5, 6.0


def _problem(seed: int, *, n_rest: int) -> EnsembleProblems:
    content = {
        "seed": seed,
        "population": {"size": 4},
        "channels": ["deprivation"],
        "network": {"kind": "complete"},
        "stressors": [{"kind": "constant", "level": 0.25}],
        "time": {"steps": 30},
        "exposure": {"leak": 0.15},
        "constraints": {"coupling": 0.4, "narrative_feed": 0.4, "width": 0.5},
        "safe": {"prevalence": 0.3},
        "restoration": {"horizon": HORIZON, "dwell": DWELL, "u_max": U_MAX},
    }
    model = AlignmentModel(full(Scenario.model_validate(content)))
    while model.running:
        model.step()
    bench = Environment.bench(model.resolved)
    surroundings = Surroundings(model.resolved, model.frame.population, model.frame.draws, bench)
    state = rest(surroundings, model.state, step=0, n_steps=n_rest)
    return EnsembleProblems(surroundings, state, np.zeros(1, dtype=np.int64))


def main() -> None:
    print("| rest | target | problems | median ratio | mean | largest | equal |")
    print("|---|---|---|---|---|---|---|")
    for n_rest in (0, 10, 30):
        for target, values in _ratios(n_rest).items():
            sample = np.array(values)
            if sample.size == 0:
                continue
            equal = np.mean(np.isclose(sample, 1.0))
            print(
                f"| {n_rest} | {target} | {sample.size} | {np.median(sample):.2f} "
                f"| {sample.mean():.2f} | {sample.max():.2f} | {equal:.0%} |"
            )


def _ratios(n_rest: int) -> dict[str, list[float]]:
    """Return family cost over exact cost for problems with a finite, positive optimum."""
    plans = exhaustive_plans(np.linspace(0.0, U_MAX, LEVELS), horizon=HORIZON)
    family = Family(
        horizon=HORIZON,
        lengths=tuple(range(1, HORIZON + 1)),
        u_max=U_MAX,
        tolerance=1.0 / (LEVELS - 1),
    )
    ratios: dict[str, list[float]] = {"hold": [], "heal": []}
    for seed in range(60):
        problem = _problem(seed, n_rest=n_rest)
        found = restore(problem.evaluate, 1, family)
        outcome = problem.evaluate(np.zeros(plans.shape[1], dtype=np.int64), plans)
        for t, feasible in enumerate((outcome.hold, outcome.heal)):
            exact = plans.sum(axis=0)[feasible].min(initial=np.inf)
            if np.isfinite(exact) and exact > 0.0:
                ratios[("hold", "heal")[t]].append(float(found.cost[t, 0]) / exact)
    return ratios


if __name__ == "__main__":
    main()
