"""Every case, in the order of the documentation."""

from __future__ import annotations

from tests.validation import contagion, crosscheck, drivers, hysteresis, opinions, reports, theorem
from tests.validation.case import Case

CASES: tuple[Case, ...] = (
    *contagion.CASES,
    *opinions.CASES,
    *hysteresis.CASES,
    *reports.CASES,
    *drivers.CASES,
    *theorem.CASES,
    *crosscheck.CASES,
)

LONG = frozenset(case.name for case in theorem.CASES[:2])
"""Cases that search for minutes: for `make validation` and nightly tests."""
