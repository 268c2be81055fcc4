"""Optimizers: systems that sense reports and apply reversible corrections, one a file.

A method is registered here under the `kind` it has in a scenario; adding one is one file, one
schema block and one entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sim.optimizers.base import Idle, Optimizer
from sim.optimizers.proportional import Proportional
from sim.optimizers.rlhf import Rlhf

if TYPE_CHECKING:
    from sim.model import AlignmentModel

METHODS: Mapping[str, type[Optimizer]] = {
    "none": Idle,
    "proportional": Proportional,
    "rlhf": Rlhf,
}
"""Optimizer classes by kind."""


def make_optimizers(model: AlignmentModel) -> list[Optimizer]:
    """Return the scenario's optimizers as Mesa agents of the model, in the scenario's order."""
    return [
        METHODS[spec.kind](model, spec, place)
        for place, spec in enumerate(model.resolved.optimizers)
    ]
