"""Systems that sense and correct, one block a method, and what steering costs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from sim.scenario.schema.optimizers.learners import (
    ConstitutionalOptimizer,
    RlhfOptimizer,
    ScalableOversightOptimizer,
    ValueLearningOptimizer,
)
from sim.scenario.schema.optimizers.others import (
    InfrastructureOptimizer,
    NoOptimizer,
    OracleOptimizer,
    PluginOptimizer,
    ProportionalOptimizer,
)
from sim.scenario.schema.optimizers.overseers import (
    AuditOptimizer,
    CapabilityControlOptimizer,
    GovernanceOptimizer,
    OverseerBlock,
    RuntimeMonitorOptimizer,
)
from sim.scenario.schema.optimizers.rules import (
    RegionConstraintsOptimizer,
    RuleSafeguardsOptimizer,
    TemplateModerationOptimizer,
    VerifiedOptimizer,
)
from sim.scenario.schema.optimizers.shared import (
    Architecture,
    Budgets,
    Emergence,
    MesaObjective,
    OptimizerBlock,
    PolicyBlock,
    Preferences,
    Prices,
    Purse,
    Reliability,
    Shelter,
    Style,
)

__all__ = [
    "Architecture",
    "AuditOptimizer",
    "Budgets",
    "CapabilityControlOptimizer",
    "ConstitutionalOptimizer",
    "Emergence",
    "GovernanceOptimizer",
    "InfrastructureOptimizer",
    "MesaObjective",
    "NoOptimizer",
    "Optimizer",
    "OptimizerBlock",
    "OracleOptimizer",
    "OverseerBlock",
    "PluginOptimizer",
    "PolicyBlock",
    "Preferences",
    "Prices",
    "ProportionalOptimizer",
    "Purse",
    "RegionConstraintsOptimizer",
    "Reliability",
    "RlhfOptimizer",
    "RuleSafeguardsOptimizer",
    "RuntimeMonitorOptimizer",
    "ScalableOversightOptimizer",
    "Shelter",
    "Style",
    "TemplateModerationOptimizer",
    "ValueLearningOptimizer",
    "VerifiedOptimizer",
    "names_of",
]

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
