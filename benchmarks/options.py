"""What a step costs with each option on, relative to the plain configuration.

Four channels, degree 10; each option and the plain configuration take turns, so that both meet
the same machine.  Processor time of one thread.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from benchmarks.engine import BASE, begun, prepared
from sim.engine import advance
from sim.processes.stage import Frame

SIZE, STEPS, TURNS = 10_000, 20, 5

COMPLETE = {"network": {"kind": "complete"}}


def _constraints(**options: Any) -> dict[str, Any]:
    return {"constraints": BASE["constraints"] | options}


def _stressor(**stressor: Any) -> dict[str, Any]:
    return {"stressors": [stressor]}


def _narrative(rule: str, **options: Any) -> dict[str, Any]:
    return {"narrative": {"rule": rule, **options}}


OPTIONS: Mapping[str, dict[str, Any]] = {
    "stressor: seasonal": _stressor(kind="seasonal", mean=0.1, amplitude=0.1, period=12),
    "stressor: shocks": _stressor(kind="shocks", rate=0.2, size=0.5, decay=0.5),
    "stressor: ornstein_uhlenbeck": _stressor(
        kind="ornstein_uhlenbeck", mean=0.1, sd=0.05, relaxation=6
    ),
    "stressor: deployment": _stressor(kind="deployment", intensity_coefficient=0.1),
    "noise": {"exposure": {"noise": 0.3}},
    "narrative: none": _narrative("none"),
    "narrative: friedkin_johnsen": _narrative("friedkin_johnsen", stubbornness=0.3),
    "narrative: degroot with stubbornness": _narrative("degroot", stubbornness=0.3),
    "narrative: hegselmann_krause": _narrative("hegselmann_krause", confidence=0.2),
    "narrative: deffuant": _narrative("deffuant", confidence=0.2),
    "narrative: biased_assimilation": _narrative("biased_assimilation", bias=1.5),
    "narrative: fraction_threshold": _narrative("fraction_threshold", threshold=0.3),
    "narrative: count_threshold": _narrative("count_threshold", threshold=3),
    "relax: until_stable": _constraints(relax="until_stable"),
    "relax: adiabatic": _constraints(relax="adiabatic"),
    "damage": _constraints(damage=0.05, damage_onset=0.5),
    "backlash": {"correction": {"backlash": 0.5}},
    "turnover": {"turnover": {"rate": 0.01}},
    "turnover with inheritance": {"turnover": {"rate": 0.01, "inherit": 0.5}},
    "feedback: exit": {"feedback": {"exit": 0.01}},
    "complete network": COMPLETE,
    "complete network, hegselmann_krause": COMPLETE
    | _narrative("hegselmann_krause", confidence=0.2),
}

HEARD: Mapping[str, dict[str, Any]] = {
    "feedback read": {},
    "feedback: response_constrained": {"feedback": {"response_constrained": -1.0}},
}
"""Options of reports, which are collected only where somebody reads them."""


def _ratio(frame: Frame, plain: Frame) -> tuple[float, float]:
    """Return a frame's time a person and step [ns], and relative to the plain one."""
    times = [float("inf"), float("inf")]
    for _ in range(TURNS):
        for i, subject in enumerate((frame, plain)):
            begun_at = time.process_time()
            advance(subject, STEPS)
            times[i] = min(times[i], time.process_time() - begun_at)
    return times[0] / (SIZE * STEPS) * 1e9, times[0] / times[1]


def main() -> None:
    print(f"N = {SIZE:,}\n\n| option | ns a person and step | relative to plain |\n|---|---|---|")
    for listening, options in ((False, OPTIONS), (True, HEARD)):
        for name, changes in options.items():
            subject = begun(prepared(SIZE, **changes), listening=listening)
            plain = begun(prepared(SIZE))
            advance(subject, 2)
            advance(plain, 2)
            nanoseconds, ratio = _ratio(subject, plain)
            print(f"| {name} | {nanoseconds:,.0f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
