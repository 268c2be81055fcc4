"""Distributions of scipy.stats by name; imported only where a scenario uses one."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import scipy.stats

from sim.scenario.problems import did_you_mean
from sim.scenario.schema.base import cross_field
from sim.streams import FloatArray

LARGEST = 1e30
"""Largest quantile, in absolute value, that a draw may take."""

_PROBES = np.array([2.0**-53, 1e-6, 0.01, 0.5, 0.99, 1.0 - 1e-6, 1.0 - 2.0**-53])
"""Uniforms from the smallest that is ever drawn to the largest."""


@cache
def _known() -> dict[str, Any]:
    kinds = (scipy.stats.rv_continuous, scipy.stats.rv_discrete)
    found = ((name, getattr(scipy.stats, name)) for name in dir(scipy.stats))
    return {name: what for name, what in found if isinstance(what, kinds)}


def _keys(distribution: Any) -> tuple[list[str], list[str]]:
    """Return the shape parameters of a distribution, and all parameters it may be given."""
    shapes = [name.strip() for name in (distribution.shapes or "").split(",") if name.strip()]
    scaled = "scale" in inspect.signature(distribution.ppf).parameters or isinstance(
        distribution, scipy.stats.rv_continuous
    )
    return shapes, [*shapes, "loc", *(["scale"] if scaled else [])]


def named_quantiles(name: str, parameters: Mapping[str, float], uniforms: FloatArray) -> FloatArray:
    """Return the quantiles of a distribution of scipy.stats."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of numerical inversion; what comes out is checked
        values: FloatArray = np.asarray(_known()[name].ppf(uniforms, **parameters), np.float64)
        return values


def check_named(name: str, parameters: Mapping[str, float]) -> None:
    """Raise a located error if there is no such distribution, or not with these parameters."""
    if name not in _known():
        hint = did_you_mean(name, _known()) or "any distribution of scipy.stats, such as `norm`"
        raise cross_field(f"scipy.stats has no distribution `{name}`", "name", hint=hint)
    shapes, allowed = _keys(_known()[name])
    for key in parameters:
        if key not in allowed:
            hint = did_you_mean(key, allowed) or f"allowed here: {', '.join(allowed)}"
            raise cross_field(f"`{name}` has no parameter `{key}`", f"parameters.{key}", hint=hint)
    missing = [shape for shape in shapes if shape not in parameters]
    if missing:
        message = f"`{name}` needs the parameter `{missing[0]}`"
        raise cross_field(message, "parameters", "name", hint=f"it takes {', '.join(allowed)}")
    _check_quantiles(name, parameters)


def _check_quantiles(name: str, parameters: Mapping[str, float]) -> None:
    given = ", ".join(f"{key} = {value:g}" for key, value in parameters.items())
    try:
        values = named_quantiles(name, parameters, _PROBES)
    except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
        raise cross_field(f"`{name}` with {given}: {error}", "parameters", "name") from None
    if np.isnan(values).any():
        message = f"`{name}` is not defined with {given or 'no parameters'}"
        raise cross_field(message, "parameters", "name", hint="a value lies outside its range")
    if not (np.abs(values) <= LARGEST).all():
        reached = values[np.argmax(np.abs(values))]
        message = f"draws of `{name}` reach {reached:.3g}, beyond {LARGEST:g}"
        hint = "its tails are too heavy for a number that a person is given"
        raise cross_field(message, "parameters", "name", hint=hint)
