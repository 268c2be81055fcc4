"""One number a person from a column of a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.model import AlignmentModel
from sim.run_store import RunDirectory
from sim.scenario.load import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.resolve import digest, with_changes

N = 400


@pytest.fixture
def triangle(tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A Preisach measure uniform on 0 ≤ down ≤ up ≤ 1, written down twice."""
    rng = np.random.default_rng(1)
    down, up = np.sort(rng.random((N, 2)), axis=1).T
    table = pd.DataFrame({"up": up, "width": up - down})
    table.to_csv(tmp_path / "thresholds.csv", index=False)
    table.to_parquet(tmp_path / "thresholds.parquet")
    return up, up - down


def written(
    folder: Path, *, suffix: str = "csv", groups: str = "{a: 1}", column: str = "up"
) -> Path:
    path = folder / "scenario.yaml"
    file = f"kind: values, file: thresholds.{suffix}"
    path.write_text(
        f"channels: [only]\npopulation: {{size: {N}, groups: {groups}}}\n"
        f"constraints:\n  activation: {{{file}, column: {column}}}\n"
        f"  width: {{{file}, column: width}}\n"
    )
    return path


def identity(path: Path) -> str:
    return digest(load_scenario(path), model_version="test")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("groups", ["{a: 1}", "{a: 0.25, b: 0.75}"])
def test_up_and_width_are_those_of_the_same_person(
    tmp_path: Path, triangle: tuple[np.ndarray, np.ndarray], suffix: str, groups: str
) -> None:
    up, width = triangle
    scenario = load_scenario(written(tmp_path, suffix=suffix, groups=groups))
    population = AlignmentModel(scenario).frame.population
    np.testing.assert_array_equal(population.up[0], up)
    np.testing.assert_array_equal(population.down[0], up - width)


def test_a_run_keeps_a_copy_that_is_the_same_scenario(
    tmp_path: Path, triangle: tuple[np.ndarray, np.ndarray]
) -> None:
    path = written(tmp_path)
    before = identity(path)
    RunDirectory(tmp_path / "run").write_scenario(load_scenario(path))
    (tmp_path / "thresholds.csv").unlink()
    again = tmp_path / "run" / "scenario.yaml"
    assert identity(again) == before
    np.testing.assert_array_equal(
        AlignmentModel(load_scenario(again)).frame.population.up[0], triangle[0]
    )


def test_what_stands_in_the_file_counts(
    tmp_path: Path, triangle: tuple[np.ndarray, np.ndarray]
) -> None:
    path = written(tmp_path)
    before, scenario = identity(path), load_scenario(path)
    table = pd.read_csv(tmp_path / "thresholds.csv")
    table.assign(up=table["up"] + 1.0).to_csv(tmp_path / "thresholds.csv", index=False)
    assert identity(path) != before
    with pytest.raises(OSError, match="changed since"):
        AlignmentModel(scenario)
    with_changes(scenario, {"constraints.coupling": 0.5})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("width\n1\n", "no column `up`"),
        ("up,up,width\n1,1,1\n", "several columns `up`"),
        ("up,width\n1,1\nx,1\n", "thresholds.csv:3: `x` in column `up`"),
        ("up,width\n1,1\n1e10,1\n", "`1e10` in column `up` is not a number that a person"),
        ("up,width\n1,1\nnan,1\n", "`nan` in column `up`"),
        ("up,width\n", "has no rows"),
        ("", "thresholds.csv is empty"),
        ("up,width\n1,1\n\n1,1\n", "thresholds.csv:3: an empty line"),
        ("\nup,width\n1,1\n", "thresholds.csv:1: an empty line"),
        ("up,width\n1,1\n\n\n", "1 values, but group `a` has 400 persons"),
        ("up,width\n1,1\n", "1 values, but group `a` has 400 persons"),
        ("PAR1 and then nothing", "cannot read column `up`"),
    ],
)
def test_a_wrong_file_is_refused_where_it_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "thresholds.csv").write_text(content)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(written(tmp_path))
    assert said in caught.value.problems[0].message
    assert caught.value.problems[0].place.line == 4


def test_a_hole_in_a_parquet_file_is_refused(
    tmp_path: Path, triangle: tuple[np.ndarray, np.ndarray]
) -> None:
    table = pd.DataFrame({"up": triangle[0], "width": triangle[1]})
    table.loc[7, "up"] = np.nan
    table.to_parquet(tmp_path / "thresholds.parquet")
    with pytest.raises(ScenarioError, match="nothing in column `up`, row 8"):
        load_scenario(written(tmp_path, suffix="parquet"))


STARTED = """
import os, sys
from pathlib import Path
import pyarrow.parquet
from sim.persons_table import table_of
from sim.scenario.sheet import Sheet
from sim.scenario.value_file import parse_values

def threads():
    return len(os.listdir("/proc/self/task"))

content = Path("thresholds.parquet").read_bytes()
before = threads()
table_of(content).numbers("up", "a number")
parse_values(content, "thresholds.parquet", "up")
Sheet.of(content, "thresholds.parquet", place=None)
sys.exit(threads() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_reading_parquet_starts_no_threads(
    tmp_path: Path, triangle: tuple[np.ndarray, np.ndarray]
) -> None:
    """One that still runs as the interpreter ends may abort it."""
    root = Path(__file__).parents[4]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", STARTED]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, timeout=120)
    assert done.returncode == 0
