"""The numbers of a scenario as the arrays kernels read; channels in the scenario's order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.scenario.schema import Scenario
from sim.scenario.schema.base import each
from sim.streams import FloatArray


def _by_channel(value: float | Mapping[str, float], channels: tuple[str, ...]) -> FloatArray:
    return np.array([each(value)[name] for name in channels], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Coefficients of one step; K channels.  Symbols are those of the model's equations.

    Attributes
    ----------
    weight
        ω, (K,), sums to 1.
    leak, coupling, narrative_feed
        λ, J, κ, (K,).
    spillover
        Γ[k, m], (K, K): load on channel k from the own constraint on channel m.
    legibility
        Factor on the response probability, (K,).
    damage, damage_onset
        Wear per unit of load above θ, and θ, (K,).
    shelter_scale, shelter_loss
        Stock that leaves 1/e of the stress, and share of it that a step wears out.
    """

    weight: FloatArray
    leak: FloatArray
    coupling: FloatArray
    narrative_feed: FloatArray
    spillover: FloatArray
    legibility: FloatArray
    cure: float
    gain: float
    trust_dependence: float
    lock_in_dependence: float
    backlash: float
    decay: float
    u_max: float
    damage: FloatArray
    damage_onset: FloatArray
    relax: str
    narrative_rule: str
    social: float
    push: float
    heal: float
    lock: float
    unlock: float
    symmetric_lock_in: bool
    confidence: float
    confidence_lock_in: float
    pairs: float
    convergence: float
    self_weight: float
    bias: float
    trust_gain: float
    trust_loss: float
    promise_scale: float
    response_base: float
    response_trust: float
    response_constrained: float
    exit: float
    over_report: tuple[float, float]
    under_report: tuple[float, float]
    shelter_scale: float
    shelter_loss: float

    @classmethod
    def of(cls, scenario: Scenario) -> Coefficients:
        """Return the coefficients of a resolved scenario."""
        channels = tuple(scenario.channels)
        constraints, correction = scenario.constraints, scenario.correction
        narrative, trust, feedback = scenario.narrative, scenario.trust, scenario.feedback
        spillover = np.zeros((len(channels), len(channels)))
        for outer, row in constraints.spillover.items():
            for inner, load in row.items():
                spillover[channels.index(outer), channels.index(inner)] = load
        over, under = feedback.over_report, feedback.under_report
        return cls(
            weight=np.array([channel.weight for channel in scenario.channels.values()]),
            leak=_by_channel(scenario.exposure.leak, channels),
            coupling=_by_channel(constraints.coupling, channels),
            narrative_feed=_by_channel(constraints.narrative_feed, channels),
            spillover=spillover,
            legibility=_by_channel(feedback.legibility, channels),
            cure=scenario.exposure.cure,
            gain=correction.gain,
            trust_dependence=correction.trust_dependence,
            lock_in_dependence=correction.lock_in_dependence,
            backlash=correction.backlash,
            decay=correction.decay,
            u_max=correction.u_max,
            damage=_by_channel(constraints.damage, channels),
            damage_onset=_by_channel(constraints.damage_onset, channels),
            relax=constraints.relax,
            narrative_rule=narrative.rule,
            social=narrative.social,
            push=narrative.push,
            heal=narrative.heal,
            lock=narrative.lock,
            unlock=narrative.unlock,
            symmetric_lock_in=narrative.lock_in_mode == "symmetric",
            confidence=narrative.confidence or 0.0,
            confidence_lock_in=narrative.confidence_lock_in or 0.0,
            pairs=narrative.pairs or 0.0,
            convergence=narrative.convergence or 0.0,
            self_weight=narrative.self_weight or 0.0,
            bias=narrative.bias or 0.0,
            trust_gain=trust.trust_gain,
            trust_loss=trust.trust_loss,
            promise_scale=trust.promise_scale,
            response_base=feedback.response_base,
            response_trust=feedback.response_trust,
            response_constrained=feedback.response_constrained,
            exit=feedback.exit,
            over_report=(over.at_full_trust, over.at_no_trust),
            under_report=(under.at_full_trust, under.at_no_trust),
            shelter_scale=scenario.shelter.scale,
            shelter_loss=scenario.shelter.depreciation,
        )
