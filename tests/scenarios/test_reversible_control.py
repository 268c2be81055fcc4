"""The control ships the twin of the quickstart written out; nothing may remain in it."""

from __future__ import annotations

import pytest

from analysis.cost import measure
from analysis.reversibility import reversible_twin, twin_at
from sim.scenario.load import load_scenario
from sim.scenario.resolve import dump
from sim.scenario.schema import Scenario

FACTOR = 0.25


def without_labels(scenario: Scenario) -> dict[str, object]:
    content = dump(scenario)
    return {name: content[name] for name in content if name not in ("name", "description")}


def check_that_nothing_remains(scenario: Scenario, replicate: int) -> None:
    measured = measure(scenario, replicate)
    (check,) = measured.checks
    assert check["certificate_holds"]
    assert check["certificate_prevalence"] == 0.0
    # What remains is what the last two of the doubling rests leave.
    for row in measured.remanence[-2:]:
        assert (row["prevalence"], row["cost_hold"], row["cost_heal"]) == (0.0, 0.0, 0.0)
    assert {row["cost"] for row in measured.cost} == {0.0}
    # The exposure itself must bite, or there would be nothing to spring back from.
    assert max(row["prevalence_exposed"] for row in measured.cost) > 0.5


def test_the_file_is_the_transformation_written_out() -> None:
    twin = twin_at(load_scenario("quickstart"), FACTOR)
    assert without_labels(load_scenario("reversible_control")) == without_labels(twin)


def test_the_file_follows_the_quickstart_in_all_else() -> None:
    change = ["seed=3", "network.degree=6", "stressors.0.to_level=0.2", "safe.prevalence=0.05"]
    twin = twin_at(load_scenario("quickstart", overrides=change), FACTOR)
    control = load_scenario("reversible_control", overrides=change)
    assert without_labels(control) == without_labels(twin)


def test_nothing_remains_in_a_small_population() -> None:
    small = ["population.size=600", "restoration.delays=4"]
    control = load_scenario("reversible_control", overrides=small)
    for replicate in range(2):
        check_that_nothing_remains(control, replicate)
    quickstart = measure(load_scenario("quickstart", overrides=small), 0)
    assert quickstart.remanence[-1]["prevalence"] > 0.0
    assert not quickstart.checks[0]["certificate_holds"]


@pytest.mark.slow
def test_the_search_finds_the_file_and_nothing_remains_in_full() -> None:
    twin, factor = reversible_twin(load_scenario("quickstart"))
    control = load_scenario("reversible_control")
    assert factor == FACTOR
    assert without_labels(control) == without_labels(twin)
    for replicate in range(control.restoration.replicates):
        check_that_nothing_remains(control, replicate)
