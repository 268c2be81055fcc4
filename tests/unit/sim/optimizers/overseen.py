"""A population with a policy to oversee, for tests of what oversees it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.model import AlignmentModel
from sim.optimizers.overseer import Overseer
from sim.optimizers.policy import Policy
from sim.processes.stage import Frame
from sim.scenario.schema import Scenario

NULLS: dict[str, dict[str, Any]] = {
    "runtime_monitor": {"throttle": 1.0},
    "audit": {"repair": 0.0},
    "capability_control": {"strictness": 0.0},
    "governance": {"compliance": 0.0},
}
"""What leaves the overseen as it is, by kind of overseer."""

STRICT: dict[str, dict[str, Any]] = {
    "runtime_monitor": {"allowance": 0.0, "decision": 0.5},
    "audit": {"every": 3},
    "capability_control": {"limit": 0.05},
    "governance": {"incident": 0.02, "publication": 2, "phases": [2, 4], "compliance": 0.9},
}
"""What is felt within a few steps, by kind of overseer."""


def model(*specs: dict[str, Any], **blocks: Any) -> AlignmentModel:
    """Return a model whose stress grows with deployment, with an empty group."""
    content = {
        "time": {"steps": 30},
        "channels": ["rent", "work", "news"],
        "population": {"size": 60, "groups": {"a": 0.3, "nobody": 0.0, "b": 0.7}},
        "network": {"kind": "ring"},
        "stressors": [
            {"kind": "constant", "channel": "rent", "level": 0.4},
            {"kind": "constant", "channel": "work", "level": 0.05},
            {"kind": "deployment", "channel": "news", "intensity_coefficient": 0.02},
        ],
        "constraints": {"activation": {"kind": "uniform", "low": 0.3, "high": 2.5}, "width": 0.3},
        "optimizers": list(specs),
        **blocks,
    }
    return AlignmentModel(Scenario.model_validate(content))


def overseer_of(m: AlignmentModel) -> Any:
    """Return the model's overseer."""
    (overseer,) = (o for o in m.optimizers if isinstance(o, Overseer))
    return overseer


def policy_of(m: AlignmentModel) -> Policy:
    """Return the policy that the model's overseer oversees."""
    (policy,) = overseer_of(m).overseen(m.optimizers)
    assert isinstance(policy, Policy)
    return policy


def report(m: AlignmentModel, answers: Any, positives: Any) -> None:
    """Give the model's optimizers reports to sense, (G, K)."""
    m.state.answers[..., 0] = answers
    m.state.positives[..., 0] = positives


def prepare(m: AlignmentModel) -> Frame:
    """Let everyone sense and oversee at the next step, but not act."""
    frame = m.frame
    frame.needs = None
    for optimizer in m.optimizers:
        optimizer.sense(frame)
    for optimizer in m.optimizers:
        optimizer.oversee(frame, m.optimizers)
    return frame


def mean(m: AlignmentModel, by_group: Any) -> float:
    """Return the mean over persons of branch 0 of what groups have, (G, R)."""
    return float(np.dot(m.frame.population.group_share, by_group[:, 0]))
