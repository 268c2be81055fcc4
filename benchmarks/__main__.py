"""`make bench`, or `python -m benchmarks [NAME...]`."""

from __future__ import annotations

import sys
from importlib import import_module

from sim.spans import threads_limited

NAMES = (
    "engine",
    "sparse",
    "starsim",
    "floor",
    "persons",
    "batches",
    "options",
    "curve",
    "family",
    "sensitivity",
)


def main() -> None:
    chosen = sys.argv[1:] or NAMES
    for name in chosen:
        if name not in NAMES:
            sys.exit(f"no benchmark named {name}; known: {', '.join(NAMES)}")
        print(f"\n## {name}\n", flush=True)
        # Others have one thread too; `floor` says what a second one gains.
        with threads_limited(1):
            import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
