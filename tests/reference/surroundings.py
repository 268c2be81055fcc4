"""What surrounds the persons of the oracle: levels of stressors, quantiles of distributions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise

import numpy as np
from scipy import stats
from scipy.special import ndtri
from scipy.stats import poisson

from sim.scenario.schema.base import AnyDistribution
from sim.scenario.schema.stressors import (
    OrnsteinUhlenbeckStressor,
    ShocksStressor,
    Stressor,
)
from tests.reference.philox import uniform

Chance = Callable[[str, int, int, int], float]
"""From stream, step, item and draw number to a uniform on (0, 1)."""


@cache
def chance_of(seed: int, replicate: int) -> Chance:
    """Return the draws of a replicate on the scenario's clock."""

    @cache
    def chance(stream: str, step: int, item: int, draw: int) -> float:
        place = {"replicate": replicate, "clock": "scenario", "step": step}
        return uniform(seed, stream=stream, item=item, draw=draw, **place)

    return chance


def stress_level(stressor: Stressor, step: int, *, item: int, chance: Chance) -> float:
    """Return a stressor's level at any step, also past the end of the scenario.

    Parameters
    ----------
    item
        Its place among the scenario's stressors.
    """
    match stressor.kind:
        case "seasonal":
            season = math.cos(2.0 * math.pi * ((step - stressor.peak) / stressor.period % 1.0))
            return max(0.0, stressor.mean + stressor.amplitude * season)
        case "shocks":
            left = [
                marks(stressor, s, item, chance) * (1.0 - stressor.decay) ** (step - s)
                for s in range(step + 1)
            ]
            return sum(left)
        case "ornstein_uhlenbeck":
            return max(0.0, latent(stressor, step, item, chance))
        case "deployment":
            return 0.0
        case "constant":
            return stressor.level
        case "pulse":
            within = stressor.start <= step < stressor.start + stressor.duration
            return stressor.level if within else 0.0
        case "ramp":
            levels = (stressor.from_level, stressor.to_level)
            return interpolated((stressor.start, stressor.end), levels, step)
        case _ if stressor.interpolation == "linear":
            return interpolated(stressor.steps, stressor.levels, step)
        case _:
            n_passed = sum(at <= step for at in stressor.steps)
            return stressor.levels[max(n_passed, 1) - 1]


def marks(shocks: ShocksStressor, step: int, item: int, chance: Chance) -> float:
    """Return the sum of the marks of the shocks that come at a step."""
    return _marks(shocks.model_dump_json(), step, item, chance)


@cache
def _marks(written: str, step: int, item: int, chance: Chance) -> float:
    shocks = ShocksStressor.model_validate_json(written)
    n_shocks = int(poisson.ppf(chance("shocks", step, item, 0), shocks.rate)) if shocks.rate else 0
    drawn = [chance("shocks", step, item, 1 + j) for j in range(n_shocks)]
    return sum(max(0.0, float(m)) for m in quantiles(shocks.size, np.array(drawn)))


@cache
def latent(process: OrnsteinUhlenbeckStressor, step: int, item: int, chance: Chance) -> float:
    """Return x: what is kept of the deviation before, and a push that restores the variance."""
    if step == 0:
        return process.initial
    kept = math.exp(-1.0 / process.relaxation)
    push = process.sd * math.sqrt(1.0 - kept**2) * float(ndtri(chance("drift", step, item, 0)))
    before = latent(process, step - 1, item, chance)
    return process.mean + (before - process.mean) * kept + push


def interpolated(steps: Iterable[int], levels: Iterable[float], step: int) -> float:
    """Return the level on straight lines between the given steps, flat outside."""
    points = list(zip(steps, levels, strict=True))
    if step <= points[0][0]:
        return points[0][1]
    if step >= points[-1][0]:
        return points[-1][1]
    (left, low), (right, high) = next(
        pair for pair in pairwise(points) if pair[0][0] <= step < pair[1][0]
    )
    return low + (high - low) * (step - left) / (right - left)


def quantiles(distribution: AnyDistribution, uniform: np.ndarray) -> np.ndarray:
    """Return a distribution's quantiles at the given uniforms, one a person."""
    match distribution.kind:
        case "constant":
            return np.full(uniform.shape, distribution.value)
        case "uniform":
            return distribution.low + (distribution.high - distribution.low) * uniform
        case "normal":
            return distribution.mean + distribution.sd * ndtri(uniform)
        case "lognormal":
            return distribution.median * np.exp(distribution.sigma * ndtri(uniform))
        case "exponential":
            return stats.expon.ppf(uniform, scale=distribution.mean)
        case "gamma":
            return stats.gamma.ppf(uniform, distribution.shape, scale=distribution.scale)
        case "beta":
            return stats.beta.ppf(uniform, distribution.a, distribution.b)
        case "scipy":
            return getattr(stats, distribution.name).ppf(uniform, **distribution.parameters)
        case _:
            return np.array(distribution.values)
