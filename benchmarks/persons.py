"""A million persons as Mesa agents: columns against plain objects, and what they weigh."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mesa
import numpy as np

from benchmarks.engine import BASE
from sim.agents import Person
from sim.model import AlignmentModel
from sim.scenario.schema import Scenario

SIZE = 1_000_000


class Plain(mesa.Agent):  # type: ignore[misc]
    """A person with the state of one channel."""

    def __init__(self, model: mesa.Model, trust: float) -> None:
        super().__init__(model)
        self.trust, self.narrative, self.lock_in, self.exposure = trust, 0.0, 0.0, 0.0


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _bytes() -> int:
    """Return the resident memory of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    scenario = Scenario.model_validate({**BASE, "population": {"size": SIZE}})
    before = _bytes()
    made: list[Any] = []
    ours = {"create": seconds(lambda: made.append(AlignmentModel(scenario)))}
    model = made[0]
    weight = (_bytes() - before) / SIZE
    persons = model.agents_by_type[Person]
    ours["agg(mean)"] = seconds(lambda: persons.agg("trust", np.mean))
    ours["agg(min, max)"] = seconds(lambda: persons.agg("trust", [min, max]))
    ours["select"] = seconds(lambda: persons.select(where=lambda p: p["trust"] < 0.5))
    ours["set"] = seconds(lambda: persons.set("narrative", 0.5))
    ours["sort"] = seconds(lambda: persons.sort("up_deprivation"))
    before = _bytes()
    plain = mesa.Model(rng=1)
    theirs = {"create": seconds(lambda: Plain.create_agents(plain, SIZE, trust=1.0))}
    plain_weight = (_bytes() - before) / SIZE
    agents = plain.agents
    theirs["agg(mean)"] = seconds(lambda: agents.agg("trust", np.mean))
    theirs["agg(min, max)"] = seconds(lambda: agents.agg("trust", [min, max]))
    theirs["select"] = seconds(lambda: agents.select(lambda a: a.trust < 0.5))
    theirs["set"] = seconds(lambda: agents.set("narrative", 0.5))
    theirs["sort"] = seconds(lambda: agents.sort("trust"))
    print(f"{SIZE:,} persons; ours with four channels, thresholds and a network, plain with one\n")
    print("| operation | plain Mesa s | ours s | ratio |")
    print("|---|---|---|---|")
    for name, own in ours.items():
        print(f"| {name} | {theirs[name]:.3f} | {own:.4f} | {theirs[name] / own:,.1f}× |")
    print(f"\nmemory a person: plain {plain_weight:,.0f} bytes, ours {weight:,.0f} bytes")


if __name__ == "__main__":
    main()
