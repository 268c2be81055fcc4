"""Counter-based random draws: every number is a pure function of its name.

A draw is named by (seed, replicate, stream, clock, step, item, draw number).  Nothing is
consumed, so two runs that differ in one parameter share every draw they both make, a fork
replays the same future, and neither workers nor recording can shift a number.

The generator is Philox-4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405).  The seed is
the 64-bit key; the 128-bit counter holds, from the low word up: item (a person or an edge),
step, stream · clock · block, replicate.  The packing is injective, so no two names collide.
A block's four words make two uniforms on the open interval (0, 1) with 52 bits each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sim.compiled import inlined, kernel

FloatArray = npt.NDArray[np.float64]

STREAMS: Mapping[str, int] = MappingProxyType(
    {
        "network": 1,
        "rewiring": 2,
        "group": 3,
        "vulnerability": 4,
        "activation": 5,
        "width": 6,
        "ratchet": 7,
        "initial": 8,
        "exposure": 9,
        "feedback": 10,
        "turnover": 11,
        "bootstrap": 12,
        "optimizer": 13,
        "attachment": 14,
        "snapshot": 15,
        "shocks": 16,
        "drift": 17,
        "pairs": 18,
        "stubbornness": 19,
        "narrative_threshold": 20,
        "exit": 21,
        "inheritance": 22,
        "preference": 23,
        "adversary": 24,
        "demonstration": 25,
        "ensemble": 26,
        "opinion": 27,
        "audit": 28,
        "actuation": 29,
        "governance": 30,
        "dictionary": 31,
    }
)
"""Stream ids.  Never reuse or renumber one: old results would no longer be reproducible."""

CLOCKS: Mapping[str, int] = MappingProxyType({"setup": 0, "scenario": 1, "bench": 2, "analysis": 3})
"""Clock ids: draws made on one clock are independent of those on another."""

_MAX_BLOCK = 1 << 12

_MASK = np.uint64(0xFFFFFFFF)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_WORD = np.uint64(32)
_DROPPED_BITS = np.uint64(12)
_RESOLUTION = 2.0**-52


@inlined
def philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Return the four 32-bit output words of Philox-4x32-10, each held in a uint64."""
    for _ in range(10):
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0 = (product_1 >> _WORD) ^ c1 ^ k0
        c1 = product_1 & _MASK
        c2 = (product_0 >> _WORD) ^ c3 ^ k1
        c3 = product_0 & _MASK
        k0 = (k0 + _WEYL_0) & _MASK
        k1 = (k1 + _WEYL_1) & _MASK
    return c0, c1, c2, c3


@inlined
def _uniform(high, low):  # type: ignore[no-untyped-def]
    return (np.float64(((high << _WORD) | low) >> _DROPPED_BITS) + 0.5) * _RESOLUTION


@kernel
def _fill(out, words, item, step, in_time):  # type: ignore[no-untyped-def]
    """Fill the draws, (D, n): of items from `item` on at a step, or of one item from `step` on."""
    k0, k1, name, replicate = words
    n_draws, n_columns = out.shape
    for block in range((n_draws + 1) // 2):
        c2 = name | np.uint64(block)
        draw = 2 * block
        for index in range(n_columns):
            c0 = np.uint64(item if in_time else item + index)
            c1 = np.uint64(step + index if in_time else step)
            w0, w1, w2, w3 = philox(c0, c1, c2, replicate, k0, k1)
            out[draw, index] = _uniform(w0, w1)
            if draw + 1 < n_draws:
                out[draw + 1, index] = _uniform(w2, w3)


@dataclass(frozen=True, slots=True)
class Draws:
    """The random numbers of one replicate of one seed on one clock.

    Parameters
    ----------
    seed
        0 ≤ seed < 2**64.
    replicate
        0 ≤ replicate < 2**32.
    clock
        A name in `CLOCKS`.
    """

    seed: int
    replicate: int = 0
    clock: str = "scenario"

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"seed must lie in [0, 2**64), got {self.seed}")
        if not 0 <= self.replicate < 1 << 32:
            raise ValueError(f"replicate must lie in [0, 2**32), got {self.replicate}")
        if self.clock not in CLOCKS:
            raise ValueError(f"unknown clock {self.clock!r}; known: {', '.join(CLOCKS)}")

    def on(self, clock: str) -> Draws:
        """Return the same replicate's draws on another clock."""
        return replace(self, clock=clock)

    def uniforms(
        self, stream: str, n_items: int, *, n_draws: int = 1, step: int = 0, first: int = 0
    ) -> FloatArray:
        """Return uniforms on (0, 1), shape (n_draws, n_items), of the items from `first` on.

        Row d holds draw number d of every item; asking for more rows or items never changes
        those already there.

        Raises
        ------
        KeyError
            If `stream` is not registered in `STREAMS`.
        """
        if not 0 <= step < 1 << 32 or first + n_items > 1 << 32 or n_draws > 2 * _MAX_BLOCK:
            raise ValueError("step, n_items or n_draws does not fit the counter")
        out = np.empty((n_draws, n_items))
        _fill(out, self._words(stream), first, step, False)
        return out

    def uniforms_of(
        self, stream: str, item: int, *, n_steps: int, n_draws: int = 1, first: int = 0
    ) -> FloatArray:
        """Return uniforms on (0, 1) of one item at the steps from `first` on, (n_draws, n_steps).

        They are those that `uniforms` gives the item step by step.

        Raises
        ------
        KeyError
            If `stream` is not registered in `STREAMS`.
        """
        if not 0 <= item < 1 << 32 or first + n_steps > 1 << 32 or n_draws > 2 * _MAX_BLOCK:
            raise ValueError("item, n_steps or n_draws does not fit the counter")
        out = np.empty((n_draws, n_steps))
        _fill(out, self._words(stream), item, first, True)
        return out

    def _words(self, stream: str) -> tuple[np.uint64, ...]:
        name = (STREAMS[stream] << 16) | (CLOCKS[self.clock] << 12)
        named = (self.seed & 0xFFFFFFFF, self.seed >> 32, name, self.replicate)
        return tuple(np.uint64(word) for word in named)

    def normals(
        self, stream: str, n_items: int, *, n_draws: int = 1, step: int = 0, first: int = 0
    ) -> FloatArray:
        """Return standard normals, shape (n_draws, n_items), by inverse distribution function."""
        uniforms = self.uniforms(stream, n_items, n_draws=n_draws, step=step, first=first)
        return np.asarray(ndtri(uniforms, out=uniforms), dtype=np.float64)
