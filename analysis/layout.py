"""Where the persons of a snapshot are put in a picture of their network."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.snapshot import pairs_of

_ROUNDS = 60


def layout_table(persons: pd.DataFrame, ties: pd.DataFrame) -> pd.DataFrame:
    """Return a place for every person of a snapshot, the same for the same ties.

    Persons who are tied attract each other (Fruchterman and Reingold 1991,
    doi:10.1002/spe.4380211102, by networkx, from a fixed start); persons without any tie stand in
    rows below them, in ascending order.  Columns: person, x, y, all in [0, 1].

    Parameters
    ----------
    persons, ties
        Rows of one role.
    """
    everyone = np.unique(persons["person"])
    tied = everyone[np.isin(everyone, ties[["source", "target"]])]
    alone = everyone[~np.isin(everyone, tied)]
    # Each part has as much height as it has persons.
    share = tied.size / everyone.size
    x, y = np.empty((2, everyone.size))
    x[np.isin(everyone, tied)], y[np.isin(everyone, tied)] = _attracted(tied, ties, share)
    x[np.isin(everyone, alone)], y[np.isin(everyone, alone)] = _in_rows(alone.size, 1.0 - share)
    return pd.DataFrame({"person": everyone, "x": x, "y": y})


def _attracted(tied: np.ndarray, ties: pd.DataFrame, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return places in the upper part of the picture."""
    if tied.size == 0:
        return np.empty(0), np.empty(0)
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(tied.tolist())
    pairs = pairs_of(ties)
    graph.add_edges_from(pairs.tolist())
    places = nx.spring_layout(graph, seed=0, iterations=_ROUNDS)
    points = np.array([places[person] for person in tied.tolist()])
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = ((points - low) / np.where(high > low, high - low, 1.0)).T
    return x, 1.0 - share * (1.0 - y)


def _in_rows(n: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return places in the lower part of the picture, row after row."""
    if n == 0:
        return np.empty(0), np.empty(0)
    columns = max(int(np.ceil(np.sqrt(n / share))), 1)
    rows = -(-n // columns)
    place = np.arange(n)
    x = (place % columns + 0.5) / columns
    y = share * (1.0 - (place // columns + 0.5) / rows)
    return x, y
