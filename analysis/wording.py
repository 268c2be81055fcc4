"""Numbers and names as a reader meets them.  Nothing infinite or undefined passes as a number."""

from __future__ import annotations

import math

ROLES = {"scenario": "scenario", "twin": "reversible twin"}
"""What the roles of a cost run are called."""

NOTHING = "–"
"""Stands where there is no number."""

CENSORED = "∞ (censored)"
"""Stands where a cost is infinite: no correction tried was enough."""

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SMALLEST, _LARGEST = 1e-4, 1e7


def number(value: float, *, infinite: str = CENSORED) -> str:
    """Return a number to four significant digits.

    Parameters
    ----------
    value
        What is written; nan gives a dash.
    infinite
        What is written for infinity.

    Examples
    --------
    >>> number(1234.5), number(-0.0625), number(5.69e-8)
    ('1,234', '−0.0625', '5.69×10⁻⁸')
    >>> number(float("inf"))
    '∞ (censored)'
    """
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return infinite if value > 0.0 else f"−{infinite}"
    size = abs(float(f"{value:.4g}"))
    sign = "−" if value < 0.0 and size > 0.0 else ""
    if size == 0.0 or _SMALLEST <= size < _LARGEST:
        text = f"{size:,.8f}".rstrip("0").rstrip(".")
    else:
        mantissa, exponent = f"{size:.3e}".split("e")
        power = str(int(exponent)).translate(_SUPERSCRIPT)
        text = f"{mantissa.rstrip('0').rstrip('.')}×10{power}"
    return sign + text


def interval(
    estimate: float, low: float, high: float, *, infinite: str = CENSORED, end: str = "∞"
) -> str:
    """Return an estimate with its interval in brackets, if there is one and any of it is finite.

    Parameters
    ----------
    infinite, end
        What is written for an infinite estimate and for an infinite end of its interval.

    Examples
    --------
    >>> interval(70.8, 61.2, float("inf"))
    '70.8 [61.2, ∞]'
    """
    text = number(estimate, infinite=infinite)
    if math.isnan(estimate) or math.isnan(low) or math.isinf(low):
        return text
    return f"{text} [{number(low, infinite=end)}, {number(high, infinite=end)}]"


def percent(share: float) -> str:
    """Return a share as a percentage.

    Examples
    --------
    >>> percent(0.25)
    '25 %'
    """
    return NOTHING if math.isnan(share) else f"{number(100.0 * share)} %"


def of(count: float, total: int) -> str:
    """Return how many of how many.

    Examples
    --------
    >>> of(3, 12)
    '3 of 12'
    """
    return f"{round(count):,} of {total:,}"


def span(low: float, high: float) -> str:
    """Return the least and the greatest of several numbers, or the one they share.

    Examples
    --------
    >>> span(25, 31), span(25, 25)
    ('25 to 31', '25')
    """
    return number(low) if low == high else f"{number(low)} to {number(high)}"
