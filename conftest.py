"""How thoroughly the tests search, chosen by REMANENCE_PROFILE: dev (default), ci or nightly.

A property that must be tried harder than the rest scales the profile instead of replacing it:
`@settings(max_examples=10 * settings.default.max_examples)`.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

_SHARED = {"deadline": None, "print_blob": True}

settings.register_profile("dev", max_examples=20, **_SHARED)
settings.register_profile(
    "ci",
    max_examples=50,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
    **_SHARED,
)
settings.register_profile(
    "nightly",
    max_examples=1000,
    suppress_health_check=[HealthCheck.too_slow],
    **_SHARED,
)

PROFILE = os.environ.get("REMANENCE_PROFILE", "dev")


def pytest_configure(config: pytest.Config) -> None:
    known = ("dev", "ci", "nightly")
    if PROFILE not in known:
        raise pytest.UsageError(f"REMANENCE_PROFILE is {PROFILE!r}; use one of {', '.join(known)}")
    settings.load_profile(PROFILE)


def pytest_report_header(config: pytest.Config) -> str:
    return f"remanence profile: {PROFILE} ({settings.default.max_examples} examples a property)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if PROFILE == "nightly" or "slow" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if not item.get_closest_marker("slow")]
