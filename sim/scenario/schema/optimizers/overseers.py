"""Methods that oversee a policy, their own or that of others."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.scenario.schema.base import (
    Name,
    NonNegative,
    Positive,
    Share,
    Step,
    cross_field,
)
from sim.scenario.schema.optimizers.shared import PolicyBlock


class OverseerBlock(PolicyBlock):
    """What every optimizer has that oversees policies: its own, following reports, or others'."""

    oversees: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Names of the optimizers it oversees, and then steers nobody itself; empty: its own policy."""


class RuntimeMonitorOptimizer(OverseerBlock):
    """A cumulative sum of reports; when it alarms, the policy of that group is throttled."""

    kind: Literal["runtime_monitor"]
    allowance: NonNegative = 0.5
    """k: reference value, half the shift it is tuned to [standard deviations of the reports]."""
    decision: NonNegative = 4.0
    """h: an alarm is raised where the sum exceeds it [standard deviations]."""
    memory: Annotated[float, Field(ge=1.0, le=1e9)] = 50.0
    """Steps over which the reference forgets: reports of a step weigh (1 − 1/memory)^age."""
    throttle: Share = 0.0
    """Share of its way that a throttled policy still goes; 1: an alarm has no effect."""
    hold: Annotated[int, Field(ge=1, le=1_000_000)] = 3
    """Steps a policy stays throttled after an alarm."""


class AuditOptimizer(OverseerBlock):
    """Looks at how persons truly are, now and then, and repairs the estimate towards it."""

    kind: Literal["audit"]
    every: Annotated[int, Field(ge=1, le=1_000_000)] = 5
    """Steps from one audit to the next."""
    persons: Annotated[int, Field(ge=1, le=100_000)] = 30
    """Persons of each group looked at in an audit, drawn with replacement."""
    method: Literal["probing", "patching"] = "probing"
    """Probing takes for one another what goes together; patching tells causes, and is dearer."""
    looks_at: Literal["need", "active"] = "need"
    """What it reads off a person: the need on each channel, or which constraints are active."""
    false_negatives: Share = 0.1
    """Probability that an active constraint is not seen."""
    confounding: NonNegative = 1.0
    """How far probing takes a channel for another, per unit of their correlation over persons."""
    patching_price: NonNegative = 5.0
    """Price of a look by patching, in looks by probing."""
    repair: Share = 1.0
    """Share of the way from ŵ to what was seen; 0: nothing is repaired."""
    dictionary: Share = 0.0
    """Share that an audit undoes of the interference left by superposition, by finding the
    directions packed together; each channel costs a look by patching."""


class CapabilityControlOptimizer(OverseerBlock):
    """A meter of how much persons are exposed to systems, and a cap on strength above a limit."""

    kind: Literal["capability_control"]
    meter: Literal["effort", "reports"] = "effort"
    """What is metered in each group: the correction in force, mean over channels, or the share of
    reports that say active."""
    limit: Positive = 0.5
    """Reading of the meter beyond which strength is capped [load or share]."""
    strictness: NonNegative = 1.0
    """Power of the cap d_max (limit/reading)^strictness; 0: no cap."""
    memory: Annotated[float, Field(ge=1.0, le=1e9)] = 1.0
    """Steps the meter averages over, exponentially; 1: the last alone."""


class GovernanceOptimizer(OverseerBlock):
    """Standards for all policies, set once incidents are published and tightened in phases."""

    kind: Literal["governance"]
    incident: Share = 0.3
    """Apparent misalignment of a group above which a step counts as an incident."""
    publication: Annotated[int, Field(ge=0, le=100_000)] = 6
    """Steps from an incident to its publication."""
    incidents: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Published incidents, over all groups, after which the first standard is set."""
    standards: Annotated[
        tuple[NonNegative, ...], Field(strict=False, min_length=3, max_length=3)
    ] = (2.0, 1.0, 0.5)
    """Largest strength d in the near, the medium and the long term."""
    phases: Annotated[tuple[Step, ...], Field(strict=False, min_length=2, max_length=2)] = (12, 36)
    """Steps from the first standard to that of the medium and of the long term."""
    compliance: Share = 1.0
    """Share of groups and steps in which a policy obeys; 0: standards have no effect."""
    capture: NonNegative = 0.0
    """How far standards give way to the systems' strength, per unit of what these spend in a step
    [persons per load]; 0: not at all."""

    @model_validator(mode="after")
    def _tightens(self) -> GovernanceOptimizer:
        if list(self.standards) != sorted(self.standards, reverse=True):
            raise cross_field("standards may only tighten from phase to phase", "standards")
        if self.phases[1] < self.phases[0]:
            raise cross_field("the long term begins before the medium term", "phases")
        return self
