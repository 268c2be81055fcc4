from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.sweep.segments import Segments

TABLE = pd.DataFrame({"role": ["a", "b"], "x": [1.5, np.inf], "n": [1, 2]})


@pytest.fixture
def segments(tmp_path: Path) -> Segments:
    return Segments(tmp_path / "parts", ["cost", "path"])


def tables(shift: float = 0.0) -> dict[str, pd.DataFrame]:
    return {"cost": TABLE.assign(x=TABLE["x"] + shift), "path": TABLE[["n"]]}


def test_what_is_written_is_done_and_comes_back_in_the_order_asked(segments: Segments) -> None:
    assert segments.done() == set()
    for number, key in enumerate(["b", "a"]):
        segments.write(key, tables(number))
    assert segments.done() == {"a", "b"}
    joined = segments.collect(["a", "b"])
    assert joined["cost"]["x"].tolist() == [2.5, np.inf, 1.5, np.inf]
    assert joined["path"]["n"].tolist() == [1, 2, 1, 2]
    assert list(joined["cost"].index) == [0, 1, 2, 3]
    assert segments.collect(["b", "a"])["cost"]["x"].tolist() == [1.5, np.inf, 2.5, np.inf]


def test_writing_again_replaces(segments: Segments) -> None:
    segments.write("a", tables())
    segments.write("a", tables(1.0))
    assert segments.collect(["a"])["cost"]["x"].iloc[0] == 2.5


def test_any_wrong_bit_is_noticed(segments: Segments) -> None:
    segments.write("good", tables())
    segments.write("bad", tables())
    path = segments.folder / "bad" / "cost.parquet"
    content = path.read_bytes()
    for position in range(0, len(content), 97):
        broken = bytearray(content)
        broken[position] ^= 1
        segments.write("bad", tables())
        path.write_bytes(broken)
        assert segments.done() == {"good"}
    assert not (segments.folder / "bad").exists()


@pytest.mark.parametrize("name", ["path.parquet", "digests.json"])
@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_a_truncated_file_is_noticed(segments: Segments, length: int, name: str) -> None:
    segments.write("a", tables())
    path = segments.folder / "a" / name
    path.write_bytes(path.read_bytes()[:length])
    assert segments.done() == set()


@pytest.mark.parametrize("name", ["cost.parquet", "digests.json"])
def test_a_missing_file_is_noticed(segments: Segments, name: str) -> None:
    segments.write("a", tables())
    (segments.folder / "a" / name).unlink()
    assert segments.done() == set()


def test_drafts_strays_and_links_are_cleared_away(segments: Segments, tmp_path: Path) -> None:
    segments.write("a", tables())
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("kept")
    (segments.folder / ".b.123").mkdir()
    (segments.folder / ".b.123" / "cost.parquet").write_bytes(b"half")
    (segments.folder / "stray").write_text("x")
    (segments.folder / "link").symlink_to(tmp_path / "precious")
    assert segments.done() == {"a"}
    assert [path.name for path in segments.folder.iterdir()] == ["a"]
    assert (tmp_path / "precious" / "file").read_text() == "kept"


def test_a_draft_is_not_done_however_whole(segments: Segments) -> None:
    segments.write("a", tables())
    (segments.folder / "a").rename(segments.folder / ".a.4711")
    assert segments.done() == set()


def test_a_segment_is_flushed_to_disk_once_it_is_in_place(
    segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[list[str]] = []

    def note(folder: Path) -> None:
        flushed.append([path.name for path in folder.iterdir()])

    monkeypatch.setattr("sim.sweep.segments.sync_folder", note)
    segments.write("a", tables())
    assert flushed == [["a"]]


def test_a_write_that_fails_leaves_nothing_behind(
    segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments.write("a", tables())

    def full(path: Path, table: pd.DataFrame) -> None:
        if path.stem == "path":
            raise OSError(28, "No space left on device", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")

    monkeypatch.setattr("sim.sweep.segments.write_table", full)
    with pytest.raises(OSError, match="No space left"):
        segments.write("b", tables())
    assert [path.name for path in segments.folder.iterdir()] == ["a"]
    assert segments.done() == {"a"}


def test_a_task_must_yield_every_table(segments: Segments) -> None:
    with pytest.raises(KeyError):
        segments.write("a", {"cost": TABLE})
    assert segments.done() == set()


def test_clearing_forgets_everything(segments: Segments) -> None:
    segments.clear()
    segments.write("a", tables())
    segments.clear()
    assert segments.done() == set()
    assert not segments.folder.exists()
