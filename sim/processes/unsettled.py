"""Stressors that never settle: seasons, shocks and drift go on however long a run lasts.

Their levels are a function of the step alone, given the draws of a replicate.  They are made when
a step is first asked for, and kept.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from scipy.special import ndtri, pdtr

from sim.distributions import quantiles
from sim.processes.stressors import hit_by
from sim.scenario.schema import Scenario
from sim.scenario.schema.stressors import (
    OrnsteinUhlenbeckStressor,
    SeasonalStressor,
    ShocksStressor,
    Stressor,
)
from sim.streams import Draws, FloatArray

Unsettling = SeasonalStressor | ShocksStressor | OrnsteinUhlenbeckStressor

_BLOCK = 4096
"""Steps made at once at most."""
_MOST_SHOCKS = 400
"""More shocks than this in a step have no probability that a double can hold."""


def unsettling(scenario: Scenario) -> dict[int, Unsettling]:
    """Return the stressors that never settle by their place in the scenario."""
    return {i: s for i, s in enumerate(scenario.stressors) if isinstance(s, Unsettling)}


def is_random(stressor: Stressor) -> bool:
    """Return whether the level of a stressor depends on draws."""
    match stressor:
        case ShocksStressor(rate=rate):
            return rate > 0.0
        case OrnsteinUhlenbeckStressor(sd=sd):
            return sd > 0.0
        case _:
            return False


def may_fall(stressor: Unsettling) -> bool:
    """Return whether the level of a stressor may be lower at a later step."""
    match stressor:
        case SeasonalStressor(mean=mean, amplitude=amplitude):
            return amplitude > 0.0 and mean + amplitude > 0.0
        case ShocksStressor(rate=rate, decay=decay):
            return rate > 0.0 and decay > 0.0
        case OrnsteinUhlenbeckStressor(mean=mean, initial=initial, sd=sd):
            return sd > 0.0 or (initial is not None and initial > max(mean, 0.0))


def highest(stressor: Unsettling) -> float:
    """Return a level that a stressor never exceeds; inf where chance sets no bound."""
    match stressor:
        case SeasonalStressor(mean=mean, amplitude=amplitude):
            return max(0.0, mean + amplitude)
        case OrnsteinUhlenbeckStressor(mean=mean, initial=initial, sd=0.0):
            return max(0.0, mean, mean if initial is None else initial)
        case ShocksStressor(rate=0.0):
            return 0.0
        case _:
            return math.inf


class Unsettled:
    """The levels of all stressors of a scenario that never settle, for one replicate.

    Parameters
    ----------
    scenario
        In full form.
    draws
        Of the replicate, on the clock of the environment.  Draws of the streams `shocks` and
        `drift` are named by the stressor's place among the scenario's, as their item.
    """

    def __init__(self, scenario: Scenario, draws: Draws) -> None:
        chosen = unsettling(scenario)
        self._paths = [_Path(stressor, draws, item) for item, stressor in chosen.items()]
        self._hit = np.array([hit_by(stressor, scenario) for stressor in chosen.values()])
        self._levels: FloatArray = np.empty((0, len(chosen)))
        self._lock = threading.Lock()

    def at(self, step: int) -> FloatArray:
        """Return the sum of the levels at a step, (G, K) [load per step]."""
        known = self._levels
        if step >= len(known):
            known = self._grown(step)
        total = np.zeros(self._hit.shape[1:])
        for level, hit in zip(known[step], self._hit, strict=True):
            total += level * hit
        return total

    def _grown(self, step: int) -> FloatArray:
        """Return the levels up to a step at least; whoever reads meanwhile keeps the old ones."""
        with self._lock:
            parts, n = [self._levels], len(self._levels)
            wanted = max(step + 1, 2 * n, 64) if step >= n else n
            while n < wanted:
                n_steps = min(_BLOCK, wanted - n)
                parts.append(np.column_stack([path.next(n, n_steps) for path in self._paths]))
                n += n_steps
            self._levels = np.concatenate(parts)
            return self._levels

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


class _Path:
    """The levels of one stressor, made in the order of steps."""

    def __init__(self, stressor: Unsettling, draws: Draws, item: int) -> None:
        self.stressor, self.draws, self.item = stressor, draws, item
        self.last = 0.0

    def next(self, first: int, n_steps: int) -> FloatArray:
        """Return the levels at the steps that follow those already made, (n_steps,)."""
        match self.stressor:
            case SeasonalStressor() as s:
                turns = (np.arange(first, first + n_steps) - s.peak) / s.period
                wave: FloatArray = s.mean + s.amplitude * np.cos(2.0 * np.pi * (turns % 1.0))
                return wave.clip(0.0)
            case ShocksStressor() as s:
                return self._carried(self._marks(s, first, n_steps), keep=1.0 - s.decay)
            case OrnsteinUhlenbeckStressor() as s:
                return np.maximum(0.0, s.mean + self._deviations(s, first, n_steps))

    def _carried(self, pushes: FloatArray, *, keep: float) -> FloatArray:
        """Return x_t = keep x_{t−1} + push_t."""
        out, x = np.empty_like(pushes), self.last
        for t, push in enumerate(pushes.tolist()):
            x = keep * x + push
            out[t] = x
        self.last = x
        return out

    def _marks(self, shocks: ShocksStressor, first: int, n_steps: int) -> FloatArray:
        """Return the sum of the marks of the shocks of each step, (n_steps,)."""
        cumulative = pdtr(np.arange(_MOST_SHOCKS), shocks.rate)
        chance = self.draws.uniforms_of("shocks", self.item, n_steps=n_steps, first=first)[0]
        counts = np.searchsorted(cumulative, chance)
        most, total = int(counts.max()), np.zeros(n_steps)
        uniforms = self.draws.uniforms_of(
            "shocks", self.item, n_steps=n_steps, n_draws=1 + most, first=first
        )
        for j in range(most):
            marks = np.maximum(0.0, quantiles(shocks.size, uniforms[1 + j]))
            total += np.where(j < counts, marks, 0.0)
        return total

    def _deviations(
        self, process: OrnsteinUhlenbeckStressor, first: int, n_steps: int
    ) -> FloatArray:
        """Return x − mean, exact whatever the length of a step, (n_steps,)."""
        kept = math.exp(-1.0 / process.relaxation)
        spread = process.sd * math.sqrt(-math.expm1(-2.0 / process.relaxation))
        chance = self.draws.uniforms_of("drift", self.item, n_steps=n_steps, first=first)[0]
        pushes = spread * ndtri(chance)
        if first == 0:
            initial = process.mean if process.initial is None else process.initial
            pushes[0] = initial - process.mean
        return self._carried(pushes, keep=kept)
