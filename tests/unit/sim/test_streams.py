"""Random draws: the published generator, the naming of draws, and plain sanity."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.streams import CLOCKS, STREAMS, Draws, philox
from tests.reference import philox as reference

Words = tuple[int, ...]

# Known answers for philox4x32-10 that come with Random123 (kat_vectors): counter, key, output.
KNOWN_ANSWERS: list[tuple[Words, Words, Words]] = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]

word = st.integers(0, 2**32 - 1)
small = st.integers(1, 9)


@given(
    seed=st.integers(0, 2**64 - 1),
    replicate=word,
    item=word,
    first=st.integers(0, 2**32 - 10),
    n_draws=st.integers(0, 5),
)
def test_draws_of_one_item_are_those_of_its_steps(
    seed: int, replicate: int, item: int, first: int, n_draws: int
) -> None:
    draws = Draws(seed, replicate)
    along = draws.uniforms_of("drift", item, n_steps=3, n_draws=n_draws, first=first)
    each = [
        draws.uniforms("drift", 1, n_draws=n_draws, step=first + t, first=item)[:, 0]
        for t in range(3)
    ]
    np.testing.assert_array_equal(along, np.reshape(each, (3, n_draws)).T)


def test_draws_of_one_item_must_fit_the_counter() -> None:
    for wrong in ({"item": -1}, {"item": 1 << 32}, {"first": (1 << 32) - 1}):
        settings = {"item": 0, "n_steps": 2, "first": 0} | wrong
        with pytest.raises(ValueError, match="does not fit the counter"):
            Draws(1).uniforms_of("drift", settings.pop("item"), **settings)
    with pytest.raises(KeyError):
        Draws(1).uniforms_of("dirft", 0, n_steps=1)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_known_answers(counter: Words, key: Words, answer: Words) -> None:
    engine = philox(*(np.uint64(w) for w in (*counter, *key)))
    arrays = reference.philox_arrays([np.array([w]) for w in counter], key)
    assert tuple(int(w) for w in engine) == answer
    assert reference.philox_integers(counter, key) == answer
    assert tuple(int(w[0]) for w in arrays) == answer


@given(st.tuples(word, word, word, word), st.tuples(word, word))
def test_three_writings_of_the_generator_agree(counter: Words, key: Words) -> None:
    plain = reference.philox_integers(counter, key)
    arrays = reference.philox_arrays([np.array([w]) for w in counter], key)
    engine = philox(*(np.uint64(w) for w in (*counter, *key)))
    assert plain == tuple(int(w[0]) for w in arrays) == tuple(int(w) for w in engine)


@given(
    seed=st.integers(0, 2**64 - 1),
    replicate=word,
    clock=st.sampled_from(sorted(CLOCKS)),
    stream=st.sampled_from(sorted(reference.STREAMS)),
    step=word,
    n_items=small,
    n_draws=small,
)
def test_draws_are_named_as_documented(
    seed: int, replicate: int, clock: str, stream: str, step: int, n_items: int, n_draws: int
) -> None:
    got = Draws(seed, replicate, clock).uniforms(stream, n_items, n_draws=n_draws, step=step)
    name = {"replicate": replicate, "clock": clock, "stream": stream, "step": step}
    one_by_one = [
        [reference.uniform(seed, **name, item=item, draw=draw) for item in range(n_items)]
        for draw in range(n_draws)
    ]
    assert got.tolist() == one_by_one
    at_once = reference.uniforms(seed, **name, n_items=n_items, n_draws=n_draws)
    assert np.array_equal(got, at_once)


@given(st.integers(0, 2**63 - 1), small, small, small, small)
def test_asking_for_more_changes_nothing(
    seed: int, n_items: int, more_items: int, n_draws: int, more_draws: int
) -> None:
    draws = Draws(seed, 3)
    few = draws.uniforms("feedback", n_items, n_draws=n_draws, step=5)
    many = draws.uniforms("feedback", n_items + more_items, n_draws=n_draws + more_draws, step=5)
    assert np.array_equal(few, many[:n_draws, :n_items])


def test_every_part_of_the_name_counts() -> None:
    def first(draws: Draws, stream: str = "exposure", step: int = 0) -> tuple[float, ...]:
        return tuple(draws.uniforms(stream, 4, n_draws=2, step=step).ravel())

    named = [
        first(Draws(0)),
        first(Draws(1)),
        first(Draws(2**32)),
        first(Draws(2**63 - 1)),
        first(Draws(0, 1)),
        first(Draws(0, 2**32 - 1)),
        first(Draws(0).on("setup")),
        first(Draws(0).on("bench")),
        first(Draws(0), "feedback"),
        first(Draws(0), step=1),
        first(Draws(0), step=2**32 - 1),
    ]
    for one, other in combinations(named, 2):
        assert not set(one) & set(other)
    assert len(set(named[0])) == 8


def test_seeds_at_the_ends_are_seeds() -> None:
    name = {"replicate": 0, "clock": "scenario", "stream": "exposure", "step": 0}
    for seed in (0, 2**63 - 1, 2**64 - 1):
        assert Draws(seed).uniforms("exposure", 1)[0, 0] == reference.uniform(
            seed, **name, item=0, draw=0
        )


def test_a_clock_change_keeps_seed_and_replicate() -> None:
    assert Draws(7, 5, "scenario").on("bench") == Draws(7, 5, "bench")


@pytest.mark.parametrize(
    ("seed", "replicate", "clock", "message"),
    [
        (-1, 0, "scenario", "seed"),
        (2**64, 0, "scenario", "seed"),
        (0, -1, "scenario", "replicate"),
        (0, 2**32, "scenario", "replicate"),
        (0, 0, "wall", "unknown clock"),
    ],
)
def test_names_that_do_not_fit_are_refused(
    seed: int, replicate: int, clock: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Draws(seed, replicate, clock)


@pytest.mark.parametrize(("step", "n_draws"), [(-1, 1), (2**32, 1), (0, 2**13 + 1)])
def test_counters_that_do_not_fit_are_refused(step: int, n_draws: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Draws(0).uniforms("exposure", 1, n_draws=n_draws, step=step)


def test_the_last_block_stays_within_its_twelve_bits() -> None:
    widest = Draws(0).uniforms("exposure", 1, n_draws=2**13)
    name = {"replicate": 0, "clock": "scenario", "stream": "exposure", "step": 0}
    assert widest[-1, 0] == reference.uniform(0, **name, item=0, draw=2**13 - 1)


def test_unknown_streams_are_refused() -> None:
    with pytest.raises(KeyError):
        Draws(0).uniforms("weather", 1)


@pytest.mark.parametrize(("registry", "bits"), [(STREAMS, 16), (CLOCKS, 4)])
def test_ids_are_unique_and_fit_their_bits(registry: dict[str, int], bits: int) -> None:
    ids = list(registry.values())
    assert len(set(ids)) == len(ids)
    assert all(0 <= number < 2**bits for number in ids)


def test_ids_once_given_out_never_change() -> None:
    assert reference.STREAMS.items() <= STREAMS.items()
    assert reference.CLOCKS.items() <= CLOCKS.items()


def _samples() -> dict[str, np.ndarray]:
    """Samples of 20,000 along each direction in which names can run."""
    n = 20_000
    return {
        "items": Draws(1).uniforms("exposure", n)[0],
        "draws": Draws(2).uniforms("exposure", 1 + n // 8000, n_draws=8000).ravel()[:n],
        "steps": np.array([Draws(3).uniforms("exposure", 1, step=t)[0, 0] for t in range(n)]),
        "replicates": np.array([Draws(4, r).uniforms("exposure", 1)[0, 0] for r in range(n)]),
        "seeds": np.array([Draws(s).uniforms("exposure", 1)[0, 0] for s in range(n)]),
    }


def test_uniforms_look_uniform_and_independent() -> None:
    """Fixed seeds; limits are five standard errors, or one in a thousand for the distance."""
    for direction, u in _samples().items():
        n = u.size
        assert u.min() > 0.0, direction
        assert u.max() < 1.0, direction
        assert abs(u.mean() - 1 / 2) < 5 / np.sqrt(12 * n), direction
        assert abs(u.var() - 1 / 12) < 5 / np.sqrt(180 * n), direction
        assert stats.kstest(u, "uniform").pvalue > 1e-3, direction
        assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 5 / np.sqrt(n), direction


def test_draws_of_one_block_are_independent() -> None:
    u = Draws(5).uniforms("feedback", 20_000, n_draws=4)
    off_diagonal = np.corrcoef(u)[~np.eye(4, dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(u.shape[1])


def test_normals_are_standard_and_follow_the_uniforms() -> None:
    z = Draws(6).normals("exposure", 20_000, n_draws=3, step=2)
    u = Draws(6).uniforms("exposure", 20_000, n_draws=3, step=2)
    np.testing.assert_allclose(stats.norm.cdf(z), u, rtol=1e-12)
    assert stats.kstest(z[0], "norm").pvalue > 1e-3
    assert abs(z[1].mean()) < 5 / np.sqrt(z.shape[1])
    assert abs(z[2].var() - 1.0) < 5 * np.sqrt(2 / z.shape[1])
