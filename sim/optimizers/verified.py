"""Verified: invariants on the effort are proved in every step, whatever the policy wants.

Sensor: reports by group and channel.  Estimate: their positive share.  Actuator: a policy whose
effort is moved to the nearest that satisfies every invariant; its mean moves as far.  Budget:
a proof for each invariant and step, and effort; what is not proved is not put out.  Failure mode:
what is not in the invariants: effort may point the wrong way, pile up where it lingers, or reach
nobody, and every proof still holds.

Every invariant holds for no effort at all, and for less of any effort that satisfies it, so that
there always is a nearest effort and a budget that runs out breaks none.

World model, specification and proof: Dalrymple et al. 2024, arXiv:2405.06624; shields: Alshiekh
et al. 2018, arXiv:1708.08611; a verified envelope: Seto et al. 1998,
doi:10.1109/ACC.1998.703255.  Nearest point: least-distance programming by non-negative least
squares, Lawson & Hanson 1995, doi:10.1137/1.9781611971217, chapter 23.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

from sim.optimizers.policy import Policy
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import VerifiedOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel

_ROUNDING = 1e-12
_PROVED = 1e-9


def nearest(point: FloatArray, rows: FloatArray, bounds: FloatArray) -> FloatArray:
    """Return the point nearest to another with rows · x ≤ bounds, which must be possible, (n,).

    Parameters
    ----------
    point
        (n,).
    rows, bounds
        Half-spaces, (m, n) and (m,).
    """
    length = np.maximum(np.linalg.norm(rows, axis=1), np.finfo(float).tiny)
    rows, bounds = rows / length[:, None], bounds / length
    excess = rows @ point - bounds
    scale = float(excess.max(initial=0.0))
    if scale <= 0.0:
        return point.copy()
    # Unit excess, so that the solver's tolerance is relative to how far the point has to move.
    system = np.vstack([-rows.T, excess / scale])
    target = np.zeros(point.size + 1)
    target[-1] = 1.0
    weights, _ = nnls(system, target)
    residual = system @ weights - target
    found: FloatArray = point - scale * residual[:-1] / residual[-1]
    return found


class Verified(Policy):
    """See the module.

    Attributes
    ----------
    upper
        Largest effort on each channel by the invariants, ∞ for none, K of them [load].
    """

    spec: VerifiedOptimizer

    def __init__(self, model: AlignmentModel, spec: VerifiedOptimizer, place: int = 0) -> None:
        super().__init__(model, spec, place)
        bounds = [spec.channel_bounds.get(name, np.inf) for name in model.resolved.channels]
        self.upper = tuple(bounds)

    @property
    def n_invariants(self) -> int:
        """How many invariants have to be proved in a step."""
        spec = self.spec
        return len(spec.channel_bounds) + (spec.total_bound is not None) + (spec.least_share > 0.0)

    def pay(self, wanted: FloatArray, *, frame: Frame) -> FloatArray:
        """Return what is proved of the wanted effort, as far as the budget goes, and spend it."""
        if self.n_invariants == 0:
            return super().pay(wanted, frame=frame)
        proved = self.buy("proof", float(self.n_invariants)) >= 1.0
        kept = np.where(proved, self.permitted(wanted, frame), 0.0)
        seen = self.mean[:, : self.n_channels]
        full = np.clip(seen, 0.0, frame.coefficients.u_max)  # but for what is refused or not paid
        aimed = kept * np.divide(full, wanted, out=np.ones_like(full), where=wanted > 0.0)
        seen[...] = np.where(kept != wanted, aimed, seen)
        return super().pay(kept, frame=frame)

    def permitted(self, wanted: FloatArray, frame: Frame) -> FloatArray:
        """Return the effort nearest to the wanted one that satisfies every invariant, (G, K, R).

        Distance is Euclidean over channels of groups.
        """
        share = frame.population.group_share
        upper = self._upper(share, u_max=frame.coefficients.u_max)
        boxed = np.clip(wanted, 0.0, upper[..., None])
        rows, bounds = self._coupling(share)
        # The nearest effort within the box is the nearest of all where it satisfies the rest.
        flat = boxed.reshape(-1, boxed.shape[-1])
        over = (rows @ flat > bounds[:, None] + _ROUNDING).any(axis=0)
        for r in np.flatnonzero(over):
            boxed[..., r] = self._projected(wanted[..., r], upper, rows, bounds)
        return boxed

    def _upper(self, group_share: FloatArray, *, u_max: float) -> FloatArray:
        """Return the largest effort on each place, (G, K), by bounds on channels and on the total.

        A total of 0 leaves one point, at which the search for the nearest would be degenerate.
        """
        upper = np.tile(np.minimum(np.array(self.upper), u_max), (group_share.size, 1))
        if self.spec.total_bound is not None:
            settled = group_share > 0.0
            upper[settled] = np.minimum(
                upper[settled], self.spec.total_bound / group_share[settled, None]
            )
        return upper

    def _coupling(self, group_share: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the invariants that tie places together as rows · u ≤ bounds, (m, G·K), (m,)."""
        n_groups, n_channels = group_share.size, self.n_channels
        rows, bounds = [], []
        if self.spec.total_bound is not None:
            rows.append(np.repeat(group_share, n_channels))
            bounds.append(self.spec.total_bound)
        for g, other in permutations(np.flatnonzero(group_share > 0.0), 2):
            if self.spec.least_share > 0.0:
                row = np.zeros((n_groups, n_channels))
                row[other], row[g] = self.spec.least_share, -1.0
                rows.append(row.ravel())
                bounds.append(0.0)
        return np.array(rows).reshape(-1, n_groups * n_channels), np.array(bounds)

    @staticmethod
    def _projected(
        wanted: FloatArray, upper: FloatArray, rows: FloatArray, bounds: FloatArray
    ) -> FloatArray:
        """Return the nearest effort within box and invariants, (G, K); 0 were none proved."""
        identity = np.eye(wanted.size)
        found = nearest(
            wanted.ravel(),
            np.vstack([rows, identity, -identity]),
            np.concatenate([bounds, upper.ravel(), np.zeros(wanted.size)]),
        )
        effort: FloatArray = np.clip(found.reshape(wanted.shape), 0.0, upper)
        if not (rows @ effort.ravel() <= bounds + _PROVED).all():
            return np.zeros_like(wanted)
        return effort
