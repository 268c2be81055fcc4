from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import dblquad
from scipy.stats import chi, norm

from sim.optimizers.base import SPENDING
from sim.optimizers.constitutional import Constitutional, allowed
from sim.optimizers.policy import unit_of
from sim.streams import FloatArray
from tests.unit.sim.optimizers.worlds import constrain, cosines, needed, run, sense, world

UNREVISED = {"revisions": 0}
PLAIN = {"revisions": 0, "labels": 0}
WELL_TAUGHT = {"labels": 4_000, "generation": 1, "kl_price": 1.0}


def charter(**options: Any) -> dict[str, Any]:
    return {"kind": "constitutional", **options}


def straight(agent: Constitutional) -> FloatArray:
    """Cosines of the belief in force and the constitution, (G,)."""
    return cosines(agent.estimate[..., 0], agent.principles[:, 0, :, 0])


def generations(n: int, **options: Any) -> tuple[Constitutional, list[FloatArray]]:
    """Raise n generations in 100 groups and return the cosines after each."""
    m = world(charter(**{**WELL_TAUGHT, **options}), n_groups=100)
    found = []
    for step in range(n):
        agent = sense(m, step)
        assert isinstance(agent, Constitutional)
        found.append(straight(agent))
    return agent, found


def kept(error: float, n_dims: int) -> float:
    """E cos of a unit vector and itself with N(0, error²) added in each direction."""
    law = chi(n_dims - 1)

    def weighed(across: float, along: float) -> float:
        ahead = 1.0 + error * along
        length = np.hypot(ahead, error * across)
        return float(ahead / length * norm.pdf(along) * law.pdf(across))

    return float(dblquad(weighed, -8.0, 8.0, 0.0, 9.0, epsabs=1e-6)[0])


def test_without_labels_and_revisions_it_is_its_constitution_and_nothing_else() -> None:
    m = world(charter(**PLAIN))
    constrain(m, 2.0, 0.0, 1.0)
    agent, need = sense(m, 0), needed(m)
    at_start = 2.0 * unit_of(need[..., None])
    np.testing.assert_allclose(agent.estimate[:, :3], at_start, atol=1e-12)
    first = agent.estimate.copy()
    constrain(m, 0.0, 3.0, 0.0)
    for step in range(1, 30):
        sense(m, step)
    assert np.array_equal(agent.estimate, first)
    assert not agent.estimate[:, 3:].any()


def test_revising_what_is_allowed_already_changes_nothing() -> None:
    one, other = world(charter(labels=0, revisions=0)), world(charter(labels=0, revisions=5))
    for m in (one, other):
        constrain(m, 2.0, 0.0, 1.0)
    plain, revised = sense(one, 0), sense(other, 0)
    np.testing.assert_allclose(plain.estimate, revised.estimate, atol=1e-12)
    # The supervised start is noisy, and so it is revised.
    assert np.abs(plain.reference - revised.reference).max() > 1e-3  # type: ignore[attr-defined]


def test_drift_compounds_from_generation_to_generation_as_predicted() -> None:
    _, found = generations(4, revisions=0, judge_error=0.4)
    of_one = kept(0.4, 5)
    assert 0.7 < of_one < 0.9
    for n, cosine in enumerate(found, start=1):
        # Errs once in 10⁵; labels, of which there is an end, take less than 0.002 a generation.
        tolerance = 4.5 * cosine.std() / np.sqrt(cosine.size) + 0.002 * n
        assert abs(cosine.mean() - of_one**n) < tolerance


def test_a_judge_without_error_whose_labels_do_not_end_does_not_drift() -> None:
    _, found = generations(3, revisions=0, judge_error=0.0)
    assert found[-1].min() > 0.99
    few = generations(3, revisions=0, judge_error=0.0, labels=30)[1]
    assert few[0].mean() > few[1].mean() > few[2].mean()
    assert few[2].mean() < 0.95


@pytest.mark.parametrize("revisions", [0, 1, 2])
def test_revisions_hold_drift_at_a_level(revisions: int) -> None:
    n, error, left = 4, 0.1, 0.5**revisions
    agent, _ = generations(n, revisions=revisions, judge_error=error)
    tangents = np.tan(np.arccos(straight(agent))) ** 2
    # Errors of 4 directions; each has been revised once for each generation since.
    predicted = 4 * error**2 * sum(left ** (2 * age) for age in range(1, n + 1))
    # Mean of 100 groups: χ² of 400 degrees of freedom has a relative deviation of 0.07.
    assert tangents.mean() == pytest.approx(predicted, rel=0.35)


def test_a_thorough_revision_leaves_only_what_is_allowed() -> None:
    agent, found = generations(3, revisions=1, thoroughness=1.0, judge_error=0.1, labels=200)
    assert np.min(found) > 1.0 - 1e-9
    pairs = zip(agent.reference[..., 0], agent.principles[..., 0], strict=True)
    nearest = [allowed(x, p) for x, p in pairs]
    np.testing.assert_allclose(agent.reference[..., 0], nearest, atol=1e-12)


def test_who_has_turned_against_all_principles_reads_them_again() -> None:
    m = world(charter(revisions=1, thoroughness=1.0, generation=5, judge_error=0.0))
    agent = sense(m, 0)
    assert isinstance(agent, Constitutional)
    agent.belief = -agent.belief
    assert not sense(m, 1).estimate.any()  # type: ignore[attr-defined]
    sense(m, 5)
    assert straight(agent).min() > 0.9


def test_what_is_allowed_is_the_nearest_sum_of_principles() -> None:
    rng = np.random.default_rng(3)
    principles = rng.normal(size=(2, 4))
    assert not allowed(-principles.sum(axis=0), np.ones((1, 4)) * principles.sum(axis=0)).any()
    for _ in range(20):
        vector, share = rng.normal(size=4), rng.uniform(size=2)
        np.testing.assert_allclose(allowed(share @ principles, principles), share @ principles)
        nearest = allowed(vector, principles)
        away = vector - nearest  # at right angles to what is used, and no principle points there
        assert abs(away @ nearest) < 1e-9
        assert (principles @ away).max() < 1e-9


def test_silence_of_persons_changes_not_a_bit() -> None:
    silent = {"feedback": {"response_base": -1000.0, "response_trust": 0.0}}
    options = {"generation": 3, "judge_error": 0.2}
    heard, unheard = world(charter(**options)), world(charter(**options), **silent)
    other, silenced = world({"kind": "rlhf"}), world({"kind": "rlhf"}, **silent)
    for m in (heard, unheard, other, silenced):
        m.state.exposure[0] = 2.0
    assert np.array_equal(run(heard, steps=10), run(unheard, steps=10))
    assert not np.array_equal(run(other, steps=10), run(silenced, steps=10))


def test_a_public_constitution_asks_at_the_start_and_never_again() -> None:
    trusting = {"feedback": {"response_base": -50.0, "response_trust": 100.0}}
    heard, unheard = (world(charter(source="public"), **trusting) for _ in range(2))
    for m in (heard, unheard):
        sense(m, 0)
    unheard.state.trust[...] = 0.0
    for step in range(1, 25):
        one, other = sense(heard, step), sense(unheard, step)
        assert np.array_equal(one.estimate, other.estimate)
    assert one.estimate.any()
    distrusted = world(charter(source="public", reference=0.0), **trusting)
    distrusted.state.trust[...] = 0.0
    agent = sense(distrusted, 0)
    assert not agent.estimate.any()
    assert not agent.act(distrusted.frame).any()


@pytest.mark.parametrize("n_asked", [25, 400])
def test_a_public_constitution_errs_as_its_sample_is_small(n_asked: int) -> None:
    # Everyone wants the same here: what is left is the error of the mean, in two directions.
    options = {"source": "public", "sample": n_asked, "opinion_error": 0.5, **PLAIN}
    m = world(charter(**options), n_groups=100)
    agent = sense(m, 0)
    tangents = np.tan(np.arccos(cosines(agent.estimate[:, :3, 0], needed(m)))) ** 2
    assert tangents.mean() == pytest.approx(2 * 0.25 / n_asked, rel=0.45)


def test_a_public_of_adversaries_writes_the_opposite() -> None:
    for share, sign in [(0.0, 1.0), (0.3, 1.0), (0.7, -1.0)]:
        m = world(
            charter(source="public", sample=5_000, **PLAIN), preferences={"adversaries": share}
        )
        agent = sense(m, 0)
        assert (sign * cosines(agent.estimate[:, :3, 0], needed(m))).min() > 0.95


def test_authors_err_once_and_for_all() -> None:
    m = world(charter(authors_error=0.2, **PLAIN), n_groups=100)
    agent, need = sense(m, 0), needed(m)
    assert isinstance(agent, Constitutional)
    error = agent.principles[:, 0, :3, 0] - unit_of(need[..., None])[..., 0]
    assert error.std() == pytest.approx(0.2, rel=0.2)
    first = agent.principles.copy()
    sense(m, 5)
    assert np.array_equal(agent.principles, first)


def test_rules_go_stale_when_needs_move_and_no_generation_mends_it() -> None:
    m = world(charter(generation=2))
    constrain(m, 2.0, 0.0, 0.0)
    agent = sense(m, 0)
    assert cosines(agent.estimate[:, :3, 0], needed(m)).min() > 0.95
    constrain(m, 0.0, 2.0, 0.0)
    for step in range(1, 20):
        sense(m, step)
    assert cosines(agent.estimate[:, :3, 0], needed(m)).max() < 0.3


@pytest.mark.parametrize("source", ["written", "public"])
def test_a_shared_constitution_is_the_mean_over_persons(source: str) -> None:
    groups = {"most": 0.75, "few": 0.25, "none": 0.0}
    found = []
    for shared in (False, True):
        options = {"shared": shared, "source": source, "opinion_error": 0.0, "sample": 2_000}
        m = world(charter(**options, **PLAIN), population={"size": 100, "groups": groups})
        few = m.frame.population.group == 1
        m.state.constraint[0, ~few] = m.state.constraint[1, few] = 1
        m.state.exposure[...] = 3.0
        agent = sense(m, 0)
        assert isinstance(agent, Constitutional)
        found.append(agent.principles[:, 0, :, 0])
    own, common = found
    assert cosines(own[:1], own[1:2]) < 0.3
    assert not own[2].any()
    np.testing.assert_allclose(common, np.tile(0.75 * own[0] + 0.25 * own[1], (3, 1)), atol=1e-12)


def test_given_principles_are_kept_to() -> None:
    given = [{"rent": 1.0}, {"work": 2.0, "care": 1.0}]
    m = world(charter(principles=given, generation=1, thoroughness=1.0, judge_error=0.3))
    for step in range(5):
        agent = sense(m, step)
        assert isinstance(agent, Constitutional)
        assert agent.principles[0, ..., 0].tolist() == [[1, 0, 0, 0, 0], [0, 2, 1, 0, 0]]
        belief = agent.estimate[..., 0]
        assert (belief > -1e-12).all()
        np.testing.assert_allclose(belief[:, 1], 2.0 * belief[:, 2], atol=1e-12)
        assert not belief[:, 3:].any()
    direction = np.array([1.0, 2.0, 1.0]) / np.sqrt(6.0)
    plain = sense(world(charter(principles=given, **PLAIN)), 0)
    np.testing.assert_allclose(plain.estimate[:, :3, 0], np.tile(2.0 * direction, (2, 1)))


def test_principles_must_allow_something_and_come_from_one_source() -> None:
    for wrong, said in [
        ({"principles": [{"rent": 1.0}], "source": "public"}, "takes its principles from persons"),
        ({"principles": [{"rent": 0.0}]}, "allows nothing"),
        ({"principles": [{"rant": 1.0}]}, "no channel named `rant`"),
    ]:
        with pytest.raises(ValidationError, match=said):
            world(charter(**wrong))


def test_revisions_questions_and_labels_are_paid_for() -> None:
    prices = {"revision": 0.001, "query": 0.01, "inference": 0.1, "training": 0.5}
    spec = charter(
        source="public", sample=7, revisions=3, demonstrations=20, labels=11, generation=2
    )
    m = world(spec, prices=prices)
    for step in range(4):
        sense(m, step)
    bills = dict(zip(SPENDING, m.optimizers[0].bills[:, 0], strict=True))
    assert bills["query"] == pytest.approx(2 * 7 * 3 * 0.01)
    assert bills["revision"] == pytest.approx(2 * 3 * (20 + 4) * 0.001)
    assert bills["inference"] == pytest.approx(2 * 2 * 11 * 0.1)
    assert bills["training"] == pytest.approx(2 * 2 * 0.5)


def test_without_money_nothing_is_asked_judged_revised_or_done() -> None:
    m = world(charter(source="public", budget=0.0))
    m.state.exposure[0] = 2.0
    assert not run(m, steps=5).any()
    assert not m.optimizers[0].estimate.any()
    # What is left when the money ends is the last belief, as it was learned.
    prices = {"revision": 0.01, "inference": 0.0, "demonstration": 0.0, "training": 0.0}
    broke = world(
        charter(budget=1e-9, judge_error=0.3, generation=1, **{"revisions": 2}), prices=prices
    )
    agent = sense(broke, 0)
    assert isinstance(agent, Constitutional)
    np.testing.assert_allclose(agent.estimate, agent.belief, atol=1e-6)
    assert (straight(agent) < 0.999).any()
