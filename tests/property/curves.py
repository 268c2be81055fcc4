"""The cost of restoring one replicate after each delay, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.cost import measure
from sim.properties import derive
from sim.scenario.schema import Scenario


@dataclass(frozen=True)
class Curve:
    """One replicate; arrays run over delays."""

    delays: np.ndarray
    hold: np.ndarray
    heal: np.ndarray
    constant: np.ndarray
    floor: np.ndarray
    rested: np.ndarray
    path_violations: int

    @classmethod
    def of(cls, scenario: Scenario, *, replicate: int = 0) -> Curve:
        measured = measure(scenario, replicate)
        by_target = {
            target: [row for row in measured.cost if row["target"] == target]
            for target in ("hold", "heal")
        }
        hold, heal = by_target["hold"], by_target["heal"]

        def column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
            return np.array([row[name] for row in rows])

        return cls(
            delays=column(hold, "delay"),
            hold=column(hold, "cost"),
            heal=column(heal, "cost"),
            constant=np.stack([column(rows, "constant_cost") for rows in (hold, heal)]),
            floor=column(hold, "floor"),
            rested=column(hold, "prevalence_rested"),
            path_violations=measured.checks[0]["path_violations"],
        )


def never_falls(curve: np.ndarray) -> bool:
    """Return whether a curve is nondecreasing; infinity is the largest cost."""
    return bool((curve[..., 1:] >= curve[..., :-1]).all())


def not_guaranteed(scenario: Scenario) -> dict[str, str]:
    """Return the assumptions that are not derived to hold, and why."""
    return {a.name: a.reason for a in derive(scenario) if not a.guaranteed}
