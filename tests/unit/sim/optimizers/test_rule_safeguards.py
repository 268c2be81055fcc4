from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model import AlignmentModel
from tests.unit.sim.optimizers.steered import effort, model, report, run, split


def spec(**fields: Any) -> dict[str, Any]:
    return {"kind": "rule_safeguards", **fields}


def triggered(m: AlignmentModel, levels: list[float]) -> list[bool]:
    """Return when the rule of one channel of one group is on while its reports go by."""
    found = []
    for level in levels:
        shares = np.zeros((4, 3))
        shares[1, 2] = level
        u = effort(m, shares)
        found.append(bool(u[1, 2] > 0.0))
        u[1, 2] = 0.0
        assert not u.any()
    return found


def test_relief_is_fixed_however_far_over_the_threshold() -> None:
    shares = [[0.31, 0.3, 1.0], [0.0, 0.29, 0.5], [0.0, 0.0, 0.0], [0.9, 0.0, 0.0]]
    u = effort(model(spec(threshold=0.3, relief=1.5)), shares)
    over = np.array(shares) > 0.3
    np.testing.assert_allclose(u[over], 1.5, rtol=1e-12)
    assert not u[~over].any()


def test_relief_goes_as_far_as_its_price_and_no_farther_than_the_strongest() -> None:
    shares = [[1.0, 0.0, 0.0]] * 4
    u = effort(model(spec(relief=2.0, kl_price=4.0)), shares)
    np.testing.assert_allclose(u[:, 0], 0.5, rtol=1e-12)
    u = effort(model(spec(relief=2.0, strongest=0.5)), shares)
    np.testing.assert_allclose(u[:, 0], np.sqrt(2.0) * 0.5, rtol=1e-12)


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_relief_begins_and_ends_a_lag_later(lag: int) -> None:
    levels = [0.0, 0.0, 0.9, 0.9, 0.0, 0.9, 0.0, 0.0, 0.0, 0.0]
    found = triggered(model(spec(lag=lag)), levels)
    due = [False] * lag + [level > 0.3 for level in levels]
    assert found == due[: len(levels)]


@pytest.mark.parametrize("hold", [1, 2, 4])
def test_relief_lasts_as_long_as_it_is_held(hold: int) -> None:
    levels = [0.0, 0.9] + [0.0] * 6
    assert sum(triggered(model(spec(hold=hold)), levels)) == hold
    # What is still over the threshold at the end of the hold goes on, and is held no longer.
    levels = [0.9] * (hold + 2) + [0.0] * 3
    assert sum(triggered(model(spec(hold=hold)), levels)) == hold + 2


def test_the_indicator_is_the_share_over_its_window() -> None:
    m = model(spec(window=3, threshold=0.29))
    assert triggered(m, [0.9, 0.0, 0.0, 0.0, 0.3, 0.3, 0.3]) == [
        True, True, True, False, False, False, True,
    ]  # fmt: skip


def test_reports_count_by_how_many_they_are() -> None:
    m = model(spec(window=2, threshold=0.5))
    effort(m, 1.0, answers=10)
    assert not effort(m, 0.0, answers=90).any()  # 10 of 100
    m = model(spec(window=2, threshold=0.5))
    effort(m, 1.0, answers=90)
    assert effort(m, 0.0, answers=10).any()  # 90 of 100


def test_silence_keeps_the_indicator() -> None:
    m = model(spec())
    assert effort(m, 0.9).any()
    for _ in range(3):
        assert effort(m, 0.0, answers=0).any()
    assert not effort(m, 0.0, answers=1).any()


def test_who_gains_from_relief_keeps_it_flowing() -> None:
    levels = [0.0, 0.2, 0.4, 0.2, 0.1, 0.1]
    assert triggered(model(spec()), levels) == [False, False, True, False, False, False]
    # While relief flows 15 % of the rest are counted: 0.2 + 0.12 is over, 0.1 + 0.135 is not.
    found = triggered(model(spec(gaming=0.15)), levels)
    assert found == [False, False, True, True, False, False]
    assert triggered(model(spec(gaming=0.5)), [*levels, 0.0, 0.0])[2:] == [True] * 6


@given(
    window=st.integers(1, 4),
    lag=st.integers(0, 4),
    hold=st.integers(1, 5),
    levels=st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=1, max_size=15),
)
def test_rules_are_those_of_a_plain_reckoning(
    window: int, lag: int, hold: int, levels: list[float]
) -> None:
    found = triggered(model(spec(window=window, lag=lag, hold=hold, threshold=0.3)), levels)
    on, age = False, 0
    for t in range(len(levels)):
        seen = levels[max(0, t - lag - window + 1) : max(0, t - lag + 1)]
        over = bool(seen) and sum(seen) / len(seen) > 0.3
        on = over or (on and age < hold)
        age = age + 1 if on else 0
        assert found[t] == on


def test_nulls_change_nothing_bit_for_bit() -> None:
    short = run(model(spec(threshold=0.1)))
    nulls = {"window": 1, "lag": 0, "hold": 1, "gaming": 0.0, "reference": 0.0, "kl_price": 1.0}
    assert short.any()
    assert np.array_equal(short, run(model(spec(threshold=0.1, **nulls))))
    for option in ({"window": 3}, {"lag": 2}, {"hold": 5}, {"gaming": 0.5}, {"reference": 0.5}):
        assert not np.array_equal(short, run(model(spec(threshold=0.1, **option))))


def test_rules_buy_demonstrations_only_for_a_supervised_start() -> None:
    for reference, bought in ((0.0, 0.0), (0.5, 3 * 100 * 1e-3)):
        m = model(spec(reference=reference))
        effort(m, 0.0)
        assert m.optimizers[0].bills[1, 0] == pytest.approx(bought)


def test_each_future_has_rules_of_its_own_and_one_alone_is_the_same() -> None:
    fields = {"window": 2, "lag": 1, "hold": 2}
    alone, several = model(spec(**fields)), model(spec(**fields))
    effort(alone, 0.9)
    effort(several, 0.9)
    split(several, 3)
    for level in (0.0, 0.8, 0.0, 0.0, 0.0):
        report(several, level)
        several.frame.state.positives[..., 2] = 100
        effort(several)
        assert np.array_equal(several.frame.effort[..., 0], effort(alone, level))
        assert np.array_equal(several.frame.effort[..., 0], several.frame.effort[..., 1])
        assert several.frame.effort[..., 2].any()
    assert not several.frame.effort[..., 0].any()


def test_nothing_is_done_before_the_start_or_without_a_budget() -> None:
    u = run(model(spec(start=6, threshold=0.05)))
    assert not u[:6].any()
    assert u[6:].any()
    broke = model(spec(budget=0.0, threshold=0.0))
    assert not run(broke).any()
    assert broke.optimizers[0].spent.tolist() == [0.0]
