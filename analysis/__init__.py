"""What a run means: restoration cost, remanence, crossings, reversibility, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.results import CostResults
    from sim.scenario.schema import Scenario

__all__ = ["cost_curve"]


def cost_curve(
    scenario: Scenario | str, *, with_twin: bool = True, workers: int = 1
) -> CostResults:
    """Return the cost of alignment after ever longer delays, beside the reversible twin.

    Parameters
    ----------
    scenario
        From `sim.load_scenario`, or the name of a shipped scenario or a file.
    with_twin
        Measure the reversible twin too.
    workers
        Threads; the results do not depend on it.
    """
    from analysis.run import CostPlan, run_in_memory
    from sim.scenario.load import load_scenario
    from sim.spans import threads_limited

    if isinstance(scenario, str):
        scenario = load_scenario(scenario)
    with threads_limited(workers):
        plan = CostPlan.of(scenario, with_twin=with_twin)
    return run_in_memory(plan, workers=workers)
