"""Numbers about persons from the distributions of a scenario."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, gammaincinv, ndtri

from sim.scenario.schema.base import (
    AnyDistribution,
    Beta,
    Constant,
    Exponential,
    Gamma,
    Lognormal,
    NamedDistribution,
    Normal,
    Uniform,
    Values,
)
from sim.scenario.value_file import read_values
from sim.streams import FloatArray


def values_of(distribution: Values) -> FloatArray:
    """Return the numbers of a list, or of a column of a file, read-only."""
    if distribution.values is not None:
        return np.array(distribution.values, dtype=np.float64)
    assert distribution.file is not None  # the schema's rule
    assert distribution.column is not None
    return read_values(distribution.file, distribution.column, digest=distribution.digest or "")


def quantiles(distribution: AnyDistribution, uniforms: FloatArray) -> FloatArray:
    """Return one value a person by the inverse distribution function.

    Parameters
    ----------
    uniforms
        Uniform draws on (0, 1), (n,).

    Raises
    ------
    ValueError
        If a list of values does not have n entries.
    """
    match distribution:
        case Constant(value=value):
            return np.full(uniforms.shape, value)
        case Uniform(low=low, high=high):
            return low + (high - low) * uniforms
        case Normal(mean=mean, sd=sd):
            return np.asarray(mean + sd * ndtri(uniforms))
        case Lognormal(median=median, sigma=sigma):
            return np.asarray(median * np.exp(sigma * ndtri(uniforms)))
        case Exponential() | Gamma() | Beta():
            return _skewed(distribution, uniforms)
        case NamedDistribution(name=name, parameters=parameters):
            from sim.scenario.schema.named import named_quantiles

            return named_quantiles(name, parameters, uniforms)
        case Values():
            values = values_of(distribution)
            if values.size != uniforms.size:
                raise ValueError(f"{values.size} values for {uniforms.size} persons")
            return values


def of_members(
    distribution: AnyDistribution, uniforms: FloatArray, members: npt.NDArray[np.int64]
) -> FloatArray:
    """Return the values of some persons, of whom a list may speak alone or among everyone.

    Parameters
    ----------
    uniforms
        Uniform draws of everyone on (0, 1), (N,).
    members
        Whose values are wanted.
    """
    if isinstance(distribution, Values):
        listed = values_of(distribution)
        if listed.size == uniforms.size:
            return np.asarray(listed[members])
    return quantiles(distribution, uniforms[members])


def _skewed(distribution: Exponential | Gamma | Beta, uniforms: FloatArray) -> FloatArray:
    match distribution:
        case Exponential(mean=mean):
            return np.asarray(-mean * np.log1p(-uniforms))
        case Gamma(shape=shape, scale=scale):
            return np.asarray(scale * gammaincinv(shape, uniforms))
        case Beta(a=a, b=b):
            return np.asarray(betaincinv(a, b, uniforms))
