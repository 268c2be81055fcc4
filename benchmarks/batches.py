"""Counterfactual futures together: nanoseconds per person, step and future, by batch width."""

from __future__ import annotations

import numpy as np

from benchmarks.engine import prepared
from benchmarks.timing import best_of
from sim.coefficients import Coefficients
from sim.engine import advance
from sim.environment import Environment
from sim.processes.stage import Frame


def main() -> None:
    print("| persons | futures | ns | against one at a time |")
    print("|---|---|---|---|")
    for size in (1_000, 10_000, 100_000):
        scenario, population, state, draws = prepared(size)
        alone = 0.0
        for width in (1, 6, 13, 32, 48, 64):
            batch = state.take(np.zeros(width, dtype=np.intp))
            batch.correction[...] = 0.1
            frame = Frame.begin(
                population,
                batch,
                coefficients=Coefficients.of(scenario),
                environment=Environment.bench(scenario),
                draws=draws.on("bench"),
            )
            stock = Held(batch.correction.copy())
            frame.controllers = [stock]
            advance(frame, 1)
            cost = best_of(7, lambda frame=frame: advance(frame, 1)) / size / width * 1e9
            alone = cost if width == 1 else alone
            print(f"| {size:,} | {width} | {cost:.0f} | {alone / cost:.1f}× |")


class Held:
    """Keeps a constant correction in force."""

    def __init__(self, effort: np.ndarray) -> None:
        self.effort = effort

    def sense(self, frame: Frame) -> None:
        pass

    def act(self, frame: Frame) -> np.ndarray:
        return self.effort


if __name__ == "__main__":
    main()
