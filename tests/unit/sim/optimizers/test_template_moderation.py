from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model import AlignmentModel
from sim.optimizers.template_moderation import TemplateModeration, centers
from tests.unit.sim.optimizers.steered import effort, model, report, run, split

NOISELESS = {"demonstration_noise": 0.0, "reference": 0.0, "kl_price": 1.0}


def needing(share: float, **constrained: float) -> dict[str, Any]:
    """Return a group of which these shares start constrained, and nobody on other channels."""
    everywhere = {"rent": 0.0, "work": 0.0, "care": 0.0}
    return {"share": share, "initial": {"constrained": {**everywhere, **constrained}}}


CONSTRAINED = {
    "population": {
        "size": 60,
        "groups": {
            "a": needing(0.2, rent=1.0),
            "b": needing(0.5, work=1.0),
            "empty": 0.0,
            "c": needing(0.3, rent=0.9),
        },
        "initial": {"exposure": 1.5},
    },
    "constraints": {"activation": 1.0, "width": 0.5},
}
"""Groups a and c need rent, group b work."""


def spec(**fields: Any) -> dict[str, Any]:
    return {"kind": "template_moderation", **fields}


def moderation(m: AlignmentModel) -> TemplateModeration:
    (optimizer,) = m.optimizers
    assert isinstance(optimizer, TemplateModeration)
    return optimizer


def unit(vectors: Any) -> Any:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0.0)


def test_centers_are_the_directions_themselves_where_there_are_enough() -> None:
    directions = unit(np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]))
    found = centers(directions, 4)
    np.testing.assert_allclose(found, [directions[0], directions[2], [0, 0], [0, 0]], atol=1e-15)
    assert not centers(np.zeros((3, 2)), 2).any()


def test_centers_put_like_with_like() -> None:
    directions = unit(np.array([[1.0, 0.1], [0.1, 1.0], [1.0, 0.2], [0.0, 1.0]]))
    found = {tuple(np.round(center, 6)) for center in centers(directions, 2)}
    expected = unit(np.array([directions[[0, 2]].mean(axis=0), directions[[1, 3]].mean(axis=0)]))
    assert found == {tuple(np.round(center, 6)) for center in expected}
    (one,) = centers(directions, 1)
    np.testing.assert_allclose(one, unit(directions.mean(axis=0)))


@given(
    points=st.lists(st.tuples(*[st.integers(0, 9)] * 3).map(np.array), min_size=1, max_size=9),
    n=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_every_center_is_a_direction_and_none_depends_on_the_order_of_groups(
    points: list[Any], n: int, seed: int
) -> None:
    # Distinct distances, so that no two mergers are equally good.
    jitter = np.random.default_rng(seed).uniform(0.0, 0.01, (len(points), 3))
    directions = unit(np.array(points) + jitter)
    found = centers(directions, n)
    lengths = np.linalg.norm(found, axis=1)
    n_found = min(n, len(points))
    np.testing.assert_allclose(lengths[:n_found], 1.0)
    assert not lengths[n_found:].any()
    turned = centers(directions[::-1], n)
    close = np.abs(found[:, None] - turned[None]).max(axis=-1) < 1e-9
    assert close.any(axis=1).all()
    assert close.any(axis=0).all()


def test_templates_are_the_needs_demonstrated_at_the_start() -> None:
    m = model(spec(templates=2, **NOISELESS), **CONSTRAINED)
    effort(m, 0.0, answers=0)
    need = unit(m.frame.needs.need[..., 0])
    optimizer = moderation(m)
    expected = {tuple(np.round(unit(need[[0, 3]].mean(axis=0)), 9)), tuple(np.round(need[1], 9))}
    assert {tuple(np.round(t, 9)) for t in optimizer.templates[..., 0]} == expected
    assert optimizer.bills[1, 0] == pytest.approx(3 * 100 * 1e-3)


def test_effort_has_the_direction_of_the_template_and_the_length_of_the_reports() -> None:
    m = model(spec(templates=4, **NOISELESS), **CONSTRAINED)
    # Group a reports like b, and a little of everything; c says what it needs.
    shares = np.array([[0.1, 0.6, 0.2], [0.0, 0.5, 0.0], [0.0] * 3, [0.4, 0.0, 0.1]])
    u = effort(m, shares)
    need = unit(m.frame.needs.need[..., 0])
    length = np.linalg.norm(shares, axis=1)
    np.testing.assert_allclose(u[0], length[0] * need[1], rtol=1e-9)
    np.testing.assert_allclose(u[1], length[1] * need[1], rtol=1e-9)
    assert not u[2].any()
    assert any(np.allclose(u[3], length[3] * need[g]) for g in (0, 3))
    optimizer = moderation(m)
    assert optimizer.nearest[0, 0] == optimizer.nearest[1, 0] != optimizer.nearest[3, 0]


def test_reports_are_weighed_as_needs_are() -> None:
    """Rent has 2.5 times the weight of care: as many reports of both are a need of rent."""
    m = model(spec(templates=2, **NOISELESS), **CONSTRAINED)
    moderation(m).templates[...] = np.array([[1.0, 0, 0], [0, 0, 1.0]])[..., None]
    moderation(m).reference = np.zeros_like(moderation(m).estimate)
    u = effort(m, [[0.5, 0.0, 0.5], [0.4, 0.0, 0.9], [0.0] * 3, [0.3, 0.0, 0.9]])
    assert (u[:, 0] > 0.0).tolist() == [True, True, False, False]
    assert (u[:, 2] > 0.0).tolist() == [False, False, False, True]


def test_what_looks_like_no_template_is_left_alone() -> None:
    shares = np.array([[0.5, 0.5, 0.5], [0.0, 0.5, 0.0], [0.0] * 3, [0.0, 0.0, 0.9]])
    always = effort(model(spec(**NOISELESS), **CONSTRAINED), shares)
    null = effort(model(spec(match=0.0, refresh=0, **NOISELESS), **CONSTRAINED), shares)
    assert np.array_equal(always, null)
    m = model(spec(match=0.9, **NOISELESS), **CONSTRAINED)
    strict = effort(m, shares)
    likeness = moderation(m).likeness[:, 0]
    assert likeness[1] > 0.9 > likeness[0] > likeness[3]
    assert np.array_equal(strict[1], always[1])
    assert not strict[[0, 2, 3]].any()
    assert always[3].any()


def test_templates_stay_unless_they_are_refreshed_and_paid_for() -> None:
    def moved(**fields: Any) -> tuple[Any, AlignmentModel]:
        m = model(spec(templates=4, **{**NOISELESS, **fields}), **CONSTRAINED)
        effort(m, 0.5)
        m.state.constraint[...] = 0
        m.state.constraint[2] = 1  # from now on everyone needs care
        found = []
        for _ in range(4):
            found.append(unit(effort(m, [[0.1, 0.1, 0.9]] * 4)[1])[2])
        return found, m

    stale, m = moved(refresh=0)
    assert max(stale) < 0.2
    assert m.optimizers[0].bills[1, 0] == pytest.approx(0.3)
    fresh, m = moved(refresh=3)
    assert max(fresh[:2]) < 0.2  # steps 1 and 2
    assert min(fresh[2:]) > 0.9
    assert m.optimizers[0].bills[1, 0] == pytest.approx(0.6)
    # Who cannot pay keeps the old ones.
    stale, m = moved(refresh=3, budget=0.3)
    assert np.array_equal(moderation(m).templates.argmax(axis=1)[:3], [[0], [1], [0]])
    assert m.optimizers[0].spent.tolist() == [0.3]
    assert not any(stale)  # nor are there means left for any effort


def test_a_refresh_moves_the_start_too() -> None:
    fields = {"demonstration_noise": 0.0, "reference": 0.7, "refresh": 2}
    m = model(spec(**fields), **CONSTRAINED)
    effort(m, 0.0)
    before = moderation(m).reference.copy()
    m.state.constraint[...] = 0
    m.state.constraint[2] = 1
    effort(m, 0.0)
    assert np.array_equal(moderation(m).reference, before)
    effort(m, 0.0)
    np.testing.assert_allclose(
        moderation(m).reference[:, :3, 0], 0.7 * unit(m.frame.needs.need[..., 0]), rtol=1e-12
    )


def test_a_refresh_beyond_the_end_is_none_bit_for_bit() -> None:
    never = run(model(spec(), **CONSTRAINED))
    assert never.any()
    assert np.array_equal(never, run(model(spec(refresh=1000), **CONSTRAINED)))
    assert not np.array_equal(never, run(model(spec(refresh=5), **CONSTRAINED)))


def test_each_future_has_templates_of_its_own_and_one_alone_is_the_same() -> None:
    fields = {"refresh": 2, "templates": 2}
    alone, m = model(spec(**fields), **CONSTRAINED), model(spec(**fields), **CONSTRAINED)
    effort(alone, 0.5)
    effort(m, 0.5)
    split(m, 2)
    m.frame.state.constraint[..., 1] = 1
    for _ in range(3):
        report(m, [[0.4, 0.3, 0.3]] * 4)
        effort(m)
        assert np.array_equal(m.frame.effort[..., 0], effort(alone, [[0.4, 0.3, 0.3]] * 4))
    assert not np.array_equal(m.frame.effort[..., 0], m.frame.effort[..., 1])


def test_a_start_in_several_futures_is_that_of_each_alone() -> None:
    alone, m = model(spec(), **CONSTRAINED), model(spec(), **CONSTRAINED)
    split(m, 3)
    report(m, 0.5)
    m.frame.state.constraint[..., 1] = 1
    effort(m)
    assert np.array_equal(m.frame.effort[..., 0], effort(alone, 0.5))
    assert not np.array_equal(m.frame.effort[..., 0], m.frame.effort[..., 1])


def test_nothing_is_done_before_the_start_or_without_a_budget() -> None:
    u = run(model(spec(start=6), **CONSTRAINED))
    assert not u[:6].any()
    assert u[6:].any()
    broke = model(spec(budget=0.0, refresh=3), **CONSTRAINED)
    assert not run(broke).any()
    assert broke.optimizers[0].spent.tolist() == [0.0]


def test_a_group_with_nobody_in_it_makes_no_template() -> None:
    m = model(spec(templates=4, demonstration_noise=20.0), **CONSTRAINED)
    effort(m, 0.5)
    assert not moderation(m).reference[2].any()
    assert np.count_nonzero(np.any(moderation(m).templates > 0.0, axis=1)) == 3
