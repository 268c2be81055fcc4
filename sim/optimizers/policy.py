"""The physics every policy shares: an estimate and a strength become outputs, effort, intensity.

A method chooses ŵ and edits; nothing else.  Masks, projections, caps and throttles act on the
estimate and on how far the policy may move, never on the effort behind the policy's back.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sim.optimizers.base import Optimizer, Tunable
from sim.preferences import directions
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import PolicyBlock
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


def length_of(vectors: FloatArray) -> FloatArray:
    """Return ‖·‖ of vectors along axis 1, (G, D, R) → (G, 1, R)."""
    length: FloatArray = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    return length


def cosine(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the cosine of vectors along axis 1, (G, D, R) → (G, R); nan where one is 0."""
    product = (one * other).sum(axis=1)
    lengths = (length_of(one) * length_of(other))[:, 0]
    found: FloatArray = np.divide(
        product, lengths, out=np.full_like(product, np.nan), where=lengths > 0.0
    )
    return found


class Policy(Optimizer):
    """A policy x ~ N(μ_g, I) over outputs for each group.

    Attributes
    ----------
    reference
        μ_ref of the supervised start, (G, D, R) [load].
    estimate
        ŵ, what the method takes for the direction of need, (G, D, R).
    mean
        μ of the step, (G, D, R) [load].
    throttle
        Share of its way from μ_ref that the policy goes, (G, R), in [0, 1]; 1 unless overseen.
    cap
        Largest strength in this step, (G, R); d_max unless overseen.
    """

    spec: PolicyBlock
    tunable: ClassVar[Tunable] = MappingProxyType(
        {"kl_price": (0.25, 0.5, 1.0, 2.0), "reference": (0.0, 0.5, 1.0)}
    )

    def __init__(self, model: AlignmentModel, spec: PolicyBlock, place: int = 0) -> None:
        super().__init__(model, spec, place)
        preferences = model.resolved.preferences
        shape = (
            len(model.resolved.population.groups),
            directions(len(model.resolved.channels), preferences),
            1,
        )
        self.n_channels, self.n_dims = len(model.resolved.channels), shape[1]
        self.styles = {
            style: self.n_channels + place for place, style in enumerate(preferences.styles)
        }
        self.reference: FloatArray = np.empty((0, 0, 1))
        self.estimate: FloatArray = np.zeros(shape)
        self.mean: FloatArray = np.zeros(shape)
        self.throttle: FloatArray = np.ones((shape[0], 1))
        self.cap: FloatArray = np.full((shape[0], 1), spec.strongest)

    def learn(self, frame: Frame) -> None:
        """Bring the estimate up to date; reports are the sensor unless a method has another."""
        answers, positives = frame.state.answers, frame.state.positives
        seen = self.estimate[:, : self.n_channels]
        np.divide(positives, answers, out=seen, where=answers > 0)

    def sense(self, frame: Frame) -> None:
        """Take in what the sensor gives; nothing is bought before the start."""
        self.widen(frame.state.n_branches)
        self.needs(frame)  # as they are at the start of the step, for what is recorded at its end
        if frame.step < self.spec.start:
            return
        if self.reference.size == 0:
            self._start(frame)
        self.learn(frame)
        self.throttle[...], self.cap[...] = 1.0, self.spec.strongest

    def _start(self, frame: Frame) -> None:
        """Learn μ_ref from demonstrations of what the group needs now."""
        self.reference = self.spec.reference * self.demonstrated(frame)

    def demonstrated(self, frame: Frame) -> FloatArray:
        """Buy demonstrations and return the mean output shown, noise and all, (G, D, R)."""
        need, n_groups = self.needs(frame).need, self.estimate.shape[0]
        share = self.buy("demonstration", float(n_groups * self.spec.demonstrations))
        shown = np.maximum(share * self.spec.demonstrations, 1.0)
        noise = frame.draws.normals(
            "demonstration", need[:, 0, 0].size * self.n_dims, step=frame.step, first=self.first
        ).reshape(self.estimate.shape[:2])
        mean = np.zeros_like(self.estimate)
        length = length_of(need)
        mean[:, : self.n_channels] = np.divide(
            need, length, out=np.zeros_like(need), where=length > 0.0
        )
        spread = self.spec.demonstration_noise / np.sqrt(shown)
        demonstrated: FloatArray = mean + noise[..., None] * spread
        return demonstrated

    def shift(self) -> FloatArray:
        """Return how far the policy would go along ŵ, (G, 1, R): min(1/β, √2 d_max/‖ŵ‖) ‖ŵ‖."""
        wanted = length_of(self.estimate) / self.spec.kl_price
        shift: FloatArray = np.minimum(wanted, np.sqrt(2.0) * self.cap[:, None])
        return shift

    def act(self, frame: Frame) -> FloatArray:
        """Return the effort of the policy: what it puts out in the corrective directions."""
        if frame.step < self.spec.start:
            self.mean[...] = 0.0
            return np.zeros_like(frame.effort)
        length = length_of(self.estimate)
        unit = np.divide(
            self.estimate, length, out=np.zeros_like(self.estimate), where=length > 0.0
        )
        step = np.minimum(self.shift(), np.sqrt(2.0) * self.cap[:, None]) * self.throttle[:, None]
        self.mean = self.reference + step * unit
        granted = self.buy("inference", float(self.mean.shape[0]))
        wanted = np.clip(self.mean[:, : self.n_channels], 0.0, frame.coefficients.u_max) * granted
        if "refuse" in self.styles:
            wanted *= np.exp(-np.maximum(self.mean[:, self.styles["refuse"]], 0.0))[:, None]
        return self.pay(wanted, frame=frame)

    @property
    def strength(self) -> FloatArray:
        """D = ‖μ − μ_ref‖/√2 = √KL, (G, R)."""
        if self.reference.size == 0:
            return np.zeros_like(self.throttle)
        strength: FloatArray = length_of(self.mean - self.reference)[:, 0] / np.sqrt(2.0)
        return strength

    def proxy(self) -> FloatArray:
        """Return ŵ · μ, what the policy takes its own worth for, (G, R)."""
        return np.asarray((self.estimate * self.mean).sum(axis=1))

    def needed(self, frame: Frame) -> FloatArray:
        """Return w* with 0 for every style, (G, D, R) [load]."""
        needed = np.zeros_like(self.mean)
        needed[:, : self.n_channels] = self.needs(frame).need
        return needed

    def gold(self, frame: Frame) -> FloatArray:
        """Return w* · μ / ‖w*‖, what the policy is worth to a group, (G, R) [load]."""
        needed = self.needed(frame)
        length = length_of(needed)[:, 0]
        worth = (needed * self.mean).sum(axis=1)
        gold: FloatArray = np.divide(worth, length, out=np.zeros_like(worth), where=length > 0.0)
        return gold

    def intensity(self, frame: Frame) -> FloatArray:
        """Return how intensely it deploys, ‖μ‖²/2, (G, R)."""
        intensity: FloatArray = 0.5 * length_of(self.mean)[:, 0] ** 2
        return intensity
