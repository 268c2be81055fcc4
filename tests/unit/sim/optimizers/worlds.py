"""Small worlds for tests of optimizers: who is constrained is set by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.model import AlignmentModel
from sim.optimizers import Optimizer
from sim.processes.stage import Frame
from sim.scenario.schema import Scenario
from sim.streams import FloatArray


def world(
    *specs: dict[str, Any], n_groups: int = 2, size: int = 100, seed: int = 1, **blocks: Any
) -> AlignmentModel:
    """Return a model of three channels whose persons always answer unless told otherwise."""
    content = {
        "seed": seed,
        "time": {"steps": 60},
        "channels": ["rent", "work", "care"],
        "population": {
            "size": size,
            "groups": {f"g{place}": 1.0 / n_groups for place in range(n_groups)},
        },
        "network": {"kind": "ring"},
        "feedback": {"response_base": 50.0},
        "stressors": [{"kind": "constant", "channel": "rent", "level": 0.1}],
        "optimizers": list(specs),
        **blocks,
    }
    return AlignmentModel(Scenario.model_validate(content))


def constrain(m: AlignmentModel, *loads: float) -> None:
    """Constrain everyone on the channels whose load is above 0, and nobody elsewhere."""
    for k, load in enumerate(loads):
        m.state.constraint[k] = load > 0.0
        m.state.exposure[k] = load
    m.frame.needs = None


def sense(m: AlignmentModel, step: int | None = None) -> Optimizer:
    """Let the first optimizer sense the next step, or a given one, and return it."""
    m.frame.step = m.frame.step + 1 if step is None else step
    m.frame.needs = None
    m.optimizers[0].sense(m.frame)
    return m.optimizers[0]


def needed(m: AlignmentModel) -> FloatArray:
    """Return w* as it stands, (G, K)."""
    m.frame.needs = None
    return m.optimizers[0].needs(m.frame).need[..., 0]


def cosines(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return cosines of the rows of two matrices."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    found: FloatArray = (one * other).sum(axis=1) / lengths
    return found


def batch(m: AlignmentModel, n_branches: int) -> Frame:
    """Return a frame of several futures that have not parted yet."""
    f = m.frame
    frame = Frame.begin(
        f.population,
        m.state.take([0] * n_branches),
        coefficients=f.coefficients,
        environment=f.environment,
        draws=f.draws,
        controllers=m.optimizers,
        listening=True,
    )
    frame.step = f.step
    return frame


def run(m: AlignmentModel, *, steps: int | None = None) -> FloatArray:
    """Make the steps of a run and return its efforts, (T, G, K)."""
    efforts = []
    while m.running and (steps is None or len(efforts) < steps):
        m.step()
        efforts.append(m.frame.effort[..., 0].copy())
    return np.array(efforts)
