"""The small world of Watts and Strogatz: a ring with some of its ties rewired."""

from __future__ import annotations

import numpy as np

from sim.compiled import inlined, kernel
from sim.network.generators.regular import forward_neighbors, from_forward
from sim.network.graph import Graph
from sim.streams import Draws

_SPARES = 4096


@inlined
def _tied(ahead, i, j):  # type: ignore[no-untyped-def]
    found = False
    for place in range(ahead.shape[1]):
        found |= (ahead[i, place] == j) | (ahead[j, place] == i)
    return found


@kernel
def _rewire(ahead, degrees, rewire, draws, first):  # type: ignore[no-untyped-def]
    """Rewire edges from number `first` on; return the first one not done for lack of spares.

    Edge number lap · n + i leads from person i to `ahead[i, lap]`.
    """
    n, n_laps = ahead.shape
    uniforms, spares = draws
    used = 0
    for edge in range(first, n * n_laps):
        lap, i = edge // n, edge % n
        if uniforms[0, edge] >= rewire or degrees[i] >= n - 1:
            continue
        j = int(uniforms[1, edge] * n)
        while j == i or _tied(ahead, i, j):
            if used == spares.size:
                return edge
            j = int(spares[used] * n)
            used += 1
        degrees[ahead[i, lap]] -= 1
        degrees[j] += 1
        ahead[i, lap] = j
    return n * n_laps


def watts_strogatz(n: int, *, degree: int, rewire: float, draws: Draws) -> Graph:
    """Return a small-world network: the ring, with a share of its edges rewired at random.

    Edges are visited lap by lap around the ring, nearest neighbors first, as in the paper.
    Each is rewired with probability `rewire`: its near end stays and its far end moves to a
    person drawn uniformly.  A draw that would tie someone to themself or repeat a tie is drawn
    again, so there are always n · `degree` / 2 edges; someone already tied to everyone keeps
    the edge as it is.  `rewire` = 0 is exactly `ring`.

    Parameters
    ----------
    n
        Number of persons, in order around the ring.
    degree
        Mean degree: even, in [0, n - 1].
    rewire
        Probability that an edge is rewired, in [0, 1].
    draws
        Draws of the replicate; stream `rewiring` on the setup clock.  Step 0 names draws by
        edge; later steps hold the spare draws.

    Notes
    -----
    Watts & Strogatz 1998, doi:10.1038/30918.
    """
    if not 0.0 <= rewire <= 1.0:
        raise ValueError(f"rewire must lie in [0, 1], got {rewire}")
    ahead = forward_neighbors(n, degree=degree)
    degrees = np.full(n, degree, dtype=np.int64)
    setup = draws.on("setup")
    uniforms = setup.uniforms("rewiring", ahead.size, n_draws=2)
    done, step = 0, 0
    while done < ahead.size:
        step += 1
        spares = setup.uniforms("rewiring", _SPARES, step=step)[0]
        done = _rewire(ahead, degrees, float(rewire), (uniforms, spares), done)
    return from_forward(ahead)
