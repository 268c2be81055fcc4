"""Wall time of the quickstart cost curve, alone and with its reversible twin, on all cores."""

from __future__ import annotations

import time

from analysis.run import CostPlan, default_workers, run_in_memory
from sim.scenario.load import load_scenario


def main() -> None:
    workers = default_workers()
    scenario = load_scenario("quickstart")
    for with_twin in (False, True):
        start = time.perf_counter()
        plan = CostPlan.of(scenario, with_twin=with_twin)
        found = time.perf_counter()
        results = run_in_memory(plan, workers=workers)
        end = time.perf_counter()
        plans = int(results.tables["checks"]["evaluations"].sum())
        print(
            f"twin {'yes' if with_twin else 'no'}: {end - start:.1f} s on {workers} threads "
            f"({found - start:.1f} s to find the twin), {plans:,} plans tried, "
            f"{len(plan.tasks)} replicates"
        )


if __name__ == "__main__":
    main()
