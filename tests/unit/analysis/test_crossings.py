from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.crossings import first_passage

paths = st.lists(st.integers(0, 4).map(lambda i: i / 4), min_size=1, max_size=12)
levels = st.integers(0, 8).map(lambda i: i / 8)


@pytest.mark.parametrize(
    ("path", "level", "direction", "step"),
    [
        ([0.0, 0.2, 0.6], 0.5, "up", 2),
        ([0.0, 0.5], 0.5, "up", 1),  # reaching a level is crossing it
        ([0.9, 0.5], 0.5, "down", 1),
        ([0.9, 0.8, 0.7], 0.5, "up", None),  # beyond from the start
        ([0.9, 0.4, 0.6], 0.5, "up", 2),
        ([0.1, 0.6, 0.4, 0.6], 0.5, "up", 1),
        ([0.1, 0.6, 0.4, 0.6], 0.5, "down", 2),
        ([0.1, 0.2], 0.5, "down", None),
        ([0.5], 0.5, "up", None),
    ],
)
def test_first_passage(path: list[float], level: float, direction: str, step: int | None) -> None:
    assert first_passage(path, level=level, direction=direction) == step


@given(paths, levels, st.sampled_from(["up", "down"]))
def test_it_is_the_first_step_from_before_to_beyond(
    path: list[float], level: float, direction: str
) -> None:
    def beyond(value: float) -> bool:
        return value >= level if direction == "up" else value <= level

    steps = [s for s in range(1, len(path)) if beyond(path[s]) and not beyond(path[s - 1])]
    assert first_passage(path, level=level, direction=direction) == (steps[0] if steps else None)


@given(paths, levels, levels)
def test_from_the_bottom_a_higher_level_is_crossed_no_earlier(
    path: list[float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    path = [-1.0, *path]
    later = first_passage(path, level=high)
    if later is not None:
        earlier = first_passage(path, level=low)
        assert earlier is not None
        assert earlier <= later


def test_an_unknown_direction_is_refused() -> None:
    with pytest.raises(KeyError):
        first_passage([0.0, 1.0], level=0.5, direction="sideways")
