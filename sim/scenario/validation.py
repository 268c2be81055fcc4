"""From a tree of settings to a model, with every error of pydantic at its place in the tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sim.scenario.expectations import Expectations, Expected
from sim.scenario.faults import Fault, find_faults, follow
from sim.scenario.hints import type_hint
from sim.scenario.located import Node, Place, plain, shortened
from sim.scenario.problems import Problem, ScenarioError, did_you_mean

Model = TypeVar("Model", bound=BaseModel)

MAX_ERRORS = 100
"""Errors put into words; a large file can have one for each value."""

_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_OF_TYPE = re.compile(r".+_(type|parsing)|int_from_float|is_instance_of|union")
_MUST = re.compile(r"^(Input|Value|String|Bytes|List|Tuple|Set|Frozenset|Dictionary) should (?=\w)")
_OWN_WORDS = re.compile(r"^(Value error|Assertion failed), ")


def validate_node(model: type[Model], node: Node) -> Model:
    """Return an instance of a pydantic model made of a tree of settings.

    Parameters
    ----------
    model
        Any model.  Messages use its JSON Schema: bounds, choices, keys, descriptions and, under
        `unit`, units.  A validator that ties several fields together raises
        `PydanticCustomError("cross_field", message, {"fields": ["a.b", "c.0"], "hint": ""})`,
        with dotted paths from the model it belongs to, the first the one to point at.

    Raises
    ------
    ScenarioError
        With what pydantic finds wrong, file by file in the order of the lines.
    """
    try:
        return model.model_validate(plain(node))
    except ValidationError as error:
        errors = error.errors(include_url=False)
    tree = _Tree(node, Expectations(model))
    faults = find_faults(errors[:MAX_ERRORS], node)
    problems = _in_order([tree.problem(fault) for fault in faults])
    raise ScenarioError(problems, max(0, len(errors) - MAX_ERRORS))


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Return the problems by source, line and column, each once."""
    names = list(dict.fromkeys(problem.place.source.name for problem in problems))
    unique: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        unique.setdefault((str(problem.place), problem.message), problem)

    def position(problem: Problem) -> tuple[int, int, int]:
        place = problem.place
        return names.index(place.source.name), place.line, place.column

    return sorted(unique.values(), key=position)


@dataclass(frozen=True, slots=True)
class _Tree:
    """A tree of settings and what is expected of it; puts faults into words."""

    root: Node
    expectations: Expectations

    def problem(self, fault: Fault) -> Problem:
        """Return a fault in words."""
        if fault.about_key:
            return self._bad_key(fault)
        writers: dict[str, Callable[[Fault], Problem]] = {
            "extra_forbidden": self._unknown_key,
            "missing": self._missing_key,
            "union_tag_not_found": self._untold_kind,
            "union_tag_invalid": self._unknown_kind,
            "cross_field": self._cross_field,
        }
        return writers.get(fault.kind, self._bad_value)(fault)

    def _expected(self, fault: Fault, *more: str, parent: bool = False) -> Expected:
        path = fault.path[:-1] if parent else (*fault.path, *more)
        return self.expectations.at(self.root, path, tags=[tag for _, tag in fault.tags])

    def _unknown_key(self, fault: Fault) -> Problem:
        known = self._expected(fault, parent=True).keys
        name = fault.path[-1]
        mapping = follow(self.root, fault.path[:-1])[0]
        hint = did_you_mean(name, [key for key in known if mapping.child(key) is None])
        allowed = f"allowed here: {', '.join(known)}" if known else ""
        message = f"unknown key `{shortened(name)}`{_inside(fault.path[:-1])}"
        place = fault.node.key or fault.node
        return _problem(fault, message, place=place, hint=hint or allowed)

    def _missing_key(self, fault: Fault) -> Problem:
        name = str(fault.error["loc"][-1]) if fault.error else ""
        return self._absent(fault, name)

    def _untold_kind(self, fault: Fault) -> Problem:
        name = _discriminator(fault)
        return self._absent(fault, name) if name else self._bad_value(fault)

    def _absent(self, fault: Fault, name: str) -> Problem:
        expected = self._expected(fault, name)
        words = expected.in_words()
        return _problem(
            fault,
            f"missing key `{name}`{_inside(fault.path)}",
            place=fault.node.key or fault.node,
            hint=f"`{name}` must be {words}" if words else "",
            path=(*fault.path, name),
            meaning=expected.meaning,
            value=None,
        )

    def _unknown_kind(self, fault: Fault) -> Problem:
        name = _discriminator(fault)
        node = fault.node.child(name) if name else None
        if node is None:
            return self._bad_value(fault)
        return self._bad_value(Fault(fault.error, node, (*fault.path, name), fault.tags))

    def _bad_key(self, fault: Fault) -> Problem:
        name = str(fault.error["loc"][-2]) if fault.error else ""
        # A short form, such as a list of names, has no such key.
        mapping = fault.path[:-1] if fault.path[-1:] == (name,) else fault.path
        message = f"the key `{shortened(name)}`{_inside(mapping)} {_rule(fault)}"
        return _problem(fault, message, place=fault.node.key or fault.node, path=(*mapping, name))

    def _bad_value(self, fault: Fault) -> Problem:
        expected = self._expected(fault)
        rule, hint = _rule(fault), ""
        if fault.kind in _BOUNDS and expected.interval:
            rule = f"must be {expected.interval}"
        elif fault.kind in ("literal_error", "enum", "union_tag_invalid") and expected.choices:
            rule = f"must be {expected.in_words()}"
            hint = did_you_mean(str(fault.node.value), expected.choices)
        elif _OF_TYPE.fullmatch(fault.kind):
            words = expected.in_words()
            rule = f"must be {words}" if words else rule
            hint = type_hint(fault.node, expected)
        if not rule.startswith("must "):
            message = f"`{'.'.join(fault.path)}`: {rule}" if fault.path else rule
        else:
            name = f"`{'.'.join(fault.path)}`" if fault.path else "the top"
            message = f"{name} {rule}; got {_received(fault.node)}"
        return _problem(fault, message, hint=hint, meaning=expected.meaning)

    def _cross_field(self, fault: Fault) -> Problem:
        context: dict[str, Any] = fault.error.get("ctx", {}) if fault.error else {}
        paths = [tuple(str(field).split(".")) for field in context.get("fields", ())]
        found = [(path, *follow(fault.node, path)) for path in paths]
        # A field that the file leaves out has no place; a short form stands for its fields.
        given = [
            (path, node)
            for path, node, length in found
            if length == len(path) or not isinstance(node.value, dict)
        ]
        first, node = given[0] if given else (found[0][:2] if found else ((), fault.node))
        others = [(path, other) for path, other in given[1:] if other is not node]
        return _problem(
            fault,
            _rule(fault),
            place=node,
            hint=str(context.get("hint") or ""),
            related=[(f"`{'.'.join((*fault.path, *path))}`", other) for path, other in others],
            path=(*fault.path, *first),
            value=_scalar(node),
        )


def _problem(
    fault: Fault,
    message: str,
    *,
    place: Place | None = None,
    path: tuple[str, ...] | None = None,
    **details: Any,
) -> Problem:
    details.setdefault("value", _scalar(fault.node))
    key = ".".join(fault.path if path is None else path)
    return Problem(message, place or fault.node, key=key, rule=fault.kind, **details)


def _rule(fault: Fault) -> str:
    """Return what pydantic says, as a rule that continues the name of a setting."""
    message = fault.error["msg"] if fault.error else "fits nothing that is allowed here"
    if _OWN_WORDS.match(message):
        return _OWN_WORDS.sub("", message)
    return _MUST.sub("must ", message).replace(" after validation", "")


def _discriminator(fault: Fault) -> str:
    """Return the key that tells the kinds of a union apart, empty if a function does."""
    context: dict[str, Any] = fault.error.get("ctx", {}) if fault.error else {}
    name = str(context.get("discriminator", ""))
    return name.strip("'") if name.startswith("'") else ""


def _inside(path: Sequence[str]) -> str:
    return f" in `{'.'.join(path)}`" if path else ""


def _received(node: Node) -> str:
    match node.value:
        case dict():
            return "a mapping"
        case list() as entries:
            return f"a list of {len(entries)}"
        case _:
            return f"`{shortened(node.raw)}`"


def _scalar(node: Node) -> object:
    return None if isinstance(node.value, (dict, list)) else node.value
