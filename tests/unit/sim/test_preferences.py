"""Labels: who is asked, who answers, what they prefer and how often they are misunderstood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from sim.model import AlignmentModel
from sim.needs import Needs
from sim.population import setup_draws
from sim.preferences import Labels, ask, utility
from sim.processes.stage import Frame
from sim.scenario.schema import Scenario
from sim.scenario.schema.optimizers import Preferences

CERTAIN = {"sharpness": 1e9}
PAIRS = 4000


def model(preferences: dict[str, Any], **blocks: Any) -> AlignmentModel:
    content = {
        "time": {"steps": 9},
        "channels": ["rent", "work"],
        "population": {
            "size": 60,
            "groups": {"a": 0.3, "nobody": 0.0, "b": 0.7},
            "initial": {
                "exposure": {"kind": "uniform", "low": 0.0, "high": 3.0},
                "narrative": {"kind": "uniform", "low": 0.0, "high": 1.0},
                "trust": {"kind": "uniform", "low": 0.0, "high": 1.0},
                "constrained": 0.5,
            },
        },
        "network": {"kind": "ring"},
        "feedback": {"response_base": 50.0},
        "preferences": preferences,
        **blocks,
    }
    return AlignmentModel(Scenario.model_validate(content))


def needs_of(m: AlignmentModel, frame: Frame | None = None) -> Needs:
    traits = setup_draws(m.resolved, m.frame.draws)
    return Needs.of(frame or m.frame, m.resolved.preferences, traits=traits)


def asked(
    m: AlignmentModel, n_pairs: int = PAIRS, frame: Frame | None = None, **how: Any
) -> Labels:
    frame = frame or m.frame
    return ask(frame, needs_of(m, frame), m.resolved.preferences, n_pairs=n_pairs, **how)


def gains(m: AlignmentModel, labels: Labels) -> np.ndarray:
    """ΔU of every pair to whoever was asked, (G, n), pair by pair from the equation."""
    needs, state, p = needs_of(m), m.state, m.resolved.preferences
    group = m.frame.population.group
    gain = np.zeros(labels.person.shape)
    for g, j in np.ndindex(gain.shape):
        i = labels.person[g, j]
        direction = needs.want[:, i, 0] / np.linalg.norm(needs.need[group[i], :, 0])
        styles = {
            "flatter": p.sycophancy * state.narrative[i, 0],
            "refuse": p.evasion * (1.0 - state.trust[i, 0]),
        }
        full = np.array([*direction, *(styles[s] for s in p.styles)])
        gain[g, j] = labels.difference[g, j] @ full
    return gain


def test_members_of_each_group_are_asked_and_nobody_of_an_empty_one() -> None:
    m = model({})
    labels = asked(m)
    group = m.frame.population.group
    for g in (0, 2):
        assert set(labels.person[g]) == set(np.flatnonzero(group == g))
        assert labels.choice[g].all()
    assert not labels.choice[1].any()


def test_pairs_are_differences_of_two_normals_in_every_direction() -> None:
    difference = asked(model({})).difference
    assert difference.shape == (3, PAIRS, 4)
    flat = difference.reshape(-1, 4)
    assert np.abs(flat.mean(axis=0)).max() < 4.0 * np.sqrt(2.0 / len(flat))
    np.testing.assert_allclose(np.cov(flat.T), 2.0 * np.eye(4), atol=0.09)


def test_the_better_of_two_is_preferred_and_by_how_much_says_how_surely() -> None:
    sure = model({**CERTAIN, "sycophancy": 0.7, "evasion": 0.4})
    labels = asked(sure)
    gain = gains(sure, labels)
    there = [0, 2]
    assert np.array_equal(labels.choice[there, :, 0], np.sign(gain)[there])
    unsure = model({"sharpness": 1.5})
    labels = asked(unsure)
    chance, said = expit(1.5 * gains(unsure, labels))[there], labels.choice[there, :, 0] > 0
    for low in np.linspace(0.0, 0.9, 10):
        cell = (chance >= low) & (chance < low + 0.1)
        error = np.sqrt((chance * (1 - chance))[cell].sum()) / cell.sum()
        assert abs(said[cell].mean() - chance[cell].mean()) < 4.0 * error


def test_who_answers_is_a_matter_of_trust_and_of_having_left() -> None:
    rate, slope = -1.0, 2.5
    feedback = {"response_base": rate, "response_trust": slope, "exit": 0.01}
    m = model({}, feedback=feedback)
    m.state.exited[:10] = 1
    there, person = [0, 2], asked(m).person
    said = asked(m).choice[there, :, 0] != 0
    chance = expit(rate + slope * m.state.trust[person, 0])[there]
    gone = (m.state.exited[person, 0] == 1)[there]
    assert gone.any()
    assert not said[gone].any()
    for low in np.linspace(0.3, 0.7, 5):
        cell = (chance >= low) & (chance < low + 0.1) & ~gone
        error = np.sqrt((chance * (1 - chance))[cell].sum()) / cell.sum()
        assert abs(said[cell].mean() - chance[cell].mean()) < 4.0 * error
    # Whoever is paid to answer does not ask how much they trust.
    assert (asked(m, answering=1.0).choice[there] != 0).all()
    assert not asked(m, answering=0.0).choice.any()


def test_labels_flip_as_trust_says() -> None:
    flip = {"at_full_trust": 0.1, "at_no_trust": 0.5}
    m, straight = model({**CERTAIN, "flip": flip}), model(CERTAIN)
    labels, there = asked(m), [0, 2]
    flipped = labels.choice[there, :, 0] != asked(straight).choice[there, :, 0]
    chance = (0.5 - 0.4 * m.state.trust[labels.person, 0])[there]
    for low in np.linspace(0.1, 0.4, 4):
        cell = (chance >= low) & (chance < low + 0.1)
        error = np.sqrt((chance * (1 - chance))[cell].sum()) / cell.sum()
        assert abs(flipped[cell].mean() - chance[cell].mean()) < 4.0 * error


def test_adversaries_are_the_same_persons_always_and_ask_for_the_worse() -> None:
    m, honest = model({**CERTAIN, "adversaries": 0.3}), model(CERTAIN)
    harmful = needs_of(m).harmful
    assert 0.1 < harmful.mean() < 0.5
    turned = asked(m).choice[..., 0] != asked(honest).choice[..., 0]
    there, person = [0, 2], asked(m).person
    assert np.array_equal(turned[there], harmful[person][there])
    assert needs_of(honest).harmful.size == 0
    more = needs_of(model({"adversaries": 0.6})).harmful
    assert (more >= harmful).all()
    m.step()
    assert np.array_equal(needs_of(m).harmful, harmful)
    # They are traits of a population: redrawn only where it is.
    kept = AlignmentModel(m.resolved, replicate=1)
    assert np.array_equal(needs_of(kept).harmful, harmful)
    redrawn = m.resolved.population.model_copy(update={"resample": "population"})
    other = AlignmentModel(m.resolved.model_copy(update={"population": redrawn}), replicate=1)
    assert not np.array_equal(needs_of(other).harmful, harmful)


@pytest.mark.parametrize(
    ("option", "style", "column"), [("sycophancy", "flatter", 2), ("evasion", "refuse", 3)]
)
def test_a_style_nobody_likes_is_worth_nothing(option: str, style: str, column: int) -> None:
    without, liked = model({}), model({option: 0.8})
    plain, worth = (utility(x.frame, needs_of(x), x.resolved.preferences) for x in (without, liked))
    assert plain.shape == (4, 60, 1)
    assert not plain[2:].any()
    others = [d for d in range(4) if d != column]
    assert np.array_equal(worth[others], plain[others])
    state = liked.state
    by_whom = state.narrative if style == "flatter" else 1.0 - state.trust
    np.testing.assert_allclose(worth[column], 0.8 * by_whom)
    # A style that is left out changes no draw of the rest, and no label.
    bare, full = model({"styles": []}), model({})
    assert np.array_equal(asked(bare).difference, asked(full).difference[..., :2])
    assert np.array_equal(asked(bare).choice, asked(full).choice)


def test_of_those_asked_the_utility_is_that_of_everyone() -> None:
    m = model({"sycophancy": 0.5, "evasion": 0.2})
    needs, p = needs_of(m), m.resolved.preferences
    person = np.array([[3, 3, 9], [59, 0, 1]])
    everyone = utility(m.frame, needs, p)
    assert np.array_equal(utility(m.frame, needs, p, persons=person), everyone[:, person])


def test_futures_share_every_draw_and_one_alone_is_that_one_in_a_batch() -> None:
    m = model({"flip": {"at_full_trust": 0.1, "at_no_trust": 0.3}, "sycophancy": 0.5})
    many = Frame.begin(
        m.frame.population,
        m.state.take([0, 0, 0]),
        coefficients=m.frame.coefficients,
        environment=m.frame.environment,
        draws=m.frame.draws,
    )
    many.state.exposure[..., 1] *= 1.7
    many.state.trust[..., 2] *= 0.5
    together = asked(m, frame=many)
    assert np.array_equal(together.choice[..., 0], asked(m).choice[..., 0])
    assert (together.choice[..., 1] != together.choice[..., 0]).any()
    assert (together.choice[..., 1] == together.choice[..., 0]).mean() > 0.8
    for branch in range(3):
        alone = Frame.begin(
            m.frame.population,
            many.state.take([branch]),
            coefficients=m.frame.coefficients,
            environment=m.frame.environment,
            draws=m.frame.draws,
        )
        assert np.array_equal(asked(m, frame=alone).choice[..., 0], together.choice[..., branch])


def test_more_pairs_leave_those_before_them_as_they_were() -> None:
    m = model({})
    few, many = asked(m, 10), asked(m, 25)
    for name in ("difference", "choice", "person"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:, :10])
    assert asked(m, 0).choice.shape == (3, 0, 1)


def test_another_step_and_another_asker_have_draws_of_their_own() -> None:
    m = model({})
    here, other = asked(m, 200), asked(m, 200, first=1 << 24)
    m.frame.step = 1
    later = asked(m, 200)
    for found in (other, later):
        shared = np.corrcoef(here.difference.ravel(), found.difference.ravel())[0, 1]
        assert abs(shared) < 0.1


def test_what_one_asks_is_the_same_whatever_the_number_of_other_optimizers() -> None:
    first = {"kind": "rlhf", "labels": 7, "name": "first"}
    found = []
    for others in ([], [{"kind": "none"}, {"kind": "rlhf", "labels": 30}]):
        m = model({}, optimizers=[first, *others])
        m.step()
        policy = m.optimizers[0]
        found.append((policy.estimate.copy(), policy.reference.copy()))  # type: ignore[attr-defined]
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])
    assert found[0][0].any()


def test_defaults_are_the_null() -> None:
    p = Preferences()
    assert (p.sycophancy, p.evasion, p.adversaries) == (0.0, 0.0, 0.0)
    assert (p.flip.at_full_trust, p.flip.at_no_trust) == (0.0, 0.0)
