"""Audits: look at how persons truly are, now and then, and repair what a policy takes them to need.

Sensor: the true state of a sample of persons in each group, with false negatives, to which the
opacity of the audited system adds.  Estimate: what the sample needs, or which of its constraints
are active.  Actuator: ŵ is moved towards that, in every step until the next audit.  Budget: each
look, for each system audited, has the price `audit`; patching costs a multiple.  Failure modes:
what was seen is out of date before the next audit (drift); false negatives; and probing reads one
channel off another that goes together with it.

Probing is correlational: what can be read off a representation need not be what the system uses
(Ravichander et al. 2020, arXiv:2005.00719; Hewitt & Liang 2019, arXiv:1909.03368; Belinkov 2021,
arXiv:2102.12452).  Here a probe of channel k reads (x_k + η Σ_m r⁺_km x_m) / (1 + η Σ_m r⁺_km),
r⁺ being the positive correlations over the persons looked at: where channels are independent it
is as good as patching.  Patching changes the inner variable and looks what follows (Vig et al.
2020, arXiv:2004.12265; Meng et al. 2022, arXiv:2202.05262), so that it reads x_k.

Of another optimizer the direction of ŵ is repaired and its length kept, which is in units of its
own; of a policy that has learned nothing yet, and of the audit's own, both are repaired.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from sim.optimizers.base import Tunable
from sim.optimizers.overseer import Overseer
from sim.optimizers.policy import Policy, length_of
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import AuditOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


def probed(values: FloatArray, confounding: float) -> FloatArray:
    """Return what probing reads off persons, (K, n) → (K,); see the module."""
    mean: FloatArray = values.mean(axis=1)
    around = values - mean[:, None]
    common = around @ around.T
    spread = np.sqrt(np.outer(common.diagonal(), common.diagonal()))
    together = np.divide(common, spread, out=np.zeros_like(common), where=spread > 0.0)
    np.fill_diagonal(together, 0.0)
    mixed = confounding * np.maximum(together, 0.0)
    read: FloatArray = (mean + mixed @ mean) / (1.0 + mixed.sum(axis=1))
    return read


class Audit(Overseer):
    """See the module.

    Attributes
    ----------
    seen
        What the last audit saw, (G, K, R); nan before the first.
    repaired
        ŵ of each policy overseen as the audit left it, (policies, G, D, R).
    """

    spec: AuditOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType(
        {**Policy.tunable, "every": (1, 5, 20), "repair": (0.5, 1.0)}
    )

    def __init__(self, model: AlignmentModel, spec: AuditOptimizer, place: int = 0) -> None:
        super().__init__(model, spec, place)
        n_groups, n_dims, _ = self.estimate.shape
        self.seen: FloatArray = np.full((n_groups, self.n_channels, 1), np.nan)
        n_policies = max(len(spec.oversees), 1)
        self.repaired: FloatArray = np.full((n_policies, n_groups, n_dims, 1), np.nan)

    def guide(self, frame: Frame, policies: list[Policy]) -> None:
        """Audit when it is time, and repair whatever has been learned since the last repair."""
        due = (frame.step - self.spec.start) % self.spec.every == 0
        if due and policies:
            self._audit(frame, policies)
            for policy in policies:
                self._untangle(policy)
        for policy in policies:
            place = 0 if policy is self else self.spec.oversees.index(str(policy.spec.name))
            # What has not been learned anew was repaired already.
            touched = np.any(policy.estimate != self.repaired[place], axis=1, keepdims=True)
            self._repair(policy, touched | due)
            self.repaired[place] = policy.estimate

    def _repair(self, policy: Policy, due: npt.NDArray[np.bool_]) -> None:
        """Move ŵ towards what was seen, in groups and futures where it is due, (G, 1, R)."""
        target = np.zeros_like(policy.estimate)
        target[:, : self.n_channels] = self.seen
        length, found = length_of(policy.estimate), length_of(target)
        if policy is not self:
            scale = np.divide(length, found, out=np.ones_like(found), where=found > 0.0)
            target *= np.where(length > 0.0, scale, 1.0)
        due = due & ~np.isnan(found) & (self.spec.repair > 0.0)
        moved = (1.0 - self.spec.repair) * policy.estimate + self.spec.repair * target
        policy.estimate[...] = np.where(due, moved, policy.estimate)

    def _audit(self, frame: Frame, policies: list[Policy]) -> None:
        """Look at as many persons of each group as can be paid for; who is audited knows it.

        What the most opaque of the policies hides is hidden.
        """
        opacity = max(policy.opacity for policy in policies)
        wanted, members = self.spec.persons, np.flatnonzero(frame.population.group_share > 0.0)
        looks = wanted * members.size * len(policies)
        price = self.spec.patching_price if self.spec.method == "patching" else 1.0
        paid = np.round(self.buy("audit", price * looks) * wanted).astype(np.int64)
        for policy in policies:
            policy.audited |= paid > 0
        draws = frame.draws.uniforms(
            "audit",
            self.seen.shape[0] * wanted,
            n_draws=1 + self.n_channels,
            step=frame.step,
            first=self.first,
        ).reshape(1 + self.n_channels, -1, wanted)
        for g in members:
            values = self._values(frame, int(g), draws[:, g], opacity)
            for r in np.flatnonzero(paid):
                self.seen[g, :, r] = self._read(np.ascontiguousarray(values[:, : paid[r], r]))

    def _untangle(self, policy: Policy) -> None:
        """Undo a share of what channels of a policy lose to one another, where it can be paid."""
        if self.spec.dictionary == 0.0 or policy.spec.architecture.superposition is None:
            return
        found = self.buy("audit", self.spec.patching_price * self.n_channels) >= 1.0
        apart = np.eye(self.n_channels)[..., None]
        left = np.where(found, 1.0 - self.spec.dictionary, 1.0)
        policy.mixing = apart + left * (policy.mixing - apart)

    def _values(self, frame: Frame, group: int, draws: FloatArray, opacity: float) -> FloatArray:
        """Return what is seen of persons of a group, (1 + K, n) → (K, n, R)."""
        members = np.flatnonzero(frame.population.group == group)
        person = members[(draws[0] * members.size).astype(np.int64)]
        missing = 1.0 - (1.0 - self.spec.false_negatives) * (1.0 - opacity)
        active = frame.state.constraint[:, person] != 0
        active &= (draws[1:] >= missing)[..., None]
        if self.spec.looks_at == "active":
            return np.asarray(active, dtype=np.float64)
        least = frame.coefficients.weight * self.model.resolved.preferences.need_floor
        want = self.needs(frame).want[:, person]
        values: FloatArray = np.where(active, want, least[:, None, None])
        return values

    def _read(self, values: FloatArray) -> FloatArray:
        """Return what the method reads off persons, (K, n) → (K,)."""
        if self.spec.method == "patching":
            return np.asarray(values.mean(axis=1))
        return probed(values, self.spec.confounding)
