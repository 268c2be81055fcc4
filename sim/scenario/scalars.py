"""Plain scalars by the YAML 1.2 core schema, without the spellings that readers disagree on."""

from __future__ import annotations

import math
import re

from sim.scenario.located import Scalar, shortened

MAX_DIGITS = 19
"""Digits an integer may have."""

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
"""Ways to write that there is no value."""

_BOOLEANS = {word: word.lower() == "true" for word in "true True TRUE false False FALSE".split()}
_NUMBER_STARTS = frozenset("+-.0123456789iInN")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.?(inf|infinity|nan)", re.IGNORECASE)
_RADIX = re.compile(r"[-+]?0(x[0-9a-f_]+|o[0-7_]+|b[01_]+)", re.IGNORECASE)
_LOOSE = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?")
_LEADING_ZEROS = re.compile(r"^([-+]?)0+(?=[0-9])")


class UnclearScalarError(ValueError):
    """A scalar that must be written in another way; carries a message and a hint."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint


def parse_scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar: a number, a truth value or the text itself.

    Sexagesimal numbers (`1:30`), dates and the words yes, no, on and off stay text, as YAML 1.2
    has it.

    Parameters
    ----------
    text
        The scalar; not one of `NULLS`.

    Raises
    ------
    UnclearScalarError
        If it is not finite, has too many digits, or is a number in a spelling that YAML 1.1,
        YAML 1.2 and people read differently (`010`, `0x1f`, `1_000`).

    Examples
    --------
    >>> parse_scalar("-3"), parse_scalar("1e3"), parse_scalar("true"), parse_scalar("no")
    (-3, 1000.0, True, 'no')
    """
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _finite(text)
    _check_is_text(text)
    return text


def _integer(text: str) -> int:
    digits = len(text.lstrip("+-"))
    if digits > MAX_DIGITS:
        raise UnclearScalarError(
            f"a whole number of {digits:,} digits; at most {MAX_DIGITS} are allowed",
            "no whole number is that large; write 1.0e20 for a measure, quote a name",
        )
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise UnclearScalarError("the number is too large", "numbers end at about 1.8e308")
    return value


def _check_is_text(text: str) -> None:
    if _NOT_FINITE.fullmatch(text):
        raise UnclearScalarError(
            f"`{text}` is not a finite number", "give a number, or quote it if it is a name"
        )
    if _RADIX.fullmatch(text):
        raise UnclearScalarError(f"`{shortened(text)}` is not a decimal number", _decimal(text))
    if _LOOSE.fullmatch(text):
        plain = _LEADING_ZEROS.sub(r"\1", text.replace("_", ""))
        what = "has underscores in it" if "_" in text else "could be octal or decimal"
        raise UnclearScalarError(
            f"`{shortened(text)}` {what}",
            f"write {shortened(plain)}, or quote it if it is a name",
        )


def _decimal(text: str) -> str:
    digits = text.replace("_", "")
    known = len(digits) <= MAX_DIGITS and digits[-1] not in "xXoObB"
    return f"write {int(digits, 0) if known else 'it in decimal'}, or quote it if it is a name"
