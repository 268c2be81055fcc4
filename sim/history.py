"""What is remembered of a run, so that a step can be judged by the steps before it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.population import IntArray, Population
from sim.scenario.schema import Scenario
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.moment import Moment


class Peak(NamedTuple):
    """The best that a policy has been for each group.

    Attributes
    ----------
    gold
        What its output was worth then, (G,) [load]; never below 0.
    proxy
        What it took its output to be worth in the same step, (G,).
    """

    gold: FloatArray
    proxy: FloatArray


class History:
    """Memory of branch 0; `note` is called once a step.

    Attributes
    ----------
    misaligned
        Steps made when P came up to the level of `late_detection`; nan while it is below.
    shown
        Whether reports have shown as much since.
    peaks
        Best of each policy, by its place among the optimizers.
    """

    def __init__(self) -> None:
        self.misaligned = float("nan")
        self.shown = False
        self.peaks: dict[int, Peak] = {}
        self._ratchets: tuple[Population, list[IntArray]] | None = None

    def note(self, moment: Moment, scenario: Scenario) -> None:
        """Take note of the step just made."""
        self._note_misalignment(moment, scenario.record.failures.late_detection)
        if scenario.record.failures.over_optimisation < 1.0:
            self._note_peaks(moment)

    def _note_misalignment(self, moment: Moment, level: float) -> None:
        if moment.prevalence < level:
            self.misaligned, self.shown = float("nan"), False
            return
        if np.isnan(self.misaligned):
            self.misaligned = moment.frame.step + 1.0
        self.shown |= 1.0 - moment.apparent >= level

    def _note_peaks(self, moment: Moment) -> None:
        for place, (gold, proxy) in moment.worths.items():
            best = self.peaks.get(place, Peak(np.zeros_like(gold), np.zeros_like(proxy)))
            higher = gold > best.gold
            self.peaks[place] = Peak(
                np.where(higher, gold, best.gold), np.where(higher, proxy, best.proxy)
            )

    def ratchets(self, population: Population) -> list[IntArray]:
        """Return who has a ratchet on each channel; looked for once a population."""
        if self._ratchets is None or self._ratchets[0] is not population:
            found = [np.flatnonzero(np.isneginf(down)) for down in population.down]
            self._ratchets = (population, found)
        return self._ratchets[1]

    def copy(self) -> History:
        """Return an independent copy."""
        twin = copy.copy(self)
        twin.peaks = dict(self.peaks)
        return twin
