"""What to write instead of a value of the wrong type."""

from __future__ import annotations

import re

from sim.scenario.expectations import Expected, types_of
from sim.scenario.located import Node, shortened
from sim.scenario.scalars import NULLS, UnclearScalarError, parse_scalar

SWITCH = "YAML 1.2: write true or false"
"""What to do about yes, no, on and off."""

_SWITCHES = frozenset({"yes", "no", "on", "off", "y", "n"})
_WITH_COMMAS = re.compile(r"[-+]?[0-9]+(,[0-9]+)+(\.[0-9]+)?")
_NUMBERS = {"number", "integer"}


def type_hint(node: Node, expected: Expected) -> str:
    """Return what to write where something of another type stands; empty if it is plain.

    Parameters
    ----------
    node
        The value received.
    expected
        What may stand there.
    """
    match node.value:
        case str():
            return _for_text(node, node.value, expected) or _for_scalar(node, expected)
        case dict():
            return "begin every entry with `- `" if expected.types == {"array"} else ""
        case list():
            return ""
        case float() as number if "integer" in expected.types and number.is_integer():
            return f"write {int(number)}"
        case _:
            return _for_scalar(node, expected)


def _for_text(node: Node, text: str, expected: Expected) -> str:
    types = expected.types
    if "string" in types:
        return ""
    if not node.quoted and text.lower() in _SWITCHES:
        return SWITCH if "boolean" in types else f"`{text}` is text in {SWITCH} for a truth value"
    if node.quoted and types & _types_unquoted(text):
        return "remove the quotes"
    if types & _NUMBERS and _WITH_COMMAS.fullmatch(text):
        return "write a decimal point, and nothing between thousands"
    return ""


def _types_unquoted(text: str) -> frozenset[str]:
    """Return the JSON types a text would have without its quotes."""
    try:
        return frozenset() if text in NULLS else types_of(parse_scalar(text))
    except UnclearScalarError:
        return frozenset()


def _for_scalar(node: Node, expected: Expected) -> str:
    types = expected.types
    if types == {"string"}:
        return f"put it in quotes: '{node.raw}'"
    if types == {"array"}:
        return f"write a list: [{shortened(node.raw)}]"
    if types == {"object"} and len(expected.near) == 1 and expected.keys:
        return f"write a mapping with the keys {', '.join(expected.keys)}"
    return ""
