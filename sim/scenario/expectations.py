"""What a pydantic model expects at a place of a tree, read from its JSON Schema.

The schema knows what an error does not: the whole interval, the other keys, the meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from sim.scenario.located import Node

Schema = dict[str, Any]

_NOUNS = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "`true` or `false`",
    "string": "text",
    "array": "a list",
    "object": "a mapping",
}
_TYPES_OF: dict[type, frozenset[str]] = {
    dict: frozenset({"object"}),
    list: frozenset({"array"}),
    str: frozenset({"string"}),
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    float: frozenset({"number"}),
}


@dataclass(frozen=True, slots=True)
class Expected:
    """What may stand at one place.

    Attributes
    ----------
    forms
        The JSON Schemas of which one must be met, without references and unions.
    near
        Those among them of the shape that stands there; all if none is.
    meaning
        Description and unit of the setting; empty if it declares none.
    """

    forms: Sequence[Schema]
    near: Sequence[Schema]
    meaning: str = ""

    @property
    def choices(self) -> list[str]:
        """The words that may be written, where only some are allowed."""
        listed = [value for form in self.forms for value in form.get("enum", ())]
        fixed = [form["const"] for form in self.forms if "const" in form]
        return list(dict.fromkeys(_word(value) for value in (*listed, *fixed)))

    @property
    def keys(self) -> list[str]:
        """The keys that the mapping may have, where only some are allowed."""
        return list(dict.fromkeys(key for form in self.near for key in form.get("properties", ())))

    @property
    def types(self) -> frozenset[str]:
        """The JSON types that may be written."""
        return frozenset(str(form["type"]) for form in self.forms if "type" in form)

    @property
    def interval(self) -> str:
        """The interval in which the number must be, in words; empty without exactly one."""
        found = {text for form in self.near if (text := _interval(form))}
        return found.pop() if len(found) == 1 else ""

    def in_words(self) -> str:
        """Return what may be written, such as "a number in [0, 1] or a list"."""
        nouns = [_noun(form) for form in self.forms if not {"enum", "const"} & form.keys()]
        words = list(dict.fromkeys(noun for noun in nouns if noun))
        choices = [f"`{choice}`" for choice in self.choices]
        if choices:
            words.append(choices[0] if len(choices) == 1 else "one of " + ", ".join(choices))
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


class _QuietGenerator(GenerateJsonSchema):
    """Leaves out what JSON cannot express; a message is only less precise for it."""

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Say nothing."""


def types_of(value: object) -> frozenset[str]:
    """Return the JSON types a value of a node can stand for."""
    return _TYPES_OF[type(value)]


class Expectations:
    """What a model expects at any place of a tree."""

    def __init__(self, model: type[BaseModel]) -> None:
        try:
            self._schema: Schema = model.model_json_schema(schema_generator=_QuietGenerator)
        except PydanticInvalidForJsonSchema:
            self._schema = {}

    def at(self, root: Node, path: Sequence[str], *, tags: Sequence[str] = ()) -> Expected:
        """Return what may stand at a path, under the kinds that the tree names on the way.

        Parameters
        ----------
        root
            The tree; the last part of the path may be missing in it.
        path
            Keys and indices.
        tags
            Names of models that are meant where several could be.
        """
        node: Node | None = root
        forms, meaning = list(self._forms(self._schema)), ""
        for part in path:
            parents = _narrowed(_fitting(forms, node), tags)
            named = _telling(forms, part) or [f for f in parents if part in f.get("properties", ())]
            schemas = [schema for form in named or parents for schema in _under(form, part)]
            forms = [form for schema in schemas for form in self._forms(schema)]
            # An entry of a list or of a table of names means what the whole does.
            inherited = "" if named else meaning
            meaning = next((text for schema in schemas if (text := _meaning(schema))), inherited)
            node = node.child(part) if node is not None else None
        return Expected(forms, _narrowed(_fitting(forms, node), tags), meaning)

    def _forms(self, schema: Schema) -> Iterator[Schema]:
        """Yield the schemas a schema stands for, references and unions resolved."""
        if "$ref" in schema:
            name = str(schema["$ref"]).rsplit("/", 1)[-1]
            yield from self._forms(self._schema.get("$defs", {}).get(name, {}))
            return
        options = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if not options:
            yield schema
            return
        for option in options:
            yield from self._forms(option)


def _fitting(forms: Sequence[Schema], node: Node | None) -> Sequence[Schema]:
    """Return the forms of the shape of a node, all if it has the shape of none."""
    if node is None:
        return forms
    types = types_of(node.value)
    shaped = [form for form in forms if form.get("type") in types]
    kinds = [form for form in shaped if _agrees(form, node)]
    return kinds or shaped or forms


def _narrowed(forms: Sequence[Schema], tags: Sequence[str]) -> Sequence[Schema]:
    return [form for form in forms if form.get("title") in tags] or forms


def _telling(forms: Sequence[Schema], part: str) -> Sequence[Schema]:
    """Return the forms that a key tells apart: each fixes a word for it."""
    return [form for form in forms if "const" in form.get("properties", {}).get(part, ())]


def _agrees(form: Schema, node: Node) -> bool:
    """Tell whether the fixed words of a mapping, such as its kind, are those of a node."""
    for key, schema in form.get("properties", {}).items():
        if "const" not in schema:
            continue
        child = node.child(key)
        if child is None and key in form.get("required", ()):
            return False
        if child is not None and child.value != schema["const"]:
            return False
    return True


def _under(form: Schema, part: str) -> Iterator[Schema]:
    """Yield what a form says about one key or entry."""
    if part in form.get("properties", {}):
        yield form["properties"][part]
    elif form.get("type") == "object":
        others = [form.get("additionalProperties"), *form.get("patternProperties", {}).values()]
        yield from (other for other in others if isinstance(other, dict))
    elif form.get("type") == "array":
        first = form.get("prefixItems", ())
        index = int(part) if part.isdecimal() else 0
        entry = first[index] if index < len(first) else form.get("items")
        if isinstance(entry, dict):
            yield entry


def _meaning(schema: Schema) -> str:
    text = " ".join(str(schema.get("description", "")).split())
    unit = str(schema.get("unit", ""))
    return f"{text} [{unit}]".strip() if unit and f"[{unit}]" not in text else text


def _noun(form: Schema) -> str:
    noun = _NOUNS.get(form.get("type", ""), "")
    interval = _interval(form)
    if not noun or not interval:
        return noun
    return f"{noun} of {interval}" if interval.startswith("at ") else f"{noun} {interval}"


def _interval(form: Schema) -> str:
    """Return the bounds of a number in words, empty if it has none."""
    low, above = form.get("minimum"), form.get("exclusiveMinimum")
    high, below = form.get("maximum"), form.get("exclusiveMaximum")
    start = f"({_number(above)}" if above is not None else f"[{_number(low)}"
    end = f"{_number(below)})" if below is not None else f"{_number(high)}]"
    has_start, has_end = (low, above) != (None, None), (high, below) != (None, None)
    if has_start and has_end:
        return f"in {start}, {end}"
    if has_start:
        return f"above {_number(above)}" if above is not None else f"at least {_number(low)}"
    if has_end:
        return f"below {_number(below)}" if below is not None else f"at most {_number(high)}"
    return ""


def _number(value: float | None) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
