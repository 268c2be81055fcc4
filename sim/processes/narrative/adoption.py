"""What threshold rules share: a person is pulled to 1 once enough others are displaced.

A person counts as displaced from n ≥ ½ on.  Where too few are, nobody pulls, so that displacement
is undone by healing alone.  Nobody is among those who influence them: whom nobody else influences
needs a threshold ≤ 0 to be pulled.  Who influences over a negative tie counts against.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import kernel, part
from sim.processes.narrative.motion import carry_out, resist, settle
from sim.processes.neighbors import WEIGHTED_SLACK
from sim.processes.stage import Frame, tile_of

DISPLACED = 0.5
"""n from which on a person counts as displaced."""

_SLACK = 1.0 + WEIGHTED_SLACK
"""A sum of weights may miss a threshold by rounding, and this factor makes up for it."""


@part
def _count_all(count, everyone, narrative, displaced, many, first, last):  # type: ignore[no-untyped-def]
    """Fill count, (tile,), with how many others are displaced where all are tied."""
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    everyone[:] = np.float64(narrative.size // n_branches) - 1.0
    for i in range(np.uint64(first), np.uint64(last)):
        for r in range(n_branches):
            own = 1.0 if narrative[i * n_branches + r] >= DISPLACED else 0.0
            count[row + r] = displaced[r] - own
        row += n_branches


@part
def _count_neighbors(count, everyone, narrative, graph, share, many, first, last):  # type: ignore[no-untyped-def]
    """Fill count, (tile,), with the displaced others, and everyone, by person, with all others.

    Each counts by weight for a share, as 1 or −1 otherwise.
    """
    indptr, indices, weights, _, _ = graph
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    weighted = weights.size > 0
    for i in range(np.uint64(first), np.uint64(last)):
        others = 0.0
        for r in range(n_branches):
            count[row + r] = 0.0
        for edge in range(np.uint64(indptr[i]), np.uint64(indptr[i + np.uint64(1)])):
            j = np.uint64(indices[edge])
            if j == i:
                continue
            weight = weights[edge] if weighted else 1.0
            weight = weight if share else np.sign(weight)
            others += abs(weight)
            for r in range(n_branches):
                count[row + r] += weight if narrative[j * n_branches + r] >= DISPLACED else 0.0
        everyone[i - np.uint64(first)] = others
        row += n_branches


@part
def _pull(target, everyone, narrative, threshold, share, slack, many, first, last):  # type: ignore[no-untyped-def]
    """Turn counts, as targets hold them, into where others pull: 1, or n.

    Division and the reading of a number round correctly, so that k of n people meet the threshold
    that is written as the decimal of k/n; k ≥ threshold · n could fail by rounding.
    """
    n_branches, row = np.uint64(1 if many is None else many), np.uint64(0)
    for i in range(np.uint64(first), np.uint64(last)):
        others = everyone[i - np.uint64(first)] if share else 1.0
        for r in range(n_branches):
            reached = target[row + r] / others if others > 0.0 else 0.0
            enough = max(reached, slack * reached) >= threshold[i]
            target[row + r] = 1.0 if enough else np.float64(narrative[i * n_branches + r])
        row += n_branches


@kernel
def _adopt(  # type: ignore[no-untyped-def]
    after, narrative, lock_in, burden, stubbornness, graph, displaced, rates, extra, many, span
):
    """Move n and ℓ, (N·R,), of a span of persons, a tile at a time."""
    columns = (after, narrative, lock_in, burden, stubbornness)
    threshold, share = extra
    slack = _SLACK if share and graph[2].size > 0 else 1.0
    n_branches = 1 if many is None else many
    tile = tile_of(n_branches)
    room, everyone = np.empty(tile * n_branches), np.empty(tile)
    for first in range(span[0], span[1], tile):
        last = min(first + tile, span[1])
        target = room[: (last - first) * n_branches]
        if graph[4]:
            _count_all(target, everyone, narrative, displaced[0], many, first, last)
        else:
            _count_neighbors(target, everyone, narrative, graph, share, many, first, last)
        _pull(target, everyone, narrative, threshold, share, slack, many, first, last)
        resist(target, columns, many, first, last)
        settle(columns, target, rates, np.uint64(first * n_branches))


def adopt(frame: Frame, *, share: bool) -> None:
    """Move n and ℓ one step, thresholds being shares of others or numbers of them."""
    displaced = (frame.state.narrative >= DISPLACED).astype(np.uint8).ravel()
    carry_out(frame, _adopt, frame.population.narrative_threshold, share, totals_of=displaced)
