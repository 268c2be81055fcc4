"""Systems that sense and correct, one block a method, and what steering costs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.scenario.schema.base import (
    Block,
    LogSpread,
    Name,
    NonNegative,
    Number,
    Positive,
    Share,
    Step,
    cross_field,
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
    """Standard deviations of the ensemble taken off each component of ŵ, towards 0; a single model
    has none."""
    best_of: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """n: outputs drawn from the start of which the best by ŵ is used; 1: the policy is trained."""


class PluginOptimizer(OptimizerBlock):
    """A class of one's own; it is imported only where plugins are allowed."""

    kind: Literal["plugin"]
    use: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?$", max_length=200)]
    """Name of an installed entry point, or `module:Class`."""
    options: dict[Name, bool | Number | str] = {}
    """What it reads from `self.spec.options`."""


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


class ConstitutionalOptimizer(PolicyBlock):
    """Fixed principles in place of persons: outputs criticised and revised, labels of its own."""

    kind: Literal["constitutional"]
    source: Literal["written", "public"] = "written"
    """Where principles come from that are not given: `written` by authors who see what each group
    needs at the start, or `public`, from what a sample of persons say at the start."""
    principles: Annotated[tuple[dict[str, Number], ...], Field(strict=False, max_length=64)] = ()
    """Directions that are allowed, each how much of it is on which channel, for every group; left
    out: one for each group, by `source` [1]."""
    authors_error: NonNegative = 0.0
    """Standard deviation of the authors' error on each channel, where a need has length 1."""
    sample: Count = 50
    """Persons of each group whose opinion makes the public constitution."""
    opinion_error: NonNegative = 0.5
    """Standard deviation of one person's error on each channel, where a need has length 1."""
    shared: bool = False
    """Whether all groups get one constitution, the mean over persons, in place of their own."""
    revisions: Count = 2
    """Critiques and revisions of every output of a step and of the supervised start."""
    thoroughness: Share = 0.5
    """Share that one revision takes off whatever no principle allows."""
    generation: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """Steps from one generation to the next."""
    labels: Count = 200
    """Pairs that a generation labels itself, for each group; 0: it keeps to its principles."""
    judge_sharpness: Positive = 2.0
    """How surely the better of two outputs by its own belief gets the label."""
    judge_error: NonNegative = 0.05
    """Standard deviation of a generation's error of judgement in each direction of output, where
    its belief has length 1."""
    ridge: Positive = 1.0
    """ρ: weight of ½‖w‖² beside the loss of the labels."""

    @model_validator(mode="after")
    def _from_one_source(self) -> ConstitutionalOptimizer:
        if self.principles and self.source == "public":
            hint = "leave `principles` out, or write `source: written`"
            message = "a public constitution takes its principles from persons"
            raise cross_field(message, "principles", "source", hint=hint)
        for index, principle in enumerate(self.principles):
            if not any(principle.values()):
                message = "a principle that is zero everywhere allows nothing"
                raise cross_field(message, f"principles.{index}")
        return self


class ValueLearningOptimizer(PolicyBlock):
    """Questions put to persons, and a Kalman posterior over what their group needs."""

    kind: Literal["value_learning"]
    queries: Count = 50
    """Questions put to each group in a step of asking."""
    every: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Steps from one asking to the next; beyond the end: it asks once."""
    answer_noise: NonNegative = 0.25
    """Standard deviation of an answer around what the person wants [load]."""
    assumed_noise: Positive = 0.25
    """The same, and what persons of a group differ by, as it is assumed [load]."""
    prior: NonNegative = 1.0
    """Standard deviation of a need on each channel before the first answer [load]."""
    drift: NonNegative = 0.0
    """Standard deviation of a need's assumed change in a step; 0: needs stand still [load]."""
    caution: NonNegative = 0.0
    """Standard deviations of the posterior taken off each component of ŵ, towards 0."""


class ScalableOversightOptimizer(RlhfOptimizer):
    """Preference labels of persons whom assistants advise, level upon level."""

    kind: Literal["scalable_oversight"]  # type: ignore[assignment]
    depth: Annotated[int, Field(ge=0, le=20)] = 1
    """Levels of assistants, each advising the one above, the last the persons; 0: plain rlhf."""
    help: Annotated[float, Field(ge=1.0, le=10.0)] = 2.0
    """Factor by which a level makes the better of two outputs clearer."""
    guard: Share = 0.5
    """Share that a level takes off misreporting and off the taste for flattery and refusals."""
    error: Annotated[float, Field(ge=0.0, le=0.5)] = 0.02
    """Probability that a level passes on the opposite."""
    bias: NonNegative = 0.1
    """Length of the misjudgement that a level adds for good, where a need has length 1."""


Optimizer = Annotated[
    ProportionalOptimizer
    | NoOptimizer
    | RlhfOptimizer
    | PluginOptimizer
    | RuntimeMonitorOptimizer
    | AuditOptimizer
    | CapabilityControlOptimizer
    | GovernanceOptimizer
    | RegionConstraintsOptimizer
    | RuleSafeguardsOptimizer
    | TemplateModerationOptimizer
    | VerifiedOptimizer
    | InfrastructureOptimizer
    | OracleOptimizer
    | ConstitutionalOptimizer
    | ValueLearningOptimizer
    | ScalableOversightOptimizer,
    Field(discriminator="kind"),
]


def names_of(optimizers: Iterable[Optimizer]) -> list[str]:
    """Return the names of optimizers; of those without, their kind, numbered from the second on."""
    optimizers = tuple(optimizers)
    taken = {optimizer.name for optimizer in optimizers}
    names: list[str] = []
    for optimizer in optimizers:
        numbered = (f"{optimizer.kind}-{n}" for n in itertools.count(2))
        free = (n for n in itertools.chain([optimizer.kind], numbered) if n not in taken)
        names.append(optimizer.name or next(free))
        taken.add(names[-1])
    return names
