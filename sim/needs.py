"""What persons want corrected, and what the members of a group need together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim.population import BoolArray
from sim.processes.relay import load_without_correction
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import Preferences
from sim.streams import Draws, FloatArray


@dataclass(frozen=True, slots=True)
class Needs:
    """Wants and needs at the start of a step.

    Attributes
    ----------
    want
        q, (K, N, R) [load].
    need
        w*, mean of q over each group, (G, K, R) [load]; 0 for a group without members.
    harmful
        Who answers to harm, (N,); or nobody, (0,).
    """

    want: FloatArray
    need: FloatArray
    harmful: BoolArray = field(default_factory=lambda: np.empty(0, dtype=np.bool_))

    @classmethod
    def of(cls, frame: Frame, preferences: Preferences, *, traits: Draws | None = None) -> Needs:
        """Return the needs of the state as it stands.

        q[i,k] = ω_k (q0 + min(cap, L[i,k] · max(S⁰[i,k] − rel, 0))), S⁰ the load without any
        correction and rel the threshold of release, or of activation, as worn as it is, for a
        ratchet.

        Parameters
        ----------
        traits
            Draws of what is fixed about persons; left out: the frame's own, on their clock.
        """
        weight = frame.coefficients.weight
        excess = load_without_correction(frame)
        excess -= _released(frame)
        np.maximum(excess, 0.0, out=excess)
        excess *= frame.state.constraint
        np.minimum(excess, preferences.need_cap, out=excess)
        want: FloatArray = weight[:, None, None] * (preferences.need_floor + excess)
        draws = traits or frame.draws.on("setup")
        return cls(want, _means(frame, want), _harmful(frame, preferences, draws))


def _released(frame: Frame) -> FloatArray:
    """Return the load above which a constraint counts as a want, (K, N, 1) or (K, N, R) [load]."""
    population, wear = frame.population, frame.state.wear
    up, down = population.up[:, :, None], population.down[:, :, None]
    ratchet = np.isneginf(down)
    if wear.size == 0:
        return np.where(ratchet, up, down)
    return np.where(ratchet, up.astype(np.float64) - wear, down)


def _means(frame: Frame, want: FloatArray) -> FloatArray:
    """Return means over groups, (G, K, R), added up person by person whatever the branches."""
    group, n_groups = frame.population.group, frame.population.group_share.size
    total = np.empty((n_groups, want.shape[0], want.shape[2]))
    for k, r in np.ndindex(want.shape[0], want.shape[2]):
        total[:, k, r] = np.bincount(group, weights=want[k, :, r], minlength=n_groups)
    n_members = np.bincount(group, minlength=n_groups)
    mean: FloatArray = total / np.maximum(n_members, 1)[:, None, None]
    return mean


def _harmful(frame: Frame, preferences: Preferences, draws: Draws) -> BoolArray:
    if preferences.adversaries == 0.0:
        return np.empty(0, dtype=np.bool_)
    uniforms = draws.uniforms("adversary", frame.population.n_persons)[0]
    return np.asarray(uniforms < preferences.adversaries)
