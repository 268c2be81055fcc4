"""What befalls a population: stressors, one block a kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.scenario.schema.base import (
    Block,
    Law,
    Name,
    NonNegative,
    Number,
    Positive,
    Share,
    Step,
    cross_field,
    short_constant,
)

Marks = Annotated[
    Annotated[Law, Field(discriminator="kind")],
    BeforeValidator(short_constant, json_schema_input_type=Number | Law),
]
"""A distribution that belongs to no person."""


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


class SeasonalStressor(_Stressor):
    """A wave: max(0, mean + amplitude · cos(2π (t − peak) / period))."""

    kind: Literal["seasonal"]
    mean: Number
    """Level about which it swings [load per step]; the level itself is never below 0."""
    amplitude: NonNegative
    """How far it swings to either side [load per step]."""
    period: Positive
    """Length of one season to the next [steps]."""
    peak: Number = 0.0
    """A step at which it is highest [step]."""


class ShocksStressor(_Stressor):
    """Shocks that come at random and fade: a marked Poisson process."""

    kind: Literal["shocks"]
    rate: Annotated[float, Field(ge=0.0, le=100.0)]
    """Expected number of shocks in a step [1/step]."""
    size: Marks
    """Level that a shock adds, drawn for each [load per step]; draws below 0 count as 0."""
    decay: Share = 1.0
    """Share of a shock's level that is gone each step; 1: a shock lasts one step [1/step]."""


class OrnsteinUhlenbeckStressor(_Stressor):
    """A level that is pushed about at random and drawn back to its mean.

    Exact discretization of an Ornstein–Uhlenbeck process x; the level is max(0, x).
    """

    kind: Literal["ornstein_uhlenbeck"]
    mean: Number
    """Value to which x is drawn back [load per step]."""
    relaxation: Positive
    """Steps after which a deviation is down to 1/e on average [steps]."""
    sd: NonNegative
    """Standard deviation of x in the long run [load per step]."""
    initial: Number | None = None
    """x at step 0 [load per step]; left out: the mean."""


class DeploymentStressor(_Stressor):
    """Stress that the deployment of optimizers itself brings; nothing on a bench."""

    kind: Literal["deployment"]
    intensity_coefficient: NonNegative
    """χ: level per unit of deployment intensity, ½ Σ_k u² of a group's effort u in the step before
    [1/load]."""


class SeriesStressor(_Stressor):
    """Levels read from one column of a CSV or Parquet file; resolved to a `table` when loaded."""

    kind: Literal["series"]
    file: str
    """Path of the file, relative to the scenario file that names it."""
    column: str
    """Name of the column."""
    scale: Number = 1.0
    """Level = max(0, (value − offset) · scale)."""
    offset: Number = 0.0
    """Subtracted from the value before scaling."""
    steps_per_row: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """How many steps one row lasts; only without `time`."""
    interpolation: Literal["hold", "linear"] = "hold"
    """Between two rows: hold the earlier level, or a straight line."""
    time: str | None = None
    """Name of a column with the time of each row, as ISO dates or as numbers in steps; rows are
    then put on the scenario's clock."""
    begin: str | Number | None = None
    """Time of step 0, a date or a number as in the column `time`; left out: the date of the first
    row, or 0."""
    aggregate: Literal["mean", "sum", "max", "last"] = "mean"
    """What becomes of several rows in one step; only with `time`."""

    @model_validator(mode="after")
    def _clocked(self) -> SeriesStressor:
        if self.time is None:
            for name in {"begin", "aggregate"} & self.model_fields_set:
                message = f"`{name}` is for rows with a time"
                raise cross_field(message, name, hint="name their column in `time`")
        elif self.steps_per_row != 1:
            message = "rows with a time last until the next one"
            raise cross_field(message, "steps_per_row", "time", hint="leave out steps_per_row")
        return self


Stressor = Annotated[
    ConstantStressor
    | RampStressor
    | PulseStressor
    | TableStressor
    | SeasonalStressor
    | ShocksStressor
    | OrnsteinUhlenbeckStressor
    | DeploymentStressor
    | SeriesStressor,
    Field(discriminator="kind"),
]
