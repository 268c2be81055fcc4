"""Derives the assumptions A1–A5 of the monotone-cost theorem from what a scenario declares.

Derived, not measured: "not guaranteed" means that the theorem is silent, not that cost falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.population import BoolArray
from sim.processes.stressors import hit_by, stress_table
from sim.processes.unsettled import may_fall, unsettling
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import Constant, each
from sim.scenario.schema.population import GroupInitial, Initial
from sim.schedule import SCHEDULE


@dataclass(frozen=True, slots=True)
class Assumption:
    """One assumption of the theorem, whether the scenario guarantees it, and why."""

    name: str
    statement: str
    guaranteed: bool
    reason: str


def derive(scenario: Scenario) -> tuple[Assumption, ...]:
    """Return A1–A5 for restoring states of a scenario, in order."""
    scenario = full(scenario)
    return (_a1(scenario), _a2(scenario), _a3(), _a4(scenario), _a5())


def keeps_order(scenario: Scenario) -> bool:
    """Return whether every mechanism but the optimizers keeps order (A1)."""
    return _a1(full(scenario)).guaranteed


def _a1(scenario: Scenario) -> Assumption:
    statement = "The step keeps the order of states and falls with the correction."
    broken = [
        f"{stage.name}: {verdict.reason}"
        for stage in SCHEDULE
        if stage.name != "optimizers" and not (verdict := stage.order(scenario)).kept
    ]
    if broken:
        return Assumption("A1", statement, False, "; ".join(broken))
    return Assumption("A1", statement, True, "every mechanism keeps order")


def _a2(scenario: Scenario) -> Assumption:
    statement = "The free path is nowhere better after a longer exposure."
    obstacles = [text for found, text in _a2_obstacles(scenario) if found]
    if obstacles:
        return Assumption("A2", statement, False, "; ".join(obstacles))
    reason = "from the bottom state, each channel never forgets or meets rising, noise-free stress"
    return Assumption("A2", statement, True, reason)


def _a2_obstacles(scenario: Scenario) -> list[tuple[bool, str]]:
    leak = np.array(list(each(scenario.exposure.leak).values()))
    falls = _falls(scenario) & (leak > 0.0)
    falling = [name for name, found in zip(scenario.channels, falls, strict=True) if found]
    noisy = scenario.exposure.noise > 0.0 and bool((leak > 0.0).any())
    acting = any(optimizer.kind != "none" for optimizer in scenario.optimizers)
    return [
        (not _a1(scenario).guaranteed, "A1 is not guaranteed"),
        (not starts_at_bottom(scenario), "the population does not start in the bottom state"),
        (bool(falling), f"stress falls at times while exposure leaks ({', '.join(falling)})"),
        (noisy, "stress is noisy while exposure leaks"),
        (scenario.turnover.happens, "newcomers replace worse-off persons (turnover)"),
        (acting, "an optimizer acts during exposure"),
        (meets_at_random(scenario), "who meets whom is drawn anew in each step (deffuant)"),
    ]


def meets_at_random(scenario: Scenario) -> bool:
    """Return whether the step of one moment is not that of the next, because pairs are drawn."""
    narrative = full(scenario).narrative
    return narrative.rule == "deffuant" and bool(narrative.social) and bool(narrative.pairs)


def _falls(scenario: Scenario) -> BoolArray:
    """Return on which channels the stress of some group may fall at some step, (K,)."""
    falls: BoolArray = np.any(np.diff(stress_table(scenario), axis=0) < 0.0, axis=(0, 1))
    for stressor in unsettling(scenario).values():
        if may_fall(stressor):
            falls |= hit_by(stressor, scenario).any(axis=0)
    return falls


def starts_at_bottom(scenario: Scenario) -> bool:
    """Return whether everyone starts with E = L = n = ℓ = 0 and T = 1."""
    population = full(scenario).population
    own = [group.initial for group in population.groups.values() if group.initial is not None]
    if population.initial.file is not None:
        return False
    return _at_bottom(population.initial) and all(map(_at_bottom, own))


def _at_bottom(start: Initial | GroupInitial) -> bool:
    """Return whether what is said of a start is that everything is at the bottom."""
    exposures = each(start.exposure).values() if start.exposure is not None else ()
    zeros = [d for d in (*exposures, start.narrative, start.lock_in) if d is not None]
    constrained = each(start.constrained).values() if start.constrained is not None else ()
    free = not any(any(v) if isinstance(v, tuple) else v for v in constrained)
    at_zero = all(d == Constant(value=0.0) for d in zeros)
    return at_zero and free and start.trust in (None, Constant(value=1.0))


def _a3() -> Assumption:
    statement = "Whatever is nowhere worse than a safe state is safe."
    return Assumption("A3", statement, True, "the safe set bounds prevalence from above")


def _a4(scenario: Scenario) -> Assumption:
    statement = "The environment after restoration starts is no easier for later starts."
    if scenario.restoration.environment == "bench":
        return Assumption("A4", statement, True, "the bench is the same for every start")
    obstacles = [
        (bool(_falls(scenario).any()), "stress falls at times"),
        (scenario.exposure.noise > 0.0, "stress is noisy"),
        (scenario.turnover.happens, "newcomers arrive"),
        (meets_at_random(scenario), "who meets whom is drawn anew in each step (deffuant)"),
    ]
    found = [text for present, text in obstacles if present]
    if found:
        return Assumption("A4", statement, False, f"in the actual future, {'; '.join(found)}")
    return Assumption("A4", statement, True, "stress never falls and nothing else changes")


def _a5() -> Assumption:
    statement = "Effort costs the same whatever the state, and no more is allowed later."
    reason = "cost is L1 effort along a direction fixed in advance, up to a fixed u_max"
    return Assumption("A5", statement, True, reason)
