"""Methods that learn from answers or from principles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.scenario.schema.base import (
    NonNegative,
    Number,
    Positive,
    Share,
    cross_field,
)
from sim.scenario.schema.optimizers.shared import Count, PolicyBlock


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
