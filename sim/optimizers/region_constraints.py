"""Region constraints: the policy acts inside of a region and nowhere else.

Sensor: reports by group and channel.  Estimate: their positive share, masked outside of the
region: the groups, or the channels of groups, that reports put at or above an entry level, until
they fall below an exit level.  Actuator: a policy whose start is masked like its estimate, so that
nothing at all is put out beyond the region.  Budget: the volume of the region in every step, and
effort.  Failure mode: what the region leaves out leaks in through ties and through other channels,
and those it no longer sees, for they are silent, are outside.

Limiting where a system may act and how far its side effects reach: Amodei et al. 2016,
arXiv:1606.06565; why units outside do not stay untouched: Hudgens & Halloran 2008,
doi:10.1198/016214508000000292.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from sim.optimizers.base import Tunable
from sim.optimizers.policy import Policy
from sim.processes.stage import Frame, weighted
from sim.scenario.schema.optimizers import RegionConstraintsOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel

_ROUNDING = 1e-12


def _active_share(frame: Frame) -> FloatArray:
    """Return the share of each group under each constraint, (G, K, R); 0 for nobody."""
    sizes = np.rint(frame.population.group_share * frame.population.n_persons)
    share: FloatArray = frame.active / np.maximum(sizes, 1.0)[:, None, None]
    return share


class RegionConstraints(Policy):
    """See the module.

    Attributes
    ----------
    share
        Share of reports that say "active", carried forward in silence, (G, K, R).
    inside
        Which channels of which groups are in the region, (G, K, R).
    begun
        μ_ref before it is masked, (G, D, R) [load].
    before
        Share under each constraint at the start, for `evidence`, (G, K, R).
    """

    spec: RegionConstraintsOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType({**Policy.tunable, "entry": (0.1, 0.2, 0.4)})

    def __init__(
        self, model: AlignmentModel, spec: RegionConstraintsOptimizer, place: int = 0
    ) -> None:
        super().__init__(model, spec, place)
        self.share: FloatArray = np.zeros((self.estimate.shape[0], self.n_channels, 1))
        self.inside: npt.NDArray[np.bool_] = np.zeros(self.share.shape, dtype=bool)
        self.begun: FloatArray = np.empty((0, 0, 1))

    def _start(self, frame: Frame) -> None:
        super()._start(frame)
        self.begun = self.reference.copy()
        self.before = _active_share(frame)

    def learn(self, frame: Frame) -> None:
        """Tell from the reports what is inside, and pay for the volume of it."""
        answers, positives = frame.state.answers, frame.state.positives
        np.divide(positives, answers, out=self.share, where=answers > 0)
        self.estimate[:, : self.n_channels] = self.share
        share, weight = frame.population.group_share, frame.coefficients.weight
        volume = np.broadcast_to((share[:, None] * weight)[..., None], self.share.shape)
        level = self.share
        if self.spec.by == "group":
            burden = weighted(weight, self.share.swapaxes(0, 1))
            level = np.broadcast_to(burden[:, None], self.share.shape)
        self.inside = self._largest(self._entitled(level), level=level, volume=volume)
        held = self.buy("volume", np.sum(volume * self.inside, axis=(0, 1)))
        self.inside &= held >= 1.0

    def _entitled(self, level: FloatArray) -> npt.NDArray[np.bool_]:
        """Return what enters or stays, were there room for all, (G, K, R)."""
        entry = self.spec.entry
        leave = entry if self.spec.exit is None else self.spec.exit
        entitled: npt.NDArray[np.bool_] = (level >= entry) | (self.inside & (level >= leave))
        return entitled

    def _largest(
        self, entitled: npt.NDArray[np.bool_], *, level: FloatArray, volume: FloatArray
    ) -> npt.NDArray[np.bool_]:
        """Return the entitled of the highest levels that fit; equal ones all or none, (G, K, R)."""
        if self.spec.volume >= 1.0:
            return entitled
        flat = level.reshape(-1, level.shape[-1])
        taken = (volume * entitled).reshape(flat.shape)
        above = flat[None, :] >= flat[:, None]
        needed = np.sum(above * taken[None, :], axis=1).reshape(level.shape)
        fits: npt.NDArray[np.bool_] = entitled & (needed <= self.spec.volume + _ROUNDING)
        return fits

    def evidence(self, frame: Frame) -> Mapping[str, FloatArray]:
        """Return by how much prevalence outside of the region has risen since the start."""
        outside = (~self.inside) * frame.coefficients.weight[:, None]
        rise = (outside * (_active_share(frame) - self.before)).sum(axis=1)
        size = outside.sum(axis=1)
        leaked: FloatArray = np.divide(rise, size, out=np.full_like(rise, np.nan), where=size > 0.0)
        return {"region_leakage": leaked}

    def act(self, frame: Frame) -> FloatArray:
        """Return the effort, with start and estimate masked after all edits by others."""
        if frame.step >= self.spec.start:
            mask = np.empty(self.estimate.shape, dtype=bool)
            mask[:, : self.n_channels] = self.inside
            mask[:, self.n_channels :] = self.inside.any(axis=1, keepdims=True)
            self.estimate = np.where(mask, self.estimate, 0.0)
            self.reference = np.where(mask, self.begun, 0.0)
        return super().act(frame)
