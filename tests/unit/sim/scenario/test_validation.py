from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sim.scenario.located import Node, Source, plain
from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.reader import read_yaml
from sim.scenario.validation import MAX_ERRORS, validate_node


class Strict(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Ring(Strict):
    kind: Literal["ring"]
    degree: Annotated[int, Field(ge=2, multiple_of=2)] = 2
    """Neighbors of each person."""


class Lattice(Strict):
    kind: Literal["lattice"]
    rows: Annotated[int, Field(ge=1)]
    """Rows of persons."""
    columns: int = 3


class Group(Strict):
    share: Annotated[float, Field(ge=0.0, le=1.0)]
    tags: Annotated[tuple[str, ...], Field(strict=False)] = ()


class Shade(Enum):
    dark = "dark"
    light = "light"


class Window(Strict):
    start: int
    length: int


class Span(Strict):
    first: int
    last: int
    step: int = 1


class Flat(Strict):
    kind: Literal["flat"] = "flat"
    level: float = 0.0


class Slope(Strict):
    kind: Literal["slope"]
    rise: float


def _short_group(value: Any) -> Any:
    return {"share": value} if isinstance(value, (int, float)) else value


def _shape(value: Any) -> str:
    return "by_name" if isinstance(value, dict) else "one"


def _shape_of_spread(value: Any) -> str:
    return "by_name" if isinstance(value, dict) and "kind" not in value else "one"


def _short_table(value: Any) -> Any:
    return {str(name): 1.0 for name in value} if isinstance(value, list) else value


Spread = Annotated[Flat | Slope, Field(discriminator="kind")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Network = Annotated[Ring | Lattice, Field(discriminator="kind")]
Name = Annotated[str, Field(pattern="^[a-z]+$")]


class Settings(Strict):
    steps: Annotated[int, Field(ge=1, lt=1000)] = 10
    """Length of the scenario [steps]."""
    leak: Annotated[float, Field(ge=0.0, le=1.0, json_schema_extra={"unit": "1/step"})] = 0.1
    """Share that fades."""
    gain: Annotated[float, Field(gt=0.0)] = 1.0
    cap: Annotated[float, Field(le=2.5)] = 1.0
    signed: bool = False
    name: str = ""
    mode: Literal["once", "until_stable"] = "once"
    version: Literal[1] = 1
    shade: Annotated[Shade, Field(strict=False)] = Shade.dark
    rule: float | Literal["auto"] = 0.0
    rate: Literal["auto"] | Annotated[float, Field(ge=0.0)] = "auto"
    network: Network = Ring(kind="ring")
    networks: Annotated[tuple[Network, ...], Field(strict=False)] = ()
    groups: dict[Name, Annotated[Group, BeforeValidator(_short_group)]] = {}
    delays: Annotated[int, Field(ge=2)] | Annotated[tuple[int, ...], Field(strict=False)] = 2
    noise: float | Network = 0.0
    when: Window | Span | None = None
    weight: Annotated[
        Annotated[Share, Tag("one")] | Annotated[dict[str, Share], Tag("by_name")],
        Discriminator(_shape),
    ] = 0.5
    """Weight of a constraint."""
    spread: Annotated[
        Annotated[Spread, Tag("one")] | Annotated[dict[str, Spread], Tag("by_name")],
        Discriminator(_shape_of_spread),
    ] = Flat()
    table: Annotated[dict[Name, float], BeforeValidator(_short_table)] = {}
    levels: Annotated[tuple[float, ...], Field(strict=False, min_length=1)] = (1.0,)

    @field_validator("name")
    @classmethod
    def _no_blank(cls, name: str) -> str:
        if " " in name:
            raise ValueError("Value should have no blanks")
        return name

    @model_validator(mode="after")
    def _fits(self) -> Settings:
        if self.gain > self.cap + 100:
            fields = ["gain", "cap", "network.degree"]
            details = {"fields": fields, "hint": "lower `gain`", "sum": self.gain}
            raise PydanticCustomError("cross_field", "gain {sum} is far above cap", details)
        if sum(group.share for group in self.groups.values()) > 1.0:
            fields = [f"groups.{name}.share" for name in self.groups]
            raise PydanticCustomError("cross_field", "shares above 1", {"fields": fields})
        if self.steps == 13:
            raise ValueError("thirteen steps")
        return self


def refusals(text: str, model: type[BaseModel] = Settings) -> list[Problem]:
    with pytest.raises(ScenarioError) as caught:
        validate_node(model, read_yaml(text, name="s"))
    caught.value.render(color=False)
    assert caught.value.omitted == 0
    return list(caught.value.problems)


def refusal(text: str, model: type[BaseModel] = Settings) -> Problem:
    (problem,) = refusals(text, model)
    return problem


def test_what_is_right_becomes_an_instance() -> None:
    text = "steps: 3\nnetwork: {kind: lattice, rows: 2}\ngroups: {a: 0.5}\nlevels: [1, 2]\n"
    settings = validate_node(Settings, read_yaml(text, name="s"))
    assert type(settings) is Settings
    assert settings.steps == 3
    assert settings.network == Lattice(kind="lattice", rows=2)
    assert settings.groups == {"a": Group(share=0.5)}
    assert settings.levels == (1.0, 2.0)


# Text, message, key, position, hint: one mistake each.
MISTAKES = [
    ("stpes: 1", "unknown key `stpes`", "stpes", (1, 1), "did you mean `steps`?"),
    (
        "network:\n  kind: ring\n  rows: 1\n",
        "unknown key `rows` in `network`",
        "network.rows",
        (3, 3),
        "allowed here: kind, degree",
    ),
    (
        "networks:\n  - {kind: lattice, rows: 1, column: 1}\n",
        "unknown key `column` in `networks.0`",
        "networks.0.column",
        (2, 30),
        "did you mean `columns`?",
    ),
    (
        "network: {kind: ring, ring: 4}",
        "unknown key `ring` in `network`",
        "network.ring",
        (1, 23),
        "allowed here: kind, degree",
    ),
    (
        "network: {kind: lattice, columns: 2}",
        "missing key `rows` in `network`",
        "network.rows",
        (1, 1),
        "`rows` must be a whole number of at least 1",
    ),
    (
        "networks:\n  - {kind: lattice}\n",
        "missing key `rows` in `networks.0`",
        "networks.0.rows",
        (2, 5),
        "`rows` must be a whole number of at least 1",
    ),
    (
        "network: {kind: rnig}",
        "`network.kind` must be one of `ring`, `lattice`; got `rnig`",
        "network.kind",
        (1, 17),
        "did you mean `ring`?",
    ),
    (
        "network: {degree: 2}",
        "missing key `kind` in `network`",
        "network.kind",
        (1, 1),
        "`kind` must be one of `ring`, `lattice`",
    ),
    ("network: 3", "`network` must be a mapping; got `3`", "network", (1, 10), ""),
    (
        "mode: onec",
        "`mode` must be one of `once`, `until_stable`; got `onec`",
        "mode",
        (1, 7),
        "did you mean `once`?",
    ),
    ("version: 2", "`version` must be `1`; got `2`", "version", (1, 10), ""),
    (
        "shade: drak",
        "`shade` must be one of `dark`, `light`; got `drak`",
        "shade",
        (1, 8),
        "did you mean `dark`?",
    ),
    ("steps: 0", "`steps` must be in [1, 1000); got `0`", "steps", (1, 8), ""),
    ("leak: 1.5", "`leak` must be in [0, 1]; got `1.5`", "leak", (1, 7), ""),
    ("gain: 0.0", "`gain` must be above 0; got `0.0`", "gain", (1, 7), ""),
    ("cap: 3", "`cap` must be at most 2.5; got `3`", "cap", (1, 6), ""),
    (
        "network: {kind: ring, degree: 3}",
        "`network.degree` must be a multiple of 2; got `3`",
        "network.degree",
        (1, 31),
        "",
    ),
    (
        "steps: ten",
        "`steps` must be a whole number in [1, 1000); got `ten`",
        "steps",
        (1, 8),
        "",
    ),
    (
        "steps: 3.0",
        "`steps` must be a whole number in [1, 1000); got `3.0`",
        "steps",
        (1, 8),
        "write 3",
    ),
    (
        "steps: 2.5",
        "`steps` must be a whole number in [1, 1000); got `2.5`",
        "steps",
        (1, 8),
        "",
    ),
    (
        "steps: 'ten'",
        "`steps` must be a whole number in [1, 1000); got `'ten'`",
        "steps",
        (1, 8),
        "",
    ),
    (
        "leak: '0.5'",
        "`leak` must be a number in [0, 1]; got `'0.5'`",
        "leak",
        (1, 7),
        "remove the quotes",
    ),
    (
        "leak: 0,5",
        "`leak` must be a number in [0, 1]; got `0,5`",
        "leak",
        (1, 7),
        "write a decimal point, and nothing between thousands",
    ),
    (
        "signed: no",
        "`signed` must be `true` or `false`; got `no`",
        "signed",
        (1, 9),
        "YAML 1.2: write true or false",
    ),
    (
        "leak: Off",
        "`leak` must be a number in [0, 1]; got `Off`",
        "leak",
        (1, 7),
        "`Off` is text in YAML 1.2: write true or false for a truth value",
    ),
    (
        "signed: 'true'",
        "`signed` must be `true` or `false`; got `'true'`",
        "signed",
        (1, 9),
        "remove the quotes",
    ),
    ("signed: 1", "`signed` must be `true` or `false`; got `1`", "signed", (1, 9), ""),
    ("name: 2024", "`name` must be text; got `2024`", "name", (1, 7), "put it in quotes: '2024'"),
    ("name: [a]", "`name` must be text; got a list of 1", "name", (1, 7), ""),
    ("levels: 1", "`levels` must be a list; got `1`", "levels", (1, 9), "write a list: [1]"),
    (
        "levels: {a: 1}",
        "`levels` must be a list; got a mapping",
        "levels",
        (1, 9),
        "begin every entry with `- `",
    ),
    (
        "levels: []",
        "`levels` must have at least 1 item, not 0; got a list of 0",
        "levels",
        (1, 9),
        "",
    ),
    ("'[key]': 1", "unknown key `[key]`", "[key]", (1, 1), None),
    ("levels: [x]", "`levels.0` must be a number; got `x`", "levels.0", (1, 10), ""),
    ("levels: [1, x]", "`levels.1` must be a number; got `x`", "levels.1", (1, 13), ""),
    ("name: a b", "`name`: Value should have no blanks", "name", (1, 7), ""),
    ("mode: once\nsteps: 13", "thirteen steps", "", (1, 1), ""),
    (
        "groups: {A1: 0.5}",
        "the key `A1` in `groups` must match pattern '^[a-z]+$'",
        "groups.A1",
        (1, 10),
        "",
    ),
    (
        "groups: {a: x}",
        "`groups.a` must be a mapping; got `x`",
        "groups.a",
        (1, 13),
        "write a mapping with the keys share, tags",
    ),
    (
        "groups: {a: 2}",
        "`groups.a` must be less than or equal to 1; got `2`",
        "groups.a",
        (1, 13),
        "",
    ),
    # Unions: one message, about the member that is meant.
    (
        "rule: atuo",
        "`rule` must be a number or `auto`; got `atuo`",
        "rule",
        (1, 7),
        "did you mean `auto`?",
    ),
    ("rule: true", "`rule` must be a number or `auto`; got `true`", "rule", (1, 7), ""),
    ("rate: -1", "`rate` must be at least 0; got `-1`", "rate", (1, 7), ""),
    ("delays: 1", "`delays` must be at least 2; got `1`", "delays", (1, 9), ""),
    ("delays: [1, a]", "`delays.1` must be a whole number; got `a`", "delays.1", (1, 13), ""),
    (
        "delays: soon",
        "`delays` must be a whole number of at least 2 or a list; got `soon`",
        "delays",
        (1, 9),
        "",
    ),
    ("noise: much", "`noise` must be a number or a mapping; got `much`", "noise", (1, 8), ""),
    (
        "noise: {kind: lattice, rows: 0}",
        "`noise.rows` must be at least 1; got `0`",
        "noise.rows",
        (1, 30),
        "",
    ),
    (
        "noise: {kind: lattise}",
        "`noise.kind` must be one of `ring`, `lattice`; got `lattise`",
        "noise.kind",
        (1, 15),
        "did you mean `lattice`?",
    ),
    (
        "when: {first: 1, lats: 2, last: 3}",
        "unknown key `lats` in `when`",
        "when.lats",
        (1, 18),
        "allowed here: first, last, step",
    ),
    ("when: {start: 1}", "missing key `length` in `when`", "when.length", (1, 1), None),
    ("weight: 2", "`weight` must be in [0, 1]; got `2`", "weight", (1, 9), ""),
    (
        "weight: heavy",
        "`weight` must be a number in [0, 1] or a mapping; got `heavy`",
        "weight",
        (1, 9),
        "",
    ),
    ("weight: {one: 2}", "`weight.one` must be in [0, 1]; got `2`", "weight.one", (1, 15), ""),
    (
        "weight: {by_name: x}",
        "`weight.by_name` must be a number in [0, 1]; got `x`",
        "weight.by_name",
        (1, 19),
        "",
    ),
    (
        "spread: {kind: solpe}",
        "`spread.kind` must be one of `flat`, `slope`; got `solpe`",
        "spread.kind",
        (1, 16),
        "did you mean `slope`?",
    ),
    (
        "spread: {kind: [flat]}",
        "`spread.kind` must be one of `flat`, `slope`; got a list of 1",
        "spread.kind",
        (1, 16),
        None,
    ),
    (
        "spread: {a: {rise: 1}}",
        "missing key `kind` in `spread.a`",
        "spread.a.kind",
        (1, 10),
        "`kind` must be one of `flat`, `slope`",
    ),
    (
        "spread: {kind: slope}",
        "missing key `rise` in `spread`",
        "spread.rise",
        (1, 1),
        "`rise` must be a number",
    ),
    (
        "table: [a, B]",
        "the key `B` in `table` must match pattern '^[a-z]+$'",
        "table.B",
        (1, 1),
        "",
    ),
]


@pytest.mark.parametrize(
    ("text", "message", "key", "where", "hint"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES]
)
def test_every_mistake_has_one_located_message(
    text: str, message: str, key: str, where: tuple[int, int], hint: str | None
) -> None:
    problem = refusal(text)
    assert problem.message == message
    assert problem.key == key
    assert (problem.place.line, problem.place.column) == where
    if hint is not None:
        assert problem.hint == hint


def test_a_key_named_like_a_kind_does_not_lead_astray() -> None:
    messages = [
        problem.message for problem in refusals("network: {kind: ring, ring: 4, degree: 3}")
    ]
    assert messages == [
        "unknown key `ring` in `network`",
        "`network.degree` must be a multiple of 2; got `3`",
    ]


def test_several_missing_keys_are_no_union() -> None:
    assert [problem.message for problem in refusals("x: 1", Window)] == [
        "missing key `start`",
        "missing key `length`",
        "unknown key `x`",
    ]


def test_meaning_and_unit_are_told() -> None:
    assert refusal("steps: x").meaning == "Length of the scenario [steps]."
    assert refusal("leak: 2").meaning == "Share that fades. [1/step]"
    assert refusal("network: {kind: lattice}").meaning == "Rows of persons."
    assert refusal("network: {kind: ring, degree: 1}").meaning == "Neighbors of each person."
    assert refusal("weight: {a: 3}").meaning == "Weight of a constraint."
    assert refusal("gain: 0").meaning == ""


def test_the_value_received_and_the_rule_are_kept() -> None:
    kept = [(problem.value, problem.rule) for problem in refusals("steps: 0\nlevels: {}\nxyz: 1")]
    assert kept == [(0, "greater_than_equal"), (None, "tuple_type"), (1, "extra_forbidden")]
    assert refusal("network: {kind: rnig}").value == "rnig"
    assert refusal("network: {kind: lattice}").value is None


def test_an_unknown_key_never_proposes_one_that_is_there() -> None:
    assert refusal("steps: 1\nstpes: 2").hint.startswith("allowed here: steps, leak, ")


def test_fields_that_do_not_fit_together_are_all_shown() -> None:
    problem = refusal("network: {kind: ring, degree: 4}\ncap: 1\ngain: 1000\n")
    assert problem.message == "gain 1000.0 is far above cap"
    assert (problem.key, problem.value, problem.hint) == ("gain", 1000, "lower `gain`")
    assert str(problem.place) == "s:3:7"
    assert [(label, str(place)) for label, place in problem.related] == [
        ("`cap`", "s:2:6"),
        ("`network.degree`", "s:1:31"),
    ]


def test_fields_left_out_have_no_place() -> None:
    assert refusal("gain: 1000").related == []

    class Ordered(Strict):
        low: int = 0
        high: int = 5

        @model_validator(mode="after")
        def _ordered(self) -> Ordered:
            if self.low > self.high:
                details = {"fields": ("high", "low")}
                raise PydanticCustomError("cross_field", "high is below low", details)
            return self

    class Outer(Strict):
        inner: Ordered

    problem = refusal("inner:\n  low: 9\n", Outer)
    assert (problem.key, str(problem.place)) == ("inner.low", "s:2:8")


@pytest.mark.parametrize(("details", "key"), [({"fields": ["b.x", "a"]}, "b.x"), ({}, "")])
def test_an_error_about_nothing_that_is_given_points_at_its_mapping(
    details: dict[str, Any], key: str
) -> None:
    class Defaults(Strict):
        other: int
        a: int = 0

        @model_validator(mode="after")
        def _never(self) -> Defaults:
            raise PydanticCustomError("cross_field", "never right", details or None)

    problem = refusal("other: 1", Defaults)
    assert (problem.message, problem.key, str(problem.place)) == ("never right", key, "s:1:1")
    assert problem.related == []


def test_fields_inside_a_short_form_are_shown_there() -> None:
    problem = refusal("groups: {a: 0.5, b: {share: 0.7}}")
    assert (problem.key, str(problem.place)) == ("groups.a.share", "s:1:13")
    assert [(label, str(place)) for label, place in problem.related] == [
        ("`groups.b.share`", "s:1:29")
    ]


def test_problems_come_in_the_order_of_the_lines() -> None:
    problems = refusals("zzz: 1\nmode: x\nsteps: 0\nnetwork: {kind: lattice, columns: a}\n")
    assert [problem.place.line for problem in problems] == [1, 2, 3, 4, 4]


def test_a_file_full_of_mistakes_is_not_put_into_words_in_full() -> None:
    text = "levels: [1, " + "x," * 5000 + "]"
    with pytest.raises(ScenarioError) as caught:
        validate_node(Settings, read_yaml(text, name="s"))
    assert len(caught.value.problems) == MAX_ERRORS
    assert caught.value.render(color=False).endswith("5000 problems; nothing was run.")


def test_a_model_without_a_json_schema_still_gives_messages() -> None:
    class Opaque:
        pass

    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
        thing: Opaque
        steps: Annotated[int, Field(ge=1)] = 1
        mode: Literal["a", "b"] = "a"

    problems = refusals("thing: 1\nsteps: 0\nmode: c\nnone: 1", Odd)
    assert [problem.key for problem in problems] == ["thing", "steps", "mode", "none"]
    assert [problem.message for problem in problems[1:]] == [
        "`steps` must be greater than or equal to 1; got `0`",
        "`mode` must be 'a' or 'b'; got `c`",
        "unknown key `none`",
    ]


def test_a_default_that_json_cannot_express_gives_no_warning() -> None:
    class Modest(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        steps: int
        extra: Any = object()

    assert refusal("steps: x", Modest).key == "steps"


def test_an_error_that_is_no_fault_of_the_file_is_not_hidden() -> None:
    class Broken(BaseModel):
        steps: int

        @model_validator(mode="after")
        def _broken(self) -> Broken:
            raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        validate_node(Broken, read_yaml("steps: 1", name="s"))


_WORDS = st.sampled_from(
    ["ring", "lattice", "once", "auto", "dark", "no", "x", "one", "by_name", "a b", "1", "A"]
)
_VALUES = st.one_of(_WORDS, st.booleans(), st.integers(-3, 2000), st.floats(-3, 3))
_KEYS = st.sampled_from(
    [
        *(key for model in (Settings, Lattice, Ring, Span) for key in model.model_fields),
        *("a", "b", "one", "by_name", "ring", "share", "tags", "[key]", "A1", ""),
    ]
)


def _trees(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(children, max_size=3), st.dictionaries(_KEYS, children, max_size=4))


def _located(tree: Any) -> Node:
    value, raw = tree, ""
    if isinstance(tree, dict):
        value = {key: _located(child) for key, child in tree.items()}
    elif isinstance(tree, list):
        value = [_located(child) for child in tree]
    else:
        raw = str(tree)
    return Node(Source("s", ("line",)), 1, value=value, raw=raw)


@given(tree=st.dictionaries(_KEYS, st.recursive(_VALUES, _trees, max_leaves=8), max_size=5))
def test_any_tree_is_accepted_or_refused_with_located_problems(tree: dict[str, Any]) -> None:
    root = _located(tree)
    assert plain(root) == tree
    try:
        validate_node(Settings, root)
    except ScenarioError as error:
        shown = error.render(color=False)
        records = error.as_records()
    else:
        shown, records = "", [{"message": "fine"}]
    assert "Input should" not in shown
    assert all(record["message"] for record in records)
