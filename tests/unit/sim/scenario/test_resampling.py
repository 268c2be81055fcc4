"""Rows with a time of their own, from CSV and Parquet, on the scenario's clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.processes.stressors import levels
from sim.scenario.load import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.schema.stressors import TableStressor

DATED = "date,x\n2001-01-15,1\n2001-01-20,3\n2001-03-02,5\n2001-07-31T23:00,2\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(content: str, *settings: str, unit: str = "month", steps: int = 12) -> TableStressor:
    if content:
        Path("x.csv").write_text(content)
    names = [setting.split(":")[0] for setting in settings]
    keys = [k for k in ("file: x.csv", "column: x", "time: date") if k.split(":")[0] not in names]
    block = ", ".join([*keys, *settings])
    text = f"time: {{steps: {steps}, unit: {unit}}}\nstressors: [{{kind: series, {block}}}]\n"
    Path("s.yaml").write_text(text)
    (stressor,) = load_scenario("s.yaml").stressors
    assert isinstance(stressor, TableStressor)
    return stressor


def path(content: str, *settings: str, unit: str = "month", steps: int = 12) -> list[float]:
    return levels(table(content, *settings, unit=unit, steps=steps), steps).tolist()


def refusal(content: str, *settings: str, unit: str = "month", steps: int = 12) -> str:
    with pytest.raises(ScenarioError) as caught:
        table(content, *settings, unit=unit, steps=steps)
    (problem,) = caught.value.problems
    return problem.message


def test_rows_last_until_the_next_one() -> None:
    assert path(DATED) == [2.0, 2.0, 5.0, 5.0, 5.0, 5.0, *[2.0] * 6]


def test_or_are_joined_by_straight_lines() -> None:
    expected = [2.0, 3.5, 5.0, 4.25, 3.5, 2.75, *[2.0] * 6]
    np.testing.assert_allclose(path(DATED, "interpolation: linear"), expected)


@pytest.mark.parametrize(
    ("how", "first"), [("mean", 2.0), ("sum", 4.0), ("max", 3.0), ("last", 3.0)]
)
def test_rows_in_one_step_become_one(how: str, first: float) -> None:
    assert table(DATED, f"aggregate: {how}").levels == (first, 5.0, 2.0)


def test_the_largest_is_not_the_last() -> None:
    falling = "date,x\n2001-01-15,3\n2001-01-20,1\n"
    assert table(falling, "aggregate: max").levels == (3.0,)
    assert table(falling, "aggregate: last").levels == (1.0,)


def test_scale_and_offset_come_after_pooling() -> None:
    assert table(DATED, "aggregate: sum", "offset: 3", "scale: 2").levels == (2.0, 4.0, 0.0)


def test_the_clock_may_begin_elsewhere() -> None:
    assert table(DATED, "begin: 2000-12-31").steps == (1, 3, 7)
    assert path(DATED, "begin: 2001-05-09") == [5.0, 5.0, *[2.0] * 10]
    assert path(DATED, "begin: 2001-05-09", "interpolation: linear")[:3] == [3.5, 2.75, 2.0]
    assert path(DATED, "begin: 2001-03-31")[:2] == [5.0, 5.0]


@pytest.mark.parametrize(
    ("unit", "steps"),
    [
        ("hour", (0, 120, 1104, 4751)),
        ("day", (0, 5, 46, 197)),
        ("week", (0, 6, 28)),
        ("quarter", (0, 2)),
        ("year", (0,)),
    ],
)
def test_units_of_a_step(unit: str, steps: tuple[int, ...]) -> None:
    assert table(DATED, unit=unit, steps=10_000).steps == steps


def test_weeks_begin_on_monday() -> None:
    """2001-01-14 was a Sunday."""
    assert table("date,x\n2001-01-14,1\n2001-01-15,2\n2001-01-21,3\n", unit="week").steps == (0, 1)


def test_times_with_an_offset_are_read_in_utc() -> None:
    content = "date,x\n2001-01-31T23:30-02:00,1\n2001-03-01T00:30+02:00,2\n"
    assert table(content, "begin: 2001-01-01").steps == (1,)


def test_numbers_are_steps_whatever_the_unit() -> None:
    content = "date,x\n1.5,1\n1.75,4\n7,2\n"
    assert table(content, unit="fortnight").steps == (1, 7)
    assert table(content, unit="fortnight").levels == (2.5, 2.0)
    assert table(content, "begin: 1.5", unit="step").steps == (0, 5)
    years = "date,x\n1959,1\n1960,4\n"
    assert table(years, "begin: 1959", unit="turn").steps == (0, 1)
    assert "begins at step 1,959, and the last step is 11" in refusal(years, unit="turn")


@pytest.mark.parametrize("settings", [(), ("begin: 1959",)])
@pytest.mark.parametrize("written", ["1959", "19590131"])
def test_numbers_that_could_be_dates_are_not_guessed_at(
    written: str, settings: tuple[str, ...]
) -> None:
    content = f"date,x\n{written},1\n"
    said = f"x.csv:2: `{written}` in column `date` could be a date or a step"
    assert refusal(content, *settings, unit="month") == said
    assert table(f"date,x\n{written},1\n", "begin: 1959-01-01", unit="month").steps == (0,)


def test_parquet_says_the_same_as_csv() -> None:
    dates = pd.to_datetime(
        ["2001-01-15", "2001-01-20", "2001-03-02", "2001-07-31T23:00"], format="ISO8601"
    )
    frame = pd.DataFrame({"date": dates, "x": [1.0, 3.0, 5.0, 2.0], "day": dates.date})
    frame.to_parquet("x.parquet")
    for time in ("date", "day"):
        read = table("", "file: x.parquet", f"time: {time}", "interpolation: linear")
        assert read == table(DATED, "interpolation: linear")
    plain = "stressors: [{kind: series, file: x.parquet, column: x}]\n"
    Path("p.yaml").write_text(plain)
    Path("c.yaml").write_text(plain.replace("parquet", "csv"))
    assert load_scenario("p.yaml") == load_scenario("c.yaml")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("y", "has no column `y`"),
        ("date", "row 1: `2001-01-01` in column `date` is not a number"),
        ("gap", "row 2: `nan` in column `gap` is not a number"),
        ("hole", "row 1: `` in column `hole` is not a number"),
    ],
)
def test_what_is_wrong_in_parquet(column: str, said: str) -> None:
    frame = pd.DataFrame({"date": ["2001-01-01", "2001-02-01"], "gap": [1.0, 2.0]})
    frame["hole"] = pd.array([None, 2], dtype="Int64")
    frame.to_parquet("x.parquet")
    if column == "gap":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"date": ["a", "b"], "gap": [1.0, float("nan")]}), "x.parquet")
    message = refusal("", "file: x.parquet", f"column: {column}")
    assert message.startswith("x.parquet")
    assert said in message


def test_what_is_no_parquet() -> None:
    Path("x.parquet").write_bytes(b"PAR1" + bytes(30))
    assert refusal("", "file: x.parquet").startswith("cannot read x.parquet")


WRONG = {
    "empty line": ("2001-02-15,1\n\n2001-03-15,2\n", "x.csv:3: an empty line"),
    "twice": ("2001-01-15,1\n2001-01-15,2\n", "x.csv:3: the time `2001-01-15` is given twice"),
    "unsorted": ("2001-02-15,1\n2001-01-15,2\n", "x.csv:3: the time `2001-01-15` comes after"),
    "no time": ("2001-02-15,1\n ,2\n", "x.csv:3: nothing in column `date`"),
    "no value": ("2001-02-15,1\n2001-03-15,\n", "x.csv:3: `` in column `x` is not a number"),
    "no date": ("2001-02-15,1\nMarch,2\n", "x.csv:3: `March` in column `date` is no ISO date"),
    "a number": ("2001-02-15,1\n1e3,2\n", "x.csv:3: `1e3` in column `date` is no ISO date"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_times_is_said_with_its_place(case: str) -> None:
    rows, said = WRONG[case]
    assert said in refusal(f"date,x\n{rows}")


def test_what_is_no_table() -> None:
    assert refusal("\n") == "x.csv is empty"
    Path("x.csv").write_bytes(b"date,x\n2001-01-01,\xff\n")
    assert refusal("") == "x.csv is not text in UTF-8"
    assert "x.csv cannot be read: " in refusal('date,x\n"2001-01-01"1,2\n')


def hint(content: str, *settings: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        table(content, *settings)
    return caught.value.problems[0].hint


def test_a_hint_says_what_there_is_and_where_files_are_looked_for() -> None:
    assert hint("a,b\n1,2\n") == "columns: a, b"
    assert hint(",\n1,2\n") == "columns: none has a name"
    assert hint("", "file: y.csv") == "paths are relative to the scenario file"
    assert hint("", f"file: {Path('y.csv').absolute()}") == ""
    Path("s.yaml").write_text("population: {initial: {file: x.csv}}\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario("s.yaml", overrides=["population.initial.file=y.csv"])
    assert caught.value.problems[0].hint == "paths are relative to the current folder"


def test_empty_lines_may_end_a_file() -> None:
    assert table(DATED + "\n\r\n\n") == table(DATED)


def test_what_cannot_be_put_on_the_clock() -> None:
    assert "steps of one `fortnight`" in refusal(DATED, unit="fortnight")
    assert "ends before step 0" in refusal(DATED, "begin: 2005-01-01")
    assert "begins at step 132" in refusal(DATED, "begin: 1990-01-01")
    assert "`begin` must be an ISO date; got `soon`" in refusal(DATED, "begin: soon")
    assert "no ISO date" in refusal("date,x\n1.5,2\n", "begin: 2001-01-01")
    assert "no column `dtae`" in refusal(DATED, "time: dtae")
    huge = "date,x\n0001-01-01,1\n9999-01-01,1\n"
    assert "is no ISO date" in refusal(huge, unit="hour") or "end at step" in refusal(
        huge, unit="hour"
    )
    assert "level of" in refusal("date,x\n2001-01-01,9e8\n2001-01-02,9e8\n", "aggregate: sum")
