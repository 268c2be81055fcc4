"""Methods that keep to regions, rules, templates and proofs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.scenario.schema.base import (
    NonNegative,
    Positive,
    Share,
    Step,
    cross_field,
)
from sim.scenario.schema.optimizers.shared import PolicyBlock


class RegionConstraintsOptimizer(PolicyBlock):
    """Only what reports put inside of a region is corrected; the rest is masked."""

    kind: Literal["region_constraints"]
    by: Literal["group", "cell"] = "cell"
    """What is inside or outside: a whole `group` by its reported burden, or each `cell`, a
    channel of a group, by its reported share."""
    entry: Share = 0.3
    """Reported level from which on a place is inside [share]; 0: everything is, always."""
    exit: Share | None = None
    """Reported level down to which a place stays inside [share]; left out: `entry`."""
    volume: Share = 1.0
    """Largest region, places weighted by persons and by the weights of channels; the places
    with the highest levels come first [share]."""

    @model_validator(mode="after")
    def _leaves_below_entry(self) -> RegionConstraintsOptimizer:
        if self.exit is not None and self.exit > self.entry:
            message = f"exit {self.exit:g} is above entry {self.entry:g}"
            raise cross_field(message, "exit", "entry")
        return self


class RuleSafeguardsOptimizer(PolicyBlock):
    """A fixed relief for as long as an indicator is over its threshold."""

    kind: Literal["rule_safeguards"]
    threshold: Share = 0.3
    """Level of the indicator above which the rule of a channel of a group is triggered [share]."""
    relief: NonNegative = 1.0
    """Effort on a channel while its rule is triggered, at a `kl_price` of 1 [load]."""
    window: Annotated[int, Field(ge=1, le=1000)] = 1
    """Steps of reports in the indicator; 1: those of the latest step alone [steps]."""
    lag: Annotated[int, Field(ge=0, le=1000)] = 0
    """Steps by which the indicator lags the reports, for relief and for its end [steps]."""
    hold: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Least steps a relief lasts [steps]."""
    gaming: Share = 0.0
    """Share of those not concerned who are counted all the same while they receive relief."""
    reference: NonNegative = 0.0
    """s0: length of the mean output μ_ref of a supervised start; 0: none is made or paid [load]."""
    kl_price: Positive = 1.0
    """β: the policy moves by ŵ/β away from its start."""


class TemplateModerationOptimizer(PolicyBlock):
    """Each group is given the template that its reports look most like."""

    kind: Literal["template_moderation"]
    templates: Annotated[int, Field(ge=1, le=1000)] = 4
    """M: templates the needs demonstrated by groups are condensed into; no more than groups."""
    match: Share = 0.0
    """Least cosine of reports and template for a template to be applied; 0: always."""
    refresh: Step = 0
    """Steps from one making of templates and start to the next, demonstrations paid anew; 0:
    those of the start stay [steps]."""


class VerifiedOptimizer(PolicyBlock):
    """A policy of which invariants on the effort are proved in every step."""

    kind: Literal["verified"]
    channel_bounds: dict[str, NonNegative] = {}
    """Largest effort on a channel, in every group, by channel [load]."""
    total_bound: NonNegative | None = None
    """Largest effort of a step over all channels, mean over persons; left out: none [load per
    person]."""
    least_share: Share = 0.0
    """No group gets less effort a person than this share of what any other group gets; 0: no
    such invariant."""
