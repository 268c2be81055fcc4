"""What persons want corrected, and what the members of a group need together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.processes.relay import load_without_correction
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import Preferences
from sim.streams import FloatArray


@dataclass(frozen=True, slots=True)
class Needs:
    """Wants and needs at the start of a step.

    Attributes
    ----------
    want
        q, (K, N, R) [load].
    need
        w*, mean of q over each group, (G, K, R) [load]; 0 for a group without members.
    """

    want: FloatArray
    need: FloatArray

    @classmethod
    def of(cls, frame: Frame, preferences: Preferences) -> Needs:
        """Return the needs of the state as it stands.

        q[i,k] = ω_k (q0 + min(cap, L[i,k] · max(S⁰[i,k] − rel, 0))), S⁰ the load without any
        correction and rel the threshold of release, or of activation for a ratchet.
        """
        population, weight = frame.population, frame.coefficients.weight
        released = np.where(np.isfinite(population.down), population.down, population.up)
        excess = np.maximum(load_without_correction(frame) - released[:, :, None], 0.0)
        excess *= frame.state.constraint
        np.minimum(excess, preferences.need_cap, out=excess)
        want: FloatArray = weight[:, None, None] * (preferences.need_floor + excess)
        n_groups = population.group_share.size
        need = np.zeros((n_groups, *want.shape[::2]))
        for g in range(n_groups):
            members = population.group == g
            if members.any():
                need[g] = want[:, members].mean(axis=1)
        return cls(want, need)
