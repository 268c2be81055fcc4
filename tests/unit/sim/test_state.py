from __future__ import annotations

from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.state import State


def random_state(rng: np.random.Generator, branches: int) -> State:
    def real(*shape: int) -> npt.NDArray[np.float64]:
        return rng.uniform(size=shape)

    def whole(*shape: int) -> npt.NDArray[np.int64]:
        return rng.integers(0, 9, shape)

    return State(
        exposure=real(2, 5, branches),
        constraint=rng.integers(0, 2, (2, 5, branches)).astype(np.uint8),
        narrative=real(5, branches),
        lock_in=real(5, branches),
        trust=real(5, branches),
        correction=real(3, 2, branches),
        answers=whole(3, 2, branches),
        positives=whole(3, 2, branches),
        anchor=real(5, branches),
        wear=real(2, 5, branches),
        exited=rng.integers(0, 2, (5, branches)).astype(np.uint8),
        intensity=real(3, branches),
        shelter=real(3, 2, branches),
    )


NAMES = [field.name for field in fields(State)]


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_equal_and_independent(name: str) -> None:
    state = random_state(np.random.default_rng(1), 3)
    copy = state.copy()
    assert copy.equals(state)
    assert state.equals(copy)
    getattr(copy, name).flat[-1] += 1
    assert not copy.equals(state)
    assert not state.equals(copy)
    assert getattr(copy, name).dtype == getattr(state, name).dtype


@given(seed=st.integers(0, 999), picked=st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_branches_can_be_taken_and_stacked(seed: int, picked: list[int]) -> None:
    state = random_state(np.random.default_rng(seed), 4)
    taken = state.take(picked)
    assert taken.n_branches == len(picked)
    stacked = State.stack([state.take([branch]) for branch in picked])
    assert stacked.equals(taken)
    for name in NAMES:
        column = getattr(taken, name)
        assert column.flags.c_contiguous
        for position, branch in enumerate(picked):
            assert np.array_equal(column[..., position], getattr(state, name)[..., branch])
    taken.exposure[...] = -1.0
    assert (state.exposure >= 0.0).all()


def test_states_of_other_shapes_are_not_equal() -> None:
    state = random_state(np.random.default_rng(1), 2)
    assert not state.equals(state.take([0]))
    assert state.take([0, 1]).equals(state)


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("exposure", 1),
        ("constraint", 1),
        ("narrative", 1),
        ("lock_in", 1),
        ("trust", -1),
        ("correction", -1),
    ],
)
def test_worse_is_judged_branch_by_branch(name: str, worse: int) -> None:
    state = random_state(np.random.default_rng(2), 3)
    state.constraint[...] = 0
    other = state.copy()
    if name == "constraint":
        other.constraint[1, 1, 1] = 1
    else:
        getattr(other, name)[..., 1, 1] += 0.5 * worse
    assert state.no_worse_than(state).all()
    assert state.no_worse_than(other).all()
    assert other.no_worse_than(state).tolist() == [True, False, True]
    assert other.no_worse_than(state, tolerance=1.0).all()
    other.answers += 1
    other.positives += 1
    assert state.no_worse_than(other).all()
