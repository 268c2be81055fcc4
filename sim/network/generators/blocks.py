"""Networks of independent ties: Poisson random, and block models aligned with groups."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sim.compiled import kernel
from sim.network.assembly import FloatArray, IntArray, check_size
from sim.network.graph import Graph
from sim.streams import Draws

_TOLERANCE = 1e-9

Pairs = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]


@kernel
def _place(uniforms, log_absent, shape, pairs):  # type: ignore[no-untyped-def]
    """Fill in the pairs that are tied and return how many; -1 if `uniforms` ran out first.

    `shape` is (number of rows, width): row r offers `width` columns, or r columns (all pairs
    below the diagonal) if `width` is 0.
    """
    n_rows, width = shape
    rows, columns = pairs
    row, column = 0, -1
    beyond = float(n_rows) * max(width, n_rows)
    for edge in range(uniforms.size):
        column += 1 + int(min(math.log(uniforms[edge]) / log_absent, beyond))
        length = width if width > 0 else row
        while column >= length:
            column -= length
            row += 1
            if row >= n_rows:
                return edge
            length = width if width > 0 else row
        rows[edge] = row
        columns[edge] = column
    return -1


def _tied_pairs(n_rows: int, width: int, *, probability: float, draws: Draws, block: int) -> Pairs:
    """Return the pairs of one block, each tied with `probability`; `width` as in `_place`."""
    n_pairs = n_rows * width if width else n_rows * (n_rows - 1) // 2
    if probability <= 0.0 or n_pairs == 0:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)
    expected = n_pairs * min(probability, 1.0)
    n_draws = int(expected + 6.0 * math.sqrt(expected)) + 16
    log_absent = math.log1p(-probability) if probability < 1.0 else -math.inf
    while True:
        uniforms = draws.uniforms("network", n_draws, step=block)[0]
        pairs = np.empty(n_draws, np.int32), np.empty(n_draws, np.int32)
        n_edges = _place(uniforms, log_absent, (n_rows, width), pairs)
        if n_edges >= 0:
            return pairs[0][:n_edges], pairs[1][:n_edges]
        n_draws *= 2


def _checked_groups(group: IntArray) -> IntArray:
    group = np.asarray(group)
    if group.ndim != 1 or group.size == 0 or group.min() < 0:
        raise ValueError("group must be one-dimensional, not empty, and hold numbers >= 0")
    return group


def _check_degrees(degrees: FloatArray, sizes: IntArray) -> None:
    n_groups = sizes.size
    if degrees.shape != (n_groups, n_groups):
        raise ValueError(f"degrees must have shape ({n_groups}, {n_groups}), got {degrees.shape}")
    if not np.isfinite(degrees).all() or degrees.min() < 0.0:
        raise ValueError("degrees must be finite and >= 0")
    stubs = sizes[:, np.newaxis] * degrees
    for g, h in np.argwhere(np.abs(stubs - stubs.T) > _TOLERANCE * np.maximum(stubs, stubs.T)):
        raise ValueError(
            f"ties go both ways, so size[{g}] * degrees[{g}, {h}] = {stubs[g, h]:g} must equal "
            f"size[{h}] * degrees[{h}, {g}] = {stubs[h, g]:g}"
        )
    most = np.maximum(sizes[np.newaxis, :] - np.eye(n_groups), 0.0)
    for g, h in np.argwhere((degrees > most * (1.0 + _TOLERANCE)) & (sizes[:, np.newaxis] > 0)):
        raise ValueError(
            f"degrees[{g}, {h}] = {degrees[g, h]:g}, but group {h} offers {most[g, h]:g} persons"
        )


def block_model_from_degrees(group: IntArray, *, degrees: FloatArray, draws: Draws) -> Graph:
    """Return a stochastic block model: every pair is tied independently of all others.

    Two persons of groups g and h are tied with the probability that gives someone in g a mean
    of `degrees[g, h]` ties to h; numbers of ties are Poisson up to terms of order degree / size.

    Parameters
    ----------
    group
        Group of each person, in [0, G), shape (N,); in any order.  Persons keep their places,
        so list a group's members together if their rows shall lie together.
    degrees
        Mean number of ties of someone in the row's group to the column's group, shape (G, G),
        with size[g] · degrees[g, h] = size[h] · degrees[h, g].
    draws
        Draws of the replicate; stream `network` on the setup clock, one step a pair of groups.

    Raises
    ------
    ValueError
        If `degrees` is not symmetric in the sense above, negative, or more than a group offers.

    Notes
    -----
    Holland, Laskey & Leinhardt 1983, doi:10.1016/0378-8733(83)90021-7; drawn by geometric
    skipping, Batagelj & Brandes 2005, doi:10.1103/PhysRevE.71.036113.
    """
    group, degrees = _checked_groups(group), np.asarray(degrees, dtype=np.float64)
    n_groups = len(degrees)
    sizes = np.bincount(group, minlength=n_groups)
    _check_degrees(degrees, sizes)
    members = np.split(np.argsort(group, kind="stable").astype(np.int32), np.cumsum(sizes)[:-1])
    setup = draws.on("setup")
    ends: tuple[list[npt.NDArray[np.int32]], list[npt.NDArray[np.int32]]] = ([], [])
    for g in range(n_groups):
        for h in range(g + 1):
            within = g == h
            offered = max(sizes[h] - within, 1)
            rows, columns = _tied_pairs(
                int(sizes[g]),
                0 if within else int(sizes[h]),
                probability=float(degrees[g, h]) / offered,
                draws=setup,
                block=g * n_groups + h,
            )
            ends[0].append(members[g][rows])
            ends[1].append(members[h][columns])
    return Graph.from_edges(np.concatenate(ends[0]), np.concatenate(ends[1]), n_persons=group.size)


def homophilous_degrees(sizes: IntArray, *, degree: float, homophily: float) -> FloatArray:
    """Return mean degrees between groups, shape (G, G), for one mean degree and one homophily.

    Everyone has the same mean degree; a share `homophily` of all ties stays inside groups;
    ties between two groups are as many as the product of their sizes makes them.  With equal
    sizes each person keeps the share `homophily`.  With unequal sizes a smaller group keeps
    less than a larger one, since each tie that leaves a large group must arrive in a small
    one.  `homophily` = Σ (size / N)² is mixing at random.  With a single group there is nowhere
    else to go and every tie stays inside.

    Parameters
    ----------
    sizes
        Number of persons in each group, shape (G,).
    degree
        Mean degree of every person, ≥ 0.
    homophily
        Share of ties inside groups, in [0, 1].

    Raises
    ------
    ValueError
        If so many ties leave the other groups that the smallest cannot take its part of them.
    """
    sizes = np.asarray(sizes, dtype=np.float64)
    if not 0.0 <= homophily <= 1.0 or not 0.0 <= degree < math.inf:
        raise ValueError(f"homophily {homophily} must lie in [0, 1] and degree {degree} be >= 0")
    n = sizes.sum()
    elsewhere = np.where(sizes > 0, n - sizes, 0.0)
    outside = (sizes * elsewhere).sum()
    per_person = (1.0 - homophily) * n * degree / outside if outside > 0 else 0.0
    own = degree - per_person * elsewhere
    if own.min() < -_TOLERANCE * degree:
        raise ValueError(
            f"homophily must be at least {1.0 - outside / (n * elsewhere.max()):.6g} for groups "
            f"of sizes {sizes.astype(int).tolist()}, got {homophily:g}: the smallest group "
            "cannot take its part of the ties that leave the others"
        )
    degrees = np.tile(per_person * sizes, (sizes.size, 1))
    np.fill_diagonal(degrees, np.where(sizes > 0, np.maximum(own, 0.0), 0.0))
    return degrees


def block_model(group: IntArray, *, degree: float, homophily: float, draws: Draws) -> Graph:
    """Return a stochastic block model with one mean degree and one homophily for all.

    Parameters
    ----------
    group
        Group of each person, ≥ 0, shape (N,); in any order.
    degree, homophily
        As in `homophilous_degrees`.
    draws
        As in `block_model_from_degrees`.

    Raises
    ------
    ValueError
        If the groups are too small, or too unequal, for this degree and homophily.
    """
    sizes = np.bincount(_checked_groups(group))
    degrees = homophilous_degrees(sizes, degree=degree, homophily=homophily)
    return block_model_from_degrees(group, degrees=degrees, draws=draws)


def poisson(n: int, *, degree: float, draws: Draws) -> Graph:
    """Return a Poisson random graph: G(n, p) with p = `degree` / (n - 1).

    Every pair is tied independently with probability p (Gilbert 1959), so the number of edges
    is itself random and degrees are binomial, Poisson in the limit.  This is the block model
    with a single group.

    Parameters
    ----------
    n
        Number of persons.
    degree
        Mean degree, in [0, n - 1].
    draws
        Draws of the replicate; stream `network` on the setup clock.
    """
    check_size(n)
    if not 0.0 <= degree <= n - 1:
        raise ValueError(f"degree must lie in [0, {n - 1}], got {degree}")
    one_group = np.zeros(n, dtype=np.int8)
    return block_model_from_degrees(one_group, degrees=np.array([[degree]]), draws=draws)
