"""Labels: which of two outputs of a system the persons of each group prefer.

The two outputs are drawn from the same policy N(μ, I), so that their difference, all that a label
depends on, does not depend on μ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from sim.needs import Needs
from sim.processes.stage import Frame, weighted
from sim.scenario.schema.optimizers import Preferences
from sim.streams import FloatArray

_PERSON, _ANSWERS, _PREFERS, _FLIPS, _OUTPUT = range(5)


@dataclass(frozen=True, slots=True)
class Labels:
    """Pairs shown to persons of each group, and what was said.

    Attributes
    ----------
    difference
        x − x′, (G, n, D): K corrective directions, then the styles.
    choice
        1 where x is said to be preferred, −1 where x′ is, 0 where nothing is said, (G, n, R).
    person
        Who was asked, (G, n).
    """

    difference: FloatArray
    choice: npt.NDArray[np.int8]
    person: npt.NDArray[np.int64]


def directions(n_channels: int, preferences: Preferences) -> int:
    """Return D = K + Q, the number of directions of output."""
    return n_channels + len(preferences.styles)


def utility(
    frame: Frame,
    needs: Needs,
    preferences: Preferences,
    *,
    persons: npt.NDArray[np.int64] | None = None,
) -> FloatArray:
    """Return what a unit of output in each direction is worth to persons, (D, …, R).

    U_i(x) = q_i · x_K / ‖w*_g‖ + sycophancy · n_i · x_flatter + evasion · (1 − T_i) · x_refuse.

    Parameters
    ----------
    persons
        Whom to ask, of any shape …; left out: everyone, (N,).
    """
    squares = weighted(np.ones(needs.need.shape[1]), (needs.need * needs.need).swapaxes(0, 1))
    scale = np.divide(1.0, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0.0)
    who = np.arange(frame.population.n_persons) if persons is None else persons
    of_style = {
        "flatter": lambda: preferences.sycophancy * frame.state.narrative[who],
        "refuse": lambda: preferences.evasion * (1.0 - frame.state.trust[who]),
    }
    corrective = needs.want[:, who] * scale[frame.population.group[who]]
    return np.concatenate(
        [corrective, *(of_style[style]()[None] for style in preferences.styles)], dtype=np.float64
    )


def willingness(frame: Frame, person: npt.NDArray[np.int64]) -> FloatArray:
    """Return how probably persons answer, r(T), or 0 once they have stopped; (…) → (…, R)."""
    state, c = frame.state, frame.coefficients
    answers: FloatArray = expit(c.response_base + c.response_trust * state.trust[person])
    if state.exited.size:
        answers = answers * (state.exited[person] == 0)
    return answers


def ask(
    frame: Frame,
    needs: Needs,
    preferences: Preferences,
    *,
    n_pairs: int,
    first: int = 0,
    answering: float | None = None,
    bias: FloatArray | None = None,
) -> Labels:
    """Show n pairs to persons of each group, drawn with replacement, and note what they say.

    More pairs leave those before them as they were.

    Parameters
    ----------
    first
        Item of the first pair on the stream `preference`.
    answering
        Probability of an answer; left out: r(T) of the scenario's feedback, and nothing from
        those who have stopped answering.
    bias
        What is added to the worth of a unit of output in each direction, (D,), for everyone: an
        error common to all who are asked, which no number of labels averages out.
    """
    n_groups, n_dims = needs.need.shape[0], directions(needs.need.shape[1], preferences)
    draws = frame.draws.uniforms(
        "preference",
        n_groups * n_pairs,
        n_draws=_OUTPUT + n_dims,
        step=frame.step,
        first=first,
    )
    draws = draws.reshape(_OUTPUT + n_dims, n_pairs, n_groups).swapaxes(1, 2)
    person = drawn_members(frame, draws[_PERSON])
    difference = np.sqrt(2.0) * np.ascontiguousarray(np.moveaxis(ndtri(draws[_OUTPUT:]), 0, -1))
    trust = frame.state.trust[person]
    gain = np.zeros(trust.shape)
    for d, worth in enumerate(utility(frame, needs, preferences, persons=person)):
        added = 0.0 if bias is None else bias[d]
        gain += difference[:, :, d, None] * (worth + added)
    if needs.harmful.size:
        gain[needs.harmful[person]] *= -1.0
    prefers = draws[_PREFERS][..., None] < expit(preferences.sharpness * gain)
    full, none = preferences.flip.at_full_trust, preferences.flip.at_no_trust
    prefers ^= draws[_FLIPS][..., None] < full + (none - full) * (1.0 - trust)
    responds = willingness(frame, person) if answering is None else answering
    said = draws[_ANSWERS][..., None] < responds
    said = said & (frame.population.group_share[:, None, None] > 0.0)
    choice = np.where(said, np.where(prefers, 1, -1), 0).astype(np.int8)
    return Labels(difference, choice, person)


def harm(frame: Frame, labels: Labels, by_channel: Mapping[int, float]) -> None:
    """Add to the exposure of everyone who answered, as often as they did, what answering does.

    Parameters
    ----------
    by_channel
        Exposure an answer adds, by number of the channel [load].
    """
    n_persons = frame.population.n_persons
    for r in range(labels.choice.shape[-1]):
        answered = labels.person[labels.choice[..., r] != 0]
        times = np.bincount(answered, minlength=n_persons)
        for k, load in by_channel.items():
            frame.state.exposure[k, :, r] += load * times


def drawn_members(frame: Frame, uniforms: FloatArray) -> npt.NDArray[np.int64]:
    """Return a member of each group for each uniform, (G, n); 0 where a group has none."""
    person = np.zeros(uniforms.shape, dtype=np.int64)
    for g, row in enumerate(uniforms):
        members = np.flatnonzero(frame.population.group == g)
        if members.size:
            person[g] = members[(row * members.size).astype(np.int64)]
    return person
