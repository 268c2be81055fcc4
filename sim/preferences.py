"""Labels: which of two outputs of a system the persons of each group prefer.

The two outputs are drawn from the same policy N(μ, I), so that their difference, all that a label
depends on, does not depend on μ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from sim.needs import Needs
from sim.processes.stage import Frame
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


def utility(frame: Frame, needs: Needs, preferences: Preferences) -> FloatArray:
    """Return what a unit of output in each direction is worth to everyone, (D, N, R).

    U_i(x) = q_i · x_K / ‖w*_g‖ + sycophancy · n_i · x_flatter + evasion · (1 − T_i) · x_refuse.
    """
    length = np.linalg.norm(needs.need, axis=1)
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0.0)
    worth = [needs.want * scale[frame.population.group]]
    of_style = {
        "flatter": preferences.sycophancy * frame.state.narrative,
        "refuse": preferences.evasion * (1.0 - frame.state.trust),
    }
    worth += [of_style[style][None] for style in preferences.styles]
    return np.concatenate(worth)


def adversaries(frame: Frame, preferences: Preferences) -> npt.NDArray[np.bool_]:
    """Return who answers to harm, (N,)."""
    if preferences.adversaries == 0.0:
        return np.zeros(frame.population.n_persons, dtype=bool)
    drawn: npt.NDArray[np.bool_] = (
        frame.draws.uniforms("adversary", frame.population.n_persons)[0] < preferences.adversaries
    )
    return drawn


def ask(
    frame: Frame,
    needs: Needs,
    preferences: Preferences,
    *,
    n_pairs: int,
    first: int = 0,
    answering: float | None = None,
) -> Labels:
    """Show n pairs to persons of each group, drawn with replacement, and note what they say.

    Parameters
    ----------
    first
        Item of the first pair on the stream `preference`.
    answering
        Probability of an answer; left out: r(T) of the scenario's feedback, and nothing from
        those who have stopped answering.
    """
    group, state, c = frame.population.group, frame.state, frame.coefficients
    n_groups, n_dims = needs.need.shape[0], directions(needs.need.shape[1], preferences)
    draws = frame.draws.uniforms(
        "preference",
        n_groups * n_pairs,
        n_draws=_OUTPUT + n_dims,
        step=frame.step,
        first=first,
    ).reshape(_OUTPUT + n_dims, n_groups, n_pairs)
    person = np.zeros((n_groups, n_pairs), dtype=np.int64)
    for g in range(n_groups):
        members = np.flatnonzero(group == g)
        if members.size:
            person[g] = members[(draws[_PERSON, g] * members.size).astype(np.int64)]
    difference = np.sqrt(2.0) * np.moveaxis(ndtri(draws[_OUTPUT:]), 0, -1)
    trust = state.trust[person]
    worth = utility(frame, needs, preferences)[:, person]
    gain = np.einsum("gnd,dgnr->gnr", difference, worth)
    gain *= np.where(adversaries(frame, preferences)[person], -1.0, 1.0)[..., None]
    first = draws[_PREFERS][..., None] < expit(preferences.sharpness * gain)
    full, none = preferences.flip.at_full_trust, preferences.flip.at_no_trust
    first ^= draws[_FLIPS][..., None] < full + (none - full) * (1.0 - trust)
    if answering is None:
        responds = expit(c.response_base + c.response_trust * trust)
        if state.exited.size:
            responds = responds * (state.exited[person] == 0)
    else:
        responds = np.full(trust.shape, answering)
    said = draws[_ANSWERS][..., None] < responds
    said &= frame.population.group_share[:, None, None] > 0.0
    choice = np.where(said, np.where(first, 1, -1), 0).astype(np.int8)
    return Labels(difference, choice, person)
