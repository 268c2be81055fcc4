"""What becomes of persons, as a part of a run's report: narrative, flows and their network."""

from __future__ import annotations

from typing import Any

from analysis import person_tables
from analysis.drawing import Draw
from analysis.flow_figure import flow_figure
from analysis.flows import flow_table, stock_table
from analysis.layout import layout_table
from analysis.narratives import ridgeline_table
from analysis.network_figure import MOST_TIES, network_figure
from analysis.results import CostResults
from analysis.ridgeline_figure import ridgeline_figure
from analysis.snapshot import MOST_PERSONS, pairs_of
from analysis.table import Table
from analysis.wording import number
from sim.scenario.resolve import full


class PersonSection:
    """The figures and tables of what becomes of persons in one run."""

    def __init__(self, results: CostResults) -> None:
        self.scenario = full(results.scenario)
        self.ridges = ridgeline_table(results.tables["narrative"])
        self.flows = flow_table(results.tables["flows"])
        self.persons, self.ties = results.tables["persons"], results.tables["ties"]
        # The twin has the same persons and ties, and everyone keeps their place.
        mine = (one[one["role"] == "scenario"] for one in (self.persons, self.ties))
        self.layout = layout_table(*mine) if self._seen else None

    @property
    def _seen(self) -> bool:
        """Whether replicate 0, whose persons a snapshot shows, was measured."""
        return bool((self.persons["role"] == "scenario").any())

    def drawings(self) -> dict[str, Draw]:
        """Return the figures by name; no network where replicate 0 was not measured."""
        drawings: dict[str, Draw] = {
            "ridges": lambda narrow: ridgeline_figure(self.ridges, narrow=narrow),
            "flows": lambda narrow: flow_figure(self.flows, narrow=narrow),
        }
        layout = self.layout
        if layout is not None:
            drawings["network"] = lambda narrow: network_figure(
                self.persons, self.ties, layout, narrow=narrow
            )
        return drawings

    def tables(self) -> dict[str, Table]:
        """Return the tables behind the figures by name."""
        tables = {
            "ridges": person_tables.ridges(self.ridges),
            "stocks": person_tables.stocks(stock_table(self.flows)),
            "flows": person_tables.flows(self.flows),
        }
        if self.layout is not None:
            tables["persons"] = person_tables.persons(
                self.persons, self.ties, self.layout, groups=list(self.scenario.population.groups)
            )
        return tables

    def snapshot(self) -> dict[str, Any]:
        """Return what a caption says of the sample and of its ties."""
        ties = self.ties[self.ties["role"] == "scenario"]
        pairs = len(pairs_of(ties))
        population = self.scenario.population.size
        return {
            "shown": number(0 if self.layout is None else len(self.layout)),
            "population": number(population),
            "sampled": population > MOST_PERSONS,
            "ties": number(pairs),
            "too_many": pairs > MOST_TIES,
            "most": number(MOST_TIES),
            "complete": self.scenario.network.kind == "complete",
        }
