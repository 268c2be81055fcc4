"""Compile every kernel: the last step of installation, so that no first run has to wait.

Tiny scenarios are enough, with every mechanism switched on, for plain runs and batches of futures.
"""

from __future__ import annotations

import time

from sim.compiled import cache_directory

_EVERYTHING: dict[str, object] = {
    "population": {"size": 60},
    "stressors": [{"kind": "constant", "level": 0.2}],
    "exposure": {"noise": 0.2, "cure": 0.1},
    "trust": {"promised": 0.5},
    "turnover": {"rate": 0.1},
    "optimizers": [{"kind": "proportional"}],
}

_WORLDS = ((2, "poisson"), (2, "complete"), (5, "watts_strogatz"), (2, "barabasi_albert"))
"""Numbers of channels, which decide the width of packed relays, and kinds of network."""


def compile_kernels() -> float:
    """Compile what is not compiled yet and return the seconds it took."""
    from analysis.cost import measure
    from sim.model import AlignmentModel
    from sim.scenario.schema import Scenario

    start = time.perf_counter()
    for channels, network in _WORLDS:
        names = [f"c{k}" for k in range(channels)]
        content = {**_EVERYTHING, "channels": names, "network": {"kind": network}}
        content["constraints"] = {"coupling": 0.5, "spillover": {"c0": {"c1": 0.1}}}
        content["time"] = {"steps": 2}
        content["restoration"] = {
            "delays": 2, "rest": 1, "rest_doublings": 1, "horizon": 2, "dwell": 1,
        }  # fmt: skip
        scenario = Scenario.model_validate(content)
        AlignmentModel(scenario).step()
        measure(scenario, 0)
    return time.perf_counter() - start


if __name__ == "__main__":
    seconds = compile_kernels()
    print(f"compiled kernels in {seconds:.0f} s, kept in {cache_directory().name}")
