"""Random scenarios and edge lists, every option of the schema that a step reads in them.

Thresholds are always spread continuously, so that a load never meets one exactly and rounding
cannot decide a relay; exact ties have a test of their own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from sim.network import Graph

Block = dict[str, Any]


class Dice(random.Random):
    """A seeded source of scenario values."""

    def maybe(self, value: Callable[[], Any], *, otherwise: Any = 0.0) -> Any:
        """Return the value that switches a mechanism off, or any other."""
        return otherwise if self.random() < 0.4 else value()

    def share(self) -> float:
        """Return a number on [0, 1], at times one of its ends."""
        return self.choice([0.0, 1.0, *[self.random() for _ in range(6)]])

    def per_channel(self, names: list[str], value: Callable[[], Any]) -> Any:
        """Return one value for all channels, or one for each or most of them."""
        if self.random() < 0.4:
            return value()
        return {name: value() for name in names if self.random() < 0.9}

    def spread(self, low: float, high: float) -> Block:
        """Return a distribution without atoms whose middle lies in [low, high]."""
        middle, width = self.uniform(low, high), self.uniform(0.05, 0.8)
        return self.choice(
            [
                {"kind": "lognormal", "median": middle, "sigma": width},
                {"kind": "normal", "mean": middle, "sd": width},
                {"kind": "uniform", "low": middle - width, "high": middle + width},
                {"kind": "exponential", "mean": middle},
                {"kind": "gamma", "shape": 4.0, "scale": middle / 4.0},
                {"kind": "beta", "a": 1.0 + middle, "b": 2.0},
                {
                    "kind": "scipy",
                    "name": "weibull_min",
                    "parameters": {"c": 1.0 + width, "scale": middle},
                },
            ]
        )

    def shares(self, names: list[str]) -> dict[str, float]:
        """Return shares that sum to 1, some of them perhaps 0."""
        parts = [self.randint(0, 4) for _ in names]
        parts[self.randrange(len(parts))] += 1
        return {name: part / sum(parts) for name, part in zip(names, parts, strict=True)}


def random_stressor(dice: Dice, channels: list[str], groups: list[str]) -> Block:
    """Return a stressor of any kind."""
    settling, endless = ["constant", "ramp", "pulse", "table"], ["seasonal", "shocks"]
    endless += ["ornstein_uhlenbeck", "deployment"]
    kind = dice.choice(settling + endless)
    block: Block = {
        "kind": kind,
        "channel": dice.choice(["all", *channels]),
        "groups": dice.sample(groups, dice.randint(0, len(groups))),
    }
    low, high = dice.uniform(0.0, 0.6), dice.uniform(0.0, 0.6)
    start, duration = dice.randint(0, 40), dice.randint(1, 40)
    if kind == "constant":
        return block | {"level": high}
    if kind == "pulse":
        return block | {"level": high, "start": start, "duration": duration}
    if kind == "ramp":
        block |= {"from_level": low, "to_level": high}
        window = {"start": start, "end": start + dice.choice([0, duration])}
        return block | dice.maybe(lambda: window, otherwise={})
    if kind in endless:
        return block | {"kind": kind} | _endless(dice, kind)
    steps = sorted(dice.sample(range(50), dice.randint(1, 5)))
    levels = [dice.uniform(0.0, 0.6) for _ in steps]
    interpolation = dice.choice(["hold", "linear"])
    return block | {"steps": steps, "levels": levels, "interpolation": interpolation}


def _endless(dice: Dice, kind: str) -> Block:
    """Return the settings of a stressor that never settles."""
    mean = dice.uniform(-0.2, 0.6)
    if kind == "seasonal":
        wave = {"amplitude": dice.uniform(0.0, 0.6), "period": dice.uniform(0.3, 40.0)}
        return {"mean": mean, "peak": dice.uniform(-20.0, 20.0)} | wave
    if kind == "shocks":
        sizes = [dice.uniform(0.0, 0.6), dice.spread(0.0, 0.4)]
        rate = dice.maybe(lambda: dice.choice([0.1, 3.0]))
        return {"rate": rate, "size": dice.choice(sizes), "decay": dice.share()}
    if kind == "deployment":
        return {"intensity_coefficient": dice.maybe(lambda: dice.uniform(0.0, 0.5))}
    start = dice.maybe(lambda: {"initial": dice.uniform(-0.2, 0.6)}, otherwise={})
    spread = {"relaxation": dice.uniform(0.2, 30.0), "sd": dice.maybe(lambda: dice.uniform(0, 0.4))}
    return {"mean": mean} | spread | start


def _network(dice: Dice, *, size: int) -> Block:
    kinds = ["poisson", "block_model", "complete", "star", "lattice", "ring", "watts_strogatz"]
    kinds.append("barabasi_albert")
    kind = dice.choice(kinds if size > 2 else kinds[:-3])
    if kind == "poisson":
        return {"kind": kind, "degree": dice.uniform(0.0, min(6.0, size - 1.0))}
    if kind == "block_model":
        # So sparse that the smallest group, 1/15 of the persons at least, can offer it.
        return {"kind": kind, "degree": dice.uniform(0.0, 0.9) * (size > 30), "homophily": 1.0}
    if kind == "lattice":
        rows = dice.choice([rows for rows in range(1, size + 1) if size % rows == 0])
        return {
            "kind": kind,
            "rows": rows,
            "columns": size // rows,
            "neighborhood": dice.choice(["von_neumann", "moore"]),
            "periodic": dice.choice([True, False]),
        }
    if kind == "barabasi_albert":
        return {"kind": kind, "ties": dice.randint(1, min(4, size - 1))}
    if kind in ("ring", "watts_strogatz"):
        return {"kind": kind, "degree": 2 * dice.randint(1, min(3, (size - 1) // 2))}
    return {"kind": kind}


def edge_list(dice: Dice, size: int, *, signed: bool) -> Graph:
    """Return a network from edges: sparse enough to leave some isolated, weighted or not."""
    rng = np.random.default_rng(dice.getrandbits(32))
    sources, targets = rng.integers(0, size, (2, dice.randint(0, 3 * size)))
    weights = rng.uniform(-0.5 if signed else 0.1, 2.0, sources.size)
    return Graph.from_edges(
        sources,
        targets,
        n_persons=size,
        weights=dice.maybe(lambda: weights, otherwise=None),
        directed=dice.choice([True, False]),
        signed=signed,
        self_loops=dice.choice([True, False]),
    )


def _population(dice: Dice, names: list[str], *, size: int) -> Block:
    def vulnerability() -> Any:
        return dice.maybe(lambda: dice.spread(0.1, 2.0), otherwise=1.0)

    def start() -> Any:
        return dice.maybe(lambda: dice.spread(0.2, 0.8))

    def activation() -> Block:
        return {"activation": dice.per_channel(names, lambda: dice.spread(0.2, 1.5))}

    values = [dice.random() for _ in range(size)]
    groups = dice.shares(["a", "b", "c"][: dice.randint(1, 3)] if size > 6 else ["a"])
    return {
        "size": size,
        "resample": dice.choice(["noise", "population"]),
        "arrangement": dice.choice(["contiguous", "shuffled"]),
        "groups": {
            name: {"share": part, "vulnerability": dice.per_channel(names, vulnerability)}
            | dice.maybe(activation, otherwise={})
            | dice.choice([{}, {}, {"stubbornness": dice.share()}])
            | ({"initial": _own_start(dice, names)} if dice.random() < 0.2 else {})
            for name, part in groups.items()
        },
        "initial": {
            "exposure": dice.per_channel(names, start),
            "constrained": dice.per_channel(names, dice.share),
            "narrative": start(),
            "lock_in": start(),
            "trust": dice.choice([1.0, dice.spread(0.2, 0.8), dice.spread(0.2, 0.8), values]),
        },
    }


def _own_start(dice: Dice, names: list[str]) -> Block:
    """Return some initial values of a group."""
    values = {
        "exposure": dice.per_channel(names, lambda: dice.spread(0.2, 0.8)),
        "constrained": dice.per_channel(names, dice.share),
        "narrative": dice.spread(0.2, 0.8),
        "lock_in": dice.share(),
        "trust": dice.spread(0.2, 0.8),
    }
    return {name: value for name, value in values.items() if dice.random() < 0.5}


def _constraints(dice: Dice, names: list[str], *, signed: bool) -> Block:
    least = -1.0 if signed else 0.0

    def load() -> float:
        return dice.maybe(lambda: dice.uniform(least, 2.0))

    def width() -> Any:
        return dice.maybe(lambda: dice.choice([dice.uniform(0.0, 0.8), dice.spread(0.1, 0.5)]))

    def inner() -> dict[str, float]:
        chosen = dice.sample(names, dice.randint(0, min(2, len(names))))
        return {name: dice.uniform(least, 1.0) for name in chosen}

    return {
        "activation": dice.per_channel(names, lambda: dice.spread(0.2, 1.5)),
        "correlation": dice.maybe(lambda: dice.uniform(0.0, 0.9)),
        "width": dice.per_channel(names, width),
        "ratchet_share": dice.per_channel(names, lambda: dice.maybe(dice.share)),
        "coupling": dice.per_channel(names, load),
        "narrative_feed": dice.per_channel(names, load),
        "spillover": {name: inner() for name in dice.sample(names, dice.randint(0, len(names)))},
        "relax": dice.choice(["once", "until_stable", "adiabatic"]),
        "damage": dice.maybe(lambda: dice.per_channel(names, lambda: dice.uniform(0.0, 0.3))),
        "damage_onset": dice.per_channel(names, lambda: dice.uniform(-0.5, 1.5)),
    }


RULES = (
    "none",
    "degroot",
    "friedkin_johnsen",
    "hegselmann_krause",
    "deffuant",
    "biased_assimilation",
    "fraction_threshold",
    "count_threshold",
)


def _of_the_rule(dice: Dice, rule: str) -> Block:
    """Return what only some rules read."""
    match rule:
        case "hegselmann_krause" | "deffuant":
            block = {"confidence": dice.uniform(0.05, 1.2)}
            block |= {"confidence_lock_in": dice.maybe(lambda: dice.uniform(0.0, 0.95))}
            if rule == "deffuant":
                block |= {"pairs": dice.uniform(0.0, 3.0), "convergence": dice.share()}
            return block
        case "biased_assimilation":
            bias = dice.maybe(lambda: dice.choice([0.5, 1.0, dice.uniform(0.0, 4.0)]))
            return {"self_weight": dice.maybe(lambda: dice.uniform(0.0, 3.0)), "bias": bias}
        case "fraction_threshold":
            return {"threshold": dice.spread(0.1, 0.6)}
        case "count_threshold":
            return {"threshold": dice.choice([1, 2, dice.spread(1.0, 4.0)])}
    return {}


def _narrative(dice: Dice) -> Block:
    social, rule = dice.share(), dice.choice(RULES)
    stubborn = dice.choice([{}, {"stubbornness": dice.choice([0.3, dice.spread(0.1, 0.9)])}])
    return {
        "rule": rule,
        **stubborn,
        **_of_the_rule(dice, rule),
        "social": social,
        "push": dice.share() * (1.0 - social) * (1.0 - 1e-9),
        "heal": dice.share() * (1.0 - social) * (1.0 - 1e-9),
        "lock": dice.share(),
        "unlock": dice.share(),
        "lock_in_mode": dice.choice(["ratchet", "symmetric"]),
    }


def _trust_and_reports(dice: Dice, names: list[str]) -> Block:
    def flips() -> dict[str, float]:
        return {"at_full_trust": dice.uniform(0.0, 0.5), "at_no_trust": dice.uniform(0.0, 0.5)}

    return {
        "trust": {
            "trust_gain": dice.share(),
            "trust_loss": dice.share(),
            "promised": dice.maybe(lambda: dice.uniform(0.0, 2.0)),
            "promise_scale": dice.uniform(0.1, 3.0),
        },
        "feedback": {
            "response_base": dice.uniform(-3.0, 3.0),
            "response_trust": dice.uniform(-3.0, 5.0),
            "response_constrained": dice.maybe(lambda: dice.uniform(-4.0, 4.0)),
            "exit": dice.maybe(dice.share),
            "over_report": dice.maybe(flips, otherwise={}),
            "under_report": dice.maybe(flips, otherwise={}),
            "legibility": dice.per_channel(names, lambda: dice.maybe(dice.share, otherwise=1.0)),
        },
    }


def _rate(dice: Dice, groups: list[str]) -> Any:
    """Return a rate of turnover for everyone, or one for each of some groups."""
    if dice.random() < 0.6:
        return dice.uniform(0.0, 0.5)
    return {name: dice.uniform(0.0, 0.5) for name in groups if dice.random() < 0.8}


def random_scenario(dice: Dice, *, size: int) -> Block:
    """Return a scenario in the form people write."""
    names = [f"c{k}" for k in range(dice.choice([1, 2, 3, 4, 5, 8]))]
    signed = dice.random() < 0.25
    population = _population(dice, names, size=size)
    groups = list(population["groups"])
    return {
        "seed": dice.getrandbits(63),
        "signed": signed,
        "time": {"steps": dice.randint(2, 60)},
        "restoration": {"delays": [0, 1]},
        "channels": dice.shares(names),
        "population": population,
        "network": _network(dice, size=size),
        "stressors": [random_stressor(dice, names, groups) for _ in range(dice.randint(0, 4))],
        "exposure": {
            "leak": dice.per_channel(names, dice.share),
            "noise": dice.maybe(lambda: dice.uniform(0.0, 1.0)),
            "cure": dice.maybe(lambda: dice.uniform(0.0, 1.0)),
        },
        "constraints": _constraints(dice, names, signed=signed),
        "correction": {
            "gain": dice.uniform(0.0, 2.0),
            "trust_dependence": dice.share(),
            "lock_in_dependence": dice.share(),
            "decay": dice.maybe(dice.share, otherwise=1.0),
            "u_max": dice.uniform(0.5, 6.0),
            "backlash": dice.choice([0.0, 0.0, dice.random(), dice.uniform(1.0, 3.0)]),
        },
        "narrative": _narrative(dice),
        **_trust_and_reports(dice, names),
        "turnover": {
            "rate": dice.maybe(lambda: _rate(dice, groups)),
            "inherit": dice.maybe(dice.share),
        },
    }
