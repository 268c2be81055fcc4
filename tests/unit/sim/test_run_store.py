from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sim.run_store import (
    OccupiedError,
    RunDirectory,
    manifest_of,
    read_table,
    write_atomically,
    write_table,
)
from sim.scenario.load import load_scenario
from sim.scenario.resolve import digest, dump, full
from sim.scenario.schema import Scenario
from sim.version import MODEL_VERSION

SMALL = Scenario.model_validate({"name": "small", "seed": 7, "population": {"size": 20}})


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file.bin"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_file_is_flushed_to_disk_and_then_the_folder_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[bool, bool]] = []

    def note(handle: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        flushed.append((is_folder, (tmp_path / "file.bin").exists()))

    monkeypatch.setattr(os, "fsync", note)
    write_atomically(tmp_path / "file.bin", b"new")
    assert flushed == [(False, False), (True, True)]


@pytest.mark.parametrize("failing", ["fsync", "fdopen"])
def test_a_write_that_fails_keeps_the_old_file_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "file.bin"
    write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_atomically(path, b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def test_a_folder_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"exists|Not a directory") as caught:
        write_atomically(tmp_path / "file" / "x", b"")
    assert caught.value.filename == str(tmp_path / "file" / "x")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 kB, where one can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named_and_leaves_no_part(tiny_disk: Path) -> None:
    write_atomically(tiny_disk / "kept", b"old")
    for name in ("kept", "new"):
        with pytest.raises(OSError, match="No space left on device") as caught:
            write_atomically(tiny_disk / name, bytes(200_000))
        assert caught.value.filename == str(tiny_disk / name)
    assert [p.name for p in tiny_disk.iterdir()] == ["kept"]
    assert (tiny_disk / "kept").read_bytes() == b"old"


def test_equal_rows_are_equal_bytes_and_come_back(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"role": ["a", "b"], "x": [np.inf, np.nan], "n": [1, 2**53 + 1], "on": [True, False]}
    )
    write_table(tmp_path / "1.parquet", table)
    write_table(tmp_path / "2.parquet", table.set_index(pd.Index([5, 6])))
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()
    pd.testing.assert_frame_equal(read_table(tmp_path / "1.parquet"), table)


def test_a_damaged_page_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, pd.DataFrame({"x": np.random.default_rng(1).uniform(size=1000)}))
    content = bytearray(path.read_bytes())
    content[4000] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        read_table(path)


def test_a_manifest_says_what_is_needed_to_run_again() -> None:
    manifest = manifest_of(SMALL, command="cost", replicates=3)
    assert manifest["digest"] == digest(SMALL, model_version=str(MODEL_VERSION))
    assert (manifest["scenario"], manifest["seed"], manifest["replicates"]) == ("small", 7, 3)
    assert manifest["versions"]["numpy"] == np.__version__
    assert manifest["versions"]["python"] == sys.version.split()[0]
    json.dumps(manifest, allow_nan=False)


def commit_all(folder: Path) -> None:
    """Put what a folder holds into a repository of its own."""
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "not ours"]):
        subprocess.run([*git, *command], cwd=folder, check=True)


def copy_code(folder: Path) -> None:
    source = Path(__file__).parents[3] / "sim"
    shutil.copytree(source, folder / "sim", ignore=shutil.ignore_patterns("__pycache__"))


def commit_of_the_code_in(folder: Path) -> str:
    code = "import sim.run_store as s; print(s.__file__); print(s._commit())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    file, commit = done.stdout.splitlines()
    assert file == str(folder / "sim" / "run_store.py")
    return commit


def test_the_commit_is_that_of_the_code_not_of_a_repository_around_it(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("sim\n")
    commit_all(tmp_path)
    copy_code(tmp_path)
    assert commit_of_the_code_in(tmp_path) == ""


def test_uncommitted_edits_are_told_from_the_commit(tmp_path: Path) -> None:
    copy_code(tmp_path)
    commit_all(tmp_path)
    commit = commit_of_the_code_in(tmp_path)
    assert re.fullmatch("[0-9a-f]{40}", commit)
    version = tmp_path / "sim" / "version.py"
    version.write_text(f"{version.read_text()}# edited\n")
    assert commit_of_the_code_in(tmp_path) == f"{commit}+dirty"


def test_a_run_can_be_run_again_from_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "edges.csv").write_text("source,target\n0,1\n1,2\n")
    (tmp_path / "in" / "x.csv").write_text("x\n0.1\n0.2\n")
    (tmp_path / "in" / "s.yaml").write_text(
        "name: netted\npopulation: {size: 3}\nnetwork: {kind: edge_list, file: edges.csv}\n"
        "stressors: [{kind: series, file: x.csv, column: x}]\n"
    )
    scenario = load_scenario(tmp_path / "in" / "s.yaml")
    run = RunDirectory(tmp_path / "run")
    run.write_scenario(scenario)
    shutil.rmtree(tmp_path / "in")
    run = RunDirectory(run.folder.rename(tmp_path / "moved"))
    again = load_scenario(run.path("scenario.yaml"))
    assert digest(again, model_version="1") == digest(scenario, model_version="1")
    # Running it in its own folder must not lose the list it reads.
    run.write_scenario(again)
    assert run.path("network.csv").read_text() == "source,target\n0,1\n1,2\n"
    assert load_scenario(run.path("scenario.yaml")) == again


def test_the_stored_scenario_is_the_full_one(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.write_scenario(SMALL, name="twin.yaml")
    assert load_scenario(tmp_path / "twin.yaml") == full(SMALL)
    assert yaml.safe_load((tmp_path / "twin.yaml").read_text()) == dump(full(SMALL))


def test_json_is_strict(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.write_json("x.json", {"name": "∞", "values": [1, None]})
    assert run.read_json("x.json") == {"name": "∞", "values": [1, None]}
    with pytest.raises(ValueError, match="Out of range"):
        run.write_json("x.json", {"value": float("nan")})


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", None])
def test_what_is_no_json_object_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x.json").write_bytes(content)
    assert RunDirectory(tmp_path).read_json("x.json") is None


def test_a_folder_is_free_if_it_is_missing_empty_or_holds_drafts(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    assert run.previous(command="cost") is None
    run.folder.mkdir()
    assert run.previous(command="cost") is None
    (run.folder / ".manifest.json.x1.tmp").write_text("{")
    assert run.previous(command="cost") is None


def test_a_folder_that_holds_anything_else_is_refused(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    (tmp_path / "thesis.tex").write_text("")
    for manifest in (None, "", "[]", "not json"):
        if manifest is not None:
            (tmp_path / "manifest.json").write_text(manifest)
        with pytest.raises(OccupiedError, match="holds no run"):
            run.previous(command="cost")
    run.write_json("manifest.json", {"command": "run"})
    with pytest.raises(OccupiedError, match="`run` run"):
        run.previous(command="cost")
    assert run.previous(command="run") == {"command": "run"}


def test_only_named_files_and_drafts_are_removed(tmp_path: Path) -> None:
    for name in ("cost.parquet", "notes.txt", ".cost.parquet.ab.tmp", ".hidden"):
        (tmp_path / name).write_text("")
    RunDirectory(tmp_path).remove("cost.parquet", "missing")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "notes.txt"]
    RunDirectory(tmp_path / "nowhere").remove("x")
