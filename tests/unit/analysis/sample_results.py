"""A cost run made up by hand, so that a report can be checked against known numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.results import CostResults
from analysis.reversibility import twin_at
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario

CostOf = Callable[[str, str, int, int], float]
"""From role, target, replicate and delay to a cost."""

MANIFEST = {"command": "cost", "seed": 3, "model_version": 7, "versions": {"python": "3.11"}}


def late(role: str, target: str, replicate: int, delay: int) -> float:
    """Return costs that rise and are lost at the last delay, but never in the twin."""
    if role == "twin":
        return 0.5 * delay
    if delay == 20 and (target == "heal" or replicate > 0):
        return np.inf
    return 1.25 * delay + replicate + (2.0 if target == "heal" else 0.0)


def results(
    cost_of: CostOf = late,
    *,
    changes: Mapping[str, Any] | None = None,
    delays: Sequence[int] = (0, 10, 20),
    replicates: int = 3,
    with_twin: bool = True,
) -> CostResults:
    """Return a finished run whose costs are given."""
    scenario = full(
        Scenario.model_validate(
            {
                "name": "made_up",
                "description": "Made up.",
                "seed": 3,
                "time": {"steps": 20, "unit": "month"},
                "population": {"size": 20},
                "restoration": {"delays": list(delays), "replicates": replicates, "u_max": 12.0},
                **(changes or {}),
            }
        )
    )
    roles = ("scenario", "twin") if with_twin else ("scenario",)
    pairs = [(role, replicate) for role in roles for replicate in range(replicates)]
    tables = {
        "cost": pd.DataFrame(_cost(pairs, delays, cost_of, scenario.restoration.horizon)),
        "remanence": pd.DataFrame(_remanence(pairs, delays[-1])),
        "crossings": pd.DataFrame(_crossings(pairs)),
        "path": pd.DataFrame(_path(pairs, scenario.time.steps)),
        "narrative": pd.DataFrame(_narrative(pairs, delays[-1])),
        "flows": pd.DataFrame(_flows(pairs, delays[-1], len(scenario.channels))),
        "persons": pd.DataFrame(_persons(roles, delays[-1], len(scenario.channels))),
        "ties": pd.DataFrame(_ties(roles)),
        "checks": pd.DataFrame(_checks(pairs)),
    }
    twin = twin_at(scenario, 0.5) if with_twin else None
    return CostResults(scenario, twin, 0.5 if with_twin else None, tables, MANIFEST)


Pairs = Sequence[tuple[str, int]]
Rows = list[dict[str, Any]]


def _cost(pairs: Pairs, delays: Sequence[int], cost_of: CostOf, horizon: int) -> Rows:
    rows = []
    for role, replicate in pairs:
        for delay in delays:
            for target in ("hold", "heal"):
                cost = cost_of(role, target, replicate, delay)
                finite = bool(np.isfinite(cost))
                height = cost / 10.0 if finite else np.nan
                rows.append(
                    {
                        "role": role,
                        "replicate": replicate,
                        "delay": delay,
                        "target": target,
                        "cost": cost,
                        "censored": not finite,
                        "height": height,
                        "length": 10 if finite else 0,
                        "quadratic": height * height * 10,
                        "constant_cost": cost,
                        "constant_height": cost / horizon,
                        "least_height": cost / horizon,
                        "floor": 0.0625,
                        "prevalence_exposed": delay / 100.0,
                        "prevalence_rested": delay / 200.0,
                        "exposure_memory": 0.75,
                        "harm": 2.0 * delay,
                    }
                )
    return rows


def _remanence(pairs: Pairs, delay: int) -> Rows:
    return [
        {
            "role": role,
            "replicate": replicate,
            "delay": delay,
            "rest": rest,
            "prevalence": 0.4375 if role == "scenario" else 0.0,
            "exposure_memory": 0.03125,
            "cost_hold": 44.5 if role == "scenario" else 0.0,
            "cost_heal": np.inf if role == "scenario" else 0.0,
        }
        for role, replicate in pairs
        for rest in (40, 80)
    ]


def _crossings(pairs: Pairs) -> Rows:
    return [
        {
            "role": role,
            "replicate": replicate,
            "level": level,
            "direction": "up",
            "step": step,
            "censored": step is None,
        }
        for role, replicate in pairs
        for level, step in ((0.1, 5), (0.5, 11 if role == "scenario" else None))
    ]


def _path(pairs: Pairs, steps: int) -> Rows:
    exposed = [
        {
            "role": role, "replicate": r, "phase": "exposure", "step": step,
            "prevalence": (step + r) / (steps + 10), "exposure": 0.125 * step,
            "narrative": 0.02 * step, "lock_in": 0.01 * step, "trust": 1.0 - 0.03 * step,
        }
        for role, r in pairs
        for step in range(steps + 1)
    ]  # fmt: skip
    fading = [
        {
            "role": role, "replicate": r, "phase": "rest", "step": steps + step,
            "prevalence": (steps + r) / (steps + 10) if role == "scenario" else 0.0,
            "exposure": 0.125 * (steps - step),
            "narrative": 0.02 * steps, "lock_in": 0.01 * steps,
            "trust": 1.0 - 0.03 * (steps - step),
        }
        for role, r in pairs
        for step in range(steps + 1)
    ]  # fmt: skip
    return exposed + fading


def _narrative(pairs: Pairs, delay: int) -> Rows:
    """Return 20 persons who move a bin a moment."""
    moments = [("exposure", 0), ("exposure", delay), ("rest", delay + 80)]
    return [
        {
            "role": role, "replicate": r, "phase": phase, "step": step, "bin": number,
            "persons": {0: 20 - 4 * i - r, i + 1: 4 * i + r}.get(number, 0),
        }
        for role, r in pairs
        for i, (phase, step) in enumerate(moments)
        for number in range(20)
    ]  # fmt: skip


LANDMARKS = ("start", "longest delay", "first rest", "longest rest")


def _flows(pairs: Pairs, delay: int, n_channels: int) -> Rows:
    """Return 20 persons of whom 15 come under a constraint; some of them are later freed."""
    moved = (
        {(0, 0): 5, (0, 1): 15},
        {(0, 0): 5, (1, 0): 4, (1, 1): 11},
        {(0, 0): 9, (1, 0): 1, (1, 1): 10},
    )
    steps = (0, delay, delay + 40, delay + 80)
    return [
        {
            "role": role, "replicate": r, "moment_from": LANDMARKS[i],
            "moment_to": LANDMARKS[i + 1], "step_from": steps[i], "step_to": steps[i + 1],
            "active_from": a, "active_to": b, "persons": moved[i].get((a, b), 0),
        }
        for role, r in pairs
        for i in range(3)
        for a in range(n_channels + 1)
        for b in range(n_channels + 1)
    ]  # fmt: skip


def _persons(roles: Sequence[str], delay: int, n_channels: int) -> Rows:
    """Return 20 persons, each with one more constraint than the one before."""
    phases = ("exposure", "exposure", "rest", "rest")
    return [
        {
            "role": role, "replicate": 0, "moment": moment, "phase": phase,
            "step": (0, delay, delay + 40, delay + 80)[i], "person": person, "group": 0,
            "active": (person + i) % (n_channels + 1), "narrative": 0.05 * person,
            "lock_in": 0.0, "trust": 1.0,
        }
        for role in roles
        for i, (moment, phase) in enumerate(zip(LANDMARKS, phases, strict=True))
        for person in range(20)
    ]  # fmt: skip


def _ties(roles: Sequence[str]) -> Rows:
    """Return a ring."""
    return [
        {"role": role, "replicate": 0, "source": a, "target": b, "weight": 0.5}
        for role in roles
        for i in range(20)
        for a, b in ((i, (i + 1) % 20), ((i + 1) % 20, i))
    ]


def _checks(pairs: Pairs) -> Rows:
    return [
        {
            "role": role,
            "replicate": replicate,
            "path_violations": int(role == "twin" and replicate == 0),
            "inversions": 0,
            "evaluations": 10,
            "certificate_holds": role == "twin",
            "certificate_steps": 25 + replicate,
            "certificate_prevalence": 0.0 if role == "twin" else 0.8125,
        }
        for role, replicate in pairs
    ]
