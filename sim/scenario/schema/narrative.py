"""How narrative displacement moves: the rule, its rates, lock-in."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from sim.scenario.schema.base import Block, Share, cross_field


class Narrative(Block):
    """How narrative displacement n spreads, is fed by lived burden, heals and locks in."""

    rule: Literal["none", "degroot"] = "degroot"
    """`none`: n and ℓ keep their initial values; `degroot`: averaging with neighbors."""
    social: Share = 0.1
    """Pull towards the neighbors' mean [1/step]; social + push ≤ 1 and social + heal ≤ 1."""
    push: Share = 0.1
    """Lived push: displacement gained from the own burden [1/step]."""
    heal: Share = 0.02
    """Healing of displacement in the absence of burden [1/step]."""
    lock: Share = 0.05
    """Growth of lock-in with n² [1/step]."""
    unlock: Share = 0.01
    """Loss of lock-in with 1 − n [1/step]."""
    lock_in_mode: Literal["ratchet", "symmetric"] = "ratchet"
    """Lock-in slows downward moves only (keeps order), or moves in both directions."""

    @model_validator(mode="after")
    def _moves_stay_in_range(self) -> Narrative:
        for other in ("push", "heal"):
            total = self.social + getattr(self, other)
            if total > 1.0:
                raise cross_field(f"social + {other} is {total:g}; at most 1", "social", other)
        return self
