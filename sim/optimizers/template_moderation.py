"""Template moderation: each group is given the template that its reports look most like.

Sensor: reports by group and channel; demonstrations of what groups need, when templates are made.
Estimate: the direction of the nearest of M templates, as long as the reports are.  Actuator: a
policy along it.  Budget: demonstrations, again at every refresh, and effort.  Failure mode: needs
move and templates do not (mismatch), groups unlike one another share a template, and correction
that misses costs trust, so that it meets backlash.

Templates are the mean directions of clusters that add least to the variance within (Ward 1963,
doi:10.1080/01621459.1963.10500845): that objective of k-means, without a start to draw.  Judging
by categories made once for all, at scale: Gillespie 2020, doi:10.1177/2053951720943234; Gorwa,
Binns & Katzenbach 2020, doi:10.1177/2053951719897945.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage

from sim.optimizers.base import Tunable
from sim.optimizers.policy import Policy, length_of, unit_of
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import TemplateModerationOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


def centers(directions: FloatArray, n_centers: int) -> FloatArray:
    """Return the unit mean directions of at most n clusters, (n, K); rows of 0 where fewer do.

    Parameters
    ----------
    directions
        Unit vectors or 0, which is left out, (G, K).
    """
    found = np.zeros((n_centers, directions.shape[1]))
    points = directions[np.any(directions > 0.0, axis=1)]
    cluster = np.arange(1, len(points) + 1)
    if len(points) > n_centers:
        cluster = fcluster(linkage(points, "ward"), n_centers, criterion="maxclust")
    for m in range(len(points) and cluster.max()):
        found[m] = unit_of(points[cluster == m + 1].mean(axis=0)[None, :, None])[0, :, 0]
    return found


class TemplateModeration(Policy):
    """See the module.

    Attributes
    ----------
    share
        Share of reports that say "active", carried forward in silence, (G, K, R).
    templates
        Unit directions, (M, K, R); 0 where there are fewer.
    nearest
        Which template each group is given, (G, R).
    likeness
        Cosine of a group's reports and its template, (G, R); 0 without either.
    """

    spec: TemplateModerationOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType({**Policy.tunable, "match": (0.0, 0.6, 0.9)})

    def __init__(
        self, model: AlignmentModel, spec: TemplateModerationOptimizer, place: int = 0
    ) -> None:
        super().__init__(model, spec, place)
        n_groups = self.estimate.shape[0]
        self.share: FloatArray = np.zeros((n_groups, self.n_channels, 1))
        self.templates: FloatArray = np.zeros((spec.templates, self.n_channels, 1))
        self.nearest: npt.NDArray[np.int64] = np.zeros((n_groups, 1), dtype=np.int64)
        self.likeness: FloatArray = np.zeros((n_groups, 1))

    def evidence(self, frame: Frame) -> Mapping[str, FloatArray]:
        """Return how far the template that each group is given lies from its need."""
        chosen = np.take_along_axis(self.templates, self.nearest[:, None], axis=0)
        applied = self.likeness >= self.spec.match
        mismatch: FloatArray = np.where(applied, self.mismatch(frame, chosen), np.nan)
        return {"template_mismatch": mismatch}

    def _start(self, frame: Frame) -> None:
        self.reference = np.zeros_like(self.estimate)
        self._make(frame, renewed=np.ones(self.estimate.shape[-1], dtype=bool))

    def _make(self, frame: Frame, *, renewed: npt.NDArray[np.bool_]) -> None:
        """Make start and templates from demonstrations, in the branches that are renewed."""
        shown = self.demonstrated(frame)
        self.reference = np.where(renewed, self.spec.reference * shown, self.reference)
        directions = unit_of(np.maximum(shown[:, : self.n_channels], 0.0))
        directions *= frame.population.group_share[:, None, None] > 0.0
        for r in np.flatnonzero(renewed):
            self.templates[..., r] = centers(directions[..., r], self.spec.templates)

    def learn(self, frame: Frame) -> None:
        """Give each group the template nearest to its reports, and renew templates when due."""
        age, every = frame.step - self.spec.start, self.spec.refresh
        if every and age and age % every == 0:
            free = self.model.resolved.prices.demonstration == 0.0
            self._make(frame, renewed=(self.spent < self.spec.budget) | free)
        answers, positives = frame.state.answers, frame.state.positives
        np.divide(positives, answers, out=self.share, where=answers > 0)
        reported = unit_of(self.share * frame.coefficients.weight[:, None])
        cosines = np.einsum("gkr,mkr->gmr", reported, self.templates)
        self.nearest = np.argmax(cosines, axis=1)
        self.likeness = np.max(cosines, axis=1)
        chosen = np.take_along_axis(self.templates, self.nearest[:, None], axis=0)
        applied = self.likeness >= self.spec.match
        self.estimate[:, : self.n_channels] = length_of(self.share) * chosen * applied[:, None]
