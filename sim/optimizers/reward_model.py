"""A linear reward model, fitted to labels by penalised logistic regression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, root
from scipy.special import expit

from sim.streams import FloatArray

_CLOSE = 1e-10
"""How far, relatively, the solver may still see itself from ŵ."""


def fit(
    difference: FloatArray,
    choice: npt.NDArray[np.number],
    *,
    ridge: float,
    start: FloatArray | None = None,
) -> FloatArray:
    """Return ŵ = argmin Σ log(1 + exp(−y w·δ)) + (ρ/2) ‖w‖², (D,).

    The loss is convex and ρ > 0, so there is one minimum, whatever the start.

    Parameters
    ----------
    difference
        δ = x − x′ of each pair, (n, D).
    choice
        y: 1 or −1; 0 for silence, which does not count, (n,).
    start
        Where to begin to search, (D,); the last estimate saves half of the way.

    Raises
    ------
    ArithmeticError
        If neither solver ends where the loss is flat.

    Notes
    -----
    Bradley & Terry 1952, doi:10.2307/2334029; as a reward model Christiano et al. 2017,
    arXiv:1706.03741.  The gradient has one root, and the curvature is at least ρ everywhere, so
    Powell's hybrid method (MINPACK) cannot come to rest elsewhere; it takes a half to a third of
    the time of a trust region, which is what is left where labels can be told apart exactly.
    """
    told = choice != 0
    signed = difference[told] * choice[told, None]
    n_dims = difference.shape[1]
    if not told.any():
        return np.zeros(n_dims)

    def loss(w: FloatArray) -> float:
        return float(np.logaddexp(0.0, -(signed @ w)).sum() + 0.5 * ridge * (w @ w))

    def gradient(w: FloatArray) -> FloatArray:
        slope: FloatArray = ridge * w - expit(-(signed @ w)) @ signed
        return slope

    def curvature(w: FloatArray) -> FloatArray:
        share = expit(signed @ w)
        hessian: FloatArray = (signed * (share * (1.0 - share))[:, None]).T @ signed
        hessian[np.diag_indices(n_dims)] += ridge
        return hessian

    begin = np.zeros(n_dims) if start is None else start
    flat = 1e-9 * np.abs(signed).sum()
    found = root(gradient, begin, jac=curvature, method="hybr", options={"xtol": _CLOSE})
    if not (found.success and np.abs(found.fun).max() <= flat):
        found = minimize(
            loss, begin, jac=gradient, hess=curvature, method="trust-exact", options={"gtol": flat}
        )
        if np.abs(found.jac).max() > 1e3 * flat:
            raise ArithmeticError(f"no reward model found for {told.sum()} labels: {found.message}")
    return np.asarray(found.x, dtype=np.float64)
