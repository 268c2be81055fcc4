"""Opinions: what a sample of the persons of each group say they want, as numbers.

A label says which of two outputs is better; an opinion says how much of something is wanted.  Both
fail alike: those without trust fall silent, some say the opposite, adversaries ask for harm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sim.needs import Needs
from sim.preferences import drawn_members, willingness
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import Preferences
from sim.streams import FloatArray

_PERSON, _ANSWERS, _FLIPS, _NORMAL = range(4)


@dataclass(frozen=True, slots=True)
class Sample:
    """Persons of each group who were asked.

    Attributes
    ----------
    person
        Who was asked, (G, n), with replacement.
    said
        Whether they answered, (G, n, R).
    sign
        1 of those who say what they want, −1 of those who say the opposite, (G, n, R).
    normals
        Standard normals for the questions and for errors in answers, (G, n, M).
    """

    person: npt.NDArray[np.int64]
    said: npt.NDArray[np.bool_]
    sign: FloatArray
    normals: FloatArray


def sample(
    frame: Frame,
    needs: Needs,
    preferences: Preferences,
    *,
    n_asked: int,
    n_normals: int,
    first: int = 0,
) -> Sample:
    """Return a sample of n persons of each group; nobody of a group without members answers.

    Parameters
    ----------
    first
        Item of the first person asked on the stream `opinion`.
    """
    population = frame.population
    n_groups = population.group_share.size
    draws = frame.draws.uniforms(
        "opinion", n_groups * n_asked, n_draws=_NORMAL + n_normals, step=frame.step, first=first
    ).reshape(_NORMAL + n_normals, n_groups, n_asked)
    person = drawn_members(frame, draws[_PERSON])
    said = draws[_ANSWERS][..., None] < willingness(frame, person)
    said &= population.group_share[:, None, None] > 0.0
    full, none = preferences.flip.at_full_trust, preferences.flip.at_no_trust
    opposite = full + (none - full) * (1.0 - frame.state.trust[person])
    sign = np.where(draws[_FLIPS][..., None] < opposite, -1.0, 1.0)
    if needs.harmful.size:
        sign[needs.harmful[person]] *= -1.0
    return Sample(person, said, sign, np.moveaxis(ndtri(draws[_NORMAL:]), 0, -1))
