"""Quasi-static driving against what is known of it.

The random-field Ising model at zero temperature (Sethna et al. 1993) has spins σ = 2 L − 1, each
up where H + J m + f > 0 with m the mean spin around it and f ~ N(0, R²).  With m = 2 share − 1
that is H + 2 J share ≥ J − f: here `coupling` = 2 J, `up` ~ N(J, R²), `width` = 0.  Exposure is
never negative, so H = E − 3 and `up` is shifted by 3; with `leak` 1, E is the stressor itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.scenario.schema import Scenario

CRITICAL = np.sqrt(2.0 / np.pi)
"""Disorder R below which the mean-field model has an infinite avalanche, for J = 1."""


def driven(levels: list[float], *, size: int, **constraints: Any) -> AlignmentModel:
    """Return a model whose load follows the levels given, one a step, on a straight line."""
    network = constraints.pop("network", {"kind": "complete"})
    content: dict[str, Any] = {
        "seed": constraints.pop("seed", 0),
        "signed": True,
        "channels": ["spin"],
        "time": {"steps": max(len(levels), 2)},
        "restoration": {"delays": 2},
        "population": {"size": size},
        "network": network,
        "stressors": [{"kind": "table", "steps": list(range(len(levels))), "levels": levels}],
        "exposure": {"leak": 1.0},
        "narrative": {"rule": "none"},
        "constraints": {"relax": "adiabatic", "width": 0.0, **constraints},
    }
    return AlignmentModel(Scenario.model_validate(content))


def relays(model: AlignmentModel) -> np.ndarray:
    return model.state.constraint[0, :, 0].copy()


def ising(levels: list[float], *, size: int, disorder: float, seed: int = 0) -> AlignmentModel:
    activation = {"kind": "normal", "mean": 4.0, "sd": disorder}
    return driven(levels, size=size, coupling=2.0, activation=activation, seed=seed)


@pytest.mark.parametrize(("ratio", "infinite"), [(0.7, True), (0.85, True), (1.3, False)])
def test_mean_field_ising_has_an_infinite_avalanche_below_critical_disorder(
    ratio: float, infinite: bool
) -> None:
    model = ising([12.0, 12.0], size=3000, disorder=ratio * CRITICAL)
    model.step()
    events = model.frame.avalanches
    assert (events["direction"] == 1).all()
    assert events["size"].sum() == 3000
    assert (np.diff(events["at"]) > 0.0).all()
    share = events["size"].max() / 3000
    assert share > 0.3 if infinite else share < 0.05


def test_slow_ramps_up_and_down_enclose_a_loop() -> None:
    """Below critical disorder; where H = 0 the branches differ by about twice the jump."""
    model = ising([3.0, 12.0, 3.0], size=1000, disorder=0.5 * CRITICAL)
    below = [model.step() or model.prevalence() for _ in range(3)]
    assert below[0] < 0.05
    assert below[1] == 1.0
    assert below[2] > 0.95


def test_critical_avalanches_have_the_exponent_three_halves() -> None:
    """Where about half are up, at critical disorder, sizes below the cutoff fall as size^(−3/2)."""
    sizes = []
    for seed in range(6):
        model = ising([12.0], size=3000, disorder=CRITICAL, seed=seed)
        model.step()
        size = model.frame.avalanches["size"]
        already_up = (np.cumsum(size) - size) / 3000
        sizes.append(size[np.abs(already_up - 0.5) < 0.15])
    size = np.concatenate(sizes)
    size = size[size <= 100]
    grid, exponents = np.arange(1, 101), np.linspace(1.0, 2.5, 151)
    likelihood = [-t * np.log(size).sum() - size.size * np.log((grid**-t).sum()) for t in exponents]
    assert size.size > 100
    assert exponents[int(np.argmax(likelihood))] == pytest.approx(1.5, abs=0.15)


NETWORK = {"kind": "poisson", "degree": 5}
SPREAD = {"kind": "uniform", "low": 0.5, "high": 2.5}


@pytest.mark.parametrize("seed", range(8))
def test_return_point_memory_is_exact(seed: int) -> None:
    """A load that turns back inside its range finds every relay as it left it (Sethna 1993)."""
    rng = np.random.default_rng(seed)
    low, inner, outer = np.sort(rng.uniform(0.2, 3.0, 3)).tolist()
    width = {"kind": "uniform", "low": 0.0, "high": 1.0}
    model = driven(
        [4.0, low, inner, low, outer, inner, outer, 4.0],
        size=200, seed=seed, network=NETWORK, coupling=1.0, activation=SPREAD, width=width,
    )  # fmt: skip
    seen = []
    for _ in range(8):
        model.step()
        seen.append(relays(model))
    np.testing.assert_array_equal(seen[3], seen[1])
    np.testing.assert_array_equal(seen[6], seen[4])
    np.testing.assert_array_equal(seen[7], seen[0])


def test_neighbors_who_take_load_off_can_destroy_return_point_memory() -> None:
    def forgets(seed: int) -> bool:
        model = driven(
            [3.0, 0.8, 1.6, 0.8], size=60, seed=seed, network=NETWORK, coupling=-1.5,
            activation=SPREAD, width=0.3,
        )  # fmt: skip
        seen = [model.step() or relays(model) for _ in range(4)]
        return not np.array_equal(seen[1], seen[3])

    assert any(forgets(seed) for seed in range(20))


@pytest.mark.parametrize("seed", range(5))
def test_one_long_way_is_many_short_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    way = {"size": 150, "network": NETWORK, "coupling": 1.2, "activation": SPREAD, "seed": seed}
    long = driven([3.5], **way)
    short = driven(np.sort(np.append(rng.uniform(0.0, 3.5, 9), 3.5)).tolist(), **way)
    long.step()
    sizes = []
    for _ in range(10):
        short.step()
        sizes += short.frame.avalanches["size"].tolist()
    np.testing.assert_array_equal(relays(long), relays(short))
    assert long.frame.avalanches["size"].tolist() == sizes


def test_a_chain_falls_as_one_avalanche_where_its_first_relay_goes() -> None:
    """Thresholds 1, 1.5, 1.5, …: the first alone is carried over, a quarter of the way to 4."""
    model = driven(
        [4.0], size=50, network={"kind": "ring", "degree": 2}, coupling=1.0,
        activation={"kind": "values", "values": [1.0, *[1.5] * 49]},
    )  # fmt: skip
    model.step()
    events = model.frame.avalanches
    assert events.tolist() == [(0, 1, 50, 0.25)]


def test_until_stable_notes_one_avalanche_each_way() -> None:
    model = driven([1.2, 0.0], size=200, network=NETWORK, activation=SPREAD, relax="until_stable")
    model.step()
    up = int(model.frame.changes[0, 0])
    assert up > 0
    assert model.frame.avalanches.tolist() == [(0, 1, up, 1.0)]
    model.step()
    assert model.frame.avalanches.tolist() == [(0, -1, up, 1.0)]


def test_nothing_is_noted_where_relays_are_updated_once() -> None:
    model = driven([4.0], size=20, activation=SPREAD, relax="once")
    model.step()
    assert model.frame.changes[0, 0] == 20
    assert model.frame.avalanches.size == 0


def test_one_fork_may_drive_slowly_and_another_not() -> None:
    model = driven([1.2, 1.6], size=100, network=NETWORK, coupling=0.8, activation=SPREAD)
    model.step()
    sudden = model.fork({"constraints.relax": "until_stable"})
    model.step(), sudden.step()
    np.testing.assert_array_equal(relays(model), relays(sudden))
    assert model.frame.avalanches.size > sudden.frame.avalanches.size
