"""The same models in NDlib, on the same network and from the same start."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import networkx as nx
import numpy as np
from scipy.stats import mannwhitneyu

from sim.model import AlignmentModel
from tests.validation.case import Case, Finding, exactly, narratives, near, scenario
from tests.validation.opinions import clusters

_SOURCE = "NDlib, Rossetti et al. 2018, doi:10.1007/s41060-017-0086-6"


def _network(model: AlignmentModel) -> nx.Graph:
    """Return the model's undirected network; NDlib numbers its nodes as given."""
    graph = nx.Graph()
    graph.add_nodes_from(range(model.frame.population.n_persons))
    matrix = model.frame.population.graph.to_scipy().tocoo()
    off_diagonal = matrix.coords[0] != matrix.coords[1]
    graph.add_edges_from(np.stack(matrix.coords).T[off_diagonal].tolist())
    return graph


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the global generators, which NDlib draws from, and put them back."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002


def _configured(model: Any, *, parameters: dict[str, float], nodes: dict[str, np.ndarray]) -> Any:
    from ndlib.models.ModelConfig import Configuration

    configuration = Configuration()
    for name, value in parameters.items():
        configuration.add_model_parameter(name, value)
    for name, values in nodes.items():
        for node, value in enumerate(values.tolist()):
            configuration.add_node_configuration(name, node, value)
    model.set_initial_status(configuration)
    return model


def _threshold() -> list[Finding]:
    from ndlib.models.epidemics.ThresholdModel import ThresholdModel

    model = AlignmentModel(scenario("crosscheck_threshold"))
    theirs = _configured(
        ThresholdModel(_network(model)),
        parameters={"fraction_infected": 0.1},
        nodes={"threshold": model.frame.population.narrative_threshold},
    )
    theirs.status = dict(enumerate((narratives(model) >= 0.5).astype(int).tolist()))
    theirs.iteration()  # NDlib's iteration 0 reports the start
    differing, adopters = 0, []
    for _ in range(model.resolved.time.steps):
        model.step()
        theirs.iteration()
        ours = narratives(model) >= 0.5
        differing += int((ours != np.array(list(theirs.status.values()))).sum())
        adopters.append(int(ours.sum()))
    return [
        exactly(
            f"threshold model, {ours.size} persons, {len(adopters)} steps "
            f"({adopters[0]} to {adopters[-1]} adopters): statuses that differ",
            differing,
            0,
        )
    ]


def _friedkin_johnsen() -> list[Finding]:
    from ndlib.models.opinions.FJModel import FJModel

    model = AlignmentModel(scenario("crosscheck_friedkin_johnsen"))
    theirs = _configured(
        FJModel(_network(model)),
        parameters={},
        nodes={"stubbornness": model.frame.population.stubbornness},
    )
    theirs.status = dict(enumerate(narratives(model).tolist()))
    theirs.initial_status = dict(theirs.status)
    theirs.iteration()
    gap = 0.0
    for _ in range(model.resolved.time.steps):
        model.step()
        theirs.iteration()
        opinions = np.array(list(theirs.status.values()))
        gap = max(gap, float(np.abs(narratives(model) - opinions).max()))
    size, steps = model.frame.population.n_persons, model.resolved.time.steps
    return [
        near(
            f"Friedkin–Johnsen, {size} persons, {steps} steps: largest distance",
            gap,
            0.0,
            tolerance=1e-12,
            why="rounding",
            digits=2,
        )
    ]


@cache
def _spreads(n_starts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return clusters and spreads of opinions, (2, starts), ours and NDlib's."""
    from ndlib.models.opinions.AlgorithmicBiasModel import AlgorithmicBiasModel

    ours, theirs = [], []
    for seed in range(n_starts):
        model = AlignmentModel(scenario("crosscheck_deffuant", {"seed": seed}))
        with _seeded(seed):
            other = _configured(
                AlgorithmicBiasModel(_network(model), seed),  # without one it draws one
                parameters={"epsilon": model.resolved.narrative.confidence, "gamma": 0.0},
                nodes={},
            )
            other.status = dict(enumerate(narratives(model).tolist()))
            other.sts = narratives(model).astype(object)
            for _ in range(model.resolved.time.steps + 1):
                other.iteration()
        model.run_model()
        for found, opinions in (
            (ours, narratives(model)),
            (theirs, np.array(list(other.status.values()), dtype=float)),
        ):
            found.append((clusters(opinions, share=0.05), opinions.std()))
    return np.array(ours).T, np.array(theirs).T


def _deffuant() -> list[Finding]:
    """NDlib's model of algorithmic bias is that of Deffuant where the bias is 0."""
    ours, theirs = _spreads(20)
    p_clusters = mannwhitneyu(ours[0], theirs[0]).pvalue
    p_spread = mannwhitneyu(ours[1], theirs[1]).pvalue
    means = f"{ours[0].mean():.2f} and {theirs[0].mean():.2f}"
    return [
        exactly(
            f"Deffuant, clusters in 20 starts (means {means}): p > 0.01",
            bool(p_clusters > 0.01),
            True,
            why=f"Mann–Whitney, p = {p_clusters:.2f}",
        ),
        exactly(
            "Deffuant, standard deviation of opinions in 20 starts: p > 0.01",
            bool(p_spread > 0.01),
            True,
            why=f"Mann–Whitney, p = {p_spread:.2f}",
        ),
    ]


CASES = (
    Case("Threshold model against NDlib", _SOURCE, ("crosscheck_threshold",), _threshold),
    Case(
        "Friedkin–Johnsen against NDlib",
        _SOURCE,
        ("crosscheck_friedkin_johnsen",),
        _friedkin_johnsen,
    ),
    Case("Random pairs against NDlib", _SOURCE, ("crosscheck_deffuant",), _deffuant),
)
