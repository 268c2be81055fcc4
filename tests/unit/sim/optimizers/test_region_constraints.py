from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model import AlignmentModel
from sim.optimizers.region_constraints import RegionConstraints
from tests.unit.sim.optimizers.steered import (
    effort,
    model,
    report,
    run,
    split,
    with_plain_policy,
)

SHARES = [[0.1, 0.5, 0.9], [0.3, 0.29, 0.3], [0.0, 0.0, 0.0], [1.0, 0.2, 0.0]]
EXACT = {"reference": 0.0, "kl_price": 1.0}
"""Effort is the reported share where the region is."""


def region(m: AlignmentModel) -> RegionConstraints:
    (optimizer,) = m.optimizers
    assert isinstance(optimizer, RegionConstraints)
    return optimizer


def spec(**fields: Any) -> dict[str, Any]:
    return {"kind": "region_constraints", **fields}


@pytest.mark.parametrize("reference", [0.0, 0.5])
def test_a_mask_removes_effort_exactly_outside_and_nothing_inside(reference: float) -> None:
    plain = effort(with_plain_policy(reference=reference), SHARES)
    masked = effort(model(spec(reference=reference, entry=0.3)), SHARES)
    inside = np.array(SHARES) >= 0.3
    assert inside.sum() == 5
    assert not masked[~inside].any()
    np.testing.assert_allclose(masked[inside], plain[inside], rtol=1e-12)
    assert (plain[inside] > 0.0).all()
    if reference:
        assert plain[~inside].any()


@given(
    shares=st.lists(st.integers(0, 20), min_size=12, max_size=12),
    entry=st.integers(0, 20),
    by=st.sampled_from(["group", "cell"]),
    volume=st.floats(0.0, 1.0),
)
def test_nothing_is_put_out_outside_of_any_region(
    shares: list[int], entry: int, by: str, volume: float
) -> None:
    m = model(spec(entry=entry / 20, by=by, volume=volume))
    report(m, np.reshape(shares, (4, 3)) / 20)
    u = effort(m)
    optimizer = region(m)
    assert not u[~optimizer.inside[..., 0]].any()
    assert not optimizer.mean[:, :3][~optimizer.inside].any()
    outside = ~optimizer.inside.any(axis=1)[..., 0]
    assert not optimizer.mean[outside].any()  # nor any style
    share, weight = m.frame.population.group_share, m.frame.coefficients.weight
    taken = float((np.outer(share, weight) * optimizer.inside[..., 0]).sum())
    assert taken <= volume + 1e-9


def test_everything_inside_at_no_price_is_the_plain_policy_bit_for_bit() -> None:
    fields = {"reference": 0.3, "budget": 8.0}
    for by in ("group", "cell"):
        free = run(model(spec(entry=0.0, by=by, **fields), prices={"volume": 0.0}))
        plain = run(with_plain_policy(**fields))
        assert plain.any()
        assert np.array_equal(free, plain)


def test_exit_and_volume_left_out_are_exit_at_entry_and_room_for_all() -> None:
    short = run(model(spec(entry=0.2)))
    assert short.any()
    assert np.array_equal(short, run(model(spec(entry=0.2, exit=0.2, volume=1.0))))


def test_what_is_inside_leaves_below_exit_and_not_below_entry() -> None:
    m = model(spec(entry=0.5, exit=0.2, **EXACT))
    found = []
    for level in (0.4, 0.5, 0.3, 0.2, 0.19, 0.4, 0.6):
        u = effort(m, [[level, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
        found.append(u[0, 0] > 0.0)
        assert not u[1:].any()
        assert not u[0, 1:].any()
    assert found == [False, True, True, True, False, False, True]


def test_groups_enter_as_a_whole_by_their_burden() -> None:
    m = model(spec(entry=0.3, by="group", **EXACT))
    shares = np.zeros((4, 3))
    shares[0] = [0.0, 0.98, 0.0]  # 0.3 of the weight: burden 0.294
    shares[1] = [0.6, 0.0, 0.1]  # half of the weight: burden 0.32
    u = effort(m, shares)
    assert not u[0].any()
    np.testing.assert_allclose(u[1], shares[1], rtol=1e-12)


def test_the_highest_levels_come_first_where_there_is_no_room_for_all() -> None:
    shares = np.zeros((4, 3))
    shares[0, 0], shares[1, 0], shares[3, 0] = 0.9, 0.8, 0.7  # volumes 0.1, 0.25, 0.15
    for volume, inside in ((0.05, []), (0.1, [0]), (0.3, [0]), (0.35, [0, 1]), (0.5, [0, 1, 3])):
        u = effort(model(spec(entry=0.3, volume=volume, **EXACT)), shares)
        assert np.flatnonzero(u[:, 0]).tolist() == inside
    shares[1, 0] = 0.9  # as high as the other, and there is room for one of both
    u = effort(model(spec(entry=0.3, volume=0.3, **EXACT)), shares)
    assert not u.any()


def test_volume_is_paid_for_and_a_region_that_cannot_be_paid_is_not_held() -> None:
    shares = np.zeros((4, 3))
    shares[1] = [0.9, 0.9, 0.1]  # volume 0.5 · 0.8
    prices = {"volume": 2.0, "effort": 0.0, "demonstration": 0.0, "inference": 0.0}
    m = model(spec(budget=2.0, **EXACT), prices=prices)
    assert effort(m, shares).any()
    assert m.optimizers[0].spent[0] == pytest.approx(0.8)
    assert effort(m, shares).any()
    assert not effort(m, shares).any()  # 0.4 left, 0.8 asked
    assert m.optimizers[0].spent[0] <= 2.0


def test_silence_keeps_what_was_last_reported() -> None:
    m = model(spec(entry=0.3, **EXACT))
    shares = np.full((4, 3), 0.1)
    first = effort(m, shares)
    assert not first.any()
    kept = effort(m, 0.5)
    assert np.array_equal(effort(m, 0.0, answers=0), kept)
    assert kept.all()
    # Levels below the entry are remembered too, though nothing was done about them.
    m = model(spec(entry=0.3, by="group", **EXACT))
    effort(m, [[0.5, 0.0, 0.2]] * 4)
    answers = np.array([[100, 0, 0]] * 4)
    u = effort(m, [[1.0, 0.0, 0.0]] * 4, answers=answers)
    np.testing.assert_allclose(u[0], [1.0, 0.0, 0.2], rtol=1e-12)


def test_each_future_has_a_region_of_its_own_and_one_alone_is_the_same() -> None:
    alone = effort(model(spec()), SHARES)
    m = model(spec())
    split(m, 2)
    report(m, SHARES)
    m.frame.state.positives[..., 1] = 0
    effort(m)
    assert np.array_equal(m.frame.effort[..., 0], alone)
    assert not m.frame.effort[..., 1].any()


def test_others_cannot_mend_the_estimate_outside_of_the_region() -> None:
    m = model(spec(entry=0.3))
    optimizer = region(m)

    def mend(frame: Any, others: Any) -> None:
        optimizer.estimate[...] = 1.0

    optimizer.oversee = mend  # type: ignore[method-assign]
    u = effort(m, SHARES)
    assert not u[np.array(SHARES) < 0.3].any()
    assert (u[np.array(SHARES) >= 0.3] > 0.0).all()


def test_what_is_left_outside_leaks_in_through_ties() -> None:
    """Outside of the region alone: its load comes from neighbors, and no effort answers."""
    blocks = {
        "population": {"size": 60, "groups": {"a": 0.5, "b": 0.5}},
        "network": {"kind": "complete"},
        "stressors": [{"kind": "constant", "level": 0.5, "groups": ["a"]}],
        "constraints": {"activation": 1.0, "width": 0.2, "coupling": 2.2},
    }
    fields = {"budget": 0.0, "by": "group"}
    m = model(spec(**fields), **blocks)
    run(m)
    by_group = m.frame.active[..., 0].sum(axis=1)
    assert by_group[0] == by_group[1] == 30 * 3
    m = model(spec(**fields), **{**blocks, "constraints": {"activation": 1.0, "width": 0.2}})
    run(m)
    assert m.frame.active[..., 0].sum(axis=1).tolist() == [90, 0]


def test_nothing_is_done_before_the_start_or_without_a_budget() -> None:
    u = run(model(spec(start=6, entry=0.05)))
    assert not u[:6].any()
    assert u[6:].any()
    broke = model(spec(budget=0.0, entry=0.0))
    assert not run(broke).any()
    assert broke.optimizers[0].spent.tolist() == [0.0]
