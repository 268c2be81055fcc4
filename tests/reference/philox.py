"""Philox-4x32-10 written a second time, and the naming of draws by its counter.

Source: Salmon, Moraes, Dror & Shaw 2011, doi:10.1145/2063384.2063405.  Nothing here is taken
from the package: the numbers of streams and clocks are spelled out so that a renumbering there,
which would silently change every stored result, is noticed.

A draw is named by (seed, replicate, stream, clock, step, item, draw number).  The key is the
seed, low word first.  The counter, low word first, is: item; step; stream in the upper 16 bits,
clock in the next 4 and block in the last 12; replicate.  Draw number d is half d % 2 of block
d // 2; the first word of a half is the upper one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
WordArray = npt.NDArray[np.uint64]

STREAMS = {
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
}
CLOCKS = {"setup": 0, "scenario": 1, "bench": 2, "analysis": 3}

M0, M1 = 0xD2511F53, 0xCD9E8D57
W0, W1 = 0x9E3779B9, 0xBB67AE85
LOW = 0xFFFFFFFF


def philox_integers(
    counter: tuple[int, int, int, int], key: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return the four output words of one block, in plain integers."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for r in range(10):
        round_key_0 = (k0 + r * W0) % 2**32
        round_key_1 = (k1 + r * W1) % 2**32
        high_0, low_0 = divmod(M0 * x0, 2**32)
        high_1, low_1 = divmod(M1 * x2, 2**32)
        x0, x1, x2, x3 = high_1 ^ x1 ^ round_key_0, low_1, high_0 ^ x3 ^ round_key_1, low_0
    return x0, x1, x2, x3


def philox_arrays(counter: list[WordArray], key: tuple[int, int]) -> list[WordArray]:
    """Return the output words of many blocks at once; every word is a uint64 below 2**32."""
    x0, x1, x2, x3 = (np.asarray(word, dtype=np.uint64) for word in counter)
    for r in range(10):
        round_key_0 = np.uint64((key[0] + r * W0) & LOW)
        round_key_1 = np.uint64((key[1] + r * W1) & LOW)
        # Two words below 2**32 have a product below 2**64: nothing wraps.
        product_0 = np.uint64(M0) * x0
        product_1 = np.uint64(M1) * x2
        x0 = (product_1 >> np.uint64(32)) ^ x1 ^ round_key_0
        x1 = product_1 & np.uint64(LOW)
        x2 = (product_0 >> np.uint64(32)) ^ x3 ^ round_key_1
        x3 = product_0 & np.uint64(LOW)
    return [x0, x1, x2, x3]


def third_word(stream: str, *, clock: str, block: int) -> int:
    """Return the counter word that names stream, clock and block."""
    return STREAMS[stream] * 2**16 + CLOCKS[clock] * 2**12 + block


def uniform(
    seed: int, *, replicate: int, clock: str, stream: str, step: int, item: int, draw: int
) -> float:
    """Return one uniform on (0, 1), by plain integers."""
    high_seed, low_seed = divmod(seed, 2**32)
    name = third_word(stream, clock=clock, block=draw // 2)
    words = philox_integers((item, step, name, replicate), (low_seed, high_seed))
    upper, lower = words[:2] if draw % 2 == 0 else words[2:]
    return ((upper * 2**32 + lower) // 2**12 + 0.5) / 2**52


def uniforms(
    seed: int,
    *,
    replicate: int,
    clock: str,
    stream: str,
    step: int,
    n_items: int,
    n_draws: int,
) -> FloatArray:
    """Return uniforms on (0, 1), shape (n_draws, n_items)."""
    rows: list[FloatArray] = []
    item = np.arange(n_items, dtype=np.uint64)
    for block in range((n_draws + 1) // 2):
        constant = [step, third_word(stream, clock=clock, block=block), replicate]
        counter = [item, *(np.full(n_items, word, dtype=np.uint64) for word in constant)]
        words = philox_arrays(counter, (seed & LOW, seed >> 32))
        for upper, lower in (words[:2], words[2:]):
            bits = ((upper << np.uint64(32)) | lower) >> np.uint64(12)
            rows.append((bits.astype(np.float64) + 0.5) / 2.0**52)
    return np.array(rows[:n_draws]).reshape(n_draws, n_items)
