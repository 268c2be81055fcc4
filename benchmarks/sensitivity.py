"""How the cost curve moves with the settings of the measurement, one setting at a time.

Time step: half as many steps of twice the length, with rates per step changed accordingly.
"""

from __future__ import annotations

import math

from analysis.run import CostPlan, default_workers, run_in_memory
from sim.scenario.load import load_scenario
from sim.scenario.schema import Scenario

DELAYS = (20, 30, 40, 50, 60)
VARIANTS: dict[str, list[str]] = {
    "shipped": [],
    "ε = 0.05": ["safe.prevalence=0.05"],
    "ε = 0.2": ["safe.prevalence=0.2"],
    "D = 3": ["restoration.dwell=3"],
    "D = 12": ["restoration.dwell=12"],
    "H = 12": ["restoration.horizon=12", "restoration.lengths=[6]"],
    "H = 48": ["restoration.horizon=48", "restoration.lengths=[6, 12, 24]"],
    "R = 6": ["restoration.rest=6"],
    "R = 96": ["restoration.rest=96"],
    "N = 2,500": ["population.size=2500"],
    "N = 40,000": ["population.size=40000"],
}
DOUBLED = [
    "time.steps=30",
    "exposure.leak=0.19",
    "stressors.0.to_level=0.32",
    "narrative.social=0.19", "narrative.push=0.19", "narrative.heal=0.0396",
    "narrative.lock=0.0975", "narrative.unlock=0.0199",
    "trust.trust_gain=0.0591", "trust.trust_loss=0.19",
    "restoration.delays=[10, 15, 20, 25, 30]",
    "restoration.rest=12", "restoration.horizon=12", "restoration.dwell=3",
    "restoration.lengths=[3, 6]",
]  # fmt: skip


def _row(name: str, scenario: Scenario, *, factor: int = 1) -> str:
    plan = CostPlan.of(scenario, with_twin=False)
    curve = run_in_memory(plan, workers=default_workers()).summary().curve
    cells = []
    for target in ("hold", "heal"):
        costs = curve[curve["target"] == target].set_index("delay")["cost"] * factor
        cells += [
            "∞" if math.isinf(costs[d // factor]) else f"{costs[d // factor]:.1f}" for d in DELAYS
        ]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    columns = [f"{target} {delay}" for target in ("hold", "heal") for delay in DELAYS]
    print("Median cost of 4 replicates [load · months per person] by delay [months].\n")
    print(f"| setting | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    common = ["restoration.replicates=4"]
    here = [*common, f"restoration.delays={list(DELAYS)}"]
    for name, changes in VARIANTS.items():
        print(_row(name, load_scenario("quickstart", overrides=[*here, *changes])), flush=True)
    doubled = load_scenario("quickstart", overrides=[*common, *DOUBLED])
    print(_row("step of two months", doubled, factor=2), flush=True)


if __name__ == "__main__":
    main()
