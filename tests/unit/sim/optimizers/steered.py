"""Models whose policies are given reports by hand, and the plain policy to compare them with."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sim.model import AlignmentModel
from sim.optimizers.policy import Policy
from sim.processes.correction import STAGE
from sim.processes.stage import Frame
from sim.scenario.schema import Scenario
from sim.scenario.schema.optimizers import PolicyBlock

CONTENT: dict[str, Any] = {
    "time": {"steps": 25},
    "seed": 5,
    "channels": {"rent": 0.5, "work": 0.3, "care": 0.2},
    "population": {"size": 60, "groups": {"a": 0.2, "b": 0.5, "empty": 0.0, "c": 0.3}},
    "network": {"kind": "ring"},
    "stressors": [{"kind": "constant", "level": 0.12}],
    "feedback": {"response_base": 1.0},
}


class PlainBlock(PolicyBlock):
    """A policy that takes reports as they are."""

    kind: Literal["plain"] = "plain"


def model(*specs: dict[str, Any], **blocks: Any) -> AlignmentModel:
    return AlignmentModel(Scenario.model_validate({**CONTENT, **blocks, "optimizers": specs}))


def with_plain_policy(**fields: Any) -> AlignmentModel:
    """Return a model of which the one optimizer is a plain `Policy`."""
    m = model({"kind": "none"})
    m.optimizers[0].remove()
    m.optimizers[:] = [Policy(m, PlainBlock(**fields))]
    return m


def report(m: AlignmentModel, shares: Any, *, answers: Any = 100) -> None:
    """Give the model's optimizers reports to sense, (G, K)."""
    m.frame.state.answers[...] = np.broadcast_to(answers, (4, 3))[..., None]
    positives = np.broadcast_to(shares, (4, 3))[..., None] * m.frame.state.answers
    m.frame.state.positives[...] = np.rint(positives).astype(np.int64)


def effort(m: AlignmentModel, shares: Any = None, **how: Any) -> npt.NDArray[np.float64]:
    """Return the effort of the next step, (G, K), after these reports."""
    if shares is not None:
        report(m, shares, **how)
    STAGE.run(m.frame)
    m.frame.step += 1
    return m.frame.effort[..., 0].copy()


def run(m: AlignmentModel) -> npt.NDArray[np.float64]:
    """Run to the end and return the effort of every step, (steps, G, K)."""
    steps = []
    while m.running:
        m.step()
        steps.append(m.frame.effort[..., 0].copy())
    return np.array(steps)


def split(m: AlignmentModel, n_branches: int) -> None:
    """Carry on in several futures."""
    before = m.frame
    m.frame = Frame.begin(
        before.population,
        m.state.take([0] * n_branches),
        coefficients=before.coefficients,
        environment=before.environment,
        draws=before.draws,
        controllers=before.controllers,
        listening=True,
    )
    m.frame.step = before.step
    m.frame.effort[...] = before.effort
