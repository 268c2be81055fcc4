"""Who is compared, and under what terms: contestants, settings to tune over, variants of a world.

A contestant takes the place of all optimizers of a scenario, with the same budget and the same
first step as every other.  Its remaining options are those the scenario gives to an optimizer of
its kind, else the defaults; tuning changes the fields that its class calls `tunable`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import numpy as np

from sim.optimizers import METHODS
from sim.scenario.problems import ScenarioError
from sim.scenario.resolve import full, with_changes
from sim.scenario.schema import Scenario
from sim.streams import Draws

BASELINE = "none"
"""The contestant that every other is paired with."""

BOUNDS = ("oracle",)
"""Contestants that see what nobody can: a bound, never one of those that can be deployed."""

CURE = 0.5
"""φ that every comparison sweeps beside 0 and the scenario's own, unless told which."""

TUNING = 1_000_000
"""First replicate that settings are tuned on; those that are compared are numbered from 0."""

LIMIT = 1e9
"""Budget that no method can use up, the largest a scenario may give [load per person]."""

Setting = Mapping[str, float]


def written(setting: Setting) -> str:
    """Return a setting as the text it has in tables; `{}` stands for the contestant's own."""
    return json.dumps(dict(setting), sort_keys=True)


def cures_of(scenario: Scenario) -> tuple[float, ...]:
    """Return the φ swept by default: symptomatic methods are not judged at φ = 0 alone.

    Examples
    --------
    >>> cures_of(Scenario())
    (0.0, 0.5)
    """
    return tuple(sorted({0.0, CURE, scenario.exposure.cure}))


@dataclass(frozen=True, slots=True)
class Contest:
    """The terms of a comparison.

    Attributes
    ----------
    scenario
        Resolved; its optimizers are what contestants are given for their kinds.
    kinds
        Contestants in order, the baseline first.
    budget
        What each may spend [load per person].
    delay
        τ: first step at which each acts.
    cures
        φ, ascending.
    replicates
        Matched replicates that contestants are compared on.
    settings
        Settings tried for each contestant and φ, its own among them.
    delays
        Delays whose least budgets are sought, ascending; may be none.
    """

    scenario: Scenario
    kinds: tuple[str, ...]
    budget: float
    delay: int
    cures: tuple[float, ...]
    replicates: int
    settings: int
    delays: tuple[int, ...] = ()

    @classmethod
    def of(cls, scenario: Scenario, kinds: Sequence[str], **terms: Any) -> Contest:
        """Return a contest of the baseline and the kinds named, each once."""
        ordered = tuple(dict.fromkeys((BASELINE, *kinds)))
        return cls(full(scenario), ordered, **terms)

    @classmethod
    def by_terms(cls, scenario: Scenario, terms: Mapping[str, Any]) -> Contest:
        """Return the contest of a scenario that a manifest tells the terms of."""
        lists = {name: tuple(terms[name]) for name in ("cures", "delays")}
        numbers = {name: terms[name] for name in ("budget", "delay", "replicates", "settings")}
        return cls.of(scenario, terms["optimizers"], **numbers, **lists)

    def terms(self) -> dict[str, Any]:
        """Return the terms as plain values, for a manifest."""
        return {
            "optimizers": list(self.kinds),
            "budget": self.budget,
            "delay": self.delay,
            "cures": list(self.cures),
            "replicates": self.replicates,
            "settings": self.settings,
            "delays": list(self.delays),
        }

    def variant(
        self,
        kind: str,
        cure: float,
        setting: Setting,
        *,
        budget: float | None = None,
        delay: int | None = None,
    ) -> Scenario:
        """Return the scenario with one contestant alone, and nothing recorded but what is measured.

        Raises
        ------
        ScenarioError
            If the contestant cannot be had this way.
        """
        given = next((o for o in self.scenario.optimizers if o.kind == kind), None)
        spec: dict[str, Any] = {"kind": kind}
        if given is not None:
            spec |= given.model_dump(mode="json", exclude_none=True)
        spec |= setting
        spec["name"] = kind
        spec["budget"] = self.budget if budget is None else budget
        spec["start"] = self.delay if delay is None else delay
        record = {
            "every": 1,
            "variables": ["prevalence", "apparent_alignment"],
            "crossings": [],
            "avalanches": {"least": 1_000_000_000},
            "failures": self.scenario.record.failures.model_dump(mode="json"),
        }
        changes = {"optimizers": [spec], "exposure.cure": cure, "record": record}
        return full(with_changes(self.scenario, changes))

    def settings_of(self, kind: str) -> list[Setting]:
        """Return the settings to try, the contestant's own (empty) first.

        All combinations of the values that its class calls `tunable`, or as many of them as are
        asked for, drawn by lot from the scenario's seed.  Combinations that the schema refuses
        are no settings of the method.
        """
        own: list[Setting] = [{}]
        if self.settings <= 1:
            return own
        return own + list(islice(self._others(kind), self.settings - 1))

    def _others(self, kind: str) -> Iterator[Setting]:
        plain = self.variant(kind, 0.0, {})
        spec = plain.optimizers[0]
        tunable = METHODS[kind].tunable
        values = [
            [_like(getattr(spec, name), value) for value in tunable[name]] for name in tunable
        ]
        grid = [dict(zip(tunable, point, strict=True)) for point in product(*values)]
        draws = Draws(self.scenario.seed, 0, "analysis")
        lots = draws.uniforms("optimizer", len(grid))[0] if len(grid) > 1 else np.zeros(len(grid))
        for place in np.argsort(lots, kind="stable"):
            setting = grid[place]
            if setting and any(getattr(spec, name) != value for name, value in setting.items()):
                try:
                    self.variant(kind, 0.0, setting)
                except ScenarioError:
                    continue
                yield setting


def _like(default: object, value: float) -> float:
    """Return a value as a number of the kind its field takes."""
    if isinstance(default, bool):
        return bool(value)
    return int(value) if isinstance(default, int) else value
