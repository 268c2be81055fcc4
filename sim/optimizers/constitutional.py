"""Constitutional: fixed principles in place of persons; outputs are criticised and revised.

Sensor: a constitution, taken once.  A written one is given in the scenario, or its authors see at
the start what each group needs, with an error of theirs; a public one is the mean of what a sample
of persons say they want.  Estimate: what the system believes its principles ask for.  In each
generation it labels pairs itself, by its own revised belief with an error of judgement, and
learns the next belief from those.  Actuator: a policy whose direction, and whose supervised start,
are revised: a revision takes a share `thoroughness` off whatever no principle allows.  Budget:
revisions, and the compute of its own labels.  Failure modes: nothing is sensed after the start, so
rules go stale when needs move; a belief that is its own teacher drifts, and its errors compound
unless revised.  The silence of persons cannot harm it.

Bai et al. 2022, arXiv:2212.08073 (critique, revision, labels by the model itself); a constitution
from the public: Huang et al. 2024, arXiv:2406.07814.

With unlimited labels and no revisions the cosine of belief and principle after n generations is on
average mⁿ, m that after one, because errors of judgement have no preferred direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.optimize import nnls
from scipy.special import expit, ndtri

from sim.opinions import sample
from sim.optimizers.base import Tunable
from sim.optimizers.policy import Policy, length_of, unit_of
from sim.optimizers.reward_model import fit
from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import ConstitutionalOptimizer
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel


def allowed(vector: FloatArray, principles: FloatArray) -> FloatArray:
    """Return what comes nearest to a vector among Σ_m c_m principle_m, c ≥ 0.

    Parameters
    ----------
    vector
        (D,).
    principles
        (M, D).
    """
    share, _ = nnls(principles.T, vector)
    nearest: FloatArray = share @ principles
    return nearest


class Constitutional(Policy):
    """See the module.

    Attributes
    ----------
    principles
        Directions that are allowed, (G, M, D, R).
    belief
        What the present generation takes its principles to ask for, (G, D, R).
    """

    spec: ConstitutionalOptimizer
    tunable: ClassVar[Tunable] = MappingProxyType(
        {**Policy.tunable, "revisions": (0, 1, 4), "generation": (5, 20, 1_000_000)}
    )

    def __init__(
        self, model: AlignmentModel, spec: ConstitutionalOptimizer, place: int = 0
    ) -> None:
        super().__init__(model, spec, place)
        n_groups, n_dims, _ = self.estimate.shape
        n_principles = max(len(spec.principles), 1)
        self.principles: FloatArray = np.zeros((n_groups, n_principles, n_dims, 1))
        self.belief: FloatArray = np.zeros((n_groups, n_dims, 1))

    def learn(self, frame: Frame) -> None:
        """Raise a new generation where it is time, and revise what it believes."""
        if self.spec.labels and (frame.step - self.spec.start) % self.spec.generation == 0:
            self._raise(frame)
        self.estimate = self._revised(self.belief, self._afforded(1))

    def evidence(self, frame: Frame) -> Mapping[str, FloatArray]:
        """Return how far what the principles ask for together lies from need."""
        return {"stale_rules": self.mismatch(frame, self.principles.sum(axis=1))}

    def _start(self, frame: Frame) -> None:
        """Take the constitution, believe the sum of its principles, revise the supervised start."""
        super()._start(frame)
        if self.spec.principles:
            self._given()
        else:
            self.principles[:, 0, : self.n_channels] = self._constitution(frame)
        self.belief = self.spec.judge_sharpness * unit_of(self.principles.sum(axis=1))
        self.estimate = self.belief.copy()
        self.reference = self._revised(self.reference, self._afforded(self.spec.demonstrations))

    def _given(self) -> None:
        for m, principle in enumerate(self.spec.principles):
            for k, channel in enumerate(self.model.resolved.channels):
                self.principles[:, m, k] = principle.get(channel, 0.0)

    def _constitution(self, frame: Frame) -> FloatArray:
        """Return the one principle of each group, (G, K, R), of length 1 before any error."""
        found = self._of_public(frame) if self.spec.source == "public" else self._of_authors(frame)
        if self.spec.shared:
            share = frame.population.group_share[:, None] * np.any(found != 0.0, axis=1)
            every = (share[:, None] * found).sum(axis=0)
            found = np.repeat(every[None], found.shape[0], axis=0)
        return found

    def _of_authors(self, frame: Frame) -> FloatArray:
        need = unit_of(self.needs(frame).need)
        error = frame.draws.normals(
            "opinion", need[..., 0].size, step=frame.step, first=self.first
        ).reshape(need.shape[:2])
        some = np.any(need != 0.0, axis=1, keepdims=True)
        return np.asarray(need + some * self.spec.authors_error * error[..., None])

    def _of_public(self, frame: Frame) -> FloatArray:
        """Return the mean of what those say who answer, one question a channel to each."""
        needs, n_asked, n_channels = self.needs(frame), self.spec.sample, self.n_channels
        granted = self.buy("query", float(self.n_served * n_asked * n_channels))
        asked = sample(
            frame,
            self.needs(frame),
            self.model.resolved.preferences,
            n_asked=n_asked,
            n_normals=n_channels,
            first=self.first,
        )
        said = asked.said & (np.arange(n_asked)[:, None] < np.round(granted * n_asked))
        length = length_of(needs.need)[:, 0]
        scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0.0)
        principle = np.zeros_like(needs.need)
        for g in range(said.shape[0]):
            want = needs.want[:, asked.person[g]] * scale[g] * asked.sign[g]
            want += self.spec.opinion_error * asked.normals[g].T[..., None]
            for r in range(said.shape[-1]):
                if said[g, :, r].any():
                    principle[g, :, r] = want[:, said[g, :, r], r].mean(axis=1)
        return principle

    def _afforded(self, n_outputs: int) -> FloatArray:
        """Buy the revisions of n outputs a group and return how many each gets, (R,)."""
        wanted = float(self.n_served * n_outputs * self.spec.revisions)
        share = self.buy("revision", wanted)
        return self.spec.revisions * share

    def _revised(self, vectors: FloatArray, revisions: FloatArray) -> FloatArray:
        """Return vectors, (G, D, R), after critique: less of what no principle allows."""
        left = (1.0 - self.spec.thoroughness) ** revisions
        nearest = np.empty_like(vectors)
        for g in range(vectors.shape[0]):
            for r in range(vectors.shape[-1]):
                nearest[g, :, r] = allowed(vectors[g, :, r], self.principles[g, ..., r])
        kept: FloatArray = left * vectors + (1.0 - left) * nearest
        return kept

    def _raise(self, frame: Frame) -> None:
        """Let the present generation label pairs, and fit the next one's belief to them."""
        (n_groups, n_dims, _), n_labels = self.estimate.shape, self.spec.labels
        granted = self.buy("inference", float(n_groups * n_labels))
        granted = granted * (self.buy("training", float(n_groups)) > 0.0)
        drawn = frame.draws.uniforms(
            "optimizer",
            n_groups * (n_labels + 1),
            n_draws=1 + n_dims,
            step=frame.step,
            first=self.first,
        )
        # The errors of judgement come first, so that they do not depend on the number of labels.
        error = ndtri(drawn[1:, :n_groups]).T
        shown = drawn[:, n_groups:].reshape(1 + n_dims, n_groups, n_labels)
        taught = unit_of(self.estimate)
        # Whom revision has left nothing of what it believed reads the principles once more.
        lost = ~np.any(taught != 0.0, axis=1, keepdims=True)
        taught = np.where(lost, unit_of(self.principles.sum(axis=1)), taught)
        judge = taught + self.spec.judge_error * error[..., None]
        difference = np.sqrt(2.0) * np.moveaxis(ndtri(shown[1:]), 0, -1)
        for g in range(n_groups):
            for r in range(judge.shape[-1]):
                n_paid = int(np.round(granted[r] * n_labels))
                if n_paid and taught[g, :, r].any():
                    pairs = difference[g, :n_paid]
                    gain = pairs @ np.ascontiguousarray(judge[g, :, r])
                    first = shown[0, g, :n_paid] < expit(self.spec.judge_sharpness * gain)
                    choice = np.where(first, 1, -1)
                    self.belief[g, :, r] = fit(pairs, choice, ridge=self.spec.ridge)
