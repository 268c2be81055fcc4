from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sim.scenario import reader
from sim.scenario.builder import MAX_DEPTH, MAX_VALUES
from sim.scenario.located import Node, plain
from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.reader import MAX_BYTES, read_yaml

LAUGHS = "a: &a [lol, lol]\n" + "\n".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in pairwise("abcdefghi")
)


@pytest.fixture(params=["compiled", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with the parser in C and with the one in Python."""
    loader = yaml.CLoader if request.param == "compiled" else yaml.Loader
    monkeypatch.setattr(reader, "_LOADER", loader)


def refusal(content: str | bytes) -> Problem:
    with pytest.raises(ScenarioError) as caught:
        read_yaml(content, name="s.yaml")
    (problem,) = caught.value.problems
    caught.value.render(color=False)
    return problem


def position(problem: Problem) -> tuple[int, int]:
    return problem.place.line, problem.place.column


def node_at(root: Node, *path: str | int) -> Node:
    for part in path:
        child = root.child(part)
        assert child is not None
        root = child
    return root


@pytest.mark.usefixtures("parser")
def test_values_follow_the_core_schema() -> None:
    text = """
integer: 12
negative: -3
signed: +4
zero: 0
float: 1.5
bare_point: .5
open_point: 2.
exponent: 1e3
truth: [true, True, TRUE, false, False, FALSE]
words: [yes, No, on, OFF, 1:30, 2001-01-01, a b, "012", '~', 1-2, e3, ., -, +]
"""
    read = plain(read_yaml(text, name="s"))
    assert read["words"][:9] == [*"yes No on OFF 1:30 2001-01-01".split(), "a b", "012", "~"]
    assert read["words"][9:] == ["1-2", "e3", ".", "-", "+"]
    assert read["truth"] == [True] * 3 + [False] * 3
    numbers = [read[k] for k in list(read)[:8]]
    assert numbers == [12, -3, 4, 0, 1.5, 0.5, 2.0, 1000.0]
    assert [type(number) for number in numbers] == [int] * 4 + [float] * 4


@pytest.mark.usefixtures("parser")
def test_every_value_knows_its_place_text_and_key() -> None:
    text = "é: 1\nouter:\n  inner: 'a b'  # why\n  rows:\n    - {x: 10, y: [1, 2]}\n"
    root = read_yaml(text, name="s.yaml", path=Path("there/s.yaml"))
    quoted = node_at(root, "outer", "inner")
    assert (quoted.line, quoted.column, quoted.width, quoted.raw) == (3, 10, 5, "'a b'")
    assert quoted.quoted
    assert str(quoted.key) == "s.yaml:3:3"
    assert quoted.source.path == Path("there/s.yaml")
    accented = node_at(root, "é")
    assert (accented.line, accented.column, accented.raw) == (1, 4, "1")
    assert not accented.quoted
    row = node_at(root, "outer", "rows", 0)
    assert (row.line, row.column, row.width, row.key) == (5, 7, len("{x: 10, y: [1, 2]}"), None)
    entry = node_at(row, "y", 1)
    assert (entry.line, entry.column, entry.width) == (5, 22, 1)
    block = node_at(root, "outer")
    assert (block.line, block.column, block.width) == (3, 3, len("inner"))


@pytest.mark.usefixtures("parser")
def test_the_width_of_what_takes_several_lines() -> None:
    text = "flow: {a: 1,\n  b: 2}\nblock:\n  x: 1\n  wide: 2\nquoted: 'x y\n  z'\n"
    root = read_yaml(text, name="s")
    widths = {key: node_at(root, key).width for key in ("flow", "block", "quoted")}
    assert widths == {"flow": 1, "block": len("x"), "quoted": len("'x y")}


@pytest.mark.usefixtures("parser")
def test_blocks_of_text_and_several_line_ends() -> None:
    root = read_yaml("a: |\n  one\n  two\r\nb: >-\r\n  x\r\n  y\r\nc: 1\rd: 2", name="s")
    assert plain(root) == {"a": "one\ntwo\n", "b": "x y", "c": 1, "d": 2}
    assert node_at(root, "a").quoted
    assert node_at(root, "d").line == 8


def test_a_byte_order_mark_is_skipped() -> None:
    root = read_yaml(b"\xef\xbb\xbfa: 1", name="s")
    assert plain(root) == {"a": 1}
    assert node_at(root, "a").column == 4


REFUSED = [
    ("", "the file is empty", (1, 1)),
    ("# only a comment\n", "the file is empty", (1, 1)),
    ("---\n", "the file is empty", (1, 1)),
    ("- 1\n- 2\n", "the file holds a list, not a mapping", (1, 1)),
    ("just text", "the file holds text, not a mapping", (1, 1)),
    ("12", "the file holds a number, not a mapping", (1, 1)),
    ("a: 1\nb: 2\n'a': 3\n", "the key `a` is given twice", (3, 1)),
    ("a: {x: 1, x: 1}", "the key `x` is given twice", (1, 11)),
    ("a: &x 1", "anchors (`&`) and aliases (`*`) are not allowed", (1, 4)),
    ("a: &x {b: 1}", "anchors (`&`) and aliases (`*`) are not allowed", (1, 4)),
    ("a: *x", "anchors (`&`) and aliases (`*`) are not allowed", (1, 4)),
    ("&x a: 1", "anchors (`&`) and aliases (`*`) are not allowed", (1, 1)),
    ("a: !!str 1", "tags (`tag:yaml.org,2002:str`) are not allowed", (1, 4)),
    ("a: !python/object:os.system {}", "tags (`!python/object:os.system`) are not allowed", (1, 4)),
    ("a: ! 1", "tags (`!`) are not allowed", (1, 4)),
    ("a: {<<: {b: 1}}", "merge keys (`<<`) are not allowed", (1, 5)),
    ("a: 1\n---\nb: 1\n", "a second document starts here", (2, 1)),
    ("%YAML 1.2\n---\na: 1\n", "directives (`%`) are not allowed", (1, 1)),
    ("%TAG ! tag:x,2000:\n---\na: 1\n", "directives (`%`) are not allowed", (1, 1)),
    ("a: 1\n2: b\n", "the key `2` is a number, not text", (2, 1)),
    ("a: 1\ntrue: b\n", "the key `true` is a truth value, not text", (2, 1)),
    ("a:\n  ? [1]\n  : 2\n", "a key must be text, not a list", (2, 5)),
    ("a: {{b: 1}: 2}", "a key must be text, not a mapping", (1, 5)),
    ("a: 1\n~: 2\n", "a key is missing here", (2, 1)),
    ("a:\nb: 1\n", "a value is missing here", (1, 1)),
    ("a: {b: 1, c}", "a value is missing here", (1, 11)),
    ("a: ~", "a value is missing here", (1, 4)),
    ("a: Null", "a value is missing here", (1, 4)),
    ("a:\n  - 1\n  -\n", "a value is missing here", (3, 4)),
    ("a: 010", "`010` could be octal or decimal", (1, 4)),
    ("a: -07.5", "`-07.5` could be octal or decimal", (1, 4)),
    ("a: 0o17", "`0o17` is not a decimal number", (1, 4)),
    ("a: 0x1F", "`0x1F` is not a decimal number", (1, 4)),
    ("a: -0b11", "`-0b11` is not a decimal number", (1, 4)),
    ("a: 1_000", "`1_000` has underscores in it", (1, 4)),
    ("a: 1_0.5e3", "`1_0.5e3` has underscores in it", (1, 4)),
    ("a: .nan", "`.nan` is not a finite number", (1, 4)),
    ("a: NaN", "`NaN` is not a finite number", (1, 4)),
    ("a: -.inf", "`-.inf` is not a finite number", (1, 4)),
    ("a: inf", "`inf` is not a finite number", (1, 4)),
    ("a: [1, Infinity]", "`Infinity` is not a finite number", (1, 8)),
    ("a: 1e999", "the number is too large", (1, 4)),
    ("a: -1e999", "the number is too large", (1, 4)),
    ("a: 12345678901234567890", "a whole number of 20 digits; at most 19 are allowed", (1, 4)),
    ("a: x\x00y", "the character U+0000 is not allowed", (1, 5)),
    ("b: 1\na: \x07", "the character U+0007 is not allowed", (2, 4)),
    ("a: \u2028", "the character U+2028 is not allowed", (1, 4)),
    ('a: "x\\0"', "the text holds a character that is not allowed", (1, 4)),
    (b"a: 1\nb: \xff", "byte 0xff is not UTF-8 text", (2, 4)),
    ("a: \ud800", "byte 0xed is not UTF-8 text", (1, 4)),
    ("a: " + "[" * MAX_DEPTH, f"nested deeper than {MAX_DEPTH} levels", (1, 3 + MAX_DEPTH)),
    (
        "a: [" + "1," * MAX_VALUES + "]",
        f"more than {MAX_VALUES:,} values",
        (1, 5 + 2 * (MAX_VALUES - 2)),
    ),
    ("a: " + "x" * MAX_BYTES, f"the file has more than {MAX_BYTES:,} bytes", (1, 1)),
]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(("content", "message", "where"), REFUSED, ids=lambda v: str(v)[:24])
def test_what_is_refused_and_where(
    content: str | bytes, message: str, where: tuple[int, int]
) -> None:
    problem = refusal(content)
    assert problem.message == message
    assert position(problem) == where
    assert problem.rule == "yaml"


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("a: [1, 2", "close every bracket and put a comma between entries"),
        ("a: {b: 1", "close every bracket and put a comma between entries"),
        ("a: 'open", "close the quotes"),
        ("a: b: c", "quote text that holds `: `, or check the indentation"),
        ("a: 1\n  b: 2\n", "quote text that holds `: `, or check the indentation"),
        ("a: 1\nb\n", "write `key: value`"),
        ("a: @x", "quote text that starts with this character"),
        ("a: `x`", "quote text that starts with this character"),
        ("a:\n  - 1\n - 2\n", "check the indentation and the brackets"),
        ("key: [1, 2]]", "check the indentation and the brackets"),
    ],
)
def test_broken_syntax_has_a_hint_and_shows_a_line(content: str, hint: str) -> None:
    problem = refusal(content)
    assert problem.message.startswith("not valid YAML: ")
    assert problem.hint == hint
    line, column = position(problem)
    lines = content.split("\n")
    assert line <= len(lines)
    assert column <= len(lines[line - 1])


@pytest.mark.usefixtures("parser")
def test_what_is_left_open_is_shown_where_it_opens() -> None:
    assert position(refusal("a: [1, 2\n\n\n")) == (1, 4)
    assert position(refusal('b: 1\na: "x\n\n')) == (2, 4)
    assert refusal("a: [1, 2\n\n\n").related == []


@pytest.mark.usefixtures("parser")
def test_what_a_syntax_error_is_part_of_is_shown_too() -> None:
    problem = refusal("a: [1,\n  2} x\n")
    assert position(problem)[0] == 2
    ((label, place),) = problem.related
    assert (label, place.line, place.column) == ("while parsing a flow sequence", 1, 4)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("content", ["a:\n\tb: 1", "\ta: 1", "a:\n  \t- 1", "a: [\n\t1]"])
def test_a_tab_in_the_indentation_has_a_hint(content: str) -> None:
    assert refusal(content).hint == "indent with spaces, not tabs"


def test_tabs_are_allowed_where_they_do_not_indent() -> None:
    root = read_yaml("a:\t1\t# x\nb: 'x\ty'\nc: |\n  z\tz\n", name="s")
    assert plain(root) == {"a": 1, "b": "x\ty", "c": "z\tz\n"}


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("010", "write 10, or quote it if it is a name"),
        ("0x1f", "write 31, or quote it if it is a name"),
        ("-0o17", "write -15, or quote it if it is a name"),
        ("0xA_", "write 10, or quote it if it is a name"),
        ("0x_", "write it in decimal, or quote it if it is a name"),
        ("1_000", "write 1000, or quote it if it is a name"),
        ("0_0", "write 0, or quote it if it is a name"),
        ("0x" + "f" * 5000, "write it in decimal, or quote it if it is a name"),
        ("~", "give a value, or leave the key out to get its default"),
    ],
)
def test_hints_say_what_to_write(written: str, hint: str) -> None:
    assert refusal(f"a: {written}").hint == hint


def test_a_problem_names_the_dotted_key() -> None:
    assert refusal("a:\n  b:\n    - 1\n    - c: ~\n").key == "a.b.1.c"
    assert refusal("a:\n  b: 1\n  b: 2").key == "a.b"


def test_a_duplicate_key_says_where_the_first_is() -> None:
    ((label, first),) = refusal("a:\n  b: 1\n  c: 2\n  b: 3").related
    assert (label, first.line, first.column) == ("first given here", 2, 3)


def test_limits_are_the_largest_that_pass() -> None:
    deep = read_yaml("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1), name="s")
    assert isinstance(deep.value, dict)
    many = read_yaml("a: [" + "1," * (MAX_VALUES - 2) + "]", name="s")
    assert len(plain(many)["a"]) == MAX_VALUES - 2
    large = read_yaml("a: " + "x" * (MAX_BYTES - 3), name="s")
    assert len(plain(large)["a"]) == MAX_BYTES - 3
    assert plain(read_yaml("a: " + "9" * 19, name="s")) == {"a": int("9" * 19)}


@pytest.mark.parametrize(
    "content",
    [
        LAUGHS,
        "[" * 1_000_000,
        "a: " + "[" * 999_990,
        "{" * 999_990,
        "a: [" + "{a: " * 200_000,
        "- " * 499_990,
        "? " * 499_990,
        "a: " + "9" * 999_990,
        "a: 0x" + "f" * 999_990,
        "a: " + "1_" * 499_990,
        "a: '" + "x" * 999_990,
        b"a: 1\n" * 2_000_000,
    ],
    ids=lambda content: str(content)[:12],
)
def test_hostile_files_are_refused_at_once(content: str | bytes) -> None:
    start = time.process_time()
    refusal(content)
    assert time.process_time() - start < 0.5


def test_a_scenario_is_read_fast() -> None:
    blocks = [
        f"block{i}:\n  kind: ramp\n  levels: [0.1, 0.2, 0.3]\n  start: {i}\n" for i in range(15)
    ]
    text = "".join(blocks)
    assert text.count("\n") == 60

    def once() -> float:
        start = time.process_time()
        read_yaml(text, name="s")
        return time.process_time() - start

    assert min(once() for _ in range(20)) < 0.005


def test_importing_the_reader_loads_nothing_heavy() -> None:
    code = "import sys, sim.scenario.layers; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "numba", "pydantic", "mesa", "click"} & set(done.stdout.split())


_YAMLISH = st.lists(
    st.sampled_from(
        [
            *"{}[],:&*!|>'\"%@`#-?~ \n\t\r\\",
            "a",
            "b: ",
            "- ",
            "\n  ",
            "1",
            "0",
            "<<",
            "0x",
            "é",
            "---\n",
            "\ufeff",
            "\x85",
        ]
    ),
    max_size=40,
).map("".join)


@pytest.mark.parametrize("loader", [yaml.CLoader, yaml.Loader])
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=100), _YAMLISH))
@example(content='a: "\\ud800"')
@example(content="%FOO\n---\na: 1")
@example(content="\ufeff\ufeffa: 1")
def test_anything_is_read_or_refused(loader: Any, content: str | bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_LOADER", loader)
        try:
            outcome = plain(read_yaml(content, name="s"))
        except ScenarioError as error:
            outcome = {"refused": error.as_records(), "shown": str(error)}
    assert isinstance(outcome, dict)


# Text that YAML 1.1, which PyYAML writes, leaves without quotes, but YAML 1.2 takes for a number.
_ONLY_1_2 = re.compile(
    r"[-+]?(\.?[0-9][-+_.0-9eExXoObBa-fA-F]*)|[-+]?\.?(inf|infinity|nan)", re.IGNORECASE
)
_TEXT = st.text(max_size=20).filter(lambda text: not _ONLY_1_2.fullmatch(text))
_SCALARS = st.one_of(
    _TEXT,
    st.booleans(),
    st.integers(-(10**19) + 1, 10**19 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["yes", "~", "null", "010", "1:30", "<<", "=", "a: b", " x", "- x", "#", "'", '"', "\t"]
    ),
)
_KEYS = _TEXT.filter(lambda text: text != "<<")


def _trees(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(children, max_size=4), st.dictionaries(_KEYS, children, max_size=4))


class _Dumper(yaml.SafeDumper):
    """Writes equal lists twice instead of using an anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@pytest.mark.parametrize("flow", [True, False, None])
@given(tree=st.dictionaries(_KEYS, st.recursive(_SCALARS, _trees, max_leaves=15), max_size=4))
def test_what_a_yaml_library_writes_is_read_back(flow: bool | None, tree: dict[str, Any]) -> None:
    clean = _without_forbidden(tree)
    text = yaml.dump(clean, Dumper=_Dumper, default_flow_style=flow, sort_keys=False)
    assert _typed(plain(read_yaml(text, name="s"))) == _typed(clean)


def _map_text(tree: Any, change: Callable[[str], str]) -> Any:
    if isinstance(tree, dict):
        return {change(key): _map_text(value, change) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_map_text(value, change) for value in tree]
    return change(tree) if isinstance(tree, str) else tree


def _without_forbidden(tree: Any) -> Any:
    return _map_text(tree, lambda text: re.sub("[\x00\ud800-\udfff]", "?", text))


def _typed(tree: Any) -> str:
    return repr(tree)
