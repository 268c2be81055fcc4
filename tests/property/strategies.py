"""Random scenarios that keep order, or need not, and restorations small enough to be measured.

Options are drawn one by one, so that a failure shrinks to the few that matter, and numbers lie
on a grid of hundredths.  Thresholds alone are spread continuously, by the scenario's own draws:
no load meets one exactly, and rounding cannot decide a relay.

Strategies are kept once made: making and validating them costs more than drawing from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st

from sim.scenario.resolve import full
from sim.scenario.schema import Scenario

Content = dict[str, Any]
Names = tuple[str, ...]


@cache
def between(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers on [low, high], a hundredth of the way apart."""
    return st.integers(0, 100).map(lambda i: low + (high - low) * (i / 100.0))


share = between(0.0, 1.0)
seeds = st.integers(0, 2**32 - 1)


@cache
def maybe(strategy: st.SearchStrategy[Any], *, otherwise: Any = 0.0) -> st.SearchStrategy[Any]:
    """The value that switches a mechanism off, or any other."""
    return st.just(otherwise) | strategy


@cache
def per_channel(names: Names, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One value for all channels, or one for each."""
    return value | st.fixed_dictionaries(dict.fromkeys(names, value))


@cache
def spread(low: float, high: float) -> st.SearchStrategy[Content]:
    """A distribution without atoms whose median lies in [low, high]."""
    kinds = {
        "lognormal": lambda middle, by: {"median": middle, "sigma": by},
        "normal": lambda middle, by: {"mean": middle, "sd": by},
        "uniform": lambda middle, by: {"low": middle - by, "high": middle + by},
        "gamma": lambda middle, by: {"shape": 1.0 / by, "scale": middle * by},
        "scipy": lambda middle, by: {
            "name": "logistic",
            "parameters": {"loc": middle, "scale": by / 2.0},
        },
    }
    return st.builds(
        lambda kind, middle, by: {"kind": kind} | kinds[kind](middle, by),
        st.sampled_from(list(kinds)),
        between(low, high),
        between(0.05, 0.6),
    )


@cache
def groupwise(names: Names, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One value for each of some groups."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, value))


@cache
def shares(names: Names) -> st.SearchStrategy[dict[str, float]]:
    """Shares that sum to 1, some of them perhaps 0."""
    parts = st.lists(st.integers(0, 4), min_size=len(names), max_size=len(names))
    equal = [1] * len(names)
    return parts.map(lambda p: p if any(p) else equal).map(
        lambda p: {n: x / sum(p) for n, x in zip(names, p, strict=True)}
    )


@cache
@st.composite
def networks(draw: st.DrawFn, size: int, *, smallest_share: float) -> Content:
    """A network of any built-in kind."""
    kinds = ["poisson", "complete", "star", "block_model", "lattice", "ring", "watts_strogatz"]
    kinds.append("barabasi_albert")
    kind = draw(st.sampled_from(kinds if size > 2 else kinds[:-3]))
    if kind in ("poisson", "block_model"):
        # A block offers no more neighbors than it has other persons.
        others = (smallest_share if kind == "block_model" else 1.0) * size - 2.0
        homophily = {"homophily": 0.9} if kind == "block_model" else {}
        degree = draw(between(0.0, min(6.0, max(others, 0.0))))
        return {"kind": kind, "degree": degree} | homophily
    if kind == "lattice":
        rows = draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0]))
        return {"kind": kind, "rows": rows, "columns": size // rows, "periodic": rows > 2}
    if kind == "barabasi_albert":
        return {"kind": kind, "ties": draw(st.integers(1, min(3, size - 1)))}
    if kind in ("ring", "watts_strogatz"):
        return {"kind": kind, "degree": 2 * draw(st.integers(1, min(3, (size - 1) // 2)))}
    return {"kind": kind}


@cache
@st.composite
def pulses(draw: st.DrawFn, channels: Names) -> Content:
    """A stressor that comes and goes."""
    return {
        "kind": "pulse",
        "channel": draw(st.sampled_from(["all", *channels])),
        "level": draw(between(0.0, 0.6)),
        "start": draw(st.integers(0, 4)),
        "duration": draw(st.integers(1, 8)),
    }


@cache
@st.composite
def rising(draw: st.DrawFn, channels: Names, *, upwards: bool = True) -> Content:
    """A stressor that never falls, or one of the same kinds that may."""
    channel = {"channel": draw(st.sampled_from(["all", *channels]))}
    kind = draw(st.sampled_from(["ramp", "constant", "table"]))
    if kind == "constant":
        return channel | {"kind": kind, "level": draw(between(0.0, 0.6))}
    n = 2 if kind == "ramp" else draw(st.integers(1, 4))
    levels = draw(st.lists(between(0.0, 0.6), min_size=n, max_size=n))
    levels = sorted(levels) if upwards else levels
    if kind == "ramp":
        return channel | {"kind": kind, "from_level": levels[0], "to_level": levels[1]}
    steps = sorted(draw(st.sets(st.integers(0, 20), min_size=n, max_size=n)))
    interpolation = draw(st.sampled_from(["hold", "linear"]))
    return channel | {
        "kind": kind,
        "steps": steps,
        "levels": levels,
        "interpolation": interpolation,
    }


@cache
@st.composite
def unsettled(draw: st.DrawFn, channels: Names) -> Content:
    """A stressor that goes on for ever, by the calendar or at random."""
    block = {"channel": draw(st.sampled_from(["all", *channels]))}
    kind = draw(st.sampled_from(["seasonal", "shocks", "ornstein_uhlenbeck"]))
    level = {"mean": draw(between(-0.1, 0.4))}
    if kind == "seasonal":
        wave = {"amplitude": draw(between(0.0, 0.4)), "period": draw(between(1.0, 12.0))}
        return block | {"kind": kind, "peak": draw(between(0.0, 10.0))} | level | wave
    if kind == "shocks":
        size = draw(between(0.0, 0.5) | spread(0.05, 0.35))
        shock = {"rate": draw(maybe(between(0.0, 2.0))), "size": size, "decay": draw(share)}
        return block | {"kind": kind} | shock
    drift = {"relaxation": draw(between(0.5, 10.0)), "sd": draw(maybe(between(0.0, 0.3)))}
    return block | {"kind": kind} | level | drift


@cache
def deployments(channels: Names) -> st.SearchStrategy[list[Content]]:
    """Stress that comes with deployment, or none."""
    coupled = st.builds(
        lambda channel, chi: {
            "kind": "deployment",
            "channel": channel,
            "intensity_coefficient": chi,
        },
        st.sampled_from(["all", *channels]),
        between(0.0, 0.5),
    )
    return st.lists(coupled, max_size=1)


@cache
def stressors(channels: Names) -> st.SearchStrategy[list[Content]]:
    """Some stressors of any kind."""
    any_kind = pulses(channels) | rising(channels, upwards=False) | unsettled(channels)
    return st.lists(any_kind, max_size=3)


@cache
def spillovers(names: Names) -> st.SearchStrategy[Content]:
    """Loads from some channels on some channels."""
    row = st.dictionaries(st.sampled_from(names), between(0.0, 1.0), max_size=2)
    return st.dictionaries(st.sampled_from(names), row, max_size=2)


def resolved(content: Mapping[str, Any]) -> Scenario:
    """Return a scenario as the engine takes it."""
    return full(Scenario.model_validate(dict(content)))


def _narrative(draw: st.DrawFn) -> Content:
    social = draw(share)
    room = between(0.0, max(0.0, 1.0 - social - 1e-9))
    rates = {name: draw(maybe(rate)) for name, rate in (("push", room), ("heal", room))}
    rates |= {name: draw(maybe(share)) for name in ("lock", "unlock")}
    return {**draw(orderly_rules), "social": social, **rates}


_bias = st.fixed_dictionaries(
    {"rule": st.just("biased_assimilation")},
    optional={"bias": maybe(between(0.0, 4.0)), "self_weight": maybe(between(0.0, 2.0))},
)
_thresholds = st.fixed_dictionaries(
    {"rule": st.just("fraction_threshold"), "threshold": spread(0.1, 0.6)}
) | st.fixed_dictionaries(
    {"rule": st.just("count_threshold"), "threshold": st.integers(0, 3) | spread(0.5, 3.0)}
)
_averages = st.sampled_from(["degroot", "none", "friedkin_johnsen"]).map(lambda r: {"rule": r})

orderly_rules = st.builds(
    lambda rule, stubborn: rule | stubborn,
    _averages | _bias | _thresholds,
    st.just({}) | st.fixed_dictionaries({"stubbornness": share | spread(0.2, 0.8)}),
)
"""Narrative rules that keep order, with what they read."""

bounded_rules = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["hegselmann_krause", "deffuant"]),
        "confidence": between(0.0, 2.0),
        "confidence_lock_in": maybe(share),
    }
)
"""Bounded confidence, which keeps order only where it is no bound."""


widths = maybe(between(0.0, 0.8)) | spread(0.1, 0.5)


def _relaxation(draw: st.DrawFn, names: Names) -> Content:
    """How relays come to rest, and what their load does to them."""
    return {
        "relax": draw(st.sampled_from(["once", "until_stable", "adiabatic"])),
        "damage": draw(maybe(per_channel(names, maybe(between(0.0, 0.5))))),
        "damage_onset": draw(per_channel(names, between(-0.5, 1.5))),
    }


def _constraints(draw: st.DrawFn, names: Names) -> Content:
    load = maybe(between(0.0, 2.0))
    return {
        "activation": draw(per_channel(names, spread(0.2, 1.5))),
        "correlation": draw(maybe(between(0.0, 0.9))),
        "width": draw(per_channel(names, widths)),
        "ratchet_share": draw(per_channel(names, maybe(share))),
        "coupling": draw(per_channel(names, load)),
        "narrative_feed": draw(per_channel(names, load)),
        "spillover": draw(spillovers(names)),
        **_relaxation(draw, names),
    }


def _correction(draw: st.DrawFn) -> Content:
    return {
        "gain": draw(between(0.1, 2.0)),
        "trust_dependence": draw(maybe(share)),
        "lock_in_dependence": draw(maybe(share)),
        "decay": draw(maybe(share, otherwise=1.0)),
        "backlash": draw(maybe(share)),
    }


def _feedback(draw: st.DrawFn) -> Content:
    return {
        "response_constrained": draw(maybe(between(-4.0, 4.0))),
        "exit": draw(maybe(share)),
    }


def _trust(draw: st.DrawFn) -> Content:
    rates = {"trust_gain": draw(maybe(share)), "trust_loss": draw(maybe(share))}
    return rates | {"promised": draw(maybe(between(0.0, 2.0))), "promise_scale": 1.5}


@st.composite
def cooperative(draw: st.DrawFn, *, max_size: int = 40) -> Content:
    """A scenario whose mechanisms all keep order, every option in random combination."""
    names = tuple(f"c{k}" for k in range(draw(st.integers(1, 4))))
    size = draw(st.integers(2, max_size))
    first = draw(st.integers(0, size))
    groups = {"a": (size - first) / size, "b": first / size}
    smallest = min(part for part in groups.values() if part)
    vulnerability = maybe(spread(0.3, 2.0), otherwise=1.0)
    return {
        "seed": draw(st.integers(0, 2**32)),
        "precision": draw(st.sampled_from(["double", "single"])),
        "time": {"steps": draw(st.integers(1, 40))},
        "restoration": {"delays": [0, 1]},
        "channels": draw(shares(names)),
        "population": {
            "size": size,
            "groups": {
                name: {"share": part, "vulnerability": draw(vulnerability)}
                for name, part in groups.items()
            },
            "initial": {"trust": draw(maybe(spread(0.2, 0.8), otherwise=1.0))},
        },
        "network": draw(networks(size, smallest_share=smallest)),
        "stressors": draw(stressors(names)),
        "exposure": {
            "leak": draw(per_channel(names, maybe(share))),
            "noise": draw(maybe(between(0.0, 1.0))),
            "cure": draw(maybe(between(0.0, 1.0))),
        },
        "constraints": _constraints(draw, names),
        "correction": _correction(draw),
        "narrative": _narrative(draw),
        "trust": _trust(draw),
        "feedback": _feedback(draw),
        "turnover": {
            "rate": draw(maybe(between(0.0, 0.5)) | groupwise(tuple(groups), between(0.0, 0.5))),
            "inherit": draw(maybe(share)),
        },
    }


@st.composite
def any_order(draw: st.DrawFn, *, max_size: int = 20) -> Content:
    """A scenario that keeps order or does not: signed, symmetric lock-in, bounded confidence."""
    content = draw(cooperative(max_size=max_size))
    content["signed"] = draw(st.booleans())
    least = -1.0 if content["signed"] else 0.0
    for name in ("coupling", "narrative_feed"):
        content["constraints"][name] = draw(maybe(between(least, 2.0)))
    if draw(st.booleans()):
        rates = ("social", "push", "heal", "lock", "unlock")
        kept = {name: content["narrative"][name] for name in rates}
        content["narrative"] = draw(bounded_rules) | kept
    content["narrative"]["lock_in_mode"] = draw(st.sampled_from(["ratchet", "symmetric"]))
    content["correction"]["backlash"] = draw(maybe(between(0.0, 3.0)))
    content["stressors"] += draw(deployments(tuple(content["channels"])))
    return content


def _restoration(draw: st.DrawFn, *, names: Names) -> Content:
    horizon = draw(st.integers(2, 8))
    return {
        "delays": draw(st.integers(3, 7)),
        "rest": draw(st.integers(0, 4)),
        "rest_doublings": 1,
        "horizon": horizon,
        "dwell": draw(st.integers(1, max(1, horizon // 2))),
        "lengths": sorted(draw(st.sets(st.integers(1, horizon), max_size=3))),
        "u_max": draw(between(3.0, 12.0)) * len(names),
        "tolerance": 1.0 / draw(st.integers(6, 30)),
        "direction": draw(st.none() | per_channel(names, between(0.2, 1.0))),
    }


@cache
@st.composite
def _burdens(draw: st.DrawFn, names: Names) -> Content:
    """Constraints of which some, but not all at once, switch on in the course of a scenario."""
    return {
        "activation": draw(spread(0.4, 1.2)),
        "width": draw(per_channel(names, widths)),
        "ratchet_share": draw(maybe(between(0.0, 0.5))),
        "coupling": draw(per_channel(names, maybe(between(0.0, 0.8)))),
        "narrative_feed": draw(per_channel(names, maybe(between(0.0, 0.5)))),
        "spillover": draw(spillovers(names)),
        **_relaxation(draw, names),
    }


_main_stressor = st.builds(
    lambda start, rise: {"kind": "ramp", "from_level": start, "to_level": start + rise},
    maybe(between(0.0, 0.1)),
    between(0.05, 0.5),
)


@st.composite
def _small(draw: st.DrawFn, *, leak: st.SearchStrategy[float], max_size: int = 12) -> Content:
    """A cooperative scenario with a small restoration on the bench, from the bottom state."""
    content = draw(cooperative(max_size=max_size))
    names = tuple(content["channels"])
    content["time"] = {"steps": draw(st.integers(6, 20))}
    content["stressors"] = [draw(_main_stressor), *draw(st.lists(rising(names), max_size=1))]
    content["exposure"] |= {"leak": draw(per_channel(names, leak)), "noise": 0.0}
    content["constraints"] = draw(_burdens(names))
    for name in ("trust_dependence", "lock_in_dependence"):
        content["correction"][name] *= 0.8
    content["population"]["initial"] = {}
    content["turnover"] = {}
    content["restoration"] = _restoration(draw, names=names)
    content["safe"] = {"prevalence": draw(between(0.0, 0.3)), "every_group": draw(st.booleans())}
    content["twin"] = {"certificate_steps": 1}
    return content


@st.composite
def never_forgetting(draw: st.DrawFn) -> Content:
    """λ = 0 with ratchets: stress may fall and be noisy, exposure cannot."""
    content = draw(_small(leak=st.just(0.0)))
    content["stressors"] += draw(st.lists(pulses(tuple(content["channels"])), max_size=1))
    content["exposure"]["noise"] = draw(maybe(between(0.0, 1.0)))
    return content


def rising_and_leaking(*, max_size: int = 12) -> st.SearchStrategy[Content]:
    """λ > 0 with widths and ratchets, under rising noise-free stress."""
    return _small(leak=between(0.02, 0.4), max_size=max_size)


@st.composite
def measurable(draw: st.DrawFn) -> Content:
    """Any small scenario: an assumption may fail for one reason, for several or for none."""
    content = draw(_small(leak=maybe(between(0.02, 0.4))))
    names = tuple(content["channels"])
    content["restoration"]["environment"] = draw(st.sampled_from(["bench", "future"]))
    obstacles = draw(st.sets(st.sampled_from(["falling", "noise", "start", "turnover"])))
    if "falling" in obstacles:
        falling = pulses(names) | rising(names, upwards=False) | unsettled(names)
        content["stressors"].append(draw(falling))
    if "noise" in obstacles:
        content["exposure"]["noise"] = draw(between(0.0, 1.0))
    if "start" in obstacles:
        content["population"]["initial"] = {"trust": draw(share), "narrative": draw(share)}
    if "turnover" in obstacles:
        content["turnover"] = {"rate": draw(between(0.0, 0.5))}
    return content
