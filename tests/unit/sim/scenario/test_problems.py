from __future__ import annotations

import json
import pickle

import pytest

from sim.scenario.located import Place, Source
from sim.scenario.problems import MAX_SHOWN, Problem, ScenarioError, did_you_mean, refuse

SOURCE = Source("file.yaml", ("network:", "", "      leek: 0.1"))


def test_one_problem_is_shown_with_its_line_and_a_marker() -> None:
    problem = Problem("unknown key `leek`", Place(SOURCE, 3, 7, 4), hint="did you mean `leak`?")
    assert ScenarioError([problem]).render(color=False) == "\n".join(
        [
            "file.yaml:3:7: error: unknown key `leek`",
            "    3 |       leek: 0.1",
            "      |       ^^^^",
            "      = hint: did you mean `leak`?",
            "1 problem; nothing was run.",
        ]
    )


def test_meaning_and_related_places_are_shown() -> None:
    related = [("first given here", Place(SOURCE, 1)), ("asked by", Place(Source("--set a=1")))]
    problem = Problem("m", Place(SOURCE, 3, 7), related=related, meaning="Leak [1/step].")
    shown = ScenarioError([problem]).render(color=False).split("\n")
    assert shown[3:6] == [
        "      = first given here: file.yaml:1:1: network:",
        "      = asked by: --set a=1",
        "      = meaning: Leak [1/step].",
    ]


def test_a_problem_of_a_whole_file_has_no_line() -> None:
    error = refuse("no such file", Place(Source("x.yaml")))
    assert str(error) == "x.yaml: error: no such file\n1 problem; nothing was run."
    (record,) = error.as_records()
    assert (record["line"], record["column"]) == (None, None)


def test_color_changes_nothing_but_color() -> None:
    error = refuse("m", Place(SOURCE, 3, 7, 4), hint="h")
    colored = error.render(color=True)
    assert "\x1b[1;31merror\x1b[0m" in colored
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[36m"):
        assert code in colored
        colored = colored.replace(code, "")
    assert colored == error.render(color=False)


def test_only_some_problems_are_shown_but_all_are_counted() -> None:
    problems = [Problem(f"problem {i}", Place(SOURCE, 1)) for i in range(MAX_SHOWN + 3)]
    lines = ScenarioError(problems, omitted=4).render(color=False).split("\n")
    assert sum("error: " in line for line in lines) == MAX_SHOWN
    assert lines[-2:] == ["... and 7 more", f"{MAX_SHOWN + 7} problems; nothing was run."]
    exact = ScenarioError(problems[:MAX_SHOWN]).render(color=False)
    assert "more" not in exact
    assert len(ScenarioError(problems).as_records()) == MAX_SHOWN + 3


def test_a_long_line_is_cut_around_the_marker() -> None:
    line = "x" * 5000 + "HERE" + "y" * 5000
    shown = refuse("m", Place(Source("s", (line,)), 1, 5001, 4)).render(color=False).split("\n")
    assert len(shown[1]) < 200
    start = shown[2].index("^")
    assert shown[1][start : start + 4] == "HERE"
    assert shown[2].count("^") == 4
    assert shown[1][8:start] == "x" * 60
    edge = refuse("m", Place(Source("s", ("x" * 160,)), 1, 100)).render(color=False).split("\n")
    assert edge[1] == "    1 | " + "x" * 160


def test_a_marker_never_leaves_its_line() -> None:
    shown = refuse("m", Place(Source("s", ("ab",)), 1, 2, 90)).render(color=False).split("\n")
    assert shown[2] == "      |  ^"
    beyond = refuse("m", Place(Source("s", ("ab",)), 1, 3, 1)).render(color=False).split("\n")
    assert beyond[2] == "      |   ^"


def test_what_could_rewrite_a_terminal_is_not_printed() -> None:
    source = Source("\x1b[2J.yaml", ("a:\t\x1b[31m\u202e",))
    related = [("here", Place(source, 1))]
    place = Place(source, 1, 4)
    shown = refuse("\x07m\nn", place, hint="\x1bh", related=related).render(color=False)
    assert shown.split("\n") == [
        "·[2J.yaml:1:4: error: ·m·n",
        "    1 | a: ·[31m·",
        "      |    ^",
        "      = here: ·[2J.yaml:1:1: a: ·[31m·",
        "      = hint: ·h",
        "1 problem; nothing was run.",
    ]


def test_records_are_plain_values() -> None:
    problem = Problem(
        "m",
        Place(SOURCE, 3, 7),
        hint="h",
        related=[("also", Place(SOURCE, 1, 2))],
        key="a.b",
        value=0.5,
        rule="missing",
        meaning="Leak.",
    )
    assert json.loads(json.dumps(ScenarioError([problem]).as_records())) == [
        {
            "file": "file.yaml",
            "line": 3,
            "column": 7,
            "key": "a.b",
            "rule": "missing",
            "message": "m",
            "hint": "h",
            "value": 0.5,
            "meaning": "Leak.",
            "related": [{"label": "also", "file": "file.yaml", "line": 1, "column": 2}],
        }
    ]


def test_an_error_survives_the_way_between_processes() -> None:
    error = ScenarioError([Problem("m", Place(SOURCE, 3, 7))], omitted=2)
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert copy.omitted == 2


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("stpes", "did you mean `steps`?"),
        ("STEPS", "did you mean `steps`?"),
        ("random-seed", "did you mean `random_seed`?"),
        ("population", ""),
    ],
)
def test_the_nearest_word_is_proposed(word: str, hint: str) -> None:
    assert did_you_mean(word, ["seed", "steps", "random_seed"]) == hint
