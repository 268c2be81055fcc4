"""Rules of the schema that a corpus file cannot show: Python users, defaults, documentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from sim.scenario.schema import Scenario
from sim.scenario.schema.base import each
from sim.scenario.schema.checks import channelwise_fields
from sim.scenario.schema.population import Population
from sim.scenario.schema.processes import Constraints, Exposure, Feedback


def scenario(**blocks: Any) -> Scenario:
    return Scenario.model_validate(blocks)


def refusal(**blocks: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        scenario(**blocks)
    return str(caught.value)


def blocks_of(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The JSON Schema of every block by name."""
    schema = model.model_json_schema()
    return {**schema["$defs"], "Scenario": schema}


def test_every_field_says_what_it_means() -> None:
    # A field that says no more than the block it holds is shown by the block's words alone.
    silent = [
        f"{block}.{name}"
        for block, schema in blocks_of(Scenario).items()
        for name, field in schema.get("properties", {}).items()
        if not (field.get("description") or "$ref" in field or name == "kind")
    ]
    assert silent == []


def test_every_number_has_two_bounds() -> None:
    def unbounded(where: str, schema: Any) -> list[str]:
        if isinstance(schema, list):
            return [bad for part in schema for bad in unbounded(where, part)]
        if not isinstance(schema, dict):
            return []
        low = {"minimum", "exclusiveMinimum"} & schema.keys()
        high = {"maximum", "exclusiveMaximum"} & schema.keys()
        found = [bad for part in schema.values() for bad in unbounded(where, part)]
        numeric = schema.get("type") in ("number", "integer") and "const" not in schema
        return [*found, where] if numeric and not (low and high) else found

    loose = [
        bad
        for block, schema in blocks_of(Scenario).items()
        for name, field in schema.get("properties", {}).items()
        for bad in unbounded(f"{block}.{name}", field)
    ]
    # Whole numbers that other fields bound: the clock, the population, the horizon.
    known = {
        "WattsStrogatz.degree",
        "Ring.degree",
        "Lattice.rows",
        "Lattice.columns",
        "Restoration.delays",
    }
    # The short form of a share is checked by the full form it stands for.
    short = {"Population.groups", "Scenario.channels"}
    assert set(loose) == known | short


def test_the_scenario_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        scenario().time.steps = 3  # type: ignore[misc]


@pytest.mark.parametrize("value", ["10", True, 10.0, None])
def test_nothing_is_converted_to_a_whole_number(value: object) -> None:
    assert "time.steps" in refusal(time={"steps": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "0.1", True])
def test_only_finite_numbers_are_numbers(value: object) -> None:
    assert "trust.trust_gain" in refusal(trust={"trust_gain": value})


def test_fields_by_channel_are_found_by_their_mark() -> None:
    assert set(channelwise_fields(Exposure())) == {"leak"}
    assert set(channelwise_fields(Feedback())) == {"legibility"}
    assert set(channelwise_fields(Constraints())) == {
        "activation", "width", "ratchet_share", "coupling", "narrative_feed",
        "damage", "damage_onset",
    }  # fmt: skip


def test_a_short_value_must_be_resolved_before_it_is_read_by_channel() -> None:
    with pytest.raises(TypeError, match="resolve it"):
        each(0.5)
    assert each({"a": 0.5}) == {"a": 0.5}


@pytest.mark.parametrize("total", [1.0 - 1e-8, 1.0 + 1e-8])
def test_shares_and_weights_must_sum_to_one_closely(total: float) -> None:
    halves = {"a": 0.5, "b": total - 0.5}
    assert "sum to" in refusal(population={"groups": halves})
    assert "sum to" in refusal(channels=halves)
    thirds = {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}
    scenario(population={"groups": thirds}, channels=thirds)


def test_every_block_that_can_name_a_channel_is_checked() -> None:
    for block, field in [
        ("exposure", "leak"),
        ("constraints", "coupling"),
        ("feedback", "legibility"),
        ("restoration", "direction"),
    ]:
        assert "no channel named `x`" in refusal(**{block: {field: {"x": 0.5}}})
    for population in (
        {"initial": {"exposure": {"x": 1.0}}},
        {"groups": {"a": {"share": 1.0, "vulnerability": {"x": 1.0}}}},
    ):
        assert "no channel named `x`" in refusal(population=population)


def test_bounds_between_fields_can_be_reached() -> None:
    scenario(narrative={"social": 0.6, "push": 0.4, "heal": 0.4})
    scenario(restoration={"dwell": 7, "horizon": 7, "lengths": [7]})
    scenario(time={"steps": 4}, restoration={"delays": 5})
    scenario(time={"steps": 4}, restoration={"delays": [0, 4]})
    scenario(population={"size": 5}, network={"kind": "ring", "degree": 4})
    scenario(population={"size": 5}, network={"kind": "poisson", "degree": 4.0})
    scenario(stressors=[{"kind": "ramp", "to_level": 1.0, "start": 5, "end": 5}])
    assert "at least 6 persons" in refusal(
        population={"size": 5}, network={"degree": 4.5, "kind": "poisson"}
    )


def test_a_degree_too_large_for_any_network_is_refused() -> None:
    for kind in ("poisson", "block_model"):
        network = {"kind": kind, "degree": 20.0, "homophily": 1.0}
        if kind == "poisson":
            del network["homophily"]
        assert "at least 21 persons" in refusal(population={"size": 20}, network=network)


def test_lists_of_values_are_as_long_as_whom_they_are_for() -> None:
    groups = {"a": 0.25, "b": {"share": 0.75, "activation": [1.0] * 3}}
    scenario(population={"size": 4, "groups": groups}, network={"kind": "star"})
    refused = refusal(population={"size": 8, "groups": groups}, network={"kind": "star"})
    assert "3 values, but group `b` has 6 persons" in refused
    by_channel = {"deprivation": [1.0, 2.0]}
    refused = refusal(
        population={"size": 3}, network={"kind": "star"}, constraints={"activation": by_channel}
    )
    assert "2 values, but group `everyone` has 3 persons" in refused
    refused = refusal(
        population={"size": 3, "initial": {"lock_in": [0.0]}}, network={"kind": "star"}
    )
    assert "1 values, but the population has 3 persons" in refused


parts = st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any)


@given(parts=parts, size=st.integers(1, 3000))
def test_group_sizes_follow_the_largest_remainder(parts: list[int], size: int) -> None:
    groups = {f"g{i}": {"share": part / sum(parts)} for i, part in enumerate(parts)}
    population = Population.model_validate({"size": size, "groups": groups})
    sizes = np.array(list(population.group_sizes().values()))
    ideal = np.array([part * size / sum(parts) for part in parts])
    assert sizes.sum() == size
    assert (np.abs(sizes - ideal) < 1.0 + 1e-6).all()
    lowest_raised = min((ideal - np.floor(ideal))[sizes > np.floor(ideal + 1e-6)], default=1.0)
    highest_left = max((ideal - np.floor(ideal))[sizes < np.ceil(ideal - 1e-6)], default=0.0)
    assert lowest_raised >= highest_left - 1e-6
