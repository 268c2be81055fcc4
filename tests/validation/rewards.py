"""What is learned from preferences: how far noisy labels lead, and how far to follow them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from sim.model import AlignmentModel
from sim.optimizers.policy import Policy, inner, length_of, unit_of
from tests.validation.case import Case, Finding, near, scenario


def _measured(changes: dict[str, Any]) -> tuple[float, float, float]:
    """Return strength, gold and cos θ, gold less what the deployment stressor puts on persons."""
    model = AlignmentModel(scenario("reward_surrogate", changes))
    model.step()
    reached = model.recorder.latest()
    model.step()
    (group,) = model.resolved.population.groups
    harm = model.recorder.last(f"stress[{group},rent]")
    gold = reached["gold[rlhf]"] - harm
    return reached["strength[rlhf]"], gold, reached["cosine_outcome[rlhf]"]


def _surrogate() -> list[Finding]:
    found = []
    for labels, price in ((60, 0.25), (60, 0.5), (12, 0.25)):
        common = {"optimizers.0.labels": labels, "stressors.0.intensity_coefficient": price}
        rows = []
        for strongest in np.linspace(0.0, 4.0, 41):
            rows.append(_measured({**common, "optimizers.0.strongest": float(strongest)}))
        d, gold, cosine = np.array(rows).T
        theta, peak = float(cosine[1]), int(np.argmax(gold))
        # The vertex of the parabola through the highest point and its neighbors.
        square, slope, level = np.polyfit(d[peak - 1 : peak + 2], gold[peak - 1 : peak + 2], 2)
        setting = f"{labels} labels (cos θ = {theta:.3f}), λ_g = {price:g}"
        exact = {"tolerance": 1e-6, "why": "rounding"}
        at, top = -0.5 * slope / square, level - 0.25 * slope * slope / square
        reference = theta / (np.sqrt(2.0) * price)
        found.append(near(f"strength of the peak, {setting}", at, reference, **exact))
        found.append(near(f"gold there, {setting}", top, 0.5 * theta**2 / price, **exact))
        curve = np.sqrt(2.0) * theta * d - price * d * d
        worst = float(np.abs(gold - curve).max())
        found.append(near(f"farthest from the curve for d ≤ 4, {setting}", worst, 0.0, **exact))
    return found


def _off(changes: dict[str, Any]) -> float:
    """Return tan θ over groups and steps: root mean square across the need, mean along it."""
    model = AlignmentModel(scenario("label_noise", changes))
    (policy,) = model.optimizers
    assert isinstance(policy, Policy)
    along, across = [], []
    while model.running:
        model.step()
        right = unit_of(policy.needed(model.frame))
        along.append(inner(policy.estimate, right))
        across.append(length_of(policy.estimate - along[-1][:, None] * right)[:, 0])
    return float(np.sqrt(np.mean(np.square(across))) / np.mean(along))


def _information(sharpness: float) -> float:
    """Return I = 2 E[σ(1 − σ)] of pairs whose utilities differ by N(0, 2 β_h²)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    share = expit(np.sqrt(2.0) * sharpness * nodes)
    return float(2.0 * np.average(share * (1.0 - share), weights=weights))


def _label_noise() -> list[Finding]:
    found = []
    both = ("flatter", "refuse")
    for n, flips, rate, styles, sharpness in (
        (2000, 0.0, 1.0, both, 0.35),
        (4000, 0.2, 1.0, both, 0.35),
        (4000, 0.1, 0.5, both, 0.35),
        (2000, 0.0, 1.0, (), 0.35),
        (400, 0.0, 1.0, both, 1.0),
    ):
        changes = {
            "optimizers.0.labels": n,
            "preferences.flip": {"at_full_trust": flips, "at_no_trust": flips},
            "preferences.sharpness": sharpness,
            "preferences.styles": list(styles),
            "feedback.response_base": 50.0 if rate == 1.0 else float(np.log(rate / (1.0 - rate))),
        }
        dims, kept = 8 + len(styles), sharpness * (1.0 - 2.0 * flips)
        reference = np.sqrt((dims - 1) / (n * rate * _information(sharpness))) / kept
        setting = f"tan θ, D = {dims}, n = {n * rate:g} of {n}, m = {flips:g}, β_h = {sharpness:g}"
        why = "3 %; 320 reward models"
        found.append(near(setting, _off(changes), reference, tolerance=0.03 * reference, why=why))
    return found


CASES = (
    Case(
        "Over-optimisation of a Gaussian surrogate",
        "gold √2 cos θ d − λ_g d², highest at d = cos θ / (√2 λ_g); after Gao et al. 2022",
        ("reward_surrogate",),
        _surrogate,
    ),
    Case(
        "What label noise costs",
        "tan θ = √((D − 1)/(n I)) / (β_h (1 − 2m)), I = 2 E[σ(1 − σ)]: asymptotic efficiency of "
        "logistic regression for labels flipped with probability m, utility spread √2 β_h ≤ ½ (or "
        "m = 0)",
        ("label_noise",),
        _label_noise,
    ),
)
