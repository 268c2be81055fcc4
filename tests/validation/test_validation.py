"""What was published is obtained, and docs/validation.md says what is obtained."""

from __future__ import annotations

import pytest

from tests.validation.__main__ import PAGE
from tests.validation.case import FOLDER, Case
from tests.validation.cases import CASES, LONG
from tests.validation.page import section_of


def _marked(case: Case) -> object:
    marks = [pytest.mark.slow] if case.name in LONG else []
    return pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", [_marked(case) for case in CASES])
def test_what_was_published_is_obtained(case: Case) -> None:
    findings = case.obtain()
    assert findings
    assert [finding for finding in findings if not finding.holds] == []
    assert section_of(case, findings) in PAGE.read_text(encoding="utf-8")


def test_every_scenario_belongs_to_a_case() -> None:
    used = {name for case in CASES for name in case.scenarios}
    lying = {path.stem for path in FOLDER.glob("*.yaml")} | {"cost_falls", "order_breaks"}
    assert lying == used


def test_names_are_given_once() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
