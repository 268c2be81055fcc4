"""The report of a cost run, or of several: one HTML page that needs nothing but itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from analysis.overview import overview, overview_table
from analysis.overview_figure import overview_figure
from analysis.results import CostResults
from analysis.run_section import section_of, svg_of


def render(results: CostResults) -> str:
    """Return the report of a cost run as one HTML page, the same bytes for the same results.

    The page has no scripts and asks for no other resource.
    """
    section = section_of(results, results.summary())
    body = laid_out("run.html.j2", level=2, label="", within="", **section)
    return laid_out("report.html.j2", body=body, **section)


def render_all(runs: Sequence[tuple[str, CostResults]]) -> str:
    """Return the reports of several runs as one page, an overview first.

    Runs are numbered in the order given, so that any two can be told apart.

    Parameters
    ----------
    runs
        What the folder of each run is called, and its results.
    """
    labels = [_label(i, folder, results) for i, (folder, results) in enumerate(runs, 1)]
    summaries = [results.summary() for _, results in runs]
    parts = []
    named = zip(labels, runs, summaries, strict=True)
    for i, (label, (_, results), summary) in enumerate(named, 1):
        section = section_of(results, summary, prefix=f"run-{i}-")
        body = laid_out("run.html.j2", level=3, label=label, within=f"run-{i}-name ", **section)
        headings = re.findall(rf'<h3 id="(run-{i}-[a-z-]+)">([^<]*)</h3>', body)
        parts.append({"label": label, "body": body, "headings": headings, **section})
    curves = dict(zip(labels, (summary.curve for summary in summaries), strict=True))
    return laid_out(
        "reports.html.j2",
        prefix="",
        within="",
        label="",
        parts=parts,
        table_of_runs=overview(overview_table(labels, summaries)),
        figure=svg_of(lambda narrow: overview_figure(curves, narrow=narrow)),
    )


def _label(number: int, folder: str, results: CostResults) -> str:
    name = results.scenario.name
    return f"Run {number}: {name}" + ("" if folder == name else f" ({folder})")


def laid_out(name: str, /, **context: object) -> str:
    """Return a page, or a part of one, laid out by the template of that name."""
    environment = Environment(
        loader=PackageLoader("analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(**context)
