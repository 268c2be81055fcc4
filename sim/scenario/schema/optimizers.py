"""Systems that sense and correct, one block a method, and what steering costs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.schema.base import Block, Name, NonNegative, Positive, Share, Step
from sim.scenario.schema.processes import Misreport

Count = Annotated[int, Field(ge=0, le=100_000)]

Style = Literal["flatter", "refuse"]


class Preferences(Block):
    """What persons want of a system, and how a label says which of two outputs they prefer."""

    need_floor: Positive = 0.05
    """q0: want on a channel without any constraint [load]."""
    need_cap: NonNegative = 3.0
    """Largest want beyond q0 [load]."""
    sharpness: NonNegative = 2.0
    """β_h: how surely the better of two outputs is preferred, σ(β_h ΔU); 0: labels say nothing."""
    styles: Annotated[tuple[Style, ...], Field(strict=False)] = ("flatter", "refuse")
    """Directions of output nobody needs: one flatters, one refuses and so lowers the effort."""
    sycophancy: NonNegative = 0.0
    """Utility of flattery to a person whose narrative is displaced (n = 1)."""
    evasion: NonNegative = 0.0
    """Utility of a refusal to a person without trust (T = 0): helpful is traded for harmless."""
    flip: Misreport = Misreport()
    """Probability that a label says the opposite, linear in trust."""
    adversaries: Share = 0.0
    """Share of persons whose labels ask for the worse output."""


class Prices(Block):
    """What steering costs, in units of effort [load] per person of the population."""

    effort: NonNegative = 1.0
    """Of a unit of effort [1]."""
    demonstration: NonNegative = 1e-3
    """Of a demonstration to start from [load per person]."""
    label: NonNegative = 1e-4
    """Of a pair of outputs shown for a label, answered or not [load per person]."""
    revision: NonNegative = 1e-4
    """Of a critique and revision by the system itself [load per person]."""
    query: NonNegative = 1e-4
    """Of a question put to a person [load per person]."""
    audit: NonNegative = 1e-3
    """Of one look inside a system [load per person]."""
    training: NonNegative = 1e-4
    """Compute of fitting a group's reward model once [load per person]."""
    inference: NonNegative = 1e-5
    """Compute of answering a group for a step [load per person]."""


class OptimizerBlock(Block):
    """What every optimizer has."""

    name: Name | None = None
    """Name in tables; left out: its kind, numbered where there are several."""
    budget: NonNegative = 1000.0
    """What it may spend over the whole run, at the scenario's prices [load per person]."""
    start: Step = 0
    """First step at which it acts."""


class PolicyBlock(OptimizerBlock):
    """What every optimizer has that acts by a policy x ~ N(μ, I) over outputs."""

    demonstrations: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """n_sft: demonstrations of a supervised start, for each group."""
    demonstration_noise: NonNegative = 1.0
    """σ: standard deviation of one demonstration."""
    reference: NonNegative = 0.5
    """s0: length of the mean output μ_ref of the supervised start [load]."""
    kl_price: Positive = 0.5
    """β: the policy moves by ŵ/β away from its start."""
    strongest: NonNegative = 3.0
    """d_max: largest strength d = √KL of the policy from its start."""


class ProportionalOptimizer(OptimizerBlock):
    """Effort in proportion to the share of reports that say a constraint is active."""

    kind: Literal["proportional"]
    response: NonNegative = 2.0
    """Effort on a channel of a group when every report says active [load]."""


class NoOptimizer(OptimizerBlock):
    """The baseline: never corrects anything."""

    kind: Literal["none"]


class RlhfOptimizer(PolicyBlock):
    """A reward model fitted to preference labels, and a policy that is kept near its start."""

    kind: Literal["rlhf"]
    labels: Count = 50
    """Pairs shown to each group in a step of labelling."""
    every: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Steps from one labelling to the next; beyond the end: labels are taken once."""
    window: Annotated[int, Field(ge=1, le=10_000)] = 10
    """n_w: labelling steps whose labels the reward model is fitted to."""
    ridge: Positive = 1.0
    """ρ: weight of ½‖w‖² beside the loss of the labels."""
    ensemble: Annotated[int, Field(ge=1, le=100)] = 1
    """Reward models fitted to resampled labels; 1: one, to the labels themselves."""
    pessimism: NonNegative = 0.0
    """Standard deviations of the ensemble taken off each component of ŵ, towards 0."""
    best_of: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """n: outputs drawn from the start of which the best by ŵ is used; 1: the policy is trained."""


class PluginOptimizer(OptimizerBlock):
    """A class of one's own; it is imported only where plugins are allowed."""

    kind: Literal["plugin"]
    use: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?$", max_length=200)]
    """Name of an installed entry point, or `module:Class`."""
    options: dict[Name, bool | float | str] = {}
    """What it reads from `self.spec.options`."""


Optimizer = Annotated[
    ProportionalOptimizer | NoOptimizer | RlhfOptimizer | PluginOptimizer,
    Field(discriminator="kind"),
]
