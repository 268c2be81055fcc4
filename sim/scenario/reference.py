"""Every setting a scenario may have, as rows of a reference table, read from its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import yaml

from sim.scenario.expectations import Expected
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import AnyDistribution

Form = dict[str, Any]

_DISTRIBUTIONS: tuple[Any, ...] = get_args(get_args(AnyDistribution)[0])
_DISTRIBUTION_NAMES = {model.__name__ for model in _DISTRIBUTIONS}
_NOUNS = {
    "number": "number",
    "integer": "whole number",
    "boolean": "`true` or `false`",
    "string": "text",
    "object": "mapping",
}
_COUNTED = ("number", "whole number", "mapping")
_UNIT = re.compile(r"\s*\[([^\[\],]+)\]")


class Setting(NamedTuple):
    """One setting; `default` is "required" where there is none, and empty where it is nothing."""

    key: str
    type: str
    unit: str
    interval: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """Settings that belong together.

    Attributes
    ----------
    block
        Key of the block, or `distribution`; empty for what stands at the top of a file.
    kind
        What its key `kind` must say for these settings to apply; empty where there are no kinds.
    """

    block: str
    kind: str
    meaning: str
    settings: tuple[Setting, ...]


def sections() -> Iterator[Section]:
    """Yield every setting: what stands alone at the top, block after block, distributions.

    Entries of lists are written `[]`, names that the scenario chooses `NAME`.
    """
    schema = Scenario.model_json_schema()
    walk = _Walk(schema.get("$defs", {}))
    settings: Form = schema["properties"]
    single = {name: form for name, form in settings.items() if not any(walk.models(form))}
    yield Section("", "", "Beside the blocks.", tuple(walk.settings("", {"properties": single})))
    for name, form in settings.items():
        models = list(walk.models(form))
        kinds = [model for _, model in models if "kind" in model["properties"]]
        if kinds:
            yield from _by_kind(walk, name, prefix=name + models[0][0], models=kinds)
        elif models:
            # A block that means what its class means carries no description of its own.
            meaning = form.get("description") or models[0][1]["description"]
            found = tuple(walk.settings("", {"properties": {name: form}}))
            yield Section(name, "", _one_line(meaning), found)
    forms = [model.model_json_schema() for model in _DISTRIBUTIONS]
    yield from _by_kind(walk, "distribution", prefix="", models=forms)


def _by_kind(walk: _Walk, block: str, *, prefix: str, models: Iterable[Form]) -> Iterator[Section]:
    for model in models:
        kind, meaning = model["properties"]["kind"]["const"], _one_line(model["description"])
        yield Section(block, kind, meaning, tuple(walk.settings(prefix, model)))


@dataclass(frozen=True, slots=True)
class _Walk:
    """Follows a JSON Schema through references, unions, lists and tables of names."""

    definitions: Form

    def settings(self, prefix: str, model: Form) -> Iterator[Setting]:
        """Yield the settings of a mapping and of the mappings inside it."""
        for name, form in model["properties"].items():
            key = f"{prefix}.{name}".lstrip(".")
            nested = list(self.models(form))
            if name != "kind" and all(part for part, _ in nested):
                yield self._setting(key, form)
            for part, inner in nested:
                yield from self.settings(key + part, inner)

    def models(self, form: Form) -> Iterator[tuple[str, Form]]:
        """Yield the mappings with fixed keys that a value may hold, with their part of a key."""
        for option in self._options(form):
            if "properties" in option and not _is_distribution(option):
                yield "", option
            for part, entry in _entries(option):
                yield from ((part + more, model) for more, model in self.models(entry))

    def _setting(self, key: str, form: Form) -> Setting:
        leaves = list(self._leaves(form))
        meaning = _one_line(form.get("description", ""))
        units = _UNIT.findall(meaning)
        return Setting(
            key=key,
            type=self._words(form),
            unit=units[-1] if units else "",
            interval=Expected(leaves, leaves).interval.removeprefix("in "),
            default=_short(form["default"]) if "default" in form else "required",
            meaning=_UNIT.sub("", meaning),
        )

    def _options(self, form: Form) -> list[Form]:
        if "$ref" in form:
            return [self.definitions[form["$ref"].rsplit("/", 1)[-1]]]
        options = form.get("anyOf") or form.get("oneOf")
        if not options:
            return [form]
        return [found for option in options for found in self._options(option)]

    def _leaves(self, form: Form) -> Iterator[Form]:
        for option in self._options(form):
            yield option
            for _, entry in _entries(option):
                yield from self._leaves(entry)

    def _words(self, form: Form) -> str:
        options = self._options(form)
        words = []
        if any(map(_is_distribution, options)):
            # Its short forms, a number and a list, need no mention.
            options = [option for option in options if any(_by_name(option))]
            words.append("distribution")
        words += [self._word(option) for option in options if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))

    def _word(self, option: Form) -> str:
        if choices := Expected([option], [option]).choices:
            return " or ".join(f"`{choice}`" for choice in choices)
        for entry in _by_name(option):
            return f"{{name: {self._words(entry)}}}"
        if "type" not in option:
            return "any value"
        if option["type"] == "array":
            words = self._words(option["items"])
            return f"list of {words}s" if words in _COUNTED else f"list of {words}"
        return _NOUNS[option["type"]]


def _is_distribution(option: Form) -> bool:
    return "properties" in option and option["title"] in _DISTRIBUTION_NAMES


def _by_name(option: Form) -> Iterator[Form]:
    """Yield what stands under any name of a mapping without fixed keys."""
    if option.get("type") == "object" and "properties" not in option:
        patterns = list(option.get("patternProperties", {}).values())
        yield patterns[0] if patterns else option["additionalProperties"]


def _entries(option: Form) -> Iterator[tuple[str, Form]]:
    yield from ((".NAME", entry) for entry in _by_name(option))
    if option.get("type") == "array":
        yield "[]", option["items"]


def _one_line(text: str) -> str:
    """Return the first paragraph of a text as one line."""
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def _short(default: Any) -> str:
    """Return a default as people would write it: in short form, on one line, empty for none."""

    def simple(part: Any) -> Any:
        match part:
            case {"kind": "constant", "value": value}:
                return simple(value)
            case dict():
                return {key: simple(value) for key, value in part.items() if value is not None}
            case list() | tuple():
                return [simple(value) for value in part]
            case float() if part.is_integer():
                return int(part)
        return part

    if default is None:
        return ""
    text = yaml.safe_dump(simple(default), default_flow_style=True, sort_keys=False, width=9999)
    return text.removesuffix("...\n").strip()
