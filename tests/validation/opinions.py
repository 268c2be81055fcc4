"""How opinions settle: DeGroot, Friedkin–Johnsen, bounded confidence, biased assimilation."""

from __future__ import annotations

from collections import Counter

import numpy as np

from sim.model import AlignmentModel
from tests.validation.case import Case, Finding, at_end, exactly, narratives, near, scenario

_ROUNDED = "rounding"


def _degroot() -> list[Finding]:
    weights = []
    for person in range(3):
        start = [float(i == person) for i in range(3)]
        opinions = narratives(at_end("degroot", {"population.initial.narrative": start}))
        weights.append(float(opinions.mean()) if np.ptp(opinions) < 1e-12 else np.nan)
    return [
        near(
            f"influence of person {person}",
            weight,
            reference,
            tolerance=1e-12,
            why=_ROUNDED,
        )
        for person, (weight, reference) in enumerate(zip(weights, (0.4, 0.4, 0.2), strict=True))
    ]


def _friedkin_johnsen() -> list[Finding]:
    model = AlignmentModel(scenario("friedkin_johnsen"))
    start = narratives(model)
    population = model.frame.population
    influence = population.graph.to_scipy().toarray()
    free = 1.0 - population.stubbornness
    system = np.eye(start.size) - free[:, None] * influence
    settled = np.linalg.solve(system, (1.0 - free) * start)
    model.run_model()
    gap = float(np.abs(narratives(model) - settled).max())
    return [
        near(
            "largest distance from (I − ΛW)⁻¹(I − Λ)x⁰ of 40 persons",
            gap,
            0.0,
            tolerance=1e-10,
            why=_ROUNDED,
            digits=2,
        )
    ]


def clusters(opinions: np.ndarray, *, apart: float = 0.01, share: float = 0.05) -> int:
    """Return how many groups of opinions lie apart and hold more than a share of all persons."""
    ordered = np.sort(opinions)
    parts = np.split(ordered, np.flatnonzero(np.diff(ordered) > apart) + 1)
    return sum(part.size > share * opinions.size for part in parts)


def _usual_clusters(name: str, confidence: float, *, n_starts: int) -> tuple[int, int]:
    """Return the most frequent number of clusters over starts, and how many starts end in it."""
    counts = Counter(_clusters_from(name, confidence, seed=seed) for seed in range(n_starts))
    return counts.most_common(1)[0]


def _clusters_from(name: str, confidence: float, *, seed: int) -> int:
    return clusters(narratives(at_end(name, {"narrative.confidence": confidence, "seed": seed})))


def _camps(name: str, published: dict[float, int], *, n_starts: int) -> list[Finding]:
    findings = []
    for confidence, reference in published.items():
        usual, n_times = _usual_clusters(name, confidence, n_starts=n_starts)
        setting = f"clusters at ε = {confidence:g} ({n_times} of {n_starts} starts)"
        findings.append(exactly(setting, usual, reference, why="most frequent"))
    return findings


def _deffuant() -> list[Finding]:
    return _camps("deffuant", {0.5: 1, 0.3: 1, 0.2: 2, 0.15: 3}, n_starts=9)


def _hegselmann_krause() -> list[Finding]:
    """What is published is one run each; at ε = 0.15 random starts end in two or three camps."""
    counts = Counter(_clusters_from("hegselmann_krause", 0.15, seed=seed) for seed in range(9))
    words = ", ".join(f"{n} in {times} of 9 starts" for n, times in sorted(counts.items()))
    two = Finding("camps at ε = 0.15", "2 in one run", words, "2 occurs", counts[2] > 0)
    return [two, *_camps("hegselmann_krause", {0.25: 1}, n_starts=9)]


def _biased_assimilation() -> list[Finding]:
    """Homophily h = 3: consensus below b = 2/(h + 1) = ½, polarization from b = 1 on.

    The consensus at ½ holds only while both islands mirror each other, which rounding ends after
    some hundred steps.
    """

    def west_and_east(bias: float, n_steps: int) -> np.ndarray:
        changes = {"narrative.bias": bias, "time.steps": n_steps, "restoration.delays": [0, 1]}
        opinions = narratives(at_end("biased_assimilation", changes))
        return np.array([opinions[:10].mean(), opinions[10:].mean()])

    consensus, disagreement = west_and_east(0.3, 100), west_and_east(0.7, 5000)
    poles = west_and_east(1.2, 5000)
    reference = _disagreement(bias=0.7, homophily=3.0)
    return [
        near("b = 0.3: west and east", consensus[0], 0.5, tolerance=1e-4, why="100 steps"),
        near("b = 0.7: west", disagreement[0], reference, tolerance=1e-6, why=_ROUNDED),
        near("b = 0.7: east", disagreement[1], 1.0 - reference, tolerance=1e-6, why=_ROUNDED),
        near("b = 1.2: west", poles[0], 1.0, tolerance=1e-6, why="still converging"),
        near("b = 1.2: east", poles[1], 0.0, tolerance=1e-6, why="still converging"),
    ]


def _disagreement(*, bias: float, homophily: float) -> float:
    """Return x > ½ with (x/(1−x))^(1−b) = s/(1−s), s the mean around a person of the west.

    Ten persons an island, so that nine are inside and ten across.
    """
    from scipy.optimize import brentq

    inside, across = 9.0 * homophily, 10.0

    def excess(x: float) -> float:
        around = (inside * x + across * (1.0 - x)) / (inside + across)
        return float((1.0 - bias) * np.log(x / (1.0 - x)) - np.log(around / (1.0 - around)))

    return float(brentq(excess, 0.5 + 1e-6, 1.0 - 1e-9, xtol=1e-14))


CASES = (
    Case(
        "Influence weights of a consensus",
        "DeGroot 1974, doi:10.1080/01621459.1974.10480137",
        ("degroot",),
        _degroot,
    ),
    Case(
        "Opinions with prejudice",
        "Friedkin & Johnsen 1990, doi:10.1080/0022250X.1990.9990069",
        ("friedkin_johnsen",),
        _friedkin_johnsen,
    ),
    Case(
        "Clusters of random pairs with bounded confidence",
        "Deffuant et al. 2000, doi:10.1142/S0219525900000078",
        ("deffuant",),
        _deffuant,
    ),
    Case(
        "Camps of averaging with bounded confidence",
        "Hegselmann & Krause 2002, JASSS 5(3) 2",
        ("hegselmann_krause",),
        _hegselmann_krause,
    ),
    Case(
        "Consensus, disagreement, polarization",
        "Dandekar, Goel & Lee 2013, doi:10.1073/pnas.1217220110",
        ("biased_assimilation",),
        _biased_assimilation,
    ),
)
