"""What surrounds the persons of the oracle: levels of stressors, quantiles of distributions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from scipy.special import ndtri

from sim.scenario.schema.base import AnyDistribution
from sim.scenario.schema.stressors import Stressor


def stress_level(stressor: Stressor, step: int) -> float:
    """Return a stressor's level at any step, also past the end of the scenario."""
    match stressor.kind:
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
        case _:
            return np.array(distribution.values)
