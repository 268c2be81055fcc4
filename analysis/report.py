"""The report of a cost run: one HTML page that needs nothing but itself."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from analysis.results import CostResults
from analysis.run_section import section_of


def render(results: CostResults) -> str:
    """Return the report of a cost run as one HTML page, the same bytes for the same results.

    The page has no scripts and asks for no other resource.
    """
    section = section_of(results)
    body = _template("run.html.j2", level=2, label="", within="", **section)
    return _template("report.html.j2", body=body, **section)


def _template(name: str, /, **context: object) -> str:
    environment = Environment(
        loader=PackageLoader("analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(**context)
