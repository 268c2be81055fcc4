"""The search for the least correction, against brute force over its whole grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.restoration import (
    Family,
    Outcome,
    Restorations,
    exhaustive_plans,
    restore,
)

U_MAX = 3.0


@dataclass
class Grid:
    """Which grid plan achieves which target for which problem, and how often it was asked.

    Attributes
    ----------
    achieved
        (targets, problems, lengths, levels); at level 0 the same for all lengths.
    """

    family: Family
    achieved: np.ndarray
    asked: list[tuple[int, int, int]] = field(default_factory=list)

    def evaluate(self, problems: np.ndarray, plans: np.ndarray) -> Outcome:
        assert problems.size == plans.shape[1] > 0
        heights = plans.max(axis=0)
        levels = np.rint(heights / U_MAX * self.family.n_levels).astype(int)
        np.testing.assert_allclose(levels * U_MAX / self.family.n_levels, heights)
        lengths = (plans > 0.0).sum(axis=0)
        np.testing.assert_array_equal(plans, self.family.plans(levels, lengths), "no pulse")
        position = np.searchsorted(self.family.lengths, lengths)
        position[levels == 0] = 0
        self.asked += zip(problems.tolist(), position.tolist(), levels.tolist(), strict=True)
        hold, heal = self.achieved[:, problems, position, levels]
        return Outcome(hold, heal, prevalence=problems + levels / 1000 + lengths / 100)

    def brute(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return cost, height and length of the cheapest plan, the longer one at equal cost."""
        lengths = np.array(self.family.lengths)[:, None]
        effort = np.arange(self.family.n_levels + 1)[None, :] * lengths
        n_targets, n_problems = self.achieved.shape[:2]
        cost = np.full((n_targets, n_problems), np.inf)
        height, length = np.full_like(cost, np.nan), np.zeros_like(cost)
        unit = U_MAX / self.family.n_levels
        for t, p in np.ndindex(n_targets, n_problems):
            found = [(effort[k, v], -lengths[k, 0], v) for k, v in np.argwhere(self.achieved[t, p])]
            if found:
                least, longest, level = min(found)
                cost[t, p], height[t, p], length[t, p] = least * unit, level * unit, -longest
        return cost, height, length


def assert_matches_brute_force(found: Restorations, grid: Grid) -> None:
    cost, height, length = grid.brute()
    np.testing.assert_allclose(found.cost, cost)
    np.testing.assert_allclose(found.height, height)
    np.testing.assert_array_equal(found.length, length)
    lost = np.isinf(cost)
    assert np.isnan(found.height[lost]).all()
    assert (found.length[lost] == 0).all()
    constant = np.array(
        [
            [np.argmax(row) if row.any() else np.inf for row in target]
            for target in grid.achieved[:, :, -1]
        ]
    )
    unit = U_MAX / grid.family.n_levels * grid.family.horizon
    np.testing.assert_allclose(found.constant, constant * unit)
    any_length = grid.achieved.any(axis=2)
    least = np.where(any_length.any(axis=2), any_length.argmax(axis=2), np.inf)
    np.testing.assert_allclose(found.least, least * U_MAX / grid.family.n_levels)
    np.testing.assert_array_equal(np.isinf(found.least), np.isinf(found.cost))
    n, top = grid.family.n_levels, grid.family.horizon / 100
    np.testing.assert_allclose(found.floor, np.arange(found.floor.size) + n / 1000 + top)


@st.composite
def families(draw: st.DrawFn, *, monotone: bool) -> Family:
    horizon = draw(st.integers(1, 12))
    lengths = draw(st.sets(st.integers(1, horizon), max_size=4)) | {horizon}
    return Family(
        horizon=horizon,
        lengths=tuple(sorted(lengths)),
        u_max=U_MAX,
        tolerance=1.0 / draw(st.integers(2, 70)),
        monotone=monotone,
    )


@st.composite
def monotone_grids(draw: st.DrawFn) -> Grid:
    """Least levels that fall with length, heal no easier than hold, some out of reach."""
    family = draw(families(monotone=True))
    n_problems, top = draw(st.integers(1, 20)), family.n_levels + 1
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (n_problems, len(family.lengths))
    scale = rng.choice([top // 4, top, 3 * top], (n_problems, 1)) + 1
    hold = np.sort(np.minimum(rng.integers(1, scale + 1, shape), top), axis=1)[:, ::-1]
    heal = np.minimum(hold + np.sort(rng.integers(0, 3, shape), axis=1)[:, ::-1], top)
    least = np.stack([hold, heal])
    least[:, rng.random(n_problems) < 0.1] = 0
    return Grid(family, np.arange(top) >= least[..., None])


@settings(max_examples=3 * settings.default.max_examples)
@given(monotone_grids())
def test_bracketing_finds_what_brute_force_finds(grid: Grid) -> None:
    found = restore(grid.evaluate, grid.achieved.shape[1], grid.family)
    assert_matches_brute_force(found, grid)
    assert (found.inversions == 0).all()
    assert found.evaluations == len(grid.asked)
    assert len(set(grid.asked)) == len(grid.asked), "a plan was tried twice"


@st.composite
def erratic_grids(draw: st.DrawFn) -> Grid:
    """Any plan may or may not do; nothing at all is the same plan at every length."""
    family = draw(families(monotone=False))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (2, draw(st.integers(1, 6)), len(family.lengths), family.n_levels + 1)
    achieved = rng.random(shape) < draw(st.sampled_from([0.0, 0.05, 0.5, 0.95, 1.0]))
    achieved[..., 0] = achieved[..., :1, 0]
    return Grid(family, achieved)


@given(erratic_grids())
def test_scanning_finds_what_brute_force_finds_and_counts_inversions(grid: Grid) -> None:
    found = restore(grid.evaluate, grid.achieved.shape[1], grid.family)
    assert_matches_brute_force(found, grid)
    steps = np.diff(grid.achieved.astype(int), axis=-1)
    np.testing.assert_array_equal(found.inversions, (steps < 0).any(axis=(2, 3)).sum(axis=1))


def threshold_problem(least: np.ndarray, family: Family) -> Grid:
    """Return problems that need at least these levels, (problems, lengths), for both targets."""
    levels = np.arange(family.n_levels + 1)
    return Grid(family, np.broadcast_to(levels >= least[..., None], (2, *least.shape, levels.size)))


def test_far_fewer_plans_are_tried_than_the_grid_has() -> None:
    family = Family(horizon=24, lengths=(6, 12, 24), u_max=U_MAX, tolerance=0.001)
    least = np.linspace(1, 999, 40).astype(int)[:, None] * np.ones(3, dtype=int)
    grid = threshold_problem(least, family)
    found = restore(grid.evaluate, 40, family)
    assert_matches_brute_force(found, grid)
    assert found.evaluations < 40 * 3 * 1001 / 50


def test_a_length_that_cannot_be_cheaper_is_given_up_at_once() -> None:
    """A pulse half as long but twice as high costs no less; one batch settles that."""
    family = Family(horizon=8, lengths=(4, 8), u_max=U_MAX, tolerance=0.01)
    grid = threshold_problem(np.array([[60, 30]]), family)
    restore(grid.evaluate, 1, family)
    short = [level for _, position, level in grid.asked if position == 0 and level > 0]
    assert short == [31, 59]


def test_an_inversion_that_bracketing_stumbles_on_is_counted() -> None:
    family = Family(horizon=2, lengths=(2,), u_max=U_MAX, tolerance=0.25)
    grid = Grid(family, np.zeros((2, 1, 1, 5), dtype=bool))
    grid.achieved[0, 0, 0] = [True, False, True, True, False]
    found = restore(grid.evaluate, 1, family)
    assert found.inversions.tolist() == [1, 0]


def test_out_of_reach_is_infinite_not_large() -> None:
    family = Family(horizon=4, lengths=(2, 4), u_max=U_MAX, tolerance=0.1)
    found = restore(threshold_problem(np.array([[11, 11]]), family).evaluate, 1, family)
    assert np.isinf(found.cost).all()
    assert np.isinf(found.constant).all()
    assert np.isnan(found.height).all()
    assert found.length.tolist() == [[0], [0]]


def test_what_needs_nothing_costs_nothing() -> None:
    family = Family(horizon=4, lengths=(2, 4), u_max=U_MAX, tolerance=0.1)
    found = restore(threshold_problem(np.array([[0, 0]]), family).evaluate, 1, family)
    assert (found.cost == 0.0).all()
    assert (found.height == 0.0).all()
    assert found.evaluations == 2


@pytest.mark.parametrize(("tolerance", "n_levels"), [(0.5, 2), (0.3, 4), (0.1, 10), (0.01, 100)])
def test_heights_reach_u_max_in_steps_no_coarser_than_asked(
    tolerance: float, n_levels: int
) -> None:
    family = Family(horizon=3, lengths=(3,), u_max=U_MAX, tolerance=tolerance)
    assert family.n_levels == n_levels
    plans = family.plans(np.array([n_levels, 1]), np.array([3, 1]))
    np.testing.assert_allclose(plans.T, [[U_MAX] * 3, [U_MAX / n_levels, 0.0, 0.0]])


def test_exhaustive_plans_are_all_of_them_once() -> None:
    plans = exhaustive_plans([0.0, 1.0, 2.5], horizon=4)
    assert plans.shape == (4, 81)
    assert np.unique(plans, axis=1).shape == (4, 81)
    assert set(np.unique(plans)) == {0.0, 1.0, 2.5}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lengths": (30,)}, "lengths must end with the horizon, 20"),
        ({"lengths": (10,)}, "lengths must end with the horizon, 20"),
        ({"lengths": ()}, "whole numbers of steps, 1 or more"),
        ({"lengths": (0, 20)}, "whole numbers of steps, 1 or more"),
        ({"lengths": (7.5, 20)}, "whole numbers of steps, 1 or more"),
        ({"horizon": 0}, "whole numbers of steps, 1 or more"),
        ({"u_max": 0.0}, "u_max must be positive and finite"),
        ({"u_max": -1.0}, "u_max must be positive and finite"),
        ({"u_max": float("inf")}, "u_max must be positive and finite"),
        ({"u_max": float("nan")}, "u_max must be positive and finite"),
        ({"tolerance": 0.0}, "must lie in"),
        ({"tolerance": 1.5}, "must lie in"),
    ],
)
def test_a_family_that_makes_no_sense_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Family(**{"horizon": 20, "lengths": (20,), "u_max": 1.0, "tolerance": 0.1, **changed})
