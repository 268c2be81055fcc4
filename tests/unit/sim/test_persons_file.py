"""Where persons start: by group, listed, from a file, and warm from an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.reversibility import exposure_bound
from sim.model import AlignmentModel
from sim.persons_table import PersonsFileError
from sim.properties import starts_at_bottom
from sim.run_store import RunDirectory
from sim.scenario.load import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.resolve import digest, full, with_changes
from sim.scenario.schema import Scenario

WORLD = """
seed: 3
time: {{steps: 40}}
population: {{size: 60, groups: {{a: 0.5, b: 0.5}}, initial: {{trust: {{kind: uniform, low: 0, high: 1}}}}}}
channels: [work, home]
network: {{kind: poisson, degree: 6}}
stressors:
  - {{kind: seasonal, mean: 0.15, amplitude: 0.1, period: 12, peak: {peak}}}
exposure: {{leak: 0.1}}
constraints: {{coupling: 0.5, narrative_feed: 0.4, relax: until_stable}}
"""  # noqa: E501


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, peak in (("first", 3), ("second", -17)):
        (tmp_path / f"{name}.yaml").write_text(WORLD.format(peak=peak))
    return tmp_path


def portrait(model: AlignmentModel) -> pd.DataFrame:
    """One row a person, as a stored snapshot has them."""
    state, n = model.state, model.frame.population.n_persons
    columns: dict[str, Any] = {"replicate": 0, "step": model.clock, "person": np.arange(n)}
    columns["group"] = model.group_names[model.frame.population.group]
    for k, channel in enumerate(model.resolved.channels):
        columns[f"exposure_{channel}"] = state.exposure[k, :, 0]
        columns[f"constraint_{channel}"] = state.constraint[k, :, 0]
        columns[f"up_{channel}"] = model.frame.population.up[k]
    for name in ("narrative", "lock_in", "trust"):
        columns[name] = getattr(state, name)[:, 0]
    return pd.DataFrame(columns)


def write(table: pd.DataFrame, name: str) -> str:
    table.to_csv(name, index=False) if name.endswith(".csv") else table.to_parquet(name)
    return name


def start(file: str, *more: str, scenario: str = "second.yaml") -> Scenario:
    settings = [f"population.initial.file={file}", *more]
    return load_scenario(scenario, overrides=settings)


def refusal(file: str, *more: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        start(file, *more)
    (problem,) = caught.value.problems
    return problem.message


def assert_same_persons(one: AlignmentModel, other: AlignmentModel) -> None:
    for name in ("exposure", "constraint", "narrative", "lock_in", "trust"):
        np.testing.assert_array_equal(getattr(one.state, name), getattr(other.state, name), name)


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("name", ["persons.parquet", "persons.csv"])
def test_a_warm_start_goes_on_bit_for_bit(name: str, precision: str) -> None:
    setting = f"precision={precision}"
    model = AlignmentModel(load_scenario("first.yaml", overrides=[setting]))
    tables = [portrait(model)]
    for _ in range(20):
        model.step()
    tables.append(portrait(model).sample(frac=1.0, random_state=1))
    assert tables[1]["narrative"].max() > 0.0 < tables[1]["constraint_work"].sum()
    stored = pd.concat([*tables, tables[1].assign(replicate=1, narrative=1.0)])
    file = write(stored.astype({"trust": np.float64}), name)
    choice = ["population.initial.step=20", "population.initial.replicate=0", setting]
    warm = AlignmentModel(start(file, *choice))
    assert_same_persons(warm, model)
    for _ in range(20):
        model.step()
        warm.step()
        assert_same_persons(warm, model)
    other = AlignmentModel(
        start(file, "population.initial.step=20", "population.initial.replicate=1")
    )
    assert (other.state.narrative == 1.0).all()


def test_columns_not_given_stay_as_the_scenario_says() -> None:
    plain = AlignmentModel(load_scenario("second.yaml"))
    file = write(pd.DataFrame({"exposure_home": np.arange(60.0)}), "e.csv")
    model = AlignmentModel(start(file))
    np.testing.assert_array_equal(model.state.exposure[1, :, 0], np.arange(60.0))
    assert (model.state.exposure[0] == 0.0).all()
    np.testing.assert_array_equal(model.state.trust, plain.state.trust)
    assert not starts_at_bottom(model.resolved)
    assert exposure_bound(model.resolved, model.frame.population) is None


def test_a_run_directory_holds_all_it_takes(folder: Path) -> None:
    file = write(portrait(AlignmentModel(load_scenario("first.yaml"))), "deep.parquet")
    scenario = start(file)
    RunDirectory(folder / "run").write_scenario(scenario)
    Path(file).unlink()
    again = load_scenario(folder / "run" / "scenario.yaml")
    assert again.population.initial.file == str(folder / "run" / "initial.parquet")
    assert digest(again, model_version="t") == digest(scenario, model_version="t")
    assert_same_persons(AlignmentModel(again), AlignmentModel(load_scenario("first.yaml")))


def test_what_is_in_the_file_names_the_results_and_not_where_it_lies() -> None:
    table = pd.DataFrame({"narrative": np.linspace(0.0, 1.0, 60)})
    one, two = start(write(table, "one.csv")), start(write(table, "two.csv"))
    other = start(write(1.0 - table, "other.csv"))
    names = [digest(scenario, model_version="t") for scenario in (one, two, other)]
    assert names[0] == names[1] != names[2]


def test_a_file_that_changed_is_not_read() -> None:
    table = pd.DataFrame({"narrative": np.linspace(0.0, 1.0, 60)})
    scenario = start(write(table, "one.csv"))
    write(1.0 - table, "one.csv")
    with pytest.raises(PersonsFileError, match="has changed"):
        AlignmentModel(scenario)


def test_a_file_is_found_beside_the_scenario_that_names_it(folder: Path) -> None:
    (folder / "inner").mkdir()
    write(pd.DataFrame({"narrative": np.full(60, 0.25)}), "inner/n.csv")
    (folder / "inner" / "base.yaml").write_text("population: {size: 60, initial: {file: n.csv}}\n")
    (folder / "outer.yaml").write_text("extends: inner/base.yaml\n")
    assert (AlignmentModel(load_scenario("outer.yaml")).state.narrative == 0.25).all()


GOOD = pd.DataFrame({"narrative": np.full(60, 0.5), "constraint_work": 1, "person": np.arange(60)})

BAD: dict[str, tuple[pd.DataFrame, str]] = {
    "too large": (
        GOOD.assign(narrative=np.where(np.arange(60) == 7, 1.5, 0.5)),
        "{9}: `narrative`",
    ),
    "below zero": (GOOD.assign(narrative=-0.1), "{2}: `narrative` must be a number in [0, 1]"),
    "half a constraint": (
        GOOD.assign(constraint_work=0.5),
        "{2}: `constraint_work` must be 0 or 1",
    ),
    "infinite": (GOOD.assign(exposure_home=np.inf), "{2}: `exposure_home`"),
    "too few": (GOOD.iloc[:-1], ": 59 rows, and the population has 60 persons"),
    "a person twice": (
        GOOD.assign(person=GOOD.person.replace(5, 4)),
        "`person` 4 is given twice",
    ),
    "a person too many": (GOOD.assign(person=GOOD.person + 1), "`person` 0 is missing"),
    "unknown": (GOOD.assign(lockin=0.5), "unknown column `lockin`"),
    "unknown channel": (GOOD.assign(exposure_zoo=0.5), "unknown column `exposure_zoo`"),
    "nothing to read": (GOOD[["person"]], "no column says how persons start"),
    "several steps": (GOOD.assign(step=GOOD.person % 2), "several values of `step`: 0, 1"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", ["bad.csv", "bad.parquet"])
def test_what_is_wrong_is_said_with_its_place(case: str, name: str) -> None:
    table, said = BAD[case]
    if "{" in said:
        line = int(said[1 : said.index("}")])
        place = f":{line}" if name.endswith("csv") else f", row {line - 1}"
        said = f"{name}{place}{said[said.index('}') + 1 :]}"
    assert said in refusal(write(table, name))


def test_files_that_are_no_table_of_numbers() -> None:
    Path("ragged.csv").write_text("narrative,trust\n0.5,1\n0.5\n")
    assert refusal("ragged.csv") == "ragged.csv:3: 1 fields where the header has 2"
    Path("empty.csv").write_text("\n\n")
    assert refusal("empty.csv") == "empty.csv: the file is empty"
    Path("words.csv").write_text("narrative\n" + "0.5\n" * 30 + "half\n" + "0.5\n" * 29)
    assert refusal("words.csv").startswith("words.csv:32: `narrative`")
    Path("twice.csv").write_text("narrative,narrative\n0.5,1\n")
    assert "two columns" in refusal("twice.csv")
    Path("latin.csv").write_bytes(b"narrative\n\xe9\n")
    assert refusal("latin.csv") == "latin.csv: the file is not text in UTF-8"
    Path("broken.parquet").write_bytes(b"PAR1" + bytes(60))
    assert "no Parquet" in refusal("broken.parquet")
    write(GOOD.assign(narrative="much"), "text.parquet")
    assert "not numbers" in refusal("text.parquet")
    write(GOOD.assign(narrative=[None] * 3 + [0.5] * 57), "gap.parquet")
    assert "gap.parquet, row 1" in refusal("gap.parquet")
    write(GOOD, "good.csv")
    assert "no column `step`" in refusal("good.csv", "population.initial.step=3")
    write(GOOD.assign(step=3), "at_3.csv")
    assert "no row has `step` 4" in refusal("at_3.csv", "population.initial.step=4")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_an_empty_line_moves_nobody_up(ends: str, bom: str) -> None:
    def save(rows: list[str]) -> None:
        Path("gap.csv").write_bytes((bom + ends.join(rows)).encode())

    rows = ["narrative", *["0.5"] * 60]
    save([*rows, "", "", ""])
    assert start("gap.csv").population.initial.file is not None
    for line in (1, 2, 31, 61):
        save([*rows[: line - 1], "", *rows[line - 1 :]])
        assert refusal("gap.csv") == f"gap.csv:{line}: an empty line"
    if not bom:  # within quotes it is no line
        save(['narrative,"note' + 2 * ends + '"', *["0.5,0"] * 60])
        assert start("gap.csv").population.initial.file is not None


@pytest.mark.parametrize("name", ["groups.csv", "groups.parquet"])
def test_a_file_of_other_groups_is_refused_at_its_first_row_that_differs(name: str) -> None:
    mixed = "population.arrangement=shuffled"
    table = portrait(AlignmentModel(load_scenario("first.yaml", overrides=[mixed])))
    write(table.astype({"group": "category"}).sample(frac=1.0, random_state=2), name)
    scenario = start(name, mixed)
    for change in (
        "seed=4",
        "population.arrangement=contiguous",
        "population.groups={a: 0.3, b: 0.7}",
    ):
        assert "`group` is `" in refusal(name, mixed, change)
    with pytest.raises(PersonsFileError, match=r"row \d+: `group`|:\d+: `group`"):
        AlignmentModel(with_changes(scenario, {"seed": 4}))
    assert "every replicate" in refusal(name, mixed, "population.resample=population")
    other = table.assign(group=table["group"].where(table["person"] < 50, "c"))
    write(other.iloc[::-1], name)
    place, own = ":2" if name.endswith("csv") else ", row 1", table["group"][59]
    assert refusal(name, mixed) == f"{name}{place}: `group` is `c`, and person 59 is in `{own}`"
    start(write(other.drop(columns="group"), name))


def test_groups_may_start_otherwise_and_constraints_be_listed() -> None:
    def state_of(groups: dict[str, Any], **initial: Any) -> Any:
        population = {"size": 6, "groups": groups, "initial": initial}
        content = {
            "channels": ["a", "b"],
            "population": population,
            "network": {"kind": "complete"},
        }
        return AlignmentModel(full(Scenario.model_validate(content))).state

    own = {"trust": [0.1, 0.2, 0.3], "exposure": {"b": 0.5}, "constrained": {"a": [1, 0, 1]}}
    state = state_of(
        {"x": 0.5, "y": {"share": 0.5, "initial": own}}, trust=0.9, exposure=0.2, constrained=1.0
    )
    np.testing.assert_allclose(state.trust[:, 0], [0.9, 0.9, 0.9, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(state.exposure[:, :, 0], [[0.2] * 6, [0.2] * 3 + [0.5] * 3])
    np.testing.assert_array_equal(state.constraint[:, :, 0], [[1, 1, 1, 1, 0, 1], [1] * 6])
    listed = state_of({"x": 1.0}, constrained={"a": [0, 1, 0, 1, 0, 1]})
    np.testing.assert_array_equal(listed.constraint[:, :, 0], [[0, 1, 0, 1, 0, 1], [0] * 6])


def test_a_group_draws_as_it_would_in_a_population_that_starts_like_it() -> None:
    """The same uniforms, so that telling groups apart moves nobody else."""
    wide = {"kind": "uniform", "low": 0.0, "high": 1.0}

    def trust(groups: dict[str, Any], everyone: Any) -> np.ndarray:
        population = {"size": 40, "groups": groups, "initial": {"trust": everyone}}
        content = {"population": population, "network": {"kind": "complete"}}
        return AlignmentModel(full(Scenario.model_validate(content))).state.trust[:, 0]

    whole = trust({"x": 0.5, "y": 0.5}, wide)
    part = trust({"x": 0.5, "y": {"share": 0.5, "initial": {"trust": wide}}}, 1.0)
    np.testing.assert_array_equal(part[20:], whole[20:])
    assert (part[:20] == 1.0).all()


def test_the_bottom_is_told_from_what_groups_say() -> None:
    def at_bottom(initial: dict[str, Any]) -> bool:
        groups = {"x": 0.5, "y": {"share": 0.5, "initial": initial}}
        return starts_at_bottom(Scenario.model_validate({"population": {"groups": groups}}))

    assert at_bottom({})
    assert at_bottom({"trust": 1, "exposure": {"deprivation": 0}, "constrained": 0})
    for worse in ({"trust": 0.9}, {"exposure": {"deprivation": 0.1}}, {"constrained": 0.1}):
        assert not at_bottom(worse)
