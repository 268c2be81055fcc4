from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from sim.scenario.problems import ScenarioError
from sim.scenario.resolve import delays_of, digest, dump, full, with_changes
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import Constant, Lognormal, each


def scenario(**blocks: Any) -> Scenario:
    return Scenario.model_validate({"channels": ["rent", "work"], **blocks})


def identity(scenario: Scenario, version: str = "1") -> str:
    return digest(scenario, model_version=version)


def test_one_value_is_given_to_every_channel_in_order() -> None:
    resolved = full(scenario(exposure={"leak": 0.25}))
    assert list(each(resolved.exposure.leak).items()) == [("rent", 0.25), ("work", 0.25)]


def test_a_channel_left_out_of_a_mapping_gets_the_default() -> None:
    resolved = full(
        scenario(exposure={"leak": {"work": 0.5}}, constraints={"activation": {"rent": 2.0}})
    )
    assert resolved.exposure.leak == {"rent": 0.1, "work": 0.5}
    assert resolved.constraints.activation == {
        "rent": Constant(value=2.0),
        "work": Lognormal(kind="lognormal", median=1.0, sigma=0.3),
    }


def test_a_channel_left_out_of_a_group_gets_the_threshold_of_everyone() -> None:
    groups = {"a": {"share": 0.5, "activation": {"rent": 2.0}}, "b": 0.5}
    resolved = full(scenario(population={"groups": groups}, constraints={"activation": 3.0}))
    assert resolved.population.groups["a"].activation == {
        "rent": Constant(value=2.0),
        "work": Constant(value=3.0),
    }
    assert resolved.population.groups["b"].activation is None


def test_a_ramp_without_an_end_ends_with_the_scenario() -> None:
    ramp = {"kind": "ramp", "to_level": 0.5}
    resolved = full(scenario(time={"steps": 20}, stressors=[ramp, {**ramp, "end": 7}]))
    assert [stressor.end for stressor in resolved.stressors if stressor.kind == "ramp"] == [19, 7]


@pytest.mark.parametrize(
    ("steps", "n", "expected"),
    [(60, 13, range(0, 61, 5)), (10, 2, [0, 10]), (4, 5, range(5)), (10, 4, [0, 3, 7, 10])],
)
def test_delays_are_spaced_evenly(steps: int, n: int, expected: list[int]) -> None:
    resolved = scenario(time={"steps": steps}, restoration={"delays": n})
    assert delays_of(resolved) == tuple(expected)


@pytest.mark.parametrize("steps", range(1, 40))
def test_delays_never_coincide(steps: int) -> None:
    for n in range(2, steps + 2):
        delays = delays_of(scenario(time={"steps": steps}, restoration={"delays": n}))
        assert len(delays) == n
        assert (np.diff(delays) > 0).all()
        assert (delays[0], delays[-1]) == (0, steps)


def test_the_default_gives_way_to_a_short_scenario() -> None:
    assert delays_of(scenario(time={"steps": 3})) == (0, 1, 2, 3)
    assert len(delays_of(scenario(time={"steps": 12}))) == 13
    with pytest.raises(ValidationError, match="13 delays do not fit into 11 steps"):
        scenario(time={"steps": 11}, restoration={"delays": 13})
    short = full(scenario(time={"steps": 3}))
    assert with_changes(short, {"seed": 3}).restoration.delays == (0, 1, 2, 3)


def test_the_horizon_is_always_among_the_lengths() -> None:
    resolved = full(scenario(restoration={"horizon": 20, "dwell": 1, "lengths": [5, 2, 5]}))
    assert resolved.restoration.lengths == (2, 5, 20)


def test_the_direction_sums_to_one() -> None:
    weights = {"rent": 0.75, "work": 0.25}
    assert full(scenario(channels=weights)).restoration.direction == weights
    for given, expected in [
        (7.0, {"rent": 0.5, "work": 0.5}),
        ({"work": 3.0}, {"rent": 0.0, "work": 1.0}),
        ({"work": 3.0, "rent": 1.0}, {"rent": 0.25, "work": 0.75}),
    ]:
        resolved = full(scenario(channels=weights, restoration={"direction": given}))
        assert resolved.restoration.direction == expected


def test_full_leaves_a_full_scenario_alone() -> None:
    resolved = full(scenario(restoration={"direction": {"rent": 1.0, "work": 2.0}}))
    assert full(resolved) == resolved
    assert full(Scenario.model_validate(dump(resolved))) == resolved


def test_name_and_description_do_not_count_but_all_else_does() -> None:
    plain = scenario()
    assert identity(scenario(name="other", description="x")) == identity(plain)
    assert identity(plain, "2") != identity(plain)
    for change in (
        {"seed": 1},
        {"exposure": {"leak": 0.2}},
        {"restoration": {"replicates": 3}},
        {"channels": {"rent": 0.6, "work": 0.4}},
        {"record": {"every": 2}},
    ):
        assert identity(scenario(**change)) != identity(plain)


def test_an_edge_list_counts_by_its_content_not_by_its_place() -> None:
    def listed(file: str, content: str) -> Scenario:
        return scenario(network={"kind": "edge_list", "file": file, "digest": content})

    assert identity(listed("a.csv", "ff")) == identity(listed("b/c.csv", "ff"))
    assert identity(listed("a.csv", "ff")) != identity(listed("a.csv", "ee"))
    assert identity(listed("a.csv", "")) != identity(listed("b.csv", ""))


def test_changes_go_by_dotted_path() -> None:
    start = scenario(stressors=[{"kind": "constant", "level": 0.1}])
    changed = with_changes(start, {"stressors.0.level": 0.5, "exposure.leak.rent": 0.9})
    assert changed.stressors[0] == start.stressors[0].model_copy(update={"level": 0.5})
    assert changed.exposure.leak == {"rent": 0.9, "work": 0.1}
    assert start.exposure.leak == 0.1


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("exposure.leek", 0.5, "unknown key `leek` in `exposure`"),
        ("exposure.leak.rent", 2.0, "2.0"),
        ("exposure.leak.rent", "half", "number"),
        ("exposure.leak.rent", np.float64(np.nan), "NaN"),
        ("exposure.leak", {"rent": None}, "null"),
        ("nowhere.leak", 0.5, "nowhere"),
        ("stressors.3.level", 0.5, "stressors.3"),
        ("stressors.x.level", 0.5, "stressors.x"),
        ("stressors.-1.level", 0.5, "stressors.-1"),
        ("seed.level", 0.5, "seed"),
        ("", 0.5, "expected KEY=VALUE"),
        ("time", object(), "time"),
    ],
)
def test_a_change_that_fits_nothing_is_refused(path: str, value: object, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        with_changes(scenario(), {"record.every": 2, path: value})
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_parts_that_miss_the_whole_are_scaled_to_it() -> None:
    third = 0.3333333336
    scenario = Scenario.model_validate(
        {
            "channels": {"a": third, "b": third, "c": third},
            "population": {"groups": {"x": third, "y": third, "z": third}},
        }
    )
    resolved = full(scenario)
    assert sum(channel.weight for channel in resolved.channels.values()) <= 1.0 + 1e-15
    assert sum(group.share for group in resolved.population.groups.values()) <= 1.0 + 1e-15
    assert resolved.restoration.direction is not None
    assert full(resolved) == resolved
    tenths = {f"g{i}": 0.1 for i in range(10)}
    exact = full(Scenario.model_validate({"population": {"groups": tenths}}))
    assert sum(tenths.values()) < 1.0
    assert {name: group.share for name, group in exact.population.groups.items()} == tenths


def test_numbers_of_numpy_are_numbers() -> None:
    changes = {"population.size": np.int64(30), "restoration.delays": np.array([1, 2])}
    changed = with_changes(scenario(), {**changes, "exposure.noise": np.float32(0.5)})
    assert (changed.population.size, changed.restoration.delays) == (30, (1, 2))
    assert changed.exposure.noise == 0.5
