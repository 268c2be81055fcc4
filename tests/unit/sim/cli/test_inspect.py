from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.records import VARIABLES
from sim.scenario.schema import Scenario
from sim.schedule import SCHEDULE

if TYPE_CHECKING:
    from conftest import Call


def strictly(text: str) -> Any:
    """One JSON document in which every number is a number."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_validate_judges_every_file(remanence: Call) -> None:
    said = remanence("validate", "small.yaml", "nowhere.yaml", "quickstart")
    assert said.code == 65
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["small.yaml", "quickstart"]
    assert "no such file: nowhere.yaml" in said.err
    said = remanence("validate", "small.yaml", "nowhere.yaml", "--json")
    good, bad = strictly(said.out)
    assert said.code == 65
    assert (good["ok"], len(good["digest"])) == (True, 64)
    assert (bad["ok"], bad["scenario"]) == (False, "nowhere.yaml")
    assert bad["problems"][0]["message"] == "no such file: nowhere.yaml"
    assert remanence("validate", "small.yaml").code == 0


def test_an_override_changes_the_digest(remanence: Call) -> None:
    def digest(*arguments: str) -> str:
        (verdict,) = strictly(remanence("validate", "small.yaml", "--json", *arguments).out)
        return str(verdict["digest"])

    plain = digest()
    assert digest("--set", "name=other") == plain
    assert digest("--set", "time.steps=9") != plain
    assert digest("--seed", "0") == plain
    assert digest("--seed", "1") != plain
    for seed in ("0", "1"):
        assert digest("--set", "seed=2", "--seed", seed) == digest("--seed", seed)


def test_a_value_received_is_json_whatever_it_is(remanence: Call) -> None:
    for value in ("1e300", "-1e300", "😀", "'\\ud800'", '"\\ud800"', "9" * 5000, "x" * 5000):
        said = remanence("validate", "small.yaml", "--json", "--set", f"time.steps={value}")
        (verdict,) = strictly(said.out)
        assert not verdict["ok"]


def test_plan_says_what_a_cost_run_would_do(remanence: Call) -> None:
    said = remanence("plan", "small.yaml", "--replicates", "5", "--json")
    plan = strictly(said.out)
    assert (plan["persons"], plan["network"], plan["replicates"]) == (40, "ring", 5)
    assert (plan["delays"], plan["problems"]) == ([0, 4, 8], 15)
    assert plan["pulse_lengths"] == [4]
    assert plan["search"] == "bracketing"
    assert [a["name"] for a in plan["assumptions"]] == ["A1", "A2", "A3", "A4", "A5"]
    text = remanence("plan", "small.yaml").out
    positions = [text.index(stage.summary) for stage in SCHEDULE]
    assert positions == sorted(positions)
    for assumption in plan["assumptions"]:
        assert assumption["reason"] in text


def test_plan_says_when_the_grid_must_be_scanned(remanence: Call) -> None:
    symmetric = remanence("plan", "small.yaml", "--set", "narrative.lock_in_mode=symmetric")
    assert "scanned grid" in symmetric.out
    assert "A1 not guaranteed" in symmetric.out


def test_the_schema_is_that_of_the_model_with_extends(remanence: Call) -> None:
    schema = strictly(remanence("schema").out)
    assert schema["properties"].pop("extends")["type"] == "string"
    assert schema.pop("$schema").endswith("2020-12/schema")
    assert schema == json.loads(json.dumps(Scenario.model_json_schema()))
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("what", ["scenarios", "variables", "schedule"])
def test_lists_are_the_same_as_text_and_as_json(remanence: Call, what: str) -> None:
    rows = strictly(remanence("list", what, "--json").out)
    lines = remanence("list", what).out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == [row["name"] for row in rows]
    assert all(row["meaning"] for row in rows)
    names = {
        "scenarios": {"quickstart", "emergent", "labour_market"},
        "variables": {"prevalence", "prevalence_group[group]", "stress[group][channel]"},
        "schedule": {stage.name for stage in SCHEDULE},
    }[what]
    assert names <= {row["name"] for row in rows}
    if what == "variables":
        assert len(rows) == len(VARIABLES)


def test_a_scenario_is_listed_by_its_first_sentence_on_one_line(
    remanence: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "told.yaml"
    file.write_text("description: |\n  Told in\n  two lines. And more.\n")
    monkeypatch.setattr("sim.scenario.shipped.shipped_scenarios", lambda: {"told": file})
    assert remanence("list").out == "told  Told in two lines\n"
