"""A sample of persons small enough to be drawn, and the ties among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sim.network import Graph
from sim.population import IntArray
from sim.streams import Draws

Row = dict[str, Any]

MOST_PERSONS = 300
"""Persons of a snapshot at most."""


def sample_of(graph: Graph, draws: Draws) -> IntArray:
    """Return the persons of a snapshot in ascending order: all, or a snowball of `MOST_PERSONS`.

    The snowball (Goodman 1961, doi:10.1214/aoms/1177705148, with everyone's ties followed) starts
    at the person with the least draw of the stream `snapshot` and takes up, wave after wave, all
    who influence those already in it.  Of a last wave that is too large, and wherever a snowball
    ends early, persons with lesser draws come first.

    Parameters
    ----------
    graph
        The network.
    draws
        Those of the replicate; the sample depends on their seed and replicate alone.
    """
    n = graph.n_persons
    if n <= MOST_PERSONS:
        return np.arange(n, dtype=np.int64)
    rank = draws.on("analysis").uniforms("snapshot", n)[0]
    first = np.argpartition(rank, MOST_PERSONS)[:MOST_PERSONS]
    starts = first[np.argsort(rank[first], kind="stable")]
    if graph.complete:
        return np.sort(starts)
    taken = np.zeros(n, dtype=np.bool_)
    room = MOST_PERSONS
    for start in starts:
        wave = np.array([start])
        while room and (new := np.unique(wave[~taken[wave]])).size:
            new = new[np.argsort(rank[new], kind="stable")][:room]
            taken[new] = True
            room -= new.size
            wave = _influences(graph, new)[1]
        if not room:
            break
    return np.flatnonzero(taken)


def ties_among(graph: Graph, persons: IntArray) -> list[Row]:
    """Return the ties among some persons: source influences target with this weight.

    Of a complete graph nothing is listed, and nobody's tie to themself is.
    """
    if graph.complete:
        return []
    targets, sources, entries = _influences(graph, persons)
    inside = np.isin(sources, persons) & (sources != targets)
    targets, sources, entries = targets[inside], sources[inside], entries[inside]
    weights = graph.weights
    values = 1.0 / graph.degrees()[targets] if weights is None else weights[entries]
    rows = zip(sources.tolist(), targets.tolist(), values.tolist(), strict=True)
    return [{"source": s, "target": t, "weight": w} for s, t, w in rows]


def pairs_of(ties: pd.DataFrame) -> IntArray:
    """Return who are tied, (pairs, 2), each pair once whichever way and in whichever role."""
    ends = ties[["source", "target"]].to_numpy(dtype=np.int64)
    return np.unique(np.sort(ends, axis=1), axis=0)


def _influences(graph: Graph, persons: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return target, source and place of every entry in the rows of some persons."""
    begin, end = graph.indptr[persons], graph.indptr[persons + 1]
    counts = end - begin
    entries = np.repeat(end - np.cumsum(counts), counts) + np.arange(int(counts.sum()))
    return np.repeat(persons, counts), graph.indices[entries].astype(np.int64), entries
