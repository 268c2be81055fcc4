"""How cost is measured: the safe set, the bench, restoration, the reversible twin, recording."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.scenario.schema.base import (
    Block,
    PerChannelNonNegative,
    Positive,
    Share,
    Step,
    cross_field,
)

Steps = Annotated[int, Field(ge=1, le=100_000)]


class SafeSet(Block):
    """The states counted as aligned: prevalence P at most ε."""

    prevalence: Share = 0.1
    """ε: largest tolerated prevalence P [share]."""
    every_group: bool = False
    """Whether each group must satisfy it, or only the population as a whole."""


class Restoration(Block):
    """Expose – rest – restore: delays, rest, horizon and the family of corrections."""

    delays: Annotated[
        Annotated[int, Field(ge=2, le=1000)]
        | Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False, min_length=1)],
        Field(union_mode="left_to_right"),
    ] = 13
    """Delays τ: a list of steps, or how many to space evenly over the scenario [steps]; left
    out: 13, or one a step where there are fewer."""
    replicates: Annotated[int, Field(ge=1, le=100_000)] = 16
    """Matched replicates."""
    environment: Literal["bench", "future"] = "bench"
    """Rest and restore on the bench (no stressor, noise, turnover), or under the scenario's own
    stress, noise and turnover from step τ on, where assumption A4 may fail; optimizers act in
    neither."""
    rest: Annotated[int, Field(ge=0, le=100_000)] = 40
    """R: steps between the end of exposure and the start of restoration [steps]."""
    rest_doublings: Annotated[int, Field(ge=1, le=12)] = 4
    """How often the rest is doubled to find what remains (remanence)."""
    horizon: Steps = 40
    """H: steps a restoration may last [steps]."""
    dwell: Steps = 10
    """D: last steps of the horizon, and free steps after it, spent in the safe set [steps]."""
    lengths: Annotated[tuple[Steps, ...], Field(strict=False)] = ()
    """Pulse lengths tried beside the constant correction [steps], none above the horizon."""
    u_max: Positive = 6.0
    """Largest height h of a correction [load]."""
    tolerance: Annotated[float, Field(ge=1e-4, le=0.5)] = 0.01
    """Resolution of the height, as a share of u_max."""
    direction: PerChannelNonNegative | None = None
    """d: relative effort on each channel, equal over groups; left out: the channel weights."""

    @model_validator(mode="after")
    def _windows_fit(self) -> Restoration:
        if self.dwell > self.horizon:
            message = f"dwell {self.dwell} is longer than the horizon {self.horizon}"
            hint = f"set restoration.dwell to at most {self.horizon}"
            raise cross_field(message, "dwell", "horizon", hint=hint)
        for index, length in enumerate(self.lengths):
            if length > self.horizon:
                message = f"pulse length {length} is longer than the horizon {self.horizon}"
                raise cross_field(message, f"lengths.{index}", "horizon")
        return self


class Twin(Block):
    """The reversible twin: the same scenario made to spring back.

    down = up, no ratchet, recoveries raised to these minima, and coupling scaled by the largest
    factor that passes the certificate of reversibility.
    """

    leak: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    """Smallest leak λ [1/step]."""
    heal: Share = 0.1
    """Smallest heal [1/step]."""
    unlock: Share = 0.1
    """Smallest unlock [1/step]."""
    trust_gain: Share = 0.1
    """Smallest trust_gain [1/step]."""
    factors: Annotated[int, Field(ge=1, le=1000)] = 20
    """The factors tried on J, κ and Γ are 1, 1 − 1/factors, …, 0."""
    certificate_steps: Steps = 240
    """Longest rest from the worst state; not reaching P = 0 by then fails the certificate."""


class Crossing(Block):
    """A declared threshold of prevalence whose first passage is timed."""

    level: Share
    """Prevalence that is crossed [share]."""
    direction: Literal["up", "down"] = "up"
    """Upcrossing or downcrossing."""


Variable = Literal[
    "prevalence", "prevalence_group", "prevalence_channel", "exposure", "stress", "narrative",
    "lock_in", "lock_in_share", "trust", "shelter", "switched_on", "switched_off", "response_rate",
    "response_rate_group", "exited", "information_answered", "information", "auc",
    "calibration_bias", "calibration_error", "calibration_square", "apparent_alignment",
    "lived_alignment", "effort", "effort_total", "spent", "spending", "strength", "proxy", "gold",
    "cosine_intent", "cosine_outcome", "interference",
]  # fmt: skip
"""Names of the variables of a series, as in `sim.records.VARIABLES`."""

PersonColumn = Literal[
    "group", "degree", "burden", "exposure", "constraint", "narrative", "lock_in", "trust",
    "anchor", "wear", "exited", "vulnerability", "up", "down",
]  # fmt: skip
"""Columns of persons, those of channels without the channel, as in `sim.columns`."""


class Snapshots(Block):
    """Persons written down one by one at chosen steps, 0 being the start; `steps` or `every`."""

    steps: Annotated[tuple[Step, ...], Field(strict=False)] = ()
    """Steps made when they are taken [steps]."""
    every: Steps | None = None
    """Steps between two of them, from step 0 on [steps]."""
    sample: Literal["all"] | Annotated[int, Field(ge=1, le=50_000_000)] = "all"
    """`all`, or how many persons at most: drawn once, the same at every step."""
    columns: Annotated[tuple[PersonColumn, ...], Field(strict=False)] = ()
    """Columns; left out: the state, group and burden."""

    @model_validator(mode="after")
    def _one_choice_of_steps(self) -> Snapshots:
        if bool(self.steps) == (self.every is not None):
            hint = "give a list of `steps`, or `every`"
            both = "steps are chosen twice" if self.steps else "no steps are chosen"
            raise cross_field(f"{both} for snapshots of persons", "steps", "every", hint=hint)
        return self


class Avalanches(Block):
    """Which avalanches are events."""

    least: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1
    """Smallest that is written down [relays]."""


class Failures(Block):
    """Levels beyond which something counts as a failure while it lasts."""

    feedback_silence: Share = 0.1
    """Response rate of a group below which reports have fallen silent; 0: never [share]."""
    apparent_not_lived: Share = 0.2
    """Apparent less lived alignment above which reports deceive; 1: never [share]."""
    narrative_lock_in: Share = 0.5
    """Share of persons with ℓ ≥ ½ above which narrative has locked in; 1: never [share]."""
    trust_collapse: Share = 0.2
    """Mean trust below which it has collapsed; 0: never [share]."""
    late_detection: Share = 0.2
    """Misalignment, P as lived and the share of answers that say active as it appears, whose
    detection is timed [share]."""
    late_detection_after: Steps = 5
    """Steps by which what is lived may be ahead of what appears before it counts as late
    [steps]."""
    over_optimisation: Share = 0.25
    """Share of its peak that the gold of a policy loses while its proxy rises above what it was
    then; 1: never [share]."""
    stale_rules: Share = 0.3
    """1 − cosine of fixed rules and need above which they are stale [1]."""
    region_leakage: Share = 0.1
    """Rise of prevalence outside of the region a method keeps to above which it leaks; 1: never
    [share]."""
    template_mismatch: Share = 0.3
    """1 − cosine of a template and need above which it does not fit [1]."""
    evasion: Share = 0.25
    """Share of its effort that a policy withholds by refusing, above which it evades; 1: never
    [share]."""
    formally_correct_while_failing: Share = 0.5
    """Lived alignment below which a method fails, whatever its objective says; 0: never
    [share]."""
    objective_met: Share = 0.9
    """How well a method must do by its own objective to be formally correct [1]."""


class Record(Block):
    """What a run writes down."""

    every: Steps = 1
    """Steps between two records of the series [steps]."""
    variables: Annotated[tuple[Variable, ...], Field(strict=False)] = ()
    """Variables of the series; left out: all."""
    persons: Snapshots | None = None
    """Snapshots of persons; left out: none."""
    avalanches: Avalanches = Avalanches()
    """Which avalanches are events."""
    failures: Failures = Failures()
    """Levels of the failures that are events."""
    crossings: Annotated[tuple[Crossing, ...], Field(strict=False)] = (
        Crossing(level=0.1),
        Crossing(level=0.5),
    )
    """Thresholds of prevalence whose first passage is timed, each once."""

    @model_validator(mode="after")
    def _thresholds_differ(self) -> Record:
        for index, crossing in enumerate(self.crossings):
            if crossing in self.crossings[:index]:
                raise cross_field(
                    "this threshold is declared twice", f"crossings.{index}", "crossings"
                )
        return self
