"""What happens: one block a mechanism, with the coefficients of its equation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.schema.base import (
    Block,
    Constant,
    Lognormal,
    LogSpread,
    Name,
    NonNegative,
    Number,
    PerChannelDistribution,
    PerChannelNonNegative,
    PerChannelNumber,
    PerChannelShare,
    Positive,
    Share,
)


class Exposure(Block):
    """E ← max(0, (1 − leak) E + v e ξ − cure · gain · a)."""

    leak: PerChannelShare = 0.1
    """λ: share of accumulated exposure that fades a step; 0 never forgets [1/step]."""
    noise: LogSpread = 0.0
    """Standard deviation of log ξ, the mean-one lognormal noise on the stressor; 0: ξ = 1."""
    cure: NonNegative = 0.0
    """φ: share of a correction that reaches the cause; 0: purely symptomatic."""


class Constraints(Block):
    """Load S = E + coupling · Σ W L + narrative_feed · n + Σ spillover L − gain · a, and relays."""

    activation: PerChannelDistribution = Lognormal(kind="lognormal", median=1.0, sigma=0.3)
    """Load at which a constraint becomes active (`up`) [load]."""
    width: PerChannelDistribution = Constant(value=0.6)
    """w = up − down: how far the load must fall below `up` before release [load]; draws below 0
    count as 0."""
    ratchet_share: PerChannelShare = 0.0
    """Share of persons whose constraint never releases (down = −∞)."""
    coupling: PerChannelNumber = 0.0
    """J: load from neighbors under the same constraint [load]; negative only if `signed`."""
    narrative_feed: PerChannelNumber = 0.0
    """κ: load from a person's own narrative displacement [load]; negative only if `signed`."""
    spillover: dict[Name, dict[Name, Number]] = {}
    """Γ: load on the outer channel from the own constraint on the inner one [load]."""
    damage: PerChannelNonNegative = 0.0
    """How far `up` falls a step per unit of load above `damage_onset` [1/step]; for good, and no
    lower than `down`, or 0 for a ratchet."""
    damage_onset: PerChannelNumber = 1.0
    """θ: load up to which nothing is damaged [load]."""
    correlation: (
        Annotated[float, Field(ge=-1.0, le=1.0)]
        | dict[Name, dict[Name, Annotated[float, Field(ge=-1.0, le=1.0)]]]
    ) = 0.0
    """Correlation of a person's activation thresholds across channels (Gaussian copula): one for
    all pairs, or by pairs of channels, those left out 0.  It has no effect with a single channel,
    nor on thresholds that are all the same or listed (`constant`, `values`)."""
    relax: Literal["once", "until_stable", "adiabatic"] = "once"
    """One synchronous update a step; avalanches to the fixed point (raise, then lower); or these
    all along the way of the load from where it stood before the step, one after the other."""


class Correction(Block):
    """How a correction in force acts: load − gain_i · a, and how long it lingers."""

    gain: NonNegative = 1.0
    """γ: load taken off per unit of correction for a trusting person without lock-in."""
    trust_dependence: Share = 0.5
    """ρ_T: share of the gain lost when trust is 0."""
    lock_in_dependence: Share = 0.5
    """ρ_ℓ: share of the gain lost when lock-in is 1."""
    backlash: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    """How far distrust takes a correction for provocation: what it takes off the load is multiplied
    by 1 − backlash (1 − T); above 1 it adds load where trust is low, which breaks order (A1)."""
    decay: Share = 1.0
    """δ: share of the correction that vanishes a step when withdrawn; 1: nothing lingers."""
    u_max: Positive = 6.0
    """Largest effort an optimizer can spend on one channel of one group a step [load]."""


class Trust(Block):
    """T ← T + trust_gain (1 − T)(1 − x) − trust_loss T x, with mismatch x."""

    trust_gain: Share = 0.03
    """Trust gained without mismatch [1/step]."""
    trust_loss: Share = 0.1
    """Trust lost to mismatch [1/step]."""
    promised: NonNegative = 0.0
    """Relief announced to everyone on the scenario clock [load]; nothing on a bench."""
    promise_scale: Positive = 1.0
    """a₀: shortfall of relief that counts as full mismatch [load]."""


class Misreport(Block):
    """Flip probability, linear in trust."""

    at_full_trust: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    """Flip probability at T = 1."""
    at_no_trust: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    """Flip probability at T = 0."""


class Feedback(Block):
    """Who answers, about which constraint, and how truthfully."""

    response_base: Number = -1.0
    """r0 in the response probability σ(r0 + r1 T + r2 L)."""
    response_trust: Number = 4.0
    """r1 in the response probability σ(r0 + r1 T + r2 L)."""
    response_constrained: Number = 0.0
    """r2 in σ(r0 + r1 T + r2 L), L the constraint asked about: below 0 the constrained are more
    silent, above 0 less; 0: whether one answers does not depend on what there is to say."""
    exit: Share = 0.0
    """Probability, times ℓ, that a person stops answering for good in a step [1/step]."""
    over_report: Misreport = Misreport()
    """m⁺: probability that an inactive constraint is reported as active."""
    under_report: Misreport = Misreport()
    """m⁻: probability that an active constraint is reported as inactive."""
    legibility: PerChannelShare = 1.0
    """Factor on the response probability by channel asked about."""


class Turnover(Block):
    """Persons leave and newcomers take their place in the network."""

    rate: Share | dict[Name, Share] = 0.0
    """μ: probability that a person is replaced in a step, one for all or by group; 0 for groups
    left out [1/step]."""
    inherit: Share = 0.0
    """Share of the weighted mean displacement of the neighbors with which a newcomer starts."""

    def by_group(self, groups: Iterable[str]) -> list[float]:
        """Return the rate of each group."""
        if isinstance(self.rate, dict):
            return [self.rate.get(name, 0.0) for name in groups]
        return [self.rate for _ in groups]

    @property
    def happens(self) -> bool:
        """Whether anyone is ever replaced."""
        return any(self.rate.values() if isinstance(self.rate, dict) else [self.rate])
