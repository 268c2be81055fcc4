"""A linear reward model, fitted to labels by penalised logistic regression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from sim.streams import FloatArray


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

    Notes
    -----
    Bradley & Terry 1952, doi:10.2307/2334029; as a reward model Christiano et al. 2017,
    arXiv:1706.03741.
    """
    told = choice != 0
    signed = difference[told] * choice[told, None]
    if not told.any():
        return np.zeros(difference.shape[1])

    def loss(w: FloatArray) -> tuple[float, FloatArray]:
        margin = signed @ w
        value = np.logaddexp(0.0, -margin).sum() + 0.5 * ridge * (w @ w)
        return float(value), ridge * w - expit(-margin) @ signed

    def curvature(w: FloatArray) -> FloatArray:
        share = expit(signed @ w)
        weighted = signed * (share * (1.0 - share))[:, None]
        hessian: FloatArray = weighted.T @ signed + ridge * np.eye(w.size)
        return hessian

    begin = np.zeros(difference.shape[1]) if start is None else start
    found = minimize(loss, begin, jac=True, hess=curvature, method="trust-exact")
    return np.asarray(found.x, dtype=np.float64)
