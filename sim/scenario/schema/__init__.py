"""The scenario: one frozen model, the single source of truth of every field, unit and bound."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.scenario.schema.base import Block
from sim.scenario.schema.checks import check
from sim.scenario.schema.measurement import Record, Restoration, SafeSet, Twin
from sim.scenario.schema.narrative import Narrative
from sim.scenario.schema.optimizers import Budgets, Optimizer, Preferences, Prices, Shelter
from sim.scenario.schema.population import (
    DEFAULT_CHANNELS,
    Channel,
    Channels,
    Network,
    PoissonNetwork,
    Population,
    Time,
)
from sim.scenario.schema.processes import (
    Constraints,
    Correction,
    Exposure,
    Feedback,
    Trust,
    Turnover,
)
from sim.scenario.schema.shift import Shift
from sim.scenario.schema.stressors import Stressor

__all__ = ["Scenario"]


class Scenario(Block):
    """A complete description of a population, what befalls it and how its cost is measured."""

    schema_version: Literal[1] = 1
    """Version of this schema."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = "unnamed"
    """Short name; used in file names."""
    description: str = ""
    """What the scenario is for."""
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    """Seed of every random draw."""
    signed: bool = False
    """Allow negative coupling, narrative feed, spillover and ties of an edge list, which break
    order (A1)."""
    precision: Literal["double", "single"] = "double"
    """How numbers about persons are stored between steps, which reckon in double precision either
    way; `single` takes half the memory and rounds,
    thresholds of constraints too: a load that meets one exactly may then miss it."""
    time: Time = Time()
    """The scenario clock."""
    population: Population = Population()
    """Persons, groups and their state at step 0."""
    network: Network = PoissonNetwork()
    """Who influences whom."""
    channels: Channels = {name: Channel(weight=w) for name, w in DEFAULT_CHANNELS.items()}
    """Kinds of constraint."""
    stressors: Annotated[tuple[Stressor, ...], Field(strict=False)] = ()
    """What befalls the population; several on one channel add up."""
    exposure: Exposure = Exposure()
    """How stress accumulates."""
    constraints: Constraints = Constraints()
    """Thresholds, coupling and relays."""
    correction: Correction = Correction()
    """How corrections act."""
    narrative: Narrative = Narrative()
    """Narrative displacement and lock-in."""
    trust: Trust = Trust()
    """Trust in the system."""
    feedback: Feedback = Feedback()
    """Reports that reach the optimizers."""
    turnover: Turnover = Turnover()
    """Replacement of persons."""
    preferences: Preferences = Preferences()
    """What persons want of optimizers, and how they say so."""
    prices: Prices = Prices()
    """What steering costs."""
    shelter: Shelter = Shelter()
    """What is built against stress, and how it wears out."""
    budgets: Budgets = {}
    """Accounts that several optimizers spend from, by name: an amount, or how it is allocated."""
    optimizers: Annotated[tuple[Optimizer, ...], Field(strict=False)] = ()
    """Systems that sense reports and apply corrections."""
    shifts: Annotated[tuple[Shift, ...], Field(strict=False)] = ()
    """What changes in the middle of a run; the cost of alignment is measured without any."""
    safe: SafeSet = SafeSet()
    """The states counted as aligned."""
    restoration: Restoration = Restoration()
    """How the cost of alignment is measured."""
    twin: Twin = Twin()
    """How the reversible twin is made."""
    record: Record = Record()
    """What a run writes down."""

    @model_validator(mode="after")
    def _references_exist(self) -> Scenario:
        check(self)
        return self
