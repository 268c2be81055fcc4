"""The least correction that restores a state: a search that knows no model.

A *problem* is a state to be restored.  A *plan* is a correction laid out over the horizon: its
height at each step, in units of load along one fixed direction.  The model is only asked
whether a plan brings a problem's state into the safe set (`Evaluate`), in batches.

The family searched is pulses: height h for the first `length` steps, then nothing; a pulse as
long as the horizon is the constant correction.  Heights lie on a grid of `tolerance · u_max`,
so the answer is exact to that stated resolution.  Where a larger correction can never hurt
(assumption A1), feasibility is monotone in the height and in the length, and a bracketing
search finds the grid's least feasible height; elsewhere the whole grid is scanned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

TARGETS = ("hold", "heal")


class Outcome(NamedTuple):
    """What plans achieved, one entry a plan, (B,).

    Attributes
    ----------
    hold
        In the safe set during the last D steps of the horizon, correction in force.
    heal
        Hold, and in the safe set for D free steps after the correction is set to 0.
    prevalence
        Largest prevalence during the last D steps of the horizon [share].
    """

    hold: BoolArray
    heal: BoolArray
    prevalence: FloatArray


Evaluate = Callable[[IntArray, FloatArray], Outcome]
"""From problem numbers, (B,), and plans, (H, B) [load], to their outcome."""


@dataclass(frozen=True, slots=True)
class Family:
    """The pulses searched.

    Attributes
    ----------
    horizon
        H [steps].
    lengths
        Pulse lengths, the horizon among them [steps].
    u_max
        Largest height, > 0 [load].
    tolerance
        Resolution of the height as a share of u_max, in (0, 1].
    monotone
        Whether a larger correction can never hurt; if not, the grid is scanned.

    Raises
    ------
    ValueError
        If a value lies outside its range or the constant correction is not among the pulses.
    """

    horizon: int
    lengths: tuple[int, ...]
    u_max: float
    tolerance: float
    monotone: bool = True

    def __post_init__(self) -> None:
        whole = all(length == int(length) for length in (self.horizon, *self.lengths))
        if not whole or self.horizon < 1 or min(self.lengths, default=0) < 1:
            raise ValueError("horizon and lengths must be whole numbers of steps, 1 or more")
        if max(self.lengths) != self.horizon:
            raise ValueError(
                f"lengths must end with the horizon, {self.horizon}: no pulse is longer, and one "
                f"as long is the constant correction; got {', '.join(map(str, self.lengths))}"
            )
        if not 0.0 < self.u_max < math.inf:
            raise ValueError(f"u_max must be positive and finite, got {self.u_max:g}")
        if not 0.0 < self.tolerance <= 1.0:
            raise ValueError(
                f"tolerance is a share of u_max and must lie in (0, 1], got {self.tolerance:g}"
            )

    @property
    def n_levels(self) -> int:
        """Number of steps of the height grid."""
        return math.ceil(1.0 / self.tolerance - 1e-9)

    def plans(self, levels: IntArray, lengths: IntArray) -> FloatArray:
        """Return pulses of the given grid levels and lengths, (H, B) [load]."""
        heights = self.u_max * levels / self.n_levels
        under_way = np.arange(self.horizon)[:, None] < lengths[None, :]
        return np.where(under_way, heights[None, :], 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Restorations:
    """Least pulses by target and problem, each (2, P), targets in the order of `TARGETS`.

    Attributes
    ----------
    cost
        Height × length, the L1 effort [load · steps]; inf when no pulse of the family does it.
    height, length
        Of the cheapest pulse, the longer one at equal cost; nan and 0 when there is none.
    constant
        Cost of the cheapest constant correction, or inf.
    least
        Least height with which any pulse does it, or inf [load].
    floor
        Largest prevalence in the dwell window under the largest constant correction, (P,).
    inversions
        Number of problems with a feasible height below an infeasible one, (2,).
    evaluations
        Plans tried.
    """

    cost: FloatArray
    height: FloatArray
    length: IntArray
    constant: FloatArray
    least: FloatArray
    floor: FloatArray
    inversions: IntArray
    evaluations: int


class _Search:
    """Brackets of the least feasible grid level, by target, problem and length."""

    def __init__(self, evaluate: Evaluate, n_problems: int, family: Family) -> None:
        self.evaluate = evaluate
        self.family = family
        self.problems = np.arange(n_problems)
        self.lengths = np.array(sorted(set(family.lengths), reverse=True), dtype=np.int64)
        shape = (len(TARGETS), n_problems, self.lengths.size)
        self.infeasible = np.full(shape, -1, dtype=np.int64)
        self.feasible = np.full(shape, family.n_levels + 1, dtype=np.int64)
        self.floor = np.full(n_problems, np.nan)
        self.evaluations = 0

    def ask(self, problems: IntArray, levels: IntArray, position: int) -> None:
        """Try pulses of one length and narrow the brackets of both targets."""
        if problems.size == 0:
            return
        lengths = np.full(problems.size, self.lengths[position])
        outcome = self.evaluate(problems, self.family.plans(levels, lengths))
        self.evaluations += problems.size
        for target, achieved in enumerate((outcome.hold, outcome.heal)):
            low, high = self.infeasible[target, :, position], self.feasible[target, :, position]
            np.minimum.at(high, problems[achieved], levels[achieved])
            np.maximum.at(low, problems[~achieved], levels[~achieved])
        if position == 0:
            strongest = levels == self.family.n_levels
            self.floor[problems[strongest]] = outcome.prevalence[strongest]

    def open_ends(self) -> None:
        """Try the largest constant correction and none at all; none has every length."""
        for level in (self.family.n_levels, 0):
            self.ask(self.problems, np.full(self.problems.size, level), 0)
        for bracket in (self.infeasible, self.feasible):
            known = bracket[:, :, :1] == 0
            bracket[...] = np.where(known, 0, bracket)

    def bracket(self, position: int) -> None:
        """Find the least feasible level of one length, unless a longer pulse is cheaper."""
        if position > 0:
            longer = self.infeasible[:, :, position - 1]
            np.maximum(self.infeasible[:, :, position], longer, out=self.infeasible[:, :, position])
        infeasible, feasible = self.infeasible[:, :, position], self.feasible[:, :, position]
        useful = self._largest_useful_level(position)
        pairs = np.argwhere((infeasible < useful) & (feasible > useful))
        if position > 0:
            # A shorter pulse often needs hardly more height: try little more at the same time.
            most, least = useful[*pairs.T], infeasible[*pairs.T]
            levels = np.concatenate([most, np.minimum(least + 2, most)])
            self._ask_once(np.column_stack([np.tile(pairs[:, 1], 2), levels]), position)
        while True:
            pairs = np.argwhere((feasible <= useful) & (feasible - infeasible > 1))
            if pairs.size == 0:
                return
            self._split(pairs, position)

    def _largest_useful_level(self, position: int) -> IntArray:
        """Return the largest level at which this length beats every longer pulse, (2, P)."""
        if position == 0:
            return np.full(self.infeasible.shape[:2], self.family.n_levels)
        longer = self.feasible[:, :, :position]
        never = np.iinfo(np.int64).max
        effort = longer * self.lengths[:position]
        best = np.where(longer > self.family.n_levels, never, effort).min(axis=2)
        useful = np.minimum((best - 1) // self.lengths[position], self.family.n_levels)
        # What no longer pulse can do, a shorter one of the same height cannot either.
        return np.where(best == never, -1, useful)

    def _split(self, pairs: IntArray, position: int) -> None:
        """Cut every open bracket into equal parts, more of them when few are open."""
        parts = max(2, _BATCH // len(pairs) + 1)
        asked = []
        for t, p in pairs:
            low, high = self.infeasible[t, p, position], self.feasible[t, p, position]
            inside = np.linspace(low, high, min(parts, int(high - low)) + 1)[1:-1]
            asked += [(p, level) for level in np.rint(inside)]
        self._ask_once(np.array(asked, dtype=np.int64), position)

    def _ask_once(self, asked: IntArray, position: int) -> None:
        """Try (problem, level) pairs, (n, 2); both targets may want the same one."""
        problems, levels = np.unique(asked, axis=0).T
        self.ask(problems, levels, position)

    def scan(self, position: int) -> None:
        """Try every level of one length."""
        levels = np.arange(self.family.n_levels + 1)
        problems = np.repeat(self.problems, levels.size)
        self.ask(problems, np.tile(levels, self.problems.size), position)


_BATCH = 8
"""Plans worth asking for at once: fewer cost nearly as much, more cost in proportion."""


def restore(evaluate: Evaluate, n_problems: int, family: Family) -> Restorations:
    """Return the least pulses that hold and that heal each problem's state.

    Parameters
    ----------
    evaluate
        Tells what plans achieve; called with batches of any size.
    n_problems
        Number of states P, numbered from 0.
    family
        The pulses searched.

    Notes
    -----
    Nothing is assumed about the order of problems: that cost grows with delay is what is
    being measured.
    """
    search = _Search(evaluate, n_problems, family)
    if family.monotone:
        search.open_ends()
    for position in range(search.lengths.size):
        (search.bracket if family.monotone else search.scan)(position)
    return _cheapest(search)


def _cheapest(search: _Search) -> Restorations:
    family = search.family
    unit = family.u_max / family.n_levels
    found = search.feasible <= family.n_levels
    effort = np.where(found, search.feasible * search.lengths * unit, np.inf)
    choice = effort.argmin(axis=2)[:, :, None]
    cost = np.take_along_axis(effort, choice, axis=2)[:, :, 0]
    level = np.take_along_axis(search.feasible, choice, axis=2)[:, :, 0]
    possible = np.isfinite(cost)
    return Restorations(
        cost=cost,
        height=np.where(possible, level * unit, np.nan),
        length=np.where(possible, search.lengths[choice[:, :, 0]], 0),
        constant=effort[:, :, 0],
        least=np.where(found, search.feasible * unit, np.inf).min(axis=2),
        floor=search.floor,
        inversions=(search.infeasible > search.feasible).any(axis=2).sum(axis=1),
        evaluations=search.evaluations,
    )


def exhaustive_plans(levels: Sequence[float], *, horizon: int) -> FloatArray:
    """Return every plan that takes one of the given heights at each step, (H, n**H) [load].

    For small horizons: the exact optimum over this grid shows how far the pulse family lies
    above the infimum over all corrections.
    """
    grids = np.meshgrid(*([np.asarray(levels, dtype=np.float64)] * horizon), indexing="ij")
    return np.stack([grid.ravel() for grid in grids])
