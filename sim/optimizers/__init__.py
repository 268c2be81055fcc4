"""Optimizers: systems that sense reports and apply reversible corrections, one a file.

A method is registered here under the `kind` it has in a scenario; adding one is one file, one
schema block and one entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sim.optimizers.audit import Audit
from sim.optimizers.base import Idle, Optimizer
from sim.optimizers.capability_control import CapabilityControl
from sim.optimizers.constitutional import Constitutional
from sim.optimizers.governance import Governance
from sim.optimizers.infrastructure import Infrastructure
from sim.optimizers.oracle import Oracle
from sim.optimizers.plugins import load
from sim.optimizers.proportional import Proportional
from sim.optimizers.region_constraints import RegionConstraints
from sim.optimizers.rlhf import Rlhf
from sim.optimizers.rule_safeguards import RuleSafeguards
from sim.optimizers.runtime_monitor import RuntimeMonitor
from sim.optimizers.scalable_oversight import ScalableOversight
from sim.optimizers.template_moderation import TemplateModeration
from sim.optimizers.value_learning import ValueLearning
from sim.optimizers.verified import Verified
from sim.scenario.schema import Scenario
from sim.scenario.schema.optimizers import PluginOptimizer

if TYPE_CHECKING:
    from sim.model import AlignmentModel

METHODS: Mapping[str, type[Optimizer]] = {
    "none": Idle,
    "proportional": Proportional,
    "rlhf": Rlhf,
    "runtime_monitor": RuntimeMonitor,
    "audit": Audit,
    "capability_control": CapabilityControl,
    "governance": Governance,
    "region_constraints": RegionConstraints,
    "rule_safeguards": RuleSafeguards,
    "template_moderation": TemplateModeration,
    "verified": Verified,
    "infrastructure": Infrastructure,
    "oracle": Oracle,
    "constitutional": Constitutional,
    "value_learning": ValueLearning,
    "scalable_oversight": ScalableOversight,
}
"""Optimizer classes by kind."""


def methods_of(scenario: Scenario) -> list[type[Optimizer]]:
    """Return the classes of a scenario's optimizers.

    Raises
    ------
    PluginError
        If one of them is a plugin that is not allowed or cannot be found.
    """
    return [
        load(spec) if isinstance(spec, PluginOptimizer) else METHODS[spec.kind]
        for spec in scenario.optimizers
    ]


def make_optimizers(model: AlignmentModel) -> list[Optimizer]:
    """Return the scenario's optimizers as Mesa agents of the model, in the scenario's order."""
    methods = methods_of(model.resolved)
    specs = model.resolved.optimizers
    return [m(model, s, place) for place, (m, s) in enumerate(zip(methods, specs, strict=True))]
