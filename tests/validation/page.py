"""The page on validation: a table for each case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.validation.case import FOLDER, Case, Finding

_HEAD = """# Validation

Published and analytic results that the engine reproduces, each as a scenario of its own: never a
separate model, but a limiting configuration of the one engine. Every scenario lies in
`scenarios/validation` and runs as any other does:

```console
$ remanence run scenarios/validation/granovetter.yaml
```

This page is written by `make validation` (some minutes on two cores), which fails when anything
obtained lies outside its tolerance. `make test` obtains the same again, but for the two long
searches, and fails when a line of this page is not what it gets.
"""

_COLUMNS = "| setting | reference | obtained | tolerance |\n| --- | --- | --- | --- |"


def row_of(finding: Finding) -> str:
    """Return the line of a table."""
    verdict = finding.obtained if finding.holds else f"**{finding.obtained}** (fails)"
    return f"| {finding.setting} | {finding.reference} | {verdict} | {finding.tolerance} |"


def section_of(case: Case, findings: Sequence[Finding]) -> str:
    """Return the heading, sources and table of a case."""
    links = ", ".join(
        f"[{name}](../scenarios/validation/{name}.yaml)"
        if (FOLDER / f"{name}.yaml").is_file()
        else f"all in `scenarios/validation/{name}`"
        for name in case.scenarios
    )
    given = f"Scenario: {links}. " if links else ""
    rows = "\n".join(row_of(finding) for finding in findings)
    return f"## {case.name}\n\n{given}Source: {case.source}.\n\n{_COLUMNS}\n{rows}\n"


def page_of(cases: Iterable[Case], findings: Mapping[str, Sequence[Finding]]) -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *(section_of(case, findings[case.name]) for case in cases)])
