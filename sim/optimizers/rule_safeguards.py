"""Rule safeguards: a fixed relief for as long as an indicator is over its threshold.

Sensor: reports by group and channel, over a window of steps, late.  Estimate: the relief where
the rule is triggered, nothing elsewhere.  Actuator: a policy that goes as far as the relief.
Budget: effort; rules are written down, so that no demonstrations are bought unless a supervised
start is asked for.  Failure mode: lag lets harm pass what a rule then cannot undo, the relief is
the same however deep the need, and who is counted while relief flows has a reason to be counted
(gaming).

Rules that switch to a trusted fallback: Seto et al. 1998, doi:10.1109/ACC.1998.703255; shields:
Alshiekh et al. 2018, arXiv:1708.08611; indicators that are corrupted by what depends on them:
Campbell 1979, doi:10.1016/0149-7189(79)90048-X, and Manheim & Garrabrant 2018, arXiv:1803.04585.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from sim.optimizers.base import Tunable
from sim.optimizers.policy import Policy
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import RuleSafeguardsOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


class RuleSafeguards(Policy):
    """See the module.

    Attributes
    ----------
    answers, positives
        Reports of the last `window` + `lag` steps, the latest last, (G, K, steps, R).
    indicator
        Positive share of the reports in the window, carried forward in silence, (G, K, R).
    on
        Which rules are triggered, (G, K, R).
    age
        For how many steps they have been, (G, K, R).
    """

    spec: RuleSafeguardsOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType(
        {"threshold": (0.05, 0.1, 0.2, 0.4), "relief": (0.5, 1.0, 2.0, 4.0)}
    )

    def __init__(
        self, model: AlignmentModel, spec: RuleSafeguardsOptimizer, place: int = 0
    ) -> None:
        super().__init__(model, spec, place)
        shape, kept = (self.estimate.shape[0], self.n_channels, 1), spec.window + spec.lag
        self.answers: npt.NDArray[np.int64] = np.zeros((*shape[:2], kept, 1), dtype=np.int64)
        self.positives: npt.NDArray[np.int64] = np.zeros_like(self.answers)
        self.indicator: FloatArray = np.zeros(shape)
        self.on: npt.NDArray[np.bool_] = np.zeros(shape, dtype=bool)
        self.age: npt.NDArray[np.int64] = np.zeros(shape, dtype=np.int64)

    def _start(self, frame: Frame) -> None:
        if self.spec.reference > 0.0:
            super()._start(frame)
        else:
            self.reference = np.zeros_like(self.estimate)

    def learn(self, frame: Frame) -> None:
        """Reckon the indicators and see which rules they trigger."""
        for kept, latest in (
            (self.answers, frame.state.answers),
            (self.positives, frame.state.positives),
        ):
            kept[:, :, :-1] = kept[:, :, 1:]
            kept[:, :, -1] = latest
        old_enough = slice(0, self.spec.window)
        answers = self.answers[:, :, old_enough].sum(axis=2)
        positives = self.positives[:, :, old_enough].sum(axis=2)
        np.divide(positives, answers, out=self.indicator, where=answers > 0)
        counted = self.indicator + self.spec.gaming * (1.0 - self.indicator) * self.on
        self.on = (counted > self.spec.threshold) | (self.on & (self.age < self.spec.hold))
        self.age = np.where(self.on, self.age + 1, 0)
        self.estimate[:, : self.n_channels] = self.spec.relief * self.on
