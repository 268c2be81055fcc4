"""Narrative displacement and lock-in: the rule is the scenario's, one rule a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sim.processes.narrative import (
    biased_assimilation,
    count_threshold,
    deffuant,
    degroot,
    fraction_threshold,
    friedkin_johnsen,
    hegselmann_krause,
)
from sim.processes.stage import Frame, Order, Stage
from sim.scenario.schema import Scenario


def _keep(frame: Frame) -> None:
    """Leave n and ℓ as they are."""


def _keep_order(scenario: Scenario) -> Order:
    return Order(True, "narrative does not change")


RULES: Mapping[str, tuple[Callable[[Frame], None], Callable[[Scenario], Order]]] = {
    "none": (_keep, _keep_order),
    "degroot": (degroot.run, degroot.order),
    "friedkin_johnsen": (friedkin_johnsen.run, friedkin_johnsen.order),
    "hegselmann_krause": (hegselmann_krause.run, hegselmann_krause.order),
    "deffuant": (deffuant.run, deffuant.order),
    "biased_assimilation": (biased_assimilation.run, biased_assimilation.order),
    "fraction_threshold": (fraction_threshold.run, fraction_threshold.order),
    "count_threshold": (count_threshold.run, count_threshold.order),
}
"""Rules by their name in a scenario."""


def _run(frame: Frame) -> None:
    RULES[frame.coefficients.narrative_rule][0](frame)


def _order(scenario: Scenario) -> Order:
    return RULES[scenario.narrative.rule][1](scenario)


STAGE = Stage(
    name="narrative",
    summary="Displacement spreads, is pushed by burden and heals; lock-in grows and fades.",
    equation=(
        "n ← n + up − (1 − ℓ) down; up = social max(m − n, 0) + push c (1 − n), "
        "down = social max(n − m, 0) + heal (1 − c) n, m where the rule says, Wn for degroot; "
        "ℓ ← ℓ + lock n² (1 − ℓ) − unlock (1 − n) ℓ"
    ),
    reads=("narrative", "lock_in", "burden"),
    writes=("narrative", "lock_in"),
    run=_run,
    order=_order,
)
