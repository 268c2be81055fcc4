"""The physics every policy shares: an estimate and a strength become outputs, effort, intensity.

A method chooses ŵ and edits; nothing else.  Masks, projections, caps and throttles act on the
estimate and on how far the policy may move, never on the effort behind the policy's back.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from sim.optimizers.architecture import aim_of, delivered, intended, mixing_of
from sim.optimizers.base import Optimizer, Tunable
from sim.population import setup_draws
from sim.preferences import directions
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import PolicyBlock
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel

ROUNDING = 1e-9
"""How far a number of things bought may miss a whole number by rounding alone."""


def inner(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return inner products along axis 1, (G, D, R) → (G, R), the same for any number of branches.

    Library sums may add in another order for another R.
    """
    products = one * other
    total = np.zeros_like(products[:, 0])
    for d in range(products.shape[1]):
        total += products[:, d]
    return total


def length_of(vectors: FloatArray) -> FloatArray:
    """Return ‖·‖ of vectors along axis 1, (G, D, R) → (G, 1, R)."""
    length: FloatArray = np.sqrt(inner(vectors, vectors))[:, None]
    return length


def unit_of(vectors: FloatArray) -> FloatArray:
    """Return vectors divided by their length along axis 1, (G, D, R); 0 stays 0."""
    length = length_of(vectors)
    unit: FloatArray = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0.0)
    return unit


def cosine(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the cosine of vectors along axis 1, (G, D, R) → (G, R); nan where one is 0."""
    found = inner(unit_of(one), unit_of(other))
    defined = (length_of(one) > 0.0) & (length_of(other) > 0.0)
    return np.where(defined[:, 0], np.clip(found, -1.0, 1.0), np.nan)


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
    served
        Share of the step's outputs that the budget affords, (R,).
    n_served
        Groups that have members, so that outputs and labels for them must be paid.
    audited
        Whether it believes itself audited in this step, (G, R); set in `oversee`, as throttles are.
    opacity
        Share of what is there that a look inside misses: an audit's false negatives grow by it.
    mixing
        Dᵀ D of its superposition, (K, K, R): the identity without one, and where it was undone.
    interference
        Share of the effort meant that superposition put elsewhere in this step, (G, R).
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
        self.served: FloatArray = np.ones(1)
        self.n_served = sum(1 for n in model.resolved.population.group_sizes().values() if n)
        fixed, built = setup_draws(model.resolved, model.frame.draws), spec.architecture
        self.audited: npt.NDArray[np.bool_] = np.zeros((shape[0], 1), dtype=bool)
        self.opacity = built.opacity or 0.0
        self.mixing = mixing_of(self.n_channels, built.superposition, fixed, first=self.first)
        self.aim = aim_of(self, fixed)
        self.interference: FloatArray = np.full((shape[0], 1), np.nan)

    def learn(self, frame: Frame) -> None:
        """Bring the estimate up to date; reports are the sensor unless a method has another."""
        answers, positives = frame.state.answers, frame.state.positives
        seen = self.estimate[:, : self.n_channels]
        np.divide(positives, answers, out=seen, where=answers > 0)

    def sense(self, frame: Frame) -> None:
        """Take in what the sensor gives; nothing is bought before the start."""
        self.widen(frame.state.n_branches)
        self.needs(frame)  # what is measured of the step must not depend on who asks first
        if frame.step < self.spec.start:
            return
        if self.reference.size == 0:
            self._start(frame)
        self.learn(frame)
        self.throttle[...], self.cap[...] = 1.0, self.spec.strongest
        self.audited[...] = False

    def _start(self, frame: Frame) -> None:
        """Learn μ_ref from demonstrations of what the group needs now; none, and it is 0."""
        self.reference = self.spec.reference * self.demonstrated(frame)
        self.mean = self.reference.copy()

    def demonstrated(self, frame: Frame) -> FloatArray:
        """Buy demonstrations and return the mean output shown, (G, D, R); 0 for none."""
        need, n_groups = self.needs(frame).need, self.estimate.shape[0]
        share = self.buy("demonstration", float(self.n_served * self.spec.demonstrations))
        shown = np.floor(share * self.spec.demonstrations + ROUNDING)
        spread = np.divide(
            self.spec.demonstration_noise, np.sqrt(shown), out=np.zeros_like(shown), where=shown > 0
        )
        noise = frame.draws.normals(
            "demonstration", n_groups, n_draws=self.n_dims, step=frame.step, first=self.first
        )
        mean = noise.T[..., None] * spread
        mean[:, : self.n_channels] += unit_of(need)
        there = (frame.population.group_share > 0.0)[:, None, None] & (shown > 0.0)
        return np.where(there, mean, 0.0)

    @property
    def drawn(self) -> int:
        """Outputs drawn to put out one."""
        return 1

    @property
    def strength_per_shift(self) -> float:
        """√KL of a policy whose mean lies 1 from μ_ref: 1/√2 between N(μ, I) and N(μ_ref, I)."""
        return float(np.sqrt(0.5))

    def shift(self) -> FloatArray:
        """Return how far the policy would go along ŵ were there no cap, (G, 1, R): ‖ŵ‖/β."""
        shift: FloatArray = length_of(self.estimate) / self.spec.kl_price
        return shift

    def act(self, frame: Frame) -> FloatArray:
        """Return the effort of the policy: what it puts out in the corrective directions.

        μ = μ_ref + min(shift, d_max / strength per shift) ŵ/‖ŵ‖, times the throttle.
        """
        if frame.step < self.spec.start:
            self.mean[...] = 0.0
            return np.zeros_like(frame.effort)
        unit, shift = intended(self, frame, unit_of(self.estimate), self.shift())
        self.mean = self.reference + shift * unit
        self.served = self.buy("inference", float(self.n_served * self.drawn))
        corrective = self.mean[:, : self.n_channels]
        wanted = np.clip(corrective, 0.0, frame.coefficients.u_max) * self.served
        if "refuse" in self.styles:
            wanted *= np.exp(-np.maximum(self.mean[:, self.styles["refuse"]], 0.0))[:, None]
        return self.pay(delivered(self, frame, wanted), frame=frame)

    @property
    def strength(self) -> FloatArray:
        """D = √KL of the policy from its start, (G, R): ‖μ − μ_ref‖/√2 where it is trained."""
        if self.reference.size == 0:
            return np.zeros_like(self.throttle)
        moved = length_of(self.mean - self.reference)[:, 0]
        strength: FloatArray = self.strength_per_shift * moved
        return strength

    def proxy(self) -> FloatArray:
        """Return ŵ · μ, what the policy takes its own worth for, (G, R)."""
        return inner(self.estimate, self.mean)

    def needed(self, frame: Frame) -> FloatArray:
        """Return w* with 0 for every style, (G, D, R) [load]."""
        needed = np.zeros_like(self.mean)
        needed[:, : self.n_channels] = self.needs(frame).need
        return needed

    def gold(self, frame: Frame) -> FloatArray:
        """Return w* · μ / ‖w*‖, what the policy is worth to a group, (G, R) [load]."""
        return inner(unit_of(self.needed(frame)), self.mean)

    def objective(self, frame: Frame) -> FloatArray:
        """Return the cosine of policy and estimate, (G, R): whether it does what it means to."""
        return cosine(self.mean, self.estimate)

    def refused(self) -> FloatArray:
        """Return the share of its effort that it withholds by refusing, (G, R)."""
        if "refuse" not in self.styles:
            return np.zeros_like(self.throttle)
        refused: FloatArray = -np.expm1(-np.maximum(self.mean[:, self.styles["refuse"]], 0.0))
        return refused

    def mismatch(self, frame: Frame, direction: FloatArray) -> FloatArray:
        """Return 1 − cos of a direction, (G, K or D, R), and w*, (G, R); nan where one is 0.

        For `evidence` of a method that steers by something fixed: rules, a template.
        """
        needed = self.needed(frame)[:, : direction.shape[1]]
        mismatch: FloatArray = 1.0 - cosine(direction, needed)
        return mismatch

    def intensity(self, frame: Frame) -> FloatArray:
        """Return how intensely it deploys, ‖μ‖²/2 of the outputs it could afford, (G, R)."""
        intensity: FloatArray = 0.5 * inner(self.mean, self.mean) * self.served
        return intensity
