"""Gaussian copula: uniforms that are correlated across channels, each still uniform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from sim.streams import FloatArray

_EDGE = 2.0**-53
"""Smallest uniform that is ever drawn."""

ROUNDING = 1e-9
"""How far below 0 the smallest eigenvalue of a correlation matrix may lie."""


def matrix_of(
    correlation: float | Mapping[str, Mapping[str, float]], names: Sequence[str]
) -> FloatArray:
    """Return the correlation matrix, (K, K): one number for all pairs, or by pairs, others 0."""
    if not isinstance(correlation, Mapping):
        return np.where(np.eye(len(names)) == 1.0, 1.0, correlation)
    matrix = np.eye(len(names))
    for outer, row in correlation.items():
        for inner, value in row.items():
            a, b = names.index(outer), names.index(inner)
            matrix[a, b] = matrix[b, a] = value
    return matrix


def factor(matrix: FloatArray) -> FloatArray:
    """Return the lower triangle A with A Aᵀ = matrix, which may be singular, (K, K)."""
    n = len(matrix)
    lower = np.zeros((n, n))
    for j in range(n):
        left = matrix[j:, j] - lower[j:, :j] @ lower[j, :j]
        if left[0] > ROUNDING:  # else the channel follows from those before it
            lower[j:, j] = left / np.sqrt(left[0])
    return lower


def correlated(uniforms: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return uniforms, (K, n), whose normal scores have a correlation matrix, (K, K).

    A channel that is correlated with none before it keeps its uniforms bit for bit.
    """
    normal, out = ndtri(uniforms), uniforms.copy()
    for k, row in enumerate(factor(matrix)):
        if row[:k].any():
            score = sum(row[m] * normal[m] for m in range(k + 1) if row[m])
            out[k] = np.clip(ndtr(score), _EDGE, 1.0 - _EDGE)
    return out
