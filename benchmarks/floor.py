"""How near a plain step comes to the memory floor, what single precision and threads gain.

The floor is the time in which memory moves what no step can do without: every column and every
tie read once, every column that changes written once, at the rate at which this machine copies a
large array.  Columns of small populations stay in cache, where the floor does not apply.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.engine import begun, prepared
from benchmarks.timing import best_of
from sim.engine import advance
from sim.processes.stage import Frame
from sim.spans import threads_limited

CHANGED = ("exposure", "constraint", "narrative", "lock_in", "trust")
_ROUNDS = 6


def bytes_moved(frame: Frame) -> int:
    """Return what a step must read and write at least."""
    population, graph = frame.population, frame.population.graph
    fixed = (population.vulnerability, population.up, population.down, graph.indptr, graph.indices)
    columns = [getattr(frame.state, name) for name in CHANGED]
    return sum(array.nbytes for array in fixed) + 2 * sum(array.nbytes for array in columns)


def bytes_copied_per_second() -> float:
    source = np.ones(1 << 26)  # zeros would all be one page
    target = np.empty_like(source)
    return 2 * source.nbytes / best_of(8, lambda: np.copyto(target, source))


def main() -> None:
    rate = bytes_copied_per_second()
    print(f"memory: {rate / 1e9:.1f} GB/s copied by one thread\n")
    print("| persons | precision | bytes | floor ns | step ns | share of the floor | two threads |")
    print("|---|---|---|---|---|---|---|")
    for size in (100_000, 1_000_000, 4_000_000):
        for precision in ("double", "single"):
            frame = begun(prepared(size, precision=precision))
            advance(frame, 30)
            alone, shared = _rounds(lambda frame=frame: advance(frame, 1))
            moved = bytes_moved(frame)
            floor = moved / rate
            print(
                f"| {size:,} | {precision} | {moved / size:.0f} | {floor / size * 1e9:.0f} "
                f"| {alone / size * 1e9:.0f} | {floor / alone:.0%} | {alone / shared:.2f}× |"
            )


def _rounds(step: Callable[[], object]) -> tuple[float, float]:
    """Return the shortest time with one thread and with two, measured in turns."""
    times = np.full((_ROUNDS, 2), np.inf)
    for row in times:
        for k, n_threads in enumerate((1, 2)):
            with threads_limited(n_threads):
                row[k] = best_of(3, step)
    alone, shared = times.min(axis=0)
    return float(alone), float(shared)


if __name__ == "__main__":
    main()
