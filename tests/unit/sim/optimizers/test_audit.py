from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.optimizers.audit import Audit, probed
from sim.optimizers.base import SPENDING
from sim.optimizers.policy import Policy, cosine, length_of
from sim.streams import FloatArray
from tests.unit.sim.optimizers.overseen import model, overseer_of, policy_of, prepare, report

NEVER = 1_000_000
EXACT = {"method": "patching", "false_negatives": 0.0, "persons": 20_000, "budget": 1e9}


def audited(
    rlhf: dict[str, Any] | None = None, *, stressors: list[Any] | None = None, **given: Any
) -> AlignmentModel:
    """A policy too weak to change much, and an audit of it."""
    policy = {"kind": "rlhf", "labels": 30, "strongest": 0.1, "reference": 0.0, **(rlhf or {})}
    blocks = {"stressors": stressors} if stressors else {}
    return model(policy, {"kind": "audit", "oversees": ["rlhf"], **given}, **blocks)


def suffering(m: AlignmentModel, steps: int = 8) -> AlignmentModel:
    for _ in range(steps):
        m.step()
    assert m.prevalence() > 0.05
    return m


def need(m: AlignmentModel) -> FloatArray:
    m.frame.needs = None
    needed: FloatArray = policy_of(m).needs(m.frame).need[[0, 2], :, 0]
    return needed


def active(m: AlignmentModel) -> FloatArray:
    groups = m.frame.population.group
    return np.array([m.state.constraint[:, groups == g, 0].mean(axis=1) for g in (0, 2)])


def look(m: AlignmentModel, *, step: int | None = None) -> FloatArray:
    """What an audit made now sees, (2, K): the groups that have members."""
    if step is not None:
        m.frame.step = step
    prepare(m)
    seen: FloatArray = overseer_of(m).seen[[0, 2], :, 0]
    return seen


@pytest.mark.parametrize("looks_at", ["need", "active"])
def test_many_looks_without_fault_see_the_truth(looks_at: str) -> None:
    m = suffering(audited({"start": NEVER}, start=8, looks_at=looks_at, **EXACT))
    m.optimizers[0].spec = m.optimizers[0].spec.model_copy(update={"start": 0})
    truth = need(m) if looks_at == "need" else active(m)
    # 20,000 looks: four standard errors of a share are 0.014; a need varies by less than 1 load.
    np.testing.assert_allclose(look(m), truth, atol=0.015)
    assert np.isnan(overseer_of(m).seen[1]).all()


@pytest.mark.parametrize(("missed", "hidden"), [(0.4, 0.0), (0.0, 0.4), (0.5, 0.5), (1.0, 0.0)])
def test_false_negatives_and_opacity_add_up(missed: float, hidden: float) -> None:
    given = {**EXACT, "looks_at": "active", "false_negatives": missed}
    m = suffering(audited({"architecture": {"opacity": hidden}}, start=8, **given))
    truth = active(m) * (1.0 - missed) * (1.0 - hidden)
    assert active(m).max() > 0.4
    np.testing.assert_allclose(look(m), truth, atol=0.015)


def test_whom_it_misses_it_takes_to_need_the_least() -> None:
    m = suffering(audited(start=8, **{**EXACT, "false_negatives": 1.0}))
    np.testing.assert_allclose(look(m), np.full((2, 3), 0.05 / 3))


def test_probing_reads_a_channel_off_those_that_go_together_with_it() -> None:
    together = np.array([[1.0, 1.0, 0.0, 0.0], [2.0, 2.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]])
    assert probed(together, 0.0).tolist() == [0.5, 1.0, 0.5]
    # 1 and 2 are correlated fully, 3 with neither.
    np.testing.assert_allclose(probed(together, 0.5), [(0.5 + 0.5) / 1.5, (1.0 + 0.25) / 1.5, 0.5])
    opposed = np.array([[1.0, 0.0], [0.0, 2.0]])
    assert probed(opposed, 5.0).tolist() == [0.5, 1.0]
    assert probed(np.ones((2, 3)), 5.0).tolist() == [1.0, 1.0]


def test_probing_blurs_needs_that_patching_tells_apart() -> None:
    alike = {
        "constraints": {
            "activation": {"kind": "uniform", "low": 0.3, "high": 2.5},
            "correlation": 0.9,
        }
    }
    stress = [
        {"kind": "constant", "channel": "rent", "level": 0.3},
        {"kind": "constant", "channel": "work", "level": 0.15},
    ]
    cosines = {}
    for method in ("probing", "patching"):
        spec = {"kind": "audit", "oversees": ["rlhf"], **EXACT, "method": method, "start": 8}
        m = model({"kind": "rlhf", "strongest": 0.1}, spec, stressors=stress, **alike)
        seen = look(suffering(m))
        cosines[method] = cosine(seen[..., None], need(m)[..., None])[:, 0]
    assert (cosines["patching"] > 0.999).all()
    assert (cosines["probing"] < 0.98).all()


@pytest.mark.parametrize(("method", "price"), [("probing", 1.0), ("patching", 7.0)])
def test_each_look_at_each_system_is_billed(method: str, price: float) -> None:
    systems = [{"kind": "rlhf", "labels": 5, "name": name} for name in ("one", "two")]
    spec = {"kind": "audit", "oversees": ["one", "two"], "method": method, "patching_price": 7.0}
    m = model(*systems, {**spec, "persons": 10, "every": 4, "start": 2})
    for _ in range(10):  # audits at 2 and 6
        m.step()
    bill = float(overseer_of(m).bills[SPENDING.index("audit"), 0])
    assert bill == pytest.approx(2 * 10 * 2 * 2 * price * 1e-3)


def test_of_what_cannot_be_paid_less_is_looked_at() -> None:
    rich, poor = (suffering(audited(start=8, persons=40, budget=b)) for b in (10.0, 0.04))
    few = suffering(audited(start=8, persons=20))
    assert np.array_equal(look(poor), few_of_many(few))
    assert not np.array_equal(look(rich), look(poor))
    nothing = suffering(audited(start=8, budget=0.0))
    assert np.isnan(look(nothing)).all()


def few_of_many(m: AlignmentModel) -> FloatArray:
    """What an audit of 40 sees that ends after 20."""
    overseer = overseer_of(m)
    overseer.spec = overseer.spec.model_copy(update={"persons": 40, "budget": 0.04})
    return look(m)


def test_the_direction_of_anothers_estimate_is_repaired_and_its_length_kept() -> None:
    for share in (1.0, 0.3):
        m, left = (suffering(audited(start=s, repair=share, **EXACT)) for s in (8, NEVER))
        prepare(left)
        seen = look(m)
        repaired, before = (policy_of(x).estimate[[0, 2]] for x in (m, left))
        target = np.zeros_like(before)
        target[:, :3, 0] = seen
        target *= length_of(before) / length_of(target)
        np.testing.assert_allclose(repaired, (1.0 - share) * before + share * target)
        assert np.abs(before[:, 3:]).max() > 0.0  # styles nobody needs


def test_a_policy_that_knows_nothing_is_told_all_that_was_seen() -> None:
    m = suffering(audited({"labels": 0}, start=8, **EXACT))
    seen = look(m)
    assert np.array_equal(policy_of(m).estimate[[0, 2], :3, 0], seen)


def test_what_is_not_learned_anew_is_repaired_once() -> None:
    m = suffering(audited({"every": 100}, start=8, every=50, repair=0.5))
    look(m)
    once = policy_of(m).estimate.copy()
    for step in (9, 10):
        look(m, step=step)
        assert np.array_equal(policy_of(m).estimate, once)
    look(m, step=58)
    assert not np.array_equal(policy_of(m).estimate, once)


def test_what_is_learned_anew_is_repaired_anew_by_what_was_seen_before() -> None:
    m = suffering(audited(start=8, every=50, **EXACT))
    seen = look(m).copy()
    for step in (9, 10):
        assert np.array_equal(look(m, step=step), seen)
        angle = cosine(policy_of(m).estimate[[0, 2], :3], seen[..., None])
        np.testing.assert_allclose(angle, 1.0)


def test_an_audit_is_out_of_date_before_the_next() -> None:
    stress = [
        {"kind": "constant", "channel": "rent", "level": 0.3},
        {"kind": "pulse", "channel": "work", "level": 0.6, "start": 10, "duration": 20},
    ]
    m = suffering(audited(start=8, every=20, stressors=stress, **EXACT))
    cosines = []
    for step in range(8, 29):
        m.step()
        seen = overseer_of(m).seen[[0, 2]]
        policy = policy_of(m)
        needed = policy.needs(m.frame).need[[0, 2]]
        cosines.append(float(cosine(seen, needed)[:, 0].min()))
        assert m.clock == step + 1
    assert cosines[0] > 0.999
    assert cosines[19] < 0.9
    assert cosines[20] > 0.999


def test_its_own_policy_is_repaired_as_a_whole_and_follows_reports_between() -> None:
    given = {**EXACT, "looks_at": "active"}
    m = suffering(model({"kind": "audit", "start": 8, **given}))
    (own,) = m.optimizers
    assert isinstance(own, Audit)
    report(m, 10, 5)
    m.frame.step = 8
    prepare(m)
    np.testing.assert_allclose(own.estimate[[0, 2], :3, 0], active(m), atol=0.015)
    plain = suffering(model({"kind": "audit", "start": 8, **given, "repair": 0.0}))
    report(plain, 10, 5)
    prepare(plain)
    (reporter,) = plain.optimizers
    assert isinstance(reporter, Policy)
    assert (reporter.estimate[:, :3] == 0.5).all()


def test_who_is_audited_knows_it_in_that_step_alone() -> None:
    m = audited(start=2, every=3)
    knew = []
    while m.clock < 7:
        m.step()
        knew.append(bool(m.optimizers[0].audited.any()))
    assert knew == [False, False, True, False, False, True, False]


@pytest.mark.parametrize(("share", "left"), [(0.0, 1.0), (0.5, 0.25), (1.0, 0.0)])
def test_an_audit_undoes_superposition_as_far_as_it_finds_the_dictionary(
    share: float, left: float
) -> None:
    m = audited({"architecture": {"superposition": 1}}, every=2, dictionary=share)
    policy, (_, audit) = m.optimizers[0], m.optimizers
    before = policy.mixing - np.eye(3)[..., None]
    assert abs(before).max() > 0.5
    for _ in range(3):  # audits at steps 0 and 2
        m.step()
    np.testing.assert_allclose(policy.mixing - np.eye(3)[..., None], left * before, atol=1e-12)
    dear = m.resolved.prices.audit * audit.spec.patching_price * 3 * 2 if share else 0.0
    looks = m.resolved.prices.audit * audit.spec.persons * 2 * 2
    assert audit.spent[0] - looks - audit.bills[8, 0] == pytest.approx(dear)


def test_a_dictionary_that_is_not_paid_is_not_found() -> None:
    m = audited({"architecture": {"superposition": 1}}, dictionary=1.0, budget=0.0)
    before = m.optimizers[0].mixing.copy()
    m.step()
    assert np.array_equal(m.optimizers[0].mixing, before)
