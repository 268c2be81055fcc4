"""Compile every kernel: the last step of installation, so that no first run has to wait.

Tiny scenarios are enough, with every mechanism switched on, for plain runs and batches of futures.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.compiled import cache_directory, source_digest

Content = dict[str, Any]

_EVERYTHING: Content = {
    "population": {"size": 60},
    "stressors": [{"kind": "constant", "level": 0.2}],
    "exposure": {"noise": 0.2, "cure": 0.1},
    "trust": {"promised": 0.5},
    "feedback": {"exit": 0.1},
    "turnover": {"rate": 0.1, "inherit": 0.5},
    "optimizers": [{"kind": "proportional"}, {"kind": "rlhf"}],
    "time": {"steps": 2},
    "restoration": {"delays": 2, "rest": 1, "rest_doublings": 1, "horizon": 2, "dwell": 1},
}

_DRIVEN = [
    {"kind": "shocks", "rate": 0.5, "size": 0.1},
    {"kind": "deployment", "intensity_coefficient": 0.1},
]
"""Stressors under which kernels that others do not need accumulate exposure."""

_WORLDS = ((2, "poisson"), (2, "complete"), (5, "watts_strogatz"), (2, "barabasi_albert"))
"""Numbers of channels, which decide the width of packed relays, and kinds of network."""

_RULES: tuple[Content, ...] = (
    {"rule": "friedkin_johnsen"},
    {"rule": "hegselmann_krause"},
    {"rule": "deffuant"},
    {"rule": "biased_assimilation"},
    {"rule": "fraction_threshold", "threshold": 0.5},
)
"""A narrative rule for each kernel but that of the default rule."""

_RELAXATIONS: tuple[Content, ...] = (
    {"relax": "adiabatic"},
    {"relax": "once", "damage": 0.1, "damage_onset": 0.0},
)
"""What is compiled beside, in the same worlds: kernels for a line of loads, and for wear."""


def compile_kernels(precision: str = "double") -> float:
    """Compile what a precision needs and is not compiled yet; return the seconds it took."""
    start = time.perf_counter()
    for channels, network in _WORLDS:
        names = [f"c{k}" for k in range(channels)]
        content: Content = {**_EVERYTHING, "channels": names, "network": {"kind": network}}
        content |= {"constraints": {"coupling": 0.5, "spillover": {"c0": {"c1": 0.1}}}}
        for stressors in (content["stressors"], _DRIVEN):
            _take_through({**content, "stressors": stressors, "precision": precision})
        for constraints in _RELAXATIONS:
            driven = {**content, "constraints": {**content["constraints"], **constraints}}
            _take_through({**driven, "precision": precision})
    for narrative in _RULES:
        content = {**_EVERYTHING, "network": {"kind": "complete"}, "narrative": narrative}
        _take_through({**content, "precision": precision})
    with contextlib.suppress(OSError):  # then the next run compiles, or reads, them again
        _marker(precision).touch()
    return time.perf_counter() - start


def _take_through(content: Content) -> None:
    """Make a step with everything in a scenario, and measure the cost of one replicate."""
    from analysis.cost import measure
    from sim.model import AlignmentModel
    from sim.scenario.schema import Scenario

    scenario = Scenario.model_validate(content)
    AlignmentModel(scenario).step()
    measure(scenario, 0)


def compile_once(precision: str, *, notice: Callable[[], None]) -> None:
    """Compile what a precision needs unless that was done before; `notice` is called first."""
    if not _marker(precision).exists():
        notice()
        compile_kernels(precision)


def _marker(precision: str) -> Path:
    """Return the file that stands for kernels compiled from the sources as they are."""
    return cache_directory() / f"{precision}-{source_digest()}"


if __name__ == "__main__":
    seconds = compile_kernels()
    print(f"compiled kernels in {seconds:.0f} s, kept in {cache_directory().name}")
