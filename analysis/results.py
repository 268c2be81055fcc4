"""A finished cost run in memory: its scenario, the rows measured, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.cost import family_of
from analysis.summary import Summary, summarize
from sim.properties import Assumption, derive
from sim.scenario.schema import Scenario

TABLES = (
    "cost", "remanence", "crossings", "path", "narrative", "flows", "persons", "ties", "checks",
)  # fmt: skip
"""Tables of rows, named as in `analysis.cost.Measurement`."""


@dataclass(frozen=True, slots=True, repr=False)
class CostResults:
    """A finished cost run.

    Attributes
    ----------
    scenario, twin
        The resolved scenario and its reversible twin (none if it was not asked for).
    twin_factor
        Factor on J, κ and Γ in the twin.
    tables
        Rows by name (`TABLES`).
    manifest
        Versions, model version, commit, seed, platform.
    """

    scenario: Scenario
    twin: Scenario | None
    twin_factor: float | None
    tables: Mapping[str, pd.DataFrame]
    manifest: Mapping[str, Any]

    def __repr__(self) -> str:
        cost = self.tables["cost"]
        extent = f"{cost['replicate'].nunique()} replicates × {cost['delay'].nunique()} delays"
        beside = "no twin" if self.twin is None else f"twin with factor {self.twin_factor:g}"
        return f"CostResults({self.scenario.name}: {extent}, {beside})"

    def summary(self) -> Summary:
        """Return the tables of the report."""
        family = family_of(self.scenario)
        step = family.u_max / family.n_levels * family.horizon
        return summarize(self.tables, u_max=family.u_max, step=step, seed=self.scenario.seed)

    def assumptions(self) -> tuple[Assumption, ...]:
        """Return A1–A5 as derived from the scenario."""
        return derive(self.scenario)
