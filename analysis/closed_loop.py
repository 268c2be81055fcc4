"""The closed-loop cost of delay: the least budget with which a method keeps a state safe.

Empirical.  A method answers to what it senses, so nothing proves that a larger budget, or an
earlier start, does no harm; the open-loop minimum (`analysis.restoration`) alone is provably
monotone.  The search is therefore honest about what it tried and nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

_HALVINGS = 4

Attempt = Callable[[float], tuple[bool, float]]
"""From a budget to whether the state was kept safe, and what was spent."""


class Least(NamedTuple):
    """What the search for a least budget found.

    Attributes
    ----------
    budget
        Smallest budget tried that was enough; inf if none was (censored) [load per person].
    short
        Largest budget below it that was tried and was not enough; nan where 0 was enough, and the
        largest tried where none was.
    attempts
        Budgets tried.
    """

    budget: float
    short: float
    attempts: int


def least_budget(attempt: Attempt, *, tolerance: float, most: float) -> Least:
    """Return the least budget that is enough, by bisection.

    The bracket reaches from 0 to what the method spends when it may spend `most`; where that is
    not enough, which a method that does harm by doing more can bring about, to the first of four
    halvings of it that is.  Between a budget that is enough and one that is not, budgets are
    halved until they are at most `tolerance` apart: exact to that, if the method has but one
    such change within the bracket.

    Parameters
    ----------
    attempt
        Tells what a budget does.
    tolerance
        > 0 [load per person].
    most
        A budget that cannot be used up.

    Examples
    --------
    >>> least_budget(lambda b: (b >= 3.0, min(b, 10.0)), tolerance=0.5, most=1e9)
    Least(budget=3.125, short=2.8125, attempts=8)
    """
    tried: dict[float, tuple[bool, float]] = {}

    def enough(budget: float) -> bool:
        if budget not in tried:
            tried[budget] = attempt(budget)
        return tried[budget][0]

    if enough(0.0):
        return Least(0.0, math.nan, len(tried))
    unlimited = enough(most)
    high = max(tried[most][1], tolerance)
    if unlimited:
        while high < most and not enough(high):
            high = min(2.0 * high, most)
    else:
        halves = [high * 0.5**n for n in range(_HALVINGS + 1)]
        found = next((budget for budget in halves if enough(budget)), None)
        if found is None:
            return Least(math.inf, most, len(tried))
        high = found
    low = max(budget for budget, (kept, _) in tried.items() if budget < high and not kept)
    while high - low > tolerance:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return Least(high, low, len(tried))
