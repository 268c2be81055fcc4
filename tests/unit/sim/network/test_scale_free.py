from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.network import Graph, barabasi_albert
from sim.network.generators import scale_free
from sim.streams import Draws


def plain_barabasi_albert(n: int, *, ties: int, draws: Draws) -> Graph:
    """The procedure with a list of the ends of all ties; spares run on without end."""
    setup = draws.on("setup")
    uniforms = setup.uniforms("attachment", n, n_draws=ties)

    def spares(step: int) -> list[float]:
        return setup.uniforms("attachment", scale_free._SPARES, step=step)[0].tolist()

    pairs = [(0, j) for j in range(1, ties + 1)]
    ends = [end for pair in pairs for end in pair]
    step, used, person = 1, 0, ties + 1
    while person < n:
        chosen: list[int] = []
        for k in range(ties):
            end = ends[int(uniforms[k, person] * len(ends))]
            while end in chosen and used < scale_free._SPARES:
                end = ends[int(spares(step)[used] * len(ends))]
                used += 1
            if end in chosen:
                break
            chosen.append(end)
        if len(chosen) < ties:  # start this person again with new spares
            step, used = step + 1, 0
            continue
        for j in chosen:
            pairs.append((person, j))
            ends += [person, j]
        person += 1
    sources, targets = np.array(pairs).T
    return Graph.from_edges(sources, targets, n_persons=n)


@given(ties=st.integers(1, 6), more=st.integers(0, 25), seed=st.integers(0, 2**64 - 1))
def test_the_kernel_follows_the_procedure(ties: int, more: int, seed: int) -> None:
    n = ties + 1 + more
    graph = barabasi_albert(n, ties=ties, draws=Draws(seed))
    assert graph == plain_barabasi_albert(n, ties=ties, draws=Draws(seed))
    assert graph.indices.size == 2 * ties * (n - ties)


def test_running_out_of_spares_changes_nothing_but_the_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scale_free, "_SPARES", 3)
    for seed in range(20):
        graph = barabasi_albert(30, ties=4, draws=Draws(seed))
        assert graph == plain_barabasi_albert(30, ties=4, draws=Draws(seed))


def test_degrees_are_those_of_preferential_attachment() -> None:
    """The share of degree k tends to 2 m (m + 1) / (k (k + 1) (k + 2)): its tail is a power law."""
    m, n = 4, 40_000
    degrees = barabasi_albert(n, ties=m, draws=Draws(3)).degrees()
    assert degrees.min() >= 1
    for k in range(m, 12):
        expected = 2.0 * m * (m + 1) / (k * (k + 1) * (k + 2))
        share = np.mean(degrees == k)
        assert share == pytest.approx(expected, abs=5.0 * np.sqrt(expected / n))
    theirs = np.array([d for _, d in nx.barabasi_albert_graph(n, m, seed=1).degree])
    for k in (10, 30, 60):
        ours, other = np.mean(degrees >= k), np.mean(theirs >= k)
        assert ours == pytest.approx(other, abs=5.0 * np.sqrt(2.0 * other / n))


@pytest.mark.parametrize(("n", "ties"), [(5, 5), (5, 0), (1, 1)])
def test_impossible_numbers_of_ties_are_refused(n: int, ties: int) -> None:
    with pytest.raises(ValueError, match="ties must lie in"):
        barabasi_albert(n, ties=ties, draws=Draws(0))
