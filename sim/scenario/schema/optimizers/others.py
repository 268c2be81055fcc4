"""The baseline, the smallest honest method, builders, the oracle, and classes of one's own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.schema.base import (
    Name,
    NonNegative,
    Number,
    Share,
)
from sim.scenario.schema.optimizers.shared import Count, OptimizerBlock


class NoOptimizer(OptimizerBlock):
    """The baseline: never corrects anything."""

    kind: Literal["none"]


class ProportionalOptimizer(OptimizerBlock):
    """Effort in proportion to the share of reports that say a constraint is active."""

    kind: Literal["proportional"]
    response: NonNegative = 2.0
    """Effort on a channel of a group when every report says active [load]."""


class InfrastructureOptimizer(OptimizerBlock):
    """Surveys the state now and then, and builds shelter from stress where it is needed."""

    kind: Literal["infrastructure"]
    every: Annotated[int, Field(ge=1, le=1_000_000)] = 6
    """Steps from one survey to the next."""
    sample: Count = 100
    """Persons of each group surveyed, drawn with replacement; 0: everyone, by a census."""
    lag: Annotated[int, Field(ge=0, le=10_000)] = 3
    """Steps from a survey to its result."""
    response: NonNegative = 2.0
    """Stock wanted on the heaviest channel of a group of whom all are constrained on it; on others
    in proportion to weight ω and share of persons [load]."""
    hurdle: Share = 0.05
    """Share constrained on a channel from which on the group is built for."""
    patience: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Surveys in a row at or above the hurdle before anything is ordered."""


class OracleOptimizer(OptimizerBlock):
    """Tries plans out in the actual future of its own replicate, and carries out the best."""

    kind: Literal["oracle"]
    rounds: Annotated[int, Field(ge=0, le=1_000)] = 8
    """Rounds of local improvement of the best plan."""
    builds: bool = False
    """Whether it may also build shelter from stress."""


class PluginOptimizer(OptimizerBlock):
    """A class of one's own; it is imported only where plugins are allowed."""

    kind: Literal["plugin"]
    use: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?$", max_length=200)]
    """Name of an installed entry point, or `module:Class`."""
    options: dict[Name, bool | Number | str] = {}
    """What it reads from `self.spec.options`."""
