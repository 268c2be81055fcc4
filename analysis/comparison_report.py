"""The report of a comparison: one HTML page that needs nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import yaml

from analysis.comparison import bound_of
from analysis.comparison_figure import comparison_figure
from analysis.comparison_run import Comparison
from analysis.report import laid_out
from analysis.report_tables import manifest as manifest_table
from analysis.run_section import svg_of
from analysis.table import Formats, Table, listing
from analysis.trials import FAILURES, tolerance_of
from analysis.wording import interval, number, of, percent
from sim.optimizers.base import SPENDING
from sim.scenario.files import stored_beside
from sim.scenario.resolve import dump


def render(found: Comparison) -> str:
    """Return the report of a comparison as one HTML page, the same bytes for the same results.

    The page has no scripts and asks for no other resource.
    """
    contest, scenario = found.contest, found.contest.scenario
    standings = found.standings()
    stored, _ = stored_beside(scenario)
    context: dict[str, Any] = {
        "prefix": "",
        "name": scenario.name,
        "origin": _origin(found),
        "changes": list(found.manifest.get("changes", [])),
        "description": [part for part in scenario.description.split("\n\n") if part.strip()],
        "figure": svg_of(lambda narrow: comparison_figure(standings, narrow=narrow)),
        "tables": _tables(found, standings),
        "budget": number(contest.budget),
        "delay": number(contest.delay),
        "steps": number(scenario.time.steps),
        "dwell": number(scenario.restoration.dwell),
        "tolerated": number(scenario.safe.prevalence),
        "settings": contest.settings,
        "tolerance": number(tolerance_of(contest.budget)),
        "cure_is_nil": contest.cures == (0.0,),
        "scenario_yaml": yaml.safe_dump(
            dump(stored), sort_keys=False, allow_unicode=True, width=100
        ),
        "command": _command(found),
    }
    body = laid_out("comparison.html.j2", level=2, label="", within="", **context)
    return laid_out("comparison_page.html.j2", body=body, **context)


def _origin(found: Comparison) -> str:
    contest, scenario = found.contest, found.contest.scenario
    held = int(found.tables["comparison"].groupby(["kind", "cure"]).size().min())
    asked = contest.replicates
    parts = (
        f"{len(contest.kinds)} contestants",
        f"{number(held) if held == asked else of(held, asked)} matched replicates",
        f"φ = {', '.join(f'{cure:g}' for cure in contest.cures)}",
        f"{scenario.population.size:,} persons",
        f"seed {scenario.seed}",
        f"model version {found.manifest.get('model_version', 'not recorded')}",
    )
    return " · ".join(parts)


def _command(found: Comparison) -> str:
    contest = found.contest
    parts = [
        "remanence compare scenario.yaml",
        f"--optimizers {','.join(contest.kinds)}",
        f"--budget {contest.budget!r}",
        f"--delay {contest.delay}",
        f"--cure {','.join(map(repr, contest.cures))}",
        f"--replicates {contest.replicates}",
        f"--settings {contest.settings}",
    ]
    if contest.delays:
        parts.append(f"--delays {','.join(map(str, contest.delays))}")
    return " ".join(parts)


def _tables(found: Comparison, standings: pd.DataFrame) -> Mapping[str, Table]:
    rows = found.tables["comparison"]
    tables = {
        "standings": _standings(standings, rows),
        "spending": _means(rows, "spent", SPENDING, "Spending by kind [load per person]"),
        "failures": _means(rows, "failures", FAILURES, "Failure events by kind"),
        "settings": _settings(standings),
        "manifest": manifest_table(
            {name: value for name, value in found.manifest.items() if name != "terms"}
        ),
    }
    if found.contest.delays:
        tables["delays"] = _delays(found.delay_curve())
    return tables


def _standings(standings: pd.DataFrame, rows: pd.DataFrame) -> Table:
    """Return the headline table; intervals stand beside what they are of."""
    shown = standings.copy()
    for name in ("gain", "lived_alignment", "apparent_alignment", "spent", "distance"):
        ends = (standings[name], standings[f"{name}_low"], standings[f"{name}_high"])
        shown[name] = [interval(*triple) for triple in zip(*ends, strict=True)]
    formats: Formats = {
        "cure": ("φ", number),
        "kind": ("Optimizer", str),
        "gain": ("Gain over none, paired", str),
        "lived_alignment": ("Lived alignment", str),
        "apparent_alignment": ("Apparent alignment", str),
        "gap": ("Apparent less lived", number),
        "prevalence_end": ("Prevalence at the end", number),
        "harm": ("Harm [share·steps]", number),
        "spent": ("Spent [load per person]", str),
        "failures": ("Failure events", number),
        "safe": ("Safe at the end", percent),
        "distance": ("Distance to the best bound", str),
        "front": ("Pareto front", lambda on: "yes" if on else "no"),
    }
    bounds = ", ".join(
        f"{bound_of(part)} at φ = {cure:g}" for cure, part in rows.groupby("cure", sort=True)
    )
    notes = (
        "Means after the delay over matched replicates, with 95 % t intervals; gain is lived "
        "alignment less that of none in the same replicate.",
        f"The best bound, lived alignment less one’s own in the same replicate: {bounds}.",
    )
    return listing(shown, formats, name="standings", caption="Contestants", headers=2, notes=notes)


def _means(rows: pd.DataFrame, prefix: str, names: tuple[str, ...], caption: str) -> Table:
    """Return means of what is counted by kind, without the kinds that nobody has any of."""
    columns = {f"{prefix}_{name}": name for name in names if rows[f"{prefix}_{name}"].any()}
    means = rows.groupby(["cure", "kind"], sort=False)[list(columns)].mean().reset_index()
    formats: Formats = {
        "cure": ("φ", number),
        "kind": ("Optimizer", str),
        **{
            column: (name.replace("_", " ").capitalize(), number)
            for column, name in columns.items()
        },
    }
    return listing(means, formats, name=f"{prefix}-by-kind", caption=caption, headers=2)


def _settings(standings: pd.DataFrame) -> Table:
    def in_words(text: str) -> str:
        setting = json.loads(text)
        return ", ".join(f"{name} = {value:g}" for name, value in setting.items()) or "its own"

    formats: Formats = {
        "cure": ("φ", number), "kind": ("Optimizer", str), "setting": ("Setting", in_words),
    }  # fmt: skip
    return listing(
        standings, formats, name="settings", caption="Settings chosen by tuning", headers=2
    )


def _delays(curve: pd.DataFrame) -> Table:
    formats: Formats = {
        "cure": ("φ", number),
        "kind": ("Optimizer", str),
        "delay": ("Delay [steps]", number),
        "budget": ("Least budget, median [load per person]", number),
        "budget_low": ("95 % interval, low", number),
        "budget_high": ("95 % interval, high", number),
        "censored": ("Censored", percent),
    }
    return listing(curve, formats, name="delays", caption="Least budget by delay", headers=3)
