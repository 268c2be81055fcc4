"""What befalls a population: stressors, one block a kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.scenario.schema.base import Block, Name, NonNegative, Number, Step, cross_field


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
