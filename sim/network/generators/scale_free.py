"""Growth with preferential attachment (Barabási and Albert)."""

from __future__ import annotations

import numpy as np

from sim.compiled import inlined, kernel
from sim.network.graph import Graph
from sim.streams import Draws

_SPARES = 4096


@inlined
def _end_of_tie(targets, ties, place):  # type: ignore[no-untyped-def]
    """Return the person at a place among the ends of all ties, two a tie, hub and star first."""
    tie = place // 2
    if place % 2 == 1:
        return targets[tie]
    return 0 if tie < ties else ties + 1 + (tie - ties) // ties


@inlined
def _among(targets, begin, end, chosen):  # type: ignore[no-untyped-def]
    found = False
    for place in range(begin, end):
        found |= targets[place] == chosen
    return found


@kernel
def _attach(targets, ties, draws, first):  # type: ignore[no-untyped-def]
    """Tie persons from number `first` on; return the first one not done for lack of spares.

    Tie number t < `ties` leads from person 0 to `targets[t]`; of the others, `ties` lead from
    each person `ties` + 1, `ties` + 2, … in turn.
    """
    uniforms, spares = draws
    used = 0
    for person in range(first, uniforms.shape[1]):
        begin = ties * (person - ties)
        for k in range(ties):
            chosen = _end_of_tie(targets, ties, int(uniforms[k, person] * (2 * begin)))
            while _among(targets, begin, begin + k, chosen):
                if used == spares.size:
                    return person
                chosen = _end_of_tie(targets, ties, int(spares[used] * (2 * begin)))
                used += 1
            targets[begin + k] = chosen
    return uniforms.shape[1]


def barabasi_albert(n: int, *, ties: int, draws: Draws) -> Graph:
    """Return a scale-free network: persons arrive one by one and tie themselves to the popular.

    Person 0 is tied to the next `ties` persons.  Each further person makes `ties` ties, to
    different persons, each chosen with a probability in proportion to the ties they have; a
    person chosen twice is drawn again.  There are always `ties` · (n − `ties`) ties.

    Parameters
    ----------
    n
        Number of persons, in order of arrival.
    ties
        Ties each newcomer makes, in [1, n − 1].
    draws
        Draws of the replicate; stream `attachment` on the setup clock.  Step 0 names draws by
        person; later steps hold the spare draws.

    Notes
    -----
    Barabási & Albert 1999, doi:10.1126/science.286.5439.509.
    """
    if not 1 <= ties <= n - 1:
        raise ValueError(f"ties must lie in [1, {n - 1}] with {n} persons, got {ties}")
    setup = draws.on("setup")
    uniforms = setup.uniforms("attachment", n, n_draws=ties)
    targets = np.empty(ties * (n - ties), dtype=np.int64)
    targets[:ties] = np.arange(1, ties + 1)
    done, step = ties + 1, 0
    while done < n:
        step += 1
        spares = setup.uniforms("attachment", _SPARES, step=step)[0]
        done = _attach(targets, ties, (uniforms, spares), done)
    sources = np.concatenate([np.zeros(ties, np.int64), np.repeat(np.arange(ties + 1, n), ties)])
    return Graph.from_edges(sources, targets, n_persons=n)
