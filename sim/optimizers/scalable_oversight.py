"""Scalable oversight: labels of persons whom assistants advise, and assistants whom others advise.

Sensor: preference labels, each given with the advice of `depth` levels of assistants.  A level
makes the better output `help` times clearer and takes a share `guard` of what is left of
misreporting and of the taste for flattery and refusals.  Estimate, actuator: those of rlhf.
Budget: labels and, for each level of each label, advice.  Failure mode: a level errs too, and each
learns from the one below, so errors compound: a label is turned round with probability
½ (1 − (1 − 2 error)^depth), and all assistants together misjudge in one direction, which no number
of labels averages out.  Without depth it is rlhf; who is silent without advice is so with it.

Amplification: Christiano et al. 2018, arXiv:1810.08575; debate: Irving et al. 2018,
arXiv:1805.00899; persons with an assistant against either alone: Bowman et al. 2022,
arXiv:2211.03540.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sim.optimizers.base import Tunable
from sim.optimizers.rlhf import Rlhf
from sim.preferences import Labels, ask
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import Preferences, ScalableOversightOptimizer
from sim.scenario.schema.processes import Misreport
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


def compounded(error: float, depth: int) -> float:
    """Return how probably a message is turned round that passes `depth` levels, each erring."""
    turned: float = 0.5 * (1.0 - (1.0 - 2.0 * error) ** depth)
    return turned


def advised(preferences: Preferences, spec: ScalableOversightOptimizer) -> Preferences:
    """Return how persons label with advice."""
    left, error = (1.0 - spec.guard) ** spec.depth, compounded(spec.error, spec.depth)

    def passed_on(flip: float) -> float:
        own = left * flip
        return own + error - 2.0 * own * error

    return preferences.model_copy(
        update={
            "sharpness": preferences.sharpness * spec.help**spec.depth,
            "sycophancy": preferences.sycophancy * left,
            "evasion": preferences.evasion * left,
            "flip": Misreport(
                at_full_trust=passed_on(preferences.flip.at_full_trust),
                at_no_trust=passed_on(preferences.flip.at_no_trust),
            ),
        }
    )


class ScalableOversight(Rlhf):
    """See the module."""

    spec: ScalableOversightOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType({**Rlhf.tunable, "depth": (0, 1, 2, 4)})

    def __init__(
        self, model: AlignmentModel, spec: ScalableOversightOptimizer, place: int = 0
    ) -> None:
        super().__init__(model, spec, place)
        self.preferences = advised(model.resolved.preferences, spec)

    def misjudgement(self, frame: Frame) -> FloatArray:
        """Return what advice adds to the worth of each direction of output, (D,).

        The sum of one error a level, independent and of mean square length `bias`², drawn once.
        """
        levels = frame.draws.normals(
            "optimizer", self.spec.depth, n_draws=self.n_dims, first=self.first
        )
        misjudgement: FloatArray = self.spec.bias / np.sqrt(self.n_dims) * levels.sum(axis=1)
        return misjudgement

    def asked(self, frame: Frame) -> Labels:
        """Show pairs to persons who are advised."""
        return ask(
            frame,
            self.needs(frame),
            self.preferences,
            n_pairs=self.spec.labels,
            first=self.first,
            bias=self.misjudgement(frame) if self.spec.depth else None,
        )

    def afforded(self) -> FloatArray:
        """Buy advice for every label, and the labels that there is advice for, (R,)."""
        n_labels = float(self.n_served * self.spec.labels)
        if not self.spec.depth:
            return super().afforded()
        share = self.buy("advice", n_labels * self.spec.depth)
        return share * self.buy("label", n_labels * share)
