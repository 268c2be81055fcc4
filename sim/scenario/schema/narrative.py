"""How narrative displacement moves: the rule, its rates, what only some rules read, lock-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.scenario.narrative_rules import READ_BY
from sim.scenario.schema.base import Block, Constant, Distribution, NonNegative, Share, cross_field

DEFAULTS: Mapping[str, float] = {
    "confidence": 0.2,
    "confidence_lock_in": 0.0,
    "pairs": 0.5,
    "convergence": 0.5,
    "self_weight": 1.0,
    "bias": 1.0,
}
"""What a rule takes where a key it reads is left out; a threshold must be given."""


class Narrative(Block):
    """How narrative displacement n spreads, is fed by lived burden, heals and locks in."""

    rule: Literal[
        "none",
        "degroot",
        "friedkin_johnsen",
        "hegselmann_krause",
        "deffuant",
        "biased_assimilation",
        "fraction_threshold",
        "count_threshold",
    ] = "degroot"
    """Where others pull a person; `none`: n and ℓ keep their initial values.  Keys that the rule
    does not read are refused, except beside `none`."""
    social: Share = 0.1
    """Pull towards where the rule says, and for `degroot` the neighbors' mean [1/step]; social +
    push ≤ 1 and social + heal ≤ 1.  With 1, and push and heal 0, the published rule alone."""
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
    stubbornness: Distribution | None = None
    """s of each person, clipped to [0, 1]; nobody's if left out.  `friedkin_johnsen`: how much of
    the pull is towards the person's own displacement at the start; other rules: the social move
    is multiplied by 1 − s, so that nobody moves a person with s = 1.  Groups may have their own."""
    confidence: NonNegative | None = None
    """ε: distance in n up to which others are listened to; 0.2 if left out.  Only
    `hegselmann_krause` (distance ≤ ε) and `deffuant` (< ε)."""
    confidence_lock_in: Share | None = None
    """Share of ε lost when lock-in is 1; 0 if left out.  Only `hegselmann_krause` and
    `deffuant`."""
    pairs: Annotated[float, Field(ge=0.0, le=1000.0)] | None = None
    """Meetings of two a person and step [1/step]; 0.5 if left out.  Only `deffuant`."""
    convergence: Share | None = None
    """μ: part of the distance that a person goes in a meeting; 0.5 if left out.  Only
    `deffuant`."""
    self_weight: NonNegative | None = None
    """Weight of oneself where all others together weigh 1; 1 if left out.  Only
    `biased_assimilation`."""
    bias: NonNegative | None = None
    """b: how strongly agreement with oneself is favored; 0 is plain averaging, 1 if left out.
    Only `biased_assimilation`."""
    threshold: Distribution | None = None
    """How many of those who influence a person must be displaced (n ≥ ½) before they pull: a
    share for `fraction_threshold`, a number for `count_threshold`, which both need it."""

    @model_validator(mode="after")
    def _moves_stay_in_range(self) -> Narrative:
        for other in ("push", "heal"):
            total = self.social + getattr(self, other)
            if total > 1.0:
                raise cross_field(f"social + {other} is {total:g}; at most 1", "social", other)
        return self

    @model_validator(mode="after")
    def _keys_fit_the_rule(self) -> Narrative:
        if self.rule == "none":
            return self
        for key, rules in READ_BY.items():
            if getattr(self, key) is not None and self.rule not in rules:
                message = f"the rule `{self.rule}` does not read `{key}`"
                hint = f"only {' and '.join(f'`{rule}`' for rule in rules)} do"
                hint = hint if len(rules) > 1 else hint.replace(" do", " does")
                raise cross_field(message, key, "rule", hint=hint)
        if self.rule in READ_BY["threshold"]:
            self._check_threshold()
        return self

    def _check_threshold(self) -> None:
        if self.threshold is None:
            example = "0.18" if self.rule == "fraction_threshold" else "2"
            message = f"the rule `{self.rule}` needs a `threshold`"
            raise cross_field(message, "rule", hint=f"for example `threshold: {example}`")
        least = self.threshold.value if isinstance(self.threshold, Constant) else 0.0
        if self.rule == "fraction_threshold" and least > 1.0:
            message = f"no share of others reaches a threshold of {least:g}"
            hint = "thresholds of `fraction_threshold` are shares; `count_threshold` counts"
            raise cross_field(message, "threshold", "rule", hint=hint)

    def resolved(self) -> Narrative:
        """Return the block with every number the rule reads written out."""
        return self.model_copy(
            update={
                key: default
                for key, default in DEFAULTS.items()
                if self.rule in READ_BY[key] and getattr(self, key) is None
            }
        )
