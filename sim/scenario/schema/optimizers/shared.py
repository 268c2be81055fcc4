"""What optimizers share: needs and labels, prices, purses, policies and how they are built."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sim.scenario.schema.base import (
    Block,
    LogSpread,
    Name,
    NonNegative,
    Positive,
    Share,
    Step,
)
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
    label_harm: dict[Name, NonNegative] = {}
    """Exposure by channel that answering for a pair adds to whoever does [load]."""
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
    """Compute of drawing an output for a group in a step, n for the best of n [load per person]."""
    utility: NonNegative = 1.0
    """Of a unit of gold that an overseer keeps a policy from giving, in every step [1]."""
    volume: NonNegative = 1e-3
    """Of keeping a region that holds everyone and every channel for a step [load per person]."""
    proof: NonNegative = 1e-3
    """Of proving one invariant for the effort of a step [load per person]."""
    capital: NonNegative = 5.0
    """Of a unit of shelter, paid when it is ordered and never paid back [1]."""
    advice: NonNegative = 1e-4
    """Of what an assistant has to say about a pair, for each level of them [load per person]."""


class Shelter(Block):
    """What is built against stress: a stock by group and channel that stays when builders leave."""

    scale: Positive = 1.0
    """Stock that leaves 1/e of the stress: e · exp(−stock/scale) reaches a group, so each further
    unit takes off less [load]."""
    depreciation: Share = 0.01
    """Share of the stock that wears out in a step."""
    lead_time: Annotated[int, Field(ge=0, le=10_000)] = 12
    """Steps from the order, which is paid at once, to the stock."""


class OptimizerBlock(Block):
    """What every optimizer has."""

    name: Name | None = None
    """Name in tables; left out: its kind, numbered where there are several."""
    budget: NonNegative = 1000.0
    """What it may spend over the whole run, at the scenario's prices [load per person]."""
    start: Step = 0
    """First step at which it acts."""
    purse: Name | None = None
    """Account of `budgets` it spends from with others; its own `budget` is then not read."""
    coordination: Literal["cap", "subtract"] | None = None
    """How it heeds what those who coordinate and act before it have given in the step: `cap` stays
    within what they leave of u_max, `subtract` gives what is missing; left out: they add up."""


class Purse(Block):
    """An account that several optimizers spend from."""

    amount: NonNegative
    """What all of them together may spend over the whole run [load per person]."""
    allocation: Literal["first_come", "proportional", "auction"] = "first_come"
    """Who gets it: all of it is open to whoever comes first, in the scenario's order; or it is paid
    out evenly over the steps, in proportion to what each last wanted to spend, or first to those
    with the highest ratio of proxy to cost."""


def _short_purse(value: Any) -> Any:
    """Read a bare number as an amount."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"amount": value}
    return value


Budgets = dict[
    Name,
    Annotated[Purse, BeforeValidator(_short_purse, json_schema_input_type=NonNegative | Purse)],
]
"""Accounts by name."""


class MesaObjective(Block):
    """An objective of its own that the policy pursues beside the one it was given."""

    weight: Share
    """Share of its own objective in the direction it moves in while it believes itself unobserved;
    a throttle is obeyed with probability 1 − weight."""
    toward: Name | None = None
    """Channel or style it is after; left out: a random direction."""


class Emergence(Block):
    """Reach that grows with scale: d_max is multiplied by 1 / (1 + (midpoint/scale)^steepness)."""

    scale: Positive = 1.0
    """Scale of the system at step 0, in any unit, such as training compute."""
    growth: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    """Growth of the logarithm of the scale [1/step]."""
    midpoint: Positive = 1.0
    """Scale at which half of d_max is within reach."""
    steepness: Annotated[float, Field(gt=0.0, le=1000.0)] = 1.0
    """Slope of the logistic in the logarithm of the scale: about 1 is smooth, 20 is abrupt."""


class Reliability(Block):
    """Actuation that fails or scatters, drawn for each group and step."""

    failure: Share = 0.0
    """Probability that nothing of a group's effort is delivered, or billed."""
    noise: LogSpread = 0.0
    """Standard deviation of the logarithm of a factor of mean 1 on a group's effort."""


class Architecture(Block):
    """How the system is built; all left out: it does what it estimates, exactly."""

    superposition: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """m: dimensions into which the K corrective directions are packed, so that effort on one leaks
    into others; K or more, or left out: each has its own."""
    opacity: Share | None = None
    """Share of what is there that a look inside misses, beside the false negatives of audits."""
    mesa_objective: MesaObjective | None = None
    """An objective of its own, hidden while it believes itself audited."""
    emergence: Emergence | None = None
    """Capability that comes with scale."""
    reliability: Reliability | None = None
    """Noise of the actuator."""


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
    architecture: Architecture = Architecture()
    """How the system is built: interference, opacity, an objective of its own, capability."""
