from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from sim.model import AlignmentModel
from sim.optimizers.base import SPENDING
from sim.optimizers.verified import Verified, nearest
from tests.unit.sim.optimizers.steered import (
    effort,
    model,
    report,
    run,
    split,
    with_plain_policy,
)

Array = npt.NDArray[np.float64]
SHARE = np.array([0.2, 0.5, 0.0, 0.3])
EXACT = {"reference": 0.0, "kl_price": 1.0}
INVARIANTS = {"channel_bounds": {"rent": 0.4}, "total_bound": 0.5, "least_share": 0.7}


def spec(**fields: Any) -> dict[str, Any]:
    return {"kind": "verified", **fields}


def verified(m: AlignmentModel) -> Verified:
    (optimizer,) = m.optimizers
    assert isinstance(optimizer, Verified)
    return optimizer


def holds(
    u: Array, *, bounds: dict[str, float], total: float | None, share: float, tolerance: float
) -> bool:
    """Whether the effort, (G, K), satisfies the invariants, each written down as it is said."""
    channels = {"rent": 0, "work": 1, "care": 2}
    good = bool((u >= 0.0).all())
    for name, bound in bounds.items():
        good &= bool((u[:, channels[name]] <= bound + tolerance).all())
    if total is not None:
        good &= float(SHARE @ u.sum(axis=1)) <= total + tolerance
    got = u.sum(axis=1)[SHARE > 0.0]
    return good and bool((got[:, None] >= share * got[None, :] - tolerance).all())


invariants = st.fixed_dictionaries(
    {
        "channel_bounds": st.dictionaries(
            st.sampled_from(["rent", "work", "care"]), st.floats(0.0, 2.0)
        ),
        "total_bound": st.none() | st.just(0.0) | st.floats(0.0, 3.0),
        "least_share": st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    }
)
efforts = st.lists(st.floats(0.0, 5.0), min_size=12, max_size=12)


@given(wanted=efforts, fields=invariants, other=efforts)
def test_a_projection_satisfies_all_is_the_nearest_and_stays_where_it_is(
    wanted: list[float], fields: dict[str, Any], other: list[float]
) -> None:
    m = model(spec(**fields), correction={"u_max": 4.0})
    optimizer = verified(m)
    said = {
        "bounds": fields["channel_bounds"],
        "total": fields["total_bound"],
        "share": fields["least_share"],
    }
    u, v = (np.reshape(x, (4, 3, 1)) for x in (wanted, other))
    x, y = optimizer.permitted(u, m.frame), optimizer.permitted(v, m.frame)
    assert x.max() <= 4.0
    for projected in (x, y):
        assert holds(projected[..., 0], **said, tolerance=1e-9)
    np.testing.assert_allclose(optimizer.permitted(x, m.frame), x, atol=1e-9)
    # x is the nearest to u if and only if no admissible point lies at an acute angle behind it.
    for admissible in (y, x * 0.5, x * 0.0):
        assert float(((u - x) * (admissible - x)).sum()) <= 1e-7
    # So a projection never moves two points apart.
    assert np.linalg.norm(x - y) <= np.linalg.norm(u - v) + 1e-9
    if holds(u[..., 0], **said, tolerance=0.0) and u.max() <= 4.0:
        assert np.array_equal(x, u)


def test_the_nearest_effort_is_the_one_another_solver_finds() -> None:
    m = model(spec(**INVARIANTS), correction={"u_max": 4.0})
    wanted = np.array([[1.0, 0.2, 0.0], [0.3, 0.9, 0.4], [0.5, 0.5, 0.5], [0.0, 0.0, 0.1]])
    found = verified(m).permitted(wanted[..., None], m.frame)[..., 0]

    def slack(flat: Array) -> Array:
        u = flat.reshape(4, 3)
        got = u.sum(axis=1)[SHARE > 0.0]
        pairs = (got[:, None] - 0.7 * got[None, :])[~np.eye(3, dtype=bool)]
        return np.concatenate([[0.5 - SHARE @ u.sum(axis=1)], pairs])

    other = minimize(
        lambda flat: float(((flat - wanted.ravel()) ** 2).sum()),
        np.zeros(12),
        bounds=[(0.0, 0.4), (0.0, 4.0), (0.0, 4.0)] * 4,
        constraints={"type": "ineq", "fun": slack},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    np.testing.assert_allclose(found.ravel(), other.x, atol=1e-6)
    assert (found[3] > wanted[3]).any()  # the group that was left behind is raised
    np.testing.assert_allclose(found[2], [0.4, 0.5, 0.5])  # nobody is there: the box alone


def test_nearest_is_exact_where_it_is_known() -> None:
    point, rows = np.array([3.0, 1.0]), np.array([[1.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    np.testing.assert_allclose(nearest(point, rows, np.array([2.0, 0.0, 0.0])), [2.0, 0.0])
    np.testing.assert_allclose(nearest(point, rows, np.array([3.0, 0.0, 0.0])), [2.5, 0.5])
    assert np.array_equal(nearest(point, rows, np.array([4.0, 0.0, 0.0])), point)
    for scale in (1e-9, 1e6):
        bounds = scale * np.array([3.0, 0.0, 0.0])
        found = nearest(scale * point, rows, bounds)
        np.testing.assert_allclose(found, scale * np.array([2.5, 0.5]), rtol=1e-9)


@pytest.mark.parametrize("decay", [1.0, 0.5])
def test_every_invariant_holds_in_every_step_of_a_run(decay: float) -> None:
    free = run(with_plain_policy())
    m = model(spec(**INVARIANTS), correction={"decay": decay})
    bound = run(m)
    said = {"bounds": {"rent": 0.4}, "total": 0.5, "share": 0.7, "tolerance": 1e-9}
    assert all(holds(u, **said) for u in bound)
    assert not any(holds(u, **said) for u in free[5:])
    # What lingers is not in the invariants: correction in force is above every bound.
    assert holds(m.state.correction[..., 0], **said) == (decay == 1.0)


def test_what_runs_out_of_budget_breaks_no_invariant() -> None:
    u = run(model(spec(budget=3.0, **INVARIANTS)))
    said = {"bounds": {"rent": 0.4}, "total": 0.5, "share": 0.7, "tolerance": 1e-9}
    assert all(holds(step, **said) for step in u)
    assert u[0].any()
    assert not u[-1].any()


def test_without_invariants_it_is_the_plain_policy_bit_for_bit() -> None:
    fields = {"reference": 0.3, "budget": 8.0}
    plain = run(with_plain_policy(**fields))
    assert plain.any()
    for nulls in ({}, {"channel_bounds": {}, "least_share": 0.0}):
        m = model(spec(**fields, **nulls))
        assert np.array_equal(run(m), plain)
        assert m.optimizers[0].bills[SPENDING.index("proof"), 0] == 0.0


def test_invariants_that_do_not_bind_change_nothing_but_the_bill() -> None:
    free = {"effort": 1.0, "proof": 0.0}
    plain = run(model(spec(), prices=free))
    loose = {"channel_bounds": {"rent": 1e6}, "total_bound": 1e6}
    assert np.array_equal(run(model(spec(**loose), prices=free)), plain)


def test_each_invariant_is_proved_in_each_step_at_its_price() -> None:
    prices = {"proof": 0.25, "demonstration": 0.0, "inference": 0.0, "effort": 0.0}
    invariants = {"channel_bounds": {"rent": 1.0, "care": 1.0}, "total_bound": 9.0}
    for fields, count in ((invariants, 3), ({**invariants, "least_share": 0.1}, 4)):
        m = model(spec(**fields), prices=prices)
        effort(m, 0.5)
        effort(m, 0.5)
        assert m.optimizers[0].spent[0] == pytest.approx(2 * count * 0.25)


def test_what_is_not_proved_is_not_put_out() -> None:
    prices = {"proof": 1.0, "demonstration": 0.0, "inference": 0.0, "effort": 0.0}
    m = model(spec(total_bound=9.0, budget=2.5), prices=prices)
    found = [bool(effort(m, 0.5).any()) for _ in range(4)]
    assert found == [True, True, False, False]
    assert m.optimizers[0].spent[0] <= 2.5
    assert not m.optimizers[0].mean[:, :3].any()


def test_the_policy_moves_as_far_as_the_projection() -> None:
    m = model(spec(channel_bounds={"rent": 0.4}, **EXACT))
    u = effort(m, 0.8)
    optimizer = verified(m)
    np.testing.assert_allclose(u, [[0.4, 0.8, 0.8]] * 4, rtol=1e-12)
    np.testing.assert_allclose(optimizer.mean[:, :3, 0], u, rtol=1e-12)
    plain = with_plain_policy(**EXACT)
    effort(plain, 0.8)
    assert (optimizer.strength < plain.optimizers[0].strength).all()
    assert (optimizer.estimate[:, :3] == 0.8).all()  # what it believes is not what is proved


def test_no_group_is_forgotten_for_being_silent() -> None:
    answers = [[100] * 3, [100] * 3, [0] * 3, [0] * 3]
    u = effort(model(spec(**EXACT)), 0.8, answers=answers)
    assert not u[3].any()
    u = effort(model(spec(least_share=1.0, **EXACT)), 0.8, answers=answers)
    got = u.sum(axis=1)
    np.testing.assert_allclose(got[[0, 1, 3]], 1.6, rtol=1e-9)
    assert not u[2].any()  # nobody is there to be given anything


def test_each_future_is_proved_by_itself_and_one_alone_is_the_same() -> None:
    shares = [[0.9, 0.2, 0.1], [0.3, 0.3, 0.3], [0.0, 0.0, 0.0], [0.0, 0.1, 0.0]]
    alone = effort(model(spec(**INVARIANTS)), shares)
    m = model(spec(**INVARIANTS))
    split(m, 3)
    report(m, shares)
    m.frame.state.positives[..., 1] = 5
    effort(m)
    assert np.array_equal(m.frame.effort[..., 0], alone)
    assert np.array_equal(m.frame.effort[..., 2], alone)
    assert not np.array_equal(m.frame.effort[..., 1], alone)


def test_nothing_is_done_before_the_start_or_without_a_budget() -> None:
    u = run(model(spec(start=6, **INVARIANTS)))
    assert not u[:6].any()
    assert u[6:].any()
    broke = model(spec(budget=0.0, **INVARIANTS))
    assert not run(broke).any()
    assert broke.optimizers[0].spent.tolist() == [0.0]


@pytest.mark.parametrize("share", [0.001, 0.5, 1.0])
def test_a_total_of_nothing_is_nothing(share: float) -> None:
    m = model(spec(total_bound=0.0, channel_bounds={"rent": 0.0, "work": 0.0}, least_share=share))
    wanted = np.array([[0.3, 0.3, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.2], [1.0, 0.9, 5.0]])
    found = verified(m).permitted(wanted[..., None], m.frame)[..., 0]
    assert found[2].tolist() == [0.0, 0.0, 0.2]  # nobody is there, and nothing is paid
    assert not found[[0, 1, 3]].any()


def test_where_the_solver_errs_nothing_is_put_out(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = [[0.9, 0.2, 0.1], [0.3, 0.3, 0.3], [0.0, 0.0, 0.0], [0.0, 0.1, 0.0]]
    assert effort(model(spec(**INVARIANTS)), shares).any()
    monkeypatch.setattr("sim.optimizers.verified.nearest", lambda point, *_: point)
    assert not effort(model(spec(**INVARIANTS)), shares).any()
