"""What happens: one block a mechanism, with the coefficients of its equation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.scenario.schema.base import (
    Block,
    Constant,
    Lognormal,
    LogSpread,
    Name,
    NonNegative,
    Number,
    PerChannelDistribution,
    PerChannelNumber,
    PerChannelShare,
    Positive,
    Share,
    cross_field,
)

Step = Annotated[int, Field(ge=0, le=1_000_000)]


class _Stressor(Block):
    channel: Name = "all"
    """Channel the stressor acts on, or `all`."""
    groups: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Groups it acts on; none named: every group."""


class ConstantStressor(_Stressor):
    """The same level at every step."""

    kind: Literal["constant"]
    level: NonNegative
    """Stressor level [load per step]."""


class RampStressor(_Stressor):
    """A straight line from one level to another, flat before and after."""

    kind: Literal["ramp"]
    from_level: NonNegative = 0.0
    """Level up to step `start` [load per step]."""
    to_level: NonNegative
    """Level from step `end` on [load per step]."""
    start: Step = 0
    """First step of the ramp."""
    end: Step | None = None
    """Last step of the ramp; left out: the last step of the scenario."""


class PulseStressor(_Stressor):
    """A level for some steps, nothing before and after."""

    kind: Literal["pulse"]
    level: NonNegative
    """Level during the pulse [load per step]."""
    start: Step = 0
    """First step of the pulse."""
    duration: Annotated[int, Field(ge=1, le=1_000_000)]
    """Length of the pulse [steps]."""


class TableStressor(_Stressor):
    """Levels given at some steps."""

    kind: Literal["table"]
    steps: Annotated[tuple[Step, ...], Field(strict=False, min_length=1)]
    """Steps, strictly increasing."""
    levels: Annotated[tuple[NonNegative, ...], Field(strict=False, min_length=1)]
    """Level at each of those steps [load per step]."""
    interpolation: Literal["hold", "linear"] = "hold"
    """Between two steps: hold the earlier level, or a straight line.  Outside: the nearest."""

    @model_validator(mode="after")
    def _well_formed(self) -> TableStressor:
        if len(self.steps) != len(self.levels):
            message = f"{len(self.steps)} steps but {len(self.levels)} levels"
            raise cross_field(message, "levels", "steps")
        if any(b <= a for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise cross_field("steps must be strictly increasing", "steps")
        return self


class SeriesStressor(_Stressor):
    """Levels read from one column of a CSV file; resolved to a `table` when loaded."""

    kind: Literal["series"]
    file: str
    """Path of the CSV file, relative to the scenario file that names it."""
    column: str
    """Name of the column."""
    scale: Number = 1.0
    """Level = max(0, (value − offset) · scale)."""
    offset: Number = 0.0
    """Subtracted from the value before scaling."""
    steps_per_row: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """How many steps one row lasts."""
    interpolation: Literal["hold", "linear"] = "hold"
    """Between two rows: hold the earlier level, or a straight line."""


Stressor = Annotated[
    ConstantStressor | RampStressor | PulseStressor | TableStressor | SeriesStressor,
    Field(discriminator="kind"),
]


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
    relax: Literal["once", "until_stable"] = "once"
    """One synchronous update a step, or avalanches to the fixed point (raise, then lower)."""


class Correction(Block):
    """How a correction in force acts: load − gain_i · a, and how long it lingers."""

    gain: NonNegative = 1.0
    """γ: load taken off per unit of correction for a trusting person without lock-in."""
    trust_dependence: Share = 0.5
    """ρ_T: share of the gain lost when trust is 0."""
    lock_in_dependence: Share = 0.5
    """ρ_ℓ: share of the gain lost when lock-in is 1."""
    decay: Share = 1.0
    """δ: share of the correction that vanishes a step when withdrawn; 1: nothing lingers."""
    u_max: Positive = 6.0
    """Largest effort an optimizer can spend on one channel of one group a step [load]."""


class Narrative(Block):
    """How narrative displacement n spreads, is fed by lived burden, heals and locks in."""

    rule: Literal["none", "degroot"] = "degroot"
    """`none`: n and ℓ keep their initial values; `degroot`: averaging with neighbors."""
    social: Share = 0.1
    """Pull towards the neighbors' mean [1/step]; social + push ≤ 1 and social + heal ≤ 1."""
    push: Share = 0.1
    """Lived push: displacement gained from the own burden [1/step]."""
    heal: Share = 0.02
    """Healing of displacement in the absence of burden [1/step]."""
    lock: Share = 0.05
    """Growth of lock-in with n² [1/step]."""
    unlock: Share = 0.01
    """Loss of lock-in with 1 − n [1/step]."""
    lock_in_mode: Literal["ratchet", "symmetric"] = "ratchet"
    """Lock-in slows downward moves only (keeps order), or moves in both directions."""

    @model_validator(mode="after")
    def _moves_stay_in_range(self) -> Narrative:
        for other in ("push", "heal"):
            total = self.social + getattr(self, other)
            if total > 1.0:
                raise cross_field(f"social + {other} is {total:g}; at most 1", "social", other)
        return self


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
    """r0 in the response probability σ(r0 + r1 T)."""
    response_trust: Number = 4.0
    """r1 in the response probability σ(r0 + r1 T)."""
    over_report: Misreport = Misreport()
    """m⁺: probability that an inactive constraint is reported as active."""
    under_report: Misreport = Misreport()
    """m⁻: probability that an active constraint is reported as inactive."""
    legibility: PerChannelShare = 1.0
    """Factor on the response probability by channel asked about."""


class Turnover(Block):
    """Persons leave and newcomers take their place in the network."""

    rate: Share = 0.0
    """μ: probability that a person is replaced in a step [1/step]."""


class ProportionalOptimizer(Block):
    """Effort in proportion to the share of reports that say a constraint is active."""

    kind: Literal["proportional"]
    response: NonNegative = 2.0
    """Effort on a channel of a group when every report says active [load]."""
    budget: NonNegative = 1000.0
    """Effort per person over the whole run [load]; spending stops when it is used up."""
    start: Step = 0
    """First step at which it acts."""


class NoOptimizer(Block):
    """The baseline: never corrects anything."""

    kind: Literal["none"]


Optimizer = Annotated[ProportionalOptimizer | NoOptimizer, Field(discriminator="kind")]
