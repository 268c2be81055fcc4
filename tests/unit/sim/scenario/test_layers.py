from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario.layers import MAX_EXTENDS, load_layers, plain
from sim.scenario.located import Node
from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.reader import MAX_BYTES, read_yaml


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return name


def refusal(name: str, *overrides: str) -> Problem:
    with pytest.raises(ScenarioError) as caught:
        load_layers(name, overrides=overrides)
    (problem,) = caught.value.problems
    return problem


def at(root: Node, dotted: str) -> Node:
    for part in dotted.split("."):
        child = root.child(part)
        assert child is not None
        root = child
    return root


def test_mappings_merge_and_all_else_replaces() -> None:
    write("base.yaml", "a: {x: 1, y: 2}\nb: [1, 2]\nc: 1\nd: {x: 1}\ne: 5\n")
    write("top.yaml", "extends: base.yaml\na: {y: 3, z: 4}\nb: [9]\nc: {x: 2}\nd: 7\n")
    merged = {"a": {"x": 1, "y": 3, "z": 4}, "b": [9], "c": {"x": 2}, "d": 7, "e": 5}
    assert plain(load_layers("top.yaml")) == merged


def test_a_new_kind_replaces_its_mapping() -> None:
    write("base.yaml", "net: {kind: ring, degree: 4}\nplain: {degree: 4}\n")
    write("same.yaml", "extends: base.yaml\nnet: {kind: ring, rewire: 1}\nplain: {size: 1}\n")
    write("other.yaml", "extends: base.yaml\nnet: {kind: star, hub: 1}\nplain: {kind: star}\n")
    write("none.yaml", "extends: base.yaml\nnet: {degree: 6}\n")
    assert plain(load_layers("same.yaml")) == {
        "net": {"kind": "ring", "degree": 4, "rewire": 1},
        "plain": {"degree": 4, "size": 1},
    }
    assert plain(load_layers("other.yaml")) == {
        "net": {"kind": "star", "hub": 1},
        "plain": {"kind": "star"},
    }
    assert plain(load_layers("none.yaml"))["net"] == {"kind": "ring", "degree": 6}


def test_every_value_keeps_the_place_in_its_own_layer() -> None:
    write("far/base.yaml", "\n\na: {x: 1}\nb: 1\n")
    write("far/middle.yaml", "extends: base.yaml\na: {y: 2}\n")
    write("top.yaml", "b: 2\nextends: far/middle.yaml\n")
    root = load_layers("top.yaml", overrides=["a.z=3"])
    places = {key: str(at(root, key)) for key in ("a.x", "a.y", "a.z", "a", "b")}
    assert places == {
        "a.x": "far/base.yaml:3:8",
        "a.y": "far/middle.yaml:2:8",
        "a.z": "--set a.z=3:1:5",
        "a": "far/middle.yaml:2:4",
        "b": "top.yaml:1:4",
    }
    assert at(root, "a.x").source.path == Path("far/base.yaml")
    assert [at(root, key).source.override for key in ("a.x", "a.z")] == [False, True]


def test_a_base_may_be_above_or_absolute(folder: Path) -> None:
    write("base.yaml", "a: 1\n")
    write("sub/up.yaml", "extends: ../base.yaml\nb: 2\n")
    write("sub/absolute.yaml", f"extends: '{folder / 'base.yaml'}'\nb: 3\n")
    assert plain(load_layers("sub/up.yaml")) == {"a": 1, "b": 2}
    assert plain(load_layers(folder / "sub" / "absolute.yaml")) == {"a": 1, "b": 3}
    assert str(at(load_layers("sub/up.yaml"), "a")) == "base.yaml:1:4"


def test_a_circle_is_refused_where_it_closes() -> None:
    write("a.yaml", "extends: b.yaml\n")
    write("b.yaml", "x: 1\nextends: ./a.yaml\n")
    problem = refusal("a.yaml")
    assert problem.message == "`extends` goes round in a circle"
    assert str(problem.place) == "b.yaml:2:10"
    write("self.yaml", "extends: self.yaml\n")
    assert refusal("self.yaml").message == problem.message


def test_a_chain_has_a_largest_length() -> None:
    write("0.yaml", "a: 1\n")
    for i in range(1, MAX_EXTENDS + 2):
        write(f"{i}.yaml", f"extends: {i - 1}.yaml\n")
    assert plain(load_layers(f"{MAX_EXTENDS}.yaml")) == {"a": 1}
    problem = refusal(f"{MAX_EXTENDS + 1}.yaml")
    assert problem.message == "more than 8 files are extended, one through the other"
    assert str(problem.place) == "1.yaml:1:10"


@pytest.mark.parametrize("value", ["[a.yaml]", "3", "''"])
def test_extends_names_one_file(value: str) -> None:
    write("top.yaml", f"extends: {value}\n")
    assert refusal("top.yaml").message == "`extends` must name one file"


def test_a_missing_file_is_compared_with_its_neighbors() -> None:
    write("quickstart.yaml", "a: 1\n")
    write("notes.txt", "")
    problem = refusal("quikstart.yaml")
    assert problem.message == "no such file: quikstart.yaml"
    assert problem.hint == "did you mean `quickstart.yaml`?"
    assert str(problem.place) == "quikstart.yaml"
    assert problem.as_record()["line"] is None
    assert refusal("zzz").hint == "files there: quickstart.yaml"
    assert refusal("nowhere/x.yaml").hint == "there is no directory nowhere"
    write("top.yaml", "extends: quickstrat.yml\n")
    problem = refusal("top.yaml")
    assert (str(problem.place), problem.hint) == (
        "top.yaml:1:10",
        "did you mean `quickstart.yaml`?",
    )


def test_only_plain_files_are_read(folder: Path) -> None:
    write("inside/one.yaml", "a: 1\n")
    os.mkfifo("pipe.yaml")
    directory = refusal("inside")
    assert (directory.message, directory.hint) == ("inside is a directory", "files there: one.yaml")
    assert refusal("pipe.yaml").message == "pipe.yaml is not a plain file"
    assert refusal(os.devnull).message == f"{os.devnull} is not a plain file"
    assert refusal("inside/one.yaml/x").message.startswith("cannot read inside/one.yaml/x: ")
    assert refusal("x" * 5000).message.startswith("cannot read xxx")
    assert refusal("nul\0.yaml").message.startswith("cannot read ")


def test_an_unreadable_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.yaml", "a: 1\n")

    def refuse_open(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse_open)
    assert refusal("a.yaml").message == "cannot read a.yaml: Permission denied"


def test_a_huge_file_is_not_read_to_its_end(folder: Path) -> None:
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(10**12)
    assert refusal("huge.yaml").message == f"the file has more than {MAX_BYTES:,} bytes"


TREE = "time: {steps: 5}\nrows:\n  - {level: 1}\n  - {level: 2}\nname: x\n"


@pytest.mark.parametrize(
    ("override", "dotted", "value"),
    [
        ("time.steps=50", "time.steps", 50),
        ("rows.1.level=0.5", "rows.1.level", 0.5),
        ("rows.0=7", "rows.0", 7),
        ("rows=[1, {a: b}]", "rows", [1, {"a": "b"}]),
        ("name=a=b", "name", "a=b"),
        ("name='a #b'", "name", "a #b"),
        ("name=  padded  ", "name", "padded"),
        ("new.deep.key=true", "new.deep", {"key": True}),
        ("time={unit: day}", "time", {"steps": 5, "unit": "day"}),
        ("rows.0={noise: 1}", "rows.0", {"level": 1, "noise": 1}),
        ("time=3", "time", 3),
        ("name={a: 1}", "name", {"a": 1}),
    ],
)
def test_an_override_is_laid_over_the_tree(override: str, dotted: str, value: object) -> None:
    write("s.yaml", TREE)
    before, after = load_layers("s.yaml"), load_layers("s.yaml", overrides=[override])
    assert plain(at(after, dotted)) == value
    changed = dotted.partition(".")[0]
    others = [{k: v for k, v in plain(tree).items() if k != changed} for tree in (before, after)]
    assert others[0] == others[1]


def test_later_overrides_win() -> None:
    write("s.yaml", TREE)
    root = load_layers("s.yaml", overrides=["time.steps=6", "time.steps=7"])
    assert plain(root)["time"] == {"steps": 7}


def test_one_mapping_a_channel_replaces_a_single_distribution() -> None:
    write("s.yaml", "up: {kind: normal, mean: 1}\n")
    apart = plain(load_layers("s.yaml", overrides=["up={work: {kind: uniform, low: 0}}"]))
    assert apart == {"up": {"work": {"kind": "uniform", "low": 0}}}
    for setting in ("{mean: 2}", "{}"):
        same = plain(load_layers("s.yaml", overrides=[f"up={setting}"]))
        assert same["up"].keys() == {"kind", "mean"}


def test_an_override_of_a_kind_keeps_only_what_overrides_gave() -> None:
    write("s.yaml", "net: {kind: ring, degree: 4}\n")
    orders = [["net.kind=star", "net.hub=1"], ["net.hub=1", "net.kind=star"]]
    for overrides in orders:
        assert plain(load_layers("s.yaml", overrides=overrides)) == {
            "net": {"kind": "star", "hub": 1}
        }
    same = load_layers("s.yaml", overrides=["net.kind=ring"])
    assert plain(same) == {"net": {"kind": "ring", "degree": 4}}


def test_an_override_knows_its_place() -> None:
    write("s.yaml", TREE)
    root = load_layers("s.yaml", overrides=["rows.0.level=[2, 33]"])
    level = at(root, "rows.0.level")
    assert str(level) == "--set rows.0.level=[2, 33]:1:14"
    assert level.width == len("[2, 33]")
    assert str(level.key) == "--set rows.0.level=[2, 33]:1:8"
    assert str(at(level, "1")) == "--set rows.0.level=[2, 33]:1:18"
    assert at(level, "1").raw == "33"
    assert level.source.lines == ("rows.0.level=[2, 33]",)


@pytest.mark.parametrize(
    ("override", "message", "column"),
    [
        ("time.steps", "expected KEY=VALUE", 1),
        ("=3", "expected KEY=VALUE", 1),
        ("a..b=3", "expected KEY=VALUE", 1),
        (".".join("a" * 25) + "=1", "nested deeper than 24 levels", 1),
        ("name=", "a value is missing here", 6),
        ("name=~", "a value is missing here", 6),
        ("name=010", "`010` could be octal or decimal", 6),
        ("name=[1, nan]", "`nan` is not a finite number", 10),
        ("name=&a 1", "anchors (`&`) and aliases (`*`) are not allowed", 6),
        ("name={a: 1, a: 2}", "the key `a` is given twice", 13),
        ("name=- 1", "a mapping or list needs brackets here", 6),
        ("name=a: 1", "a mapping or list needs brackets here", 6),
        ("name=red #1", "this would be read as a comment", 9),
        ("name=#1", "a value is missing here", 6),
        ("name=a\nb: 1", "the value must stand on one line", 6),
        ("name=" + "x" * MAX_BYTES, f"the value has more than {MAX_BYTES:,} characters", 6),
        ("name=[1", "not valid YAML: did not find expected ',' or ']'", 6),
        ("name.first=1", "`name` is text; it has no `first`", 6),
        ("rows.0.level.x=1", "`rows.0.level` is a number; it has no `x`", 14),
        ("rows.2.level=1", "the list `rows` has no entry `2`; its entries are 0 to 1", 6),
        ("rows.2=1", "the list `rows` has no entry `2`; its entries are 0 to 1", 6),
        ("rows.-1=1", "the list `rows` has no entry `-1`; its entries are 0 to 1", 6),
        ("rows.all=1", "the list `rows` has no entry `all`; its entries are 0 to 1", 6),
        ("rows." + "0" * 5000 + "=1", None, 6),
        ("none.0=1", "the list `none` has no entry `0`; it is empty", 6),
        ("absent.0.level=1", "there is no list `absent` to take entry 0 from", 8),
    ],
    ids=lambda value: str(value)[:24],
)
def test_an_override_that_does_not_fit_is_refused(
    override: str, message: str | None, column: int
) -> None:
    write("s.yaml", TREE + "none: []\n")
    problem = refusal("s.yaml", override)
    assert message is None or problem.message == message
    assert (problem.place.line, problem.place.column) == (1, column)
    assert problem.place.source.name.startswith("--set ")
    assert len(problem.place.source.name) <= len("--set ") + 60


@pytest.mark.parametrize(
    ("override", "marked", "key"),
    [
        ("time.steps", "time.steps", ""),
        ("name.first=1", "first", "name.first"),
        ("name=a\nb", "a\nb", ""),
        ("time.steps=~", "~", ""),
        ("time.steps=  # none", "  # none", "time.steps"),
        ("name=red #12", " #12", ""),
        ("name=x: 1", "x: 1", ""),
    ],
)
def test_what_does_not_fit_is_marked(override: str, marked: str, key: str) -> None:
    write("s.yaml", TREE)
    problem = refusal("s.yaml", override)
    start = problem.place.column - 1
    assert override[start : start + problem.place.width] == marked
    assert problem.key == key


def test_the_deepest_path_of_an_override() -> None:
    write("s.yaml", TREE)
    root = load_layers("s.yaml", overrides=[".".join("a" * 24) + "=1"])
    assert plain(at(root, ".".join("a" * 24))) == 1


def test_only_some_neighbors_are_named() -> None:
    for i in range(12):
        write(f"inside/s{i:02}.yaml", "a: 1\n")
    names = ", ".join(f"s{i:02}.yaml" for i in range(10))
    assert refusal("inside").hint == f"files there: {names}, ..."
    for i in (10, 11):
        Path(f"inside/s{i:02}.yaml").unlink()
    assert refusal("inside").hint == f"files there: {names}"


def test_a_crossed_scalar_says_where_it_is_set() -> None:
    write("s.yaml", TREE)
    ((label, place),) = refusal("s.yaml", "name.first=1").related
    assert (label, str(place)) == ("set here", "s.yaml:5:1")


def test_an_override_of_a_base_is_not_seen_by_the_next_load() -> None:
    write("base.yaml", TREE)
    write("top.yaml", "extends: base.yaml\n")
    load_layers("top.yaml", overrides=["time.steps=9", "rows.0.level=9"])
    assert plain(load_layers("top.yaml")) == plain(read_yaml(TREE, name="s"))


@given(override=st.text(st.sampled_from("timerows.name=0123[]{}:,#&*'\"- \n~é"), max_size=30))
def test_any_override_is_applied_or_refused(override: str) -> None:
    write("fuzz.yaml", TREE)
    try:
        outcome = plain(load_layers("fuzz.yaml", overrides=[override]))
    except ScenarioError as error:
        outcome = {"refused": error.as_records(), "shown": str(error)}
    assert isinstance(outcome, dict)
