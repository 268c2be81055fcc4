"""What persons start with, drawn from the distributions of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.distributions import of_members, quantiles
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import AnyDistribution, each
from sim.streams import FloatArray

Start = float | tuple[int, ...]
"""Probability that a constraint is active, or 0 or 1 for each person."""


@dataclass(frozen=True, slots=True)
class PersonValue:
    """A number that each person has, by distributions of everyone and of groups.

    Attributes
    ----------
    everyone
        Its distribution, of which a list has one value a person of the population.
    by_group
        Distributions of the groups that have their own, of which a list has one value a member,
        or one a person of the population.
    """

    everyone: AnyDistribution
    by_group: Mapping[int, AnyDistribution]

    @classmethod
    def of(cls, scenario: Scenario, name: str, channel: str | None = None) -> PersonValue:
        """Return the initial value of a resolved scenario that stands under a name."""
        own = {}
        for g, group in enumerate(scenario.population.groups.values()):
            value = getattr(group.initial, name, None)
            value = each(value).get(channel) if value is not None and channel else value
            if value is not None:
                own[g] = value
        everyone = getattr(scenario.population.initial, name)
        return cls(each(everyone)[channel] if channel else everyone, own)

    def draw(self, uniforms: FloatArray, group: npt.NDArray[np.int32]) -> FloatArray:
        """Return the value of each person, (N,), from uniforms on (0, 1) and their group."""
        values = quantiles(self.everyone, uniforms)
        for g, distribution in self.by_group.items():
            members = np.flatnonzero(group == g)
            values[members] = of_members(distribution, uniforms, members)
        return values


def constrained(
    scenario: Scenario, channel: str, uniforms: FloatArray, group: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    """Return who starts under a constraint, (N,)."""
    everyone: Mapping[str, Start] = each(scenario.population.initial.constrained)
    active = _flags(everyone[channel], uniforms)
    for g, own in enumerate(scenario.population.groups.values()):
        if own.initial is None or own.initial.constrained is None:
            continue
        by_channel: Mapping[str, Start] = each(own.initial.constrained)
        if channel in by_channel:
            members = np.flatnonzero(group == g)
            active[members] = _flags(by_channel[channel], uniforms[members])
    return active


def _flags(value: Start, uniforms: FloatArray) -> npt.NDArray[np.bool_]:
    """Return who is drawn with a probability, or who is listed."""
    if isinstance(value, tuple):
        return np.array(value, dtype=np.bool_)
    return uniforms < value
