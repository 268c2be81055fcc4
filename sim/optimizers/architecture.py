"""How a policy is built, where that differs from doing exactly what it estimates.

`intended` gives the direction and length of its move and `delivered` what arrives of its effort;
`Policy.act` calls both, and nothing else knows of architectures.

* Superposition: K corrective directions share m < K dimensions, so that they interfere
  (Elhage et al. 2022, arXiv:2209.10652).
* Mesa-optimisation: a learned objective of its own (Hubinger et al. 2019, arXiv:1906.01820), hidden
  while the policy believes itself audited, which is alignment faking (Greenblatt et al. 2024,
  arXiv:2412.14093); a throttle is obeyed with probability 1 − weight.
* Emergence: capability as a logistic function of log scale, smooth or abrupt (Wei et al. 2022,
  arXiv:2206.07682).  Whether a jump is one of capability or of the measure (Schaeffer et al. 2023,
  arXiv:2304.15004) can be asked here, since reach is known beside what is measured.
* Reliability: the effort of a group fails, or scatters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, ndtri

from sim.processes.stage import Frame
from sim.scenario.schema.optimizers import Emergence
from sim.streams import Draws, FloatArray

if TYPE_CHECKING:
    from sim.optimizers.policy import Policy

_OBEYS, _FAILS, _SCATTERS, _N_DRAWS = range(4)


def dictionary(n_channels: int, n_dims: int, draws: Draws, *, first: int = 0) -> FloatArray:
    """Return D, (m, K): a random unit vector of m dimensions for each of K directions.

    Parameters
    ----------
    draws
        Those that make a population: a dictionary is redrawn only where persons are.
    first
        Item of the first direction on the stream `dictionary`.
    """
    vectors = draws.normals("dictionary", n_channels, n_draws=n_dims, first=first)
    unit: FloatArray = vectors / np.sqrt((vectors * vectors).sum(axis=0))
    return unit


def mixing_of(n_channels: int, n_dims: int | None, draws: Draws, *, first: int = 0) -> FloatArray:
    """Return Dᵀ D, (K, K, 1): what of an effort on one channel arrives on each.

    With as many dimensions as directions none needs to share, and it is the identity.
    """
    if n_dims is None or n_dims >= n_channels:
        return np.eye(n_channels)[..., None]
    packed = dictionary(n_channels, n_dims, draws, first=first)
    mixing: FloatArray = packed.T @ packed
    np.fill_diagonal(mixing, 1.0)
    return mixing[..., None]


def aim_of(policy: Policy, draws: Draws) -> FloatArray:
    """Return the unit vector of the policy's own objective, (D, 1); 0 for none."""
    mesa, aim = policy.spec.architecture.mesa_objective, np.zeros(policy.n_dims)
    if mesa is None:
        return aim[:, None]
    if mesa.toward is not None:
        channels = list(policy.model.resolved.channels)
        aim[[*channels, *policy.styles].index(mesa.toward)] = 1.0
        return aim[:, None]
    # Items beyond those of the dictionary, whose place depends on the number of channels alone.
    item = policy.first + policy.n_channels
    aim[:] = draws.normals("dictionary", 1, n_draws=policy.n_dims, first=item)[:, 0]
    aim /= np.sqrt((aim * aim).sum())
    return aim[:, None]


def reach(emergence: Emergence, step: int) -> float:
    """Return the share of d_max that is within reach at a step.

    Examples
    --------
    >>> reach(Emergence(scale=1.0, midpoint=1.0, growth=0.1, steepness=3.0), 0)
    0.5
    """
    logarithm = np.log(emergence.scale / emergence.midpoint) + emergence.growth * step
    return float(expit(emergence.steepness * logarithm))


def _chances(policy: Policy, frame: Frame) -> FloatArray:
    """Return the uniforms of each group in this step, (draws, G), shared by all branches."""
    return frame.draws.uniforms(
        "actuation",
        policy.throttle.shape[0],
        n_draws=_N_DRAWS,
        step=frame.step,
        first=policy.first,
    )


def intended(
    policy: Policy, frame: Frame, unit: FloatArray, length: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return where the policy goes, (G, D, R), and how far, (G, 1, R).

    Parameters
    ----------
    unit
        Direction of its estimate, (G, D, R); 0 where it knows nothing.
    length
        How far it would go before caps and throttles, (G, 1, R).
    """
    architecture, cap, throttle = policy.spec.architecture, policy.cap, policy.throttle
    if architecture.emergence is not None:
        cap = np.minimum(cap, policy.spec.strongest * reach(architecture.emergence, frame.step))
    if architecture.mesa_objective is not None:
        weight = np.where(policy.audited, 0.0, architecture.mesa_objective.weight)
        obeys = _chances(policy, frame)[_OBEYS][:, None] >= weight
        throttle = np.where(obeys, throttle, 1.0)
        own = (1.0 - weight[:, None]) * unit + weight[:, None] * policy.aim
        norm = np.sqrt((own * own).sum(axis=1, keepdims=True))
        turned = np.divide(own, norm, out=np.zeros_like(own), where=norm > 0.0)
        unit = np.where(weight[:, None] > 0.0, turned, unit)
    farthest = cap[:, None] / policy.strength_per_shift
    return unit, np.minimum(length, farthest) * throttle[:, None]


def delivered(policy: Policy, frame: Frame, wanted: FloatArray) -> FloatArray:
    """Return what arrives of the effort u that the policy means to make, (G, K, R) [load].

    Notes what the channels lose to one another in `policy.interference`:
    Σ_k |u′_k − u_k| / Σ_k u_k, (G, R), nan for no effort.
    """
    architecture, arrives = policy.spec.architecture, wanted
    if architecture.superposition is not None:
        arrives = np.zeros_like(wanted)
        for m in range(policy.n_channels):
            arrives += policy.mixing[None, :, m] * wanted[:, None, m]
        np.clip(arrives, 0.0, frame.coefficients.u_max, out=arrives)
    meant, moved = wanted.sum(axis=1), np.abs(arrives - wanted).sum(axis=1)
    policy.interference = np.divide(
        moved, meant, out=np.full_like(meant, np.nan), where=meant > 0.0
    )
    if (reliability := architecture.reliability) is not None:
        chances = _chances(policy, frame)
        factor = np.exp(reliability.noise * (ndtri(chances[_SCATTERS]) - 0.5 * reliability.noise))
        factor[chances[_FAILS] < reliability.failure] = 0.0
        arrives = np.minimum(arrives * factor[:, None, None], frame.coefficients.u_max)
    return arrives
