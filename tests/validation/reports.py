"""Trust and what a report tells: stationary trust, the report as a channel."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, xlogy

from sim.model import AlignmentModel
from tests.validation.case import Case, Finding, near, scenario


def _settled_trust(changes: dict[str, float]) -> float:
    model = AlignmentModel(scenario("trust", changes))
    model.run_model()
    trust = model.recorder.table()["trust"]
    return float(trust[trust.size // 2 :].mean())


def _trust() -> list[Finding]:
    found = []
    for good, loss in ((0.7, 0.1), (0.7, 0.03), (0.9, 0.3)):
        # A month is good while stressor times noise stays below the threshold 1.
        level = float(np.exp(0.5 - _quantile(good)))
        changes = {"stressors.0.level": level, "trust.trust_loss": loss}
        gain = scenario("trust").trust.trust_gain
        reference = gain * good / (gain * good + loss * (1.0 - good))
        found.append(
            near(
                f"p = {good:g}, η₊ = {gain:g}, η₋ = {loss:g}",
                _settled_trust(changes),
                reference,
                tolerance=0.002,
                why="5,000 persons, 200 months",
            )
        )
    return found


def _quantile(share: float) -> float:
    from scipy.special import ndtri

    assert abs(ndtr(ndtri(share)) - share) < 1e-12
    return float(ndtri(share))


def information(rate: float, flips: float) -> float:
    """Return r [1 − h₂(m)] in bits."""
    entropy = -(xlogy(flips, flips) + xlogy(1.0 - flips, 1.0 - flips)) / np.log(2.0)
    return float(rate * (1.0 - entropy))


def _channel() -> list[Finding]:
    found = []
    for rate, flips, tolerance in ((0.8, 0.05, 0.004), (0.1, 0.4, 0.0015)):
        misreport = {"at_full_trust": flips, "at_no_trust": flips}
        changes = {
            "feedback.response_base": float(np.log(rate / (1.0 - rate))),
            "feedback.over_report": misreport,
            "feedback.under_report": misreport,
        }
        model = AlignmentModel(scenario("report_channel", changes))
        model.run_model()
        obtained = float(np.nanmean(model.recorder.table()["information"]))
        found.append(
            near(
                f"bits a person, r = {rate:g}, m = {flips:g}",
                obtained,
                information(rate, flips),
                tolerance=tolerance,
                why="20,000 persons, 20 rounds",
            )
        )
    return found


CASES = (
    Case(
        "Stationary trust",
        "two-state average of gains and losses; asymmetry after Slovic 1993",
        ("trust",),
        _trust,
    ),
    Case(
        "Mutual information of a balanced report",
        "Cover & Thomas 2006, binary symmetric channel",
        ("report_channel",),
        _channel,
    ),
)
