"""What is written down of one replicate while it is exposed and while it rests.

Nothing here changes a state or draws a number that a state depends on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.snapshot import sample_of, ties_among
from sim.population import IntArray
from sim.processes.stage import Frame, weighted
from sim.scenario.resolve import delays_of
from sim.scenario.schema import Scenario
from sim.streams import FloatArray

Row = dict[str, Any]
Moment = tuple[str, int]
"""A phase, exposure or rest, and a step counted from the start of the exposure."""

BINS = 20
"""Equal parts of [0, 1] into which narrative displacement is counted."""

_COUNTED = 5
"""Evenly spaced moments of each phase at which narrative is counted, both ends included."""


def rests_of(scenario: Scenario) -> list[int]:
    """Return R, 2R, 4R … [steps]; R is at least 1."""
    first = max(scenario.restoration.rest, 1)
    return [first * 2**m for m in range(scenario.restoration.rest_doublings)]


def landmarks_of(scenario: Scenario) -> dict[Moment, str]:
    """Return the moments between which persons are followed, in order, and what they are called.

    Moments that fall together are one, called by the later name.
    """
    delay, rests = delays_of(scenario)[-1], rests_of(scenario)
    return {
        ("exposure", 0): "start",
        ("exposure", delay): "longest delay",
        ("rest", delay + rests[0]): "first rest",
        ("rest", delay + rests[-1]): "longest rest",
    }


def counted_of(scenario: Scenario) -> list[Moment]:
    """Return the moments at which narrative is counted, evenly spaced in each phase."""
    delay, longest = delays_of(scenario)[-1], rests_of(scenario)[-1]
    exposed = {("exposure", step) for step in _spaced(delay)}
    rested = {("rest", delay + step) for step in _spaced(longest) if step}
    return sorted(exposed) + sorted(rested)


def _spaced(last: int) -> list[int]:
    return [int(step) for step in np.rint(np.linspace(0, last, _COUNTED))]


class Chronicle:
    """Rows on the persons of one replicate, written as time goes by.

    Parameters
    ----------
    label
        Columns that every row begins with: role and replicate.
    scenario
        In full form; it alone says which moments are noted.
    sampled
        Whether a snapshot of persons and of the ties among them is kept.

    Attributes
    ----------
    path
        One row a step: phase, step, prevalence, means over persons of exposure [load], narrative,
        lock_in and trust.
    narrative
        One row a moment and bin: phase, step, bin (of `BINS`, from 0), persons.
    flows
        One row a pair of neighboring landmarks and of numbers of active constraints: moment_from,
        moment_to, step_from, step_to, active_from, active_to, persons.
    persons
        One row a landmark and sampled person: moment, phase, step, person, group, active,
        narrative, lock_in, trust.
    ties
        One row an influence among the sampled persons: source, target, weight.
    """

    def __init__(self, label: Row, scenario: Scenario, *, sampled: bool) -> None:
        self.label = label
        self.path: list[Row] = []
        self.narrative: list[Row] = []
        self.flows: list[Row] = []
        self.persons: list[Row] = []
        self.ties: list[Row] = []
        self._counted = set(counted_of(scenario))
        self._landmarks = landmarks_of(scenario)
        self._sampled = sampled
        self._sample: IntArray | None = None
        self._before: tuple[str, int, npt.NDArray[np.uint8]] | None = None

    def note(self, frame: Frame, phase: str, step: int) -> None:
        """Write down the state of branch 0 as it stands at a step of a phase."""
        moment = (phase, step)
        state = frame.state
        self.path.append(
            {
                **self.label,
                "phase": phase,
                "step": step,
                "prevalence": float(frame.prevalence()[0]),
                "exposure": float(mean_exposure(frame)[0]),
                "narrative": float(state.narrative[:, 0].mean(dtype=np.float64)),
                "lock_in": float(state.lock_in[:, 0].mean(dtype=np.float64)),
                "trust": float(state.trust[:, 0].mean(dtype=np.float64)),
            }
        )
        if moment in self._counted:
            self._count_narrative(moment, state.narrative[:, 0])
        if moment in self._landmarks:
            active = state.constraint[:, :, 0].sum(axis=0, dtype=np.uint8)
            self._follow(moment, active, n_channels=state.constraint.shape[0])
            if self._sampled:
                self._portray(moment, frame, active)

    def prevalence(self, phase: str) -> list[float]:
        """Return the prevalence at every step noted of a phase."""
        return [row["prevalence"] for row in self.path if row["phase"] == phase]

    def _count_narrative(self, moment: Moment, narrative: FloatArray) -> None:
        bins = np.minimum((narrative * BINS).astype(np.int64), BINS - 1)
        counts = np.bincount(bins, minlength=BINS)
        self.narrative.extend(
            {**self.label, "phase": moment[0], "step": moment[1], "bin": i, "persons": int(n)}
            for i, n in enumerate(counts)
        )

    def _follow(self, moment: Moment, active: npt.NDArray[np.uint8], *, n_channels: int) -> None:
        name, step = self._landmarks[moment], moment[1]
        if self._before is not None:
            earlier, when, were = self._before
            n = n_channels + 1
            pairs = np.bincount(were.astype(np.int64) * n + active, minlength=n * n)
            for pair, count in enumerate(pairs):
                between = {"moment_from": earlier, "moment_to": name}
                steps = {"step_from": when, "step_to": step}
                states = {"active_from": pair // n, "active_to": pair % n}
                self.flows.append(
                    {**self.label, **between, **steps, **states, "persons": int(count)}
                )
        self._before = name, step, active

    def _portray(self, moment: Moment, frame: Frame, active: npt.NDArray[np.uint8]) -> None:
        population, state = frame.population, frame.state
        if self._sample is None:
            self._sample = sample_of(population.graph, frame.draws)
            self.ties.extend(
                {**self.label, **tie} for tie in ties_among(population.graph, self._sample)
            )
        chosen = self._sample
        columns = {
            "person": chosen,
            "group": population.group[chosen].astype(np.int64),
            "active": active[chosen].astype(np.int64),
            "narrative": state.narrative[chosen, 0],
            "lock_in": state.lock_in[chosen, 0],
            "trust": state.trust[chosen, 0],
        }
        phase, step = moment
        where = {"moment": self._landmarks[moment], "phase": phase, "step": step}
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        self.persons.extend(
            {**self.label, **where, **dict(zip(columns, row, strict=True))} for row in rows
        )


def mean_exposure(frame: Frame) -> FloatArray:
    """Return the weighted mean exposure, (R,) [load]."""
    return weighted(frame.coefficients.weight, frame.state.exposure.mean(axis=1, dtype=np.float64))
