"""The assumptions of the theorem as they are derived from a scenario."""

from __future__ import annotations

from typing import Any

import pytest

from sim.properties import derive
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario

NEAR_ENOUGH = {"rule": "deffuant", "confidence": 1.5}


def guaranteed(**blocks: Any) -> dict[str, bool]:
    scenario = full(Scenario.model_validate(blocks))
    return {assumption.name: assumption.guaranteed for assumption in derive(scenario)}


@pytest.mark.parametrize("environment", ["bench", "future"])
def test_pairs_drawn_anew_promise_no_path_that_only_gets_worse(environment: str) -> None:
    """Each step keeps order, yet it is not the same step at another time."""
    found = guaranteed(narrative=NEAR_ENOUGH, restoration={"environment": environment})
    assert found["A1"]
    assert not found["A2"]
    assert found["A4"] == (environment == "bench")


@pytest.mark.parametrize("off", [{"social": 0.0}, {"pairs": 0.0}])
def test_pairs_that_never_meet_matter_to_nothing(off: dict[str, float]) -> None:
    assert all(guaranteed(narrative=NEAR_ENOUGH | off).values())
