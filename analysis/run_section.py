"""One run as a part of a page: its figures, its tables and the words that depend on it.

It lays out what the tables hold and computes nothing but formatting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import yaml

from analysis import key_tables, person_tables, report_tables
from analysis.cost import family_of
from analysis.crossings import raster_table
from analysis.drawing import Draw
from analysis.effort import effort_table
from analysis.figures import cost_figure, path_figure, to_svg
from analysis.hysteresis import area_table, loop_table
from analysis.loop_figure import loop_figure
from analysis.person_section import PersonSection
from analysis.phase_figure import phase_figure
from analysis.premium_figure import premium_figure
from analysis.raster_figure import raster_figure
from analysis.results import CostResults
from analysis.summary import Summary, path_table
from analysis.table import Table
from analysis.wording import number, span
from sim.properties import Assumption, keeps_order
from sim.scenario.files import stored_beside
from sim.scenario.resolve import delays_of, dump, full
from sim.scenario.schema import Scenario

Figure = dict[str, str]
"""A figure as inline SVG, for wide and for narrow screens."""


def section_of(results: CostResults, summary: Summary, *, prefix: str = "") -> dict[str, Any]:
    """Return what the template of a run needs.

    Parameters
    ----------
    summary
        That of the results.
    prefix
        Every id in the section begins with it, so that several runs fit into one page.
    """
    scenario = full(results.scenario)
    path = path_table(results.tables["path"])
    loop = loop_table(results.tables["path"])
    people = PersonSection(results)
    tables = _tables(results, summary, path) | _loop_tables(results, loop) | people.tables()
    drawings = _drawings(summary, scenario, path, loop, raster_table(results.tables["crossings"]))
    return {
        "prefix": prefix,
        "name": scenario.name,
        "origin": _origin(results, summary),
        "changes": list(results.manifest.get("changes", [])),
        "description": [part for part in scenario.description.split("\n\n") if part.strip()],
        "figures": {
            name: svg_of(draw, prefix) for name, draw in (drawings | people.drawings()).items()
        },
        "tables": tables,
        "snapshot": people.snapshot(),
        "turnover": scenario.turnover.happens,
        "censored": bool(summary.curve["censored"].any()),
        "has_twin": "twin" in set(summary.curve["role"]),
        "steps": number(scenario.time.steps),
        **_setting(scenario),
        **_sources(results),
    }


def svg_of(draw: Draw, prefix: str = "") -> Figure:
    """Return a figure for wide and for narrow screens."""
    figures = {}
    for name in ("wide", "narrow"):
        drawing = draw(name == "narrow")
        drawing.name = prefix + drawing.name
        figures[name] = to_svg(drawing)
    return figures


def _drawings(
    summary: Summary,
    scenario: Scenario,
    path: pd.DataFrame,
    loop: pd.DataFrame,
    raster: pd.DataFrame,
) -> dict[str, Draw]:
    crossings = summary.crossings
    drawings: dict[str, Draw] = {
        "cost": lambda narrow: cost_figure(summary, scenario=scenario, narrow=narrow),
        "path": lambda narrow: path_figure(
            path, crossings=crossings, scenario=scenario, narrow=narrow
        ),
        "loop": lambda narrow: loop_figure(loop, narrow=narrow),
        "phase": lambda narrow: phase_figure(loop, narrow=narrow),
    }
    if not summary.premium.empty:
        drawings["premium"] = lambda narrow: premium_figure(
            summary.premium, scenario=scenario, narrow=narrow
        )
    if not raster.empty:
        drawings["raster"] = lambda narrow: raster_figure(
            raster, crossings=crossings, scenario=scenario, narrow=narrow
        )
    return drawings


def _origin(results: CostResults, summary: Summary) -> str:
    scenario = results.scenario
    measured = int(summary.curve["replicates"].min())
    asked = scenario.restoration.replicates
    replicates = f"{measured:,}" if measured == asked else f"{measured:,} of {asked:,}"
    delays = delays_of(scenario)
    unit = (
        "steps" if scenario.time.unit == "step" else f"steps; one step is one {scenario.time.unit}"
    )
    parts = (
        f"{replicates} matched {_plural('replicate', measured)}",
        f"{scenario.population.size:,} {_plural('person', scenario.population.size)}",
        f"{len(delays):,} {_plural('delay', len(delays))} ({span(delays[0], delays[-1])} {unit})",
        *(["single precision"] if scenario.precision == "single" else []),
        f"seed {scenario.seed}",
        f"model version {results.manifest.get('model_version', 'not recorded')}",
    )
    return " · ".join(parts)


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"


def _tables(results: CostResults, summary: Summary, path: pd.DataFrame) -> dict[str, Table]:
    effort, checks = effort_table(results.tables["cost"]), results.tables["checks"]
    subjects = {"scenario": results.scenario, "twin": results.twin}
    proofs = {role: keeps_order(subject) for role, subject in subjects.items() if subject}
    found = {
        "curve": report_tables.curve(summary),
        "path": report_tables.path(path),
        "no_return": key_tables.no_return(summary),
        "no_return_by_height": key_tables.no_return_by_height(summary),
        "remanence": key_tables.remanence(summary),
        "memory": key_tables.memory(summary),
        "floor": key_tables.floor(summary, tolerated=results.scenario.safe.prevalence),
        "crossings": key_tables.crossings(summary),
        "raster": report_tables.raster(
            raster_table(results.tables["crossings"]), n_steps=results.scenario.time.steps
        ),
        "effort_at_last": key_tables.effort_at_last(effort),
        "effort": key_tables.effort(effort),
        "certificates": key_tables.certificates(checks, proofs=proofs),
        "assumptions": _assumptions(results.assumptions()),
        "checks": key_tables.checks_on_the_path(checks),
        "manifest": report_tables.manifest(results.manifest),
    }
    if not summary.marginal.empty:
        found["marginal"] = report_tables.marginal(summary)
    if not summary.premium.empty:
        found["premium"] = report_tables.premium(summary)
        found["premium_at_last"] = key_tables.premium_at_last(summary)
    return {name: table for name, table in found.items() if table.rows}


def _loop_tables(results: CostResults, loop: pd.DataFrame) -> dict[str, Table]:
    areas = area_table(results.tables["path"], seed=results.scenario.seed)
    return {
        "loop": report_tables.loop(loop),
        "loop_area": report_tables.loop_area(areas),
        "phase": person_tables.phase(loop),
    }


def _assumptions(assumptions: Sequence[Assumption]) -> Table:
    rows = tuple(
        (a.name, a.statement, "guaranteed" if a.guaranteed else "not guaranteed", a.reason)
        for a in assumptions
    )
    columns = ("Name", "Statement", "Verdict", "Reason")
    return Table("assumptions", "Assumptions A1 to A5", columns, rows, prose=True)


def _setting(scenario: Scenario) -> dict[str, Any]:
    """Return the parameters that definitions refer to."""
    restoration = scenario.restoration
    return {
        "unit": scenario.time.unit,
        "gain": number(scenario.correction.gain),
        "rest": number(restoration.rest),
        "on_bench": restoration.environment == "bench",
        "tolerated": number(scenario.safe.prevalence),
        "every_group": scenario.safe.every_group,
        "dwell": number(restoration.dwell),
        "horizon": number(restoration.horizon),
        "u_max": number(restoration.u_max),
        "search": _search(scenario),
    }


def _search(scenario: Scenario) -> str:
    family = family_of(scenario)
    step = f"{number(family.u_max / family.n_levels)} load"
    lengths = ", ".join(number(length) for length in family.lengths)
    pulses = (
        f"Searched: pulses of {lengths} steps, heights up to u_max = {number(family.u_max)} load "
        f"in steps of {step}."
    )
    if family.monotone:
        how = (
            "Bracketing search: a greater height can never hurt here (A1), so the least feasible "
            "height is bracketed, exact to one step of height."
        )
    else:
        how = (
            "Scanned grid: a greater height may hurt here (A1 is not guaranteed), so every height "
            "was tried, and the least feasible one is reported."
        )
    return f"{pulses} {how}"


def _sources(results: CostResults) -> dict[str, Any]:
    twin, factor = results.twin, results.twin_factor
    return {
        "command": "remanence cost scenario.yaml" + (" --no-twin" if twin is None else ""),
        "scenario_yaml": _yaml(results.scenario),
        "twin_yaml": _yaml(twin) if twin is not None else "",
        "twin_factor": None if factor is None else number(factor),
        "factors": number(results.scenario.twin.factors),
    }


def _yaml(scenario: Scenario) -> str:
    scenario, _ = stored_beside(full(scenario))
    text: str = yaml.safe_dump(dump(scenario), sort_keys=False, allow_unicode=True, width=100)
    return text
