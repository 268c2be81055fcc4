from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.network.generators import block_model
from sim.scenario.load import load_scenario
from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.schema import Scenario
from sim.scenario.schema.population import Population
from sim.scenario.series import MAX_LEVEL, MAX_STEPS
from sim.scenario.sheet import MAX_ROWS
from sim.streams import Draws


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str, *overrides: str) -> Scenario:
    Path("s.yaml").write_text(text, encoding="utf-8")
    return load_scenario("s.yaml", overrides=overrides)


def refusal(text: str, *overrides: str) -> Problem:
    with pytest.raises(ScenarioError) as caught:
        load(text, *overrides)
    (problem,) = caught.value.problems
    return problem


def series(content: str | bytes, *overrides: str) -> tuple[float, ...]:
    """The levels a series of column `x` stands for."""
    raw = content.encode() if isinstance(content, str) else content
    Path("x.csv").write_bytes(raw)
    loaded = load("stressors: [{kind: series, file: x.csv, column: x}]\n", *overrides)
    stressor = loaded.stressors[0]
    assert stressor.kind == "table"
    return stressor.levels


def broken_series(content: str | bytes, *overrides: str) -> Problem:
    with pytest.raises(ScenarioError) as caught:
        series(content, *overrides)
    (problem,) = caught.value.problems
    return problem


def test_a_series_becomes_a_table() -> None:
    Path("x.csv").write_text("t,x\n1,5\n2,6.5\n3,4\n")
    text = (
        "stressors:\n  - {kind: series, file: x.csv, column: x, channel: deprivation,"
        " groups: [everyone], offset: 5, scale: 2, steps_per_row: 3, interpolation: linear}\n"
    )
    (stressor,) = load(text).stressors
    assert stressor.kind == "table"
    assert (stressor.steps, stressor.levels) == ((0, 3, 6), (0.0, 3.0, 0.0))
    assert (stressor.channel, stressor.groups) == ("deprivation", ("everyone",))
    assert stressor.interpolation == "linear"


@pytest.mark.parametrize(
    "content",
    ["x\n1\n2\n", "x\r\n1\r\n2\r\n", "\ufeffx\n1\n2", 'x\n"1"\n +2. \n\n', "x,y\n1,a\n2,b,c\n"],
)
def test_a_series_is_read_however_it_is_written(content: str) -> None:
    assert series(content) == (1.0, 2.0)


@pytest.mark.parametrize(
    "field", ["", " ", "n/a", "nan", "inf", "-inf", "1e999", "1_000", "0x10", "1,5", "٣", "1 2"]
)
def test_only_plain_finite_numbers_are_levels(field: str) -> None:
    problem = broken_series(f'x\n1\n"{field}"\n')
    assert problem.message == f"x.csv:3: `{field}` in column `x` is not a number"
    assert (problem.place.line, problem.place.column) == (1, 34)


def test_the_line_of_a_bad_number_is_that_of_the_file() -> None:
    assert "x.csv:4:" in broken_series("x\n1\n2\noops\n").message


def test_an_empty_line_between_numbers_is_refused() -> None:
    assert "x.csv:3: an empty line" in broken_series("x\n1\n\n2\n").message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "x.csv is empty"),
        (b"x\n", "has no rows below its header"),
        (b"x,x\n1,2\n", "has several columns `x`"),
        (b"x,y\n1\n,2\n", "x.csv:3: `` in column `x` is not a number"),
        (b"y;x\n1;2\n", "has no column `x`"),
        (b"x\n\xff\n", "x.csv is not text in UTF-8"),
        (b'x\n"1\n', "x.csv cannot be read"),
        (b"x\n1\x00\n", "x.csv"),
    ],
)
def test_a_broken_series_is_refused_where_it_is_named(content: bytes, said: str) -> None:
    problem = broken_series(content)
    assert said in problem.message
    assert problem.place.source.name == "s.yaml"


def test_a_series_has_limits() -> None:
    assert len(series("x\n" + "1\n" * MAX_ROWS)) == MAX_ROWS
    assert "more than" in broken_series("x\n" + "1\n" * (MAX_ROWS + 1)).message
    half = f"stressors.0.steps_per_row={MAX_STEPS}"
    assert len(series("x\n1\n2\n", half)) == 2
    assert f"end at step {2 * MAX_STEPS:,}" in broken_series("x\n1\n2\n3\n", half).message
    largest = f"stressors.0.scale={MAX_LEVEL}"
    assert series("x\n1\n-2\n", largest) == (MAX_LEVEL, 0.0)
    assert "becomes a level of" in broken_series("x\n1.01\n", largest).message
    assert "becomes a level of" in broken_series("x\n1e308\n", largest).message


def test_a_series_lies_beside_the_file_that_names_it() -> None:
    Path("deep").mkdir()
    Path("deep/x.csv").write_text("x\n1\n")
    Path("deep/base.yaml").write_text("stressors: [{kind: series, file: x.csv, column: x}]\n")
    assert load("extends: deep/base.yaml\n").stressors[0].kind == "table"
    problem = refusal("extends: deep/base.yaml\n", "stressors.0.file=x.csv")
    assert "cannot read x.csv" in problem.message
    assert problem.place.source.override


def test_an_edge_list_is_resolved_to_its_content() -> None:
    Path("e.csv").write_text("source,target\n0,1\n1,2\n")
    text = "population: {size: 3}\nnetwork: {kind: edge_list, file: e.csv}\n"
    network = load(text).network
    assert network.kind == "edge_list"
    assert len(network.digest) == 64
    load(text, f"network.digest='{network.digest}'")
    Path("e.csv").write_text("source,target\n0,1\n1,0\n")
    assert "is not the file" in refusal(text, f"network.digest='{network.digest}'").message


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("source,target\n0,7\n", "e.csv:2:3: target = 7 must lie in [0, 2]", "ids start at 0"),
        ("source,target\n0.0,1\n", "must be a whole number", ""),
        ("source,taget\n0,1\n", "unknown column 'taget'", "did you mean 'target'?"),
        ("source,target,weight\n0,1,-1\n", "must be >= 0", "signed: true"),
        ("source,target\n", "no edges", ""),
        ("", "the file is empty", "source,target"),
    ],
)
def test_a_bad_edge_list_is_refused_when_loaded(content: str, message: str, hint: str) -> None:
    Path("e.csv").write_text(content)
    problem = refusal("population: {size: 3}\nnetwork: {kind: edge_list, file: e.csv}\n")
    assert message in problem.message
    assert hint in problem.hint
    assert (problem.place.line, problem.rule) == (2, "file")


def test_negative_ties_need_a_signed_scenario() -> None:
    Path("e.csv").write_text("source,target,weight\n0,1,-1\n")
    load("signed: true\npopulation: {size: 3}\nnetwork: {kind: edge_list, file: e.csv}\n")


@given(
    parts=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    size=st.integers(9, 60),
    degree=st.floats(0, 8),
    homophily=st.floats(0, 1),
)
def test_a_block_model_that_loads_can_be_built(
    parts: list[int], size: int, degree: float, homophily: float
) -> None:
    groups = {f"g{i}": part / sum(parts) for i, part in enumerate(parts)}
    written = ", ".join(f"{name}: {share!r}" for name, share in groups.items())
    text = (
        f"population: {{size: {size}, groups: {{{written}}}}}\n"
        f"network: {{kind: block_model, degree: {degree!r}, homophily: {homophily!r}}}\n"
    )
    sizes = Population.model_validate({"size": size, "groups": groups}).group_sizes()
    members = [number for number, name in enumerate(sizes) for _ in range(sizes[name])]
    try:
        load(text)
    except ScenarioError as error:
        (problem,) = error.problems
        assert problem.key == "network.homophily" or "gets none of" in problem.message
        if problem.key == "network.homophily":
            with pytest.raises(ValueError, match=r"homophily|offers"):
                block_model(members, degree=degree, homophily=homophily, draws=Draws(1))
    else:
        block_model(members, degree=degree, homophily=homophily, draws=Draws(1))


def test_a_group_of_nobody_is_refused_unless_its_share_is_zero() -> None:
    text = "population: {size: 12, groups: {most: 0.99, few: 0.01}}\n"
    problem = refusal(text)
    assert "group `few` with a share of 0.01 gets none of 12 persons" in problem.message
    assert (problem.place.line, problem.place.column) == (1, 50)
    load("population: {size: 12, groups: {most: 1, few: 0}}\n")


def test_a_shipped_scenario_goes_by_its_name() -> None:
    assert load_scenario("quickstart").name == "quickstart"
    with pytest.raises(ScenarioError) as caught:
        load_scenario("quikstart")
    assert caught.value.problems[0].hint == "did you mean `quickstart`?"
    with pytest.raises(ScenarioError) as caught:
        load_scenario("zzz")
    assert "quickstart" in caught.value.problems[0].hint


def test_a_folder_of_that_name_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("quickstart").mkdir()
    assert load_scenario("quickstart").name == "quickstart"
    Path("quickstart").rmdir()
    Path("quickstart").write_text("name: mine\n")
    assert load_scenario("quickstart").name == "mine"


def test_overrides_of_a_name_that_does_not_exist_change_nothing() -> None:
    with pytest.raises(ScenarioError, match="no shipped scenario"):
        load_scenario("zzz", overrides=["a"])
