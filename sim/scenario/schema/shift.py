"""Changes of the world in the middle of a run."""

from __future__ import annotations

from pydantic import Field, JsonValue

from sim.scenario.schema.base import Block, Step


class Shift(Block):
    """Other values from a step on: of stressors, needs, persons' dynamics, feedback or prices."""

    at: Step
    """First step in which they hold; on steps that several shifts share, in their order."""
    changes: dict[str, JsonValue] = Field(min_length=1)
    """Values of the resolved scenario by dotted path, such as `constraints.coupling: 1.5`."""
    announced: bool = False
    """Whether optimizers are told, and may learn anew; what they learn is up to them."""
