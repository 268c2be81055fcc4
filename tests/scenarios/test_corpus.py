"""Files that must load, in short and in full form, and files that must not, with their message.

`invalid/NAME.txt` holds the whole message for `invalid/NAME.yaml`, as a person sees it.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
import yaml

from sim.model import AlignmentModel
from sim.scenario.load import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.reader import MAX_BYTES
from sim.scenario.resolve import digest, dump, full
from sim.scenario.schema import Scenario
from sim.scenario.shipped import shipped_scenarios

HERE = Path(__file__).parent
VALID = sorted((HERE / "valid").glob("*.yaml"))
INVALID = sorted((HERE / "invalid").glob("*.yaml"))


def identity(scenario: Scenario) -> str:
    return digest(scenario, model_version="test")


def named(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=[path.stem for path in paths])


def test_the_corpus_is_there() -> None:
    assert len(INVALID) >= 40
    assert len(VALID) >= 15


@named(INVALID)
def test_an_invalid_file_is_refused_with_its_message(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path.name)
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert caught.value.render(color=False) + "\n" == expected


def test_no_message_is_left_without_its_file() -> None:
    messages = {path.stem for path in (HERE / "invalid").glob("*.txt")}
    assert messages == {path.stem for path in INVALID}


@named([*VALID, *shipped_scenarios().values()])
def test_a_valid_file_survives_being_written_out(path: Path, tmp_path: Path) -> None:
    scenario = load_scenario(path)
    assert full(scenario) == scenario
    # Edge lists are named relative to the file; a run directory keeps a copy beside it.
    (tmp_path / "full.yaml").write_text(yaml.safe_dump(dump(scenario)), encoding="utf-8")
    again = load_scenario(tmp_path / "full.yaml")
    assert again == scenario
    assert identity(again) == identity(scenario)


@named([path for path in VALID if path.stem.endswith(".short")])
def test_short_and_full_form_are_the_same_scenario(path: Path) -> None:
    short = load_scenario(path)
    other = load_scenario(path.with_name(path.name.replace(".short", ".full")))
    assert dump(short) == dump(other)
    assert identity(short) == identity(other)


def test_no_two_valid_files_share_a_digest_but_short_and_full() -> None:
    digests = {identity(load_scenario(path)) for path in VALID}
    assert len(digests) == len({path.stem.removesuffix(".full") for path in VALID}) - sum(
        path.stem.endswith(".short") for path in VALID
    )


@named(VALID)
def test_a_valid_file_runs_to_its_last_step(path: Path) -> None:
    model = AlignmentModel(load_scenario(path, overrides=["time.steps=12", "restoration.delays=2"]))
    while model.running:
        model.step()
    assert model.clock == 12
    assert 0.0 <= model.prevalence() <= 1.0


def hostile(tmp_path: Path, name: str, content: bytes) -> ScenarioError:
    (tmp_path / name).write_bytes(content)
    start = time.perf_counter()
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / name)
    assert time.perf_counter() - start < 5.0
    return caught.value


RUBBISH = {
    "too large": (b"description: " + b"x" * MAX_BYTES, "1,000,000"),
    "too many values": (b"stressors: [" + b"1," * 60_000 + b"]", "more than 50,000 values"),
    "zeros": (b"\x00" * 100, "U+0000"),
    "UTF-16": (b"\xff\xfes\x00e\x00e\x00d\x00", "UTF-8"),
    "noise": (random.Random(1).randbytes(3000), ""),
    "keys of keys": (b"a: " * 3000, ""),
    "braces": (b"{" * 100_000, ""),
    "complex keys": (b"? " * 5000, ""),
    "tags": (b"!" * 5000, ""),
    "anchors": (b"&a " * 5000, ""),
    "right to left": ("\u202eseed: 1".encode(), ""),
}


@pytest.mark.parametrize(("content", "said"), RUBBISH.values(), ids=RUBBISH)
def test_rubbish_is_refused_quickly(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in str(hostile(tmp_path, "rubbish.yaml", content))


def test_loops_of_links_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    for name in ("loop.yaml", "folder.yaml", "pipe.yaml", "x" * 5000, "y" * 300 + ".yaml"):
        with pytest.raises(ScenarioError):
            load_scenario(tmp_path / name)


@pytest.mark.parametrize("name", ["pipe", "loop", "/dev/zero", "/dev/full", "/proc/self/mem"])
@pytest.mark.parametrize("block", ["series", "edge_list"])
def test_a_file_named_in_a_scenario_must_be_a_plain_one(
    tmp_path: Path, name: str, block: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    text = {
        "series": f"stressors: [{{kind: series, file: {name}, column: a}}]\n",
        "edge_list": f"network: {{kind: edge_list, file: {name}}}\n",
    }[block]
    assert name in str(hostile(tmp_path, "names.yaml", text.encode()))
