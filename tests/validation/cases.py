"""Every case, in the order of the documentation."""

from __future__ import annotations

import time

from tests.validation import (
    contagion,
    crosscheck,
    drivers,
    hysteresis,
    opinions,
    reports,
    rewards,
    theorem,
)
from tests.validation.case import Case, Finding

CASES: tuple[Case, ...] = (
    *contagion.CASES,
    *opinions.CASES,
    *hysteresis.CASES,
    *reports.CASES,
    *drivers.CASES,
    *rewards.CASES,
    *theorem.CASES,
    *crosscheck.CASES,
)

LONG = frozenset(case.name for case in theorem.CASES[:2])
"""Cases that search for minutes: for `make validation` and nightly tests."""


def obtain(name: str) -> tuple[list[Finding], float]:
    """Return what a case finds, and the seconds it took."""
    begun = time.perf_counter()
    case = next(case for case in CASES if case.name == name)
    return list(case.obtain()), time.perf_counter() - begun
