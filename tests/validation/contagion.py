"""Who joins once enough others have: Granovetter, Watts, Centola and Macy."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from tests.validation.case import Case, Finding, at_end, exactly, narratives, near, scenario


def _adopted(name: str, changes: dict[str, Any] | None = None) -> int:
    return int((narratives(at_end(name, changes)) >= 0.5).sum())


def _with_one_other(thresholds: tuple[float, ...]) -> list[float]:
    """Return the thresholds after the person with threshold 1 of 100 got 2 of 100."""
    changed = list(thresholds)
    changed[changed.index(0.01)] = 0.02
    return changed


def _granovetter() -> list[Finding]:
    rule = scenario("granovetter").narrative
    changed = {"narrative.threshold": _with_one_other(rule.threshold.values)}
    loads = scenario("granovetter_load").constraints.activation["riot"]
    changed_load = {"constraints.activation": _with_one_other(loads.values)}

    def rioting(changes: dict[str, Any] | None = None) -> int:
        return int(at_end("granovetter_load", changes).state.constraint.sum())

    return [
        exactly("adopters, thresholds 0 … 99 of 100", _adopted("granovetter"), 100),
        exactly("the person with threshold 1 has 2", _adopted("granovetter", changed), 1),
        exactly("the same as relays under load", rioting(), 100),
        exactly("as relays, threshold 2 for 1", rioting(changed_load), 1),
    ]


def _settled(spread: float) -> float:
    """Return the least r with r = F(r), F normal with mean ¼ and a spread."""
    r = 0.0
    for _ in range(5_000):
        r = float(ndtr((r - 0.25) / spread))
    return r


def _normal_thresholds() -> list[Finding]:
    found = []
    for spread in (0.1, 0.12, 0.125, 0.15):
        changes = {"narrative.threshold": {"kind": "normal", "mean": 0.25, "sd": spread}}
        adopters = _adopted("granovetter_normal", changes) / 20_000
        found.append(
            near(
                f"adopters, standard deviation {spread:g} (share)",
                adopters,
                _settled(spread),
                tolerance=0.02,
                why="20,000 random thresholds",
            )
        )
    return found


def _mean_choice(strength: float) -> float:
    """Return m = 2 P − 1 once settled, βJ = strength, J = 1."""
    scale = {"constraints.activation": _tastes(1.0 / (2.0 * strength))}
    return 2.0 * at_end("brock_durlauf", scale).prevalence() - 1.0


def _tastes(scale: float) -> dict[str, Any]:
    return {"kind": "scipy", "name": "logistic", "parameters": {"loc": 1.0, "scale": scale}}


def _discrete_choice() -> list[Finding]:
    found, n_persons = [], scenario("brock_durlauf").population.size
    for b in (0.5, 1.2, 2.0):
        root = brentq(lambda m, b=b: np.tanh(b * m) - m, 1e-3, 1.0) if b > 1.0 else 0.0
        # The mean taste is random, and interaction magnifies it.
        error = np.sqrt((1.0 - root**2) / n_persons) / (1.0 - b * (1.0 - root**2))
        setting, why = f"mean choice, βJ = {b:g}", f"{n_persons:,} tastes, four standard errors"
        found.append(near(setting, _mean_choice(b), float(root), tolerance=4.0 * error, why=why))
    return found


def _share_of_cascades(degree: float, *, n_graphs: int = 8) -> float:
    """Return the share of graphs on which more than a tenth of the persons adopt."""
    sizes = [_adopted("watts", {"network.degree": degree, "seed": s}) for s in range(n_graphs)]
    return float(np.mean(np.array(sizes) > 1000))


def _watts() -> list[Finding]:
    window = {0.5: 0.0, 2.0: 1.0, 4.0: 1.0, 8.0: 0.0, 10.0: 0.0}
    return [
        exactly(f"share of graphs with a global cascade, z = {z:g}", _share_of_cascades(z), share)
        for z, share in window.items()
    ]


def _centola_macy() -> list[Finding]:
    ring = _adopted("centola_macy")
    shuffled = {"network.rewire": 1.0}
    random = _adopted("centola_macy", shuffled)
    simple = {"narrative.threshold": 1}
    return [
        exactly("two neighbors needed, ring: adopters", ring, 1000),
        exactly("two neighbors needed, rewired: fewer than 1 %", random < 10, True),
        exactly("one neighbor needed, ring: adopters", _adopted("centola_macy", simple), 1000),
        exactly(
            "one neighbor needed, rewired: more than 99 %",
            _adopted("centola_macy", simple | shuffled) > 990,
            True,
        ),
    ]


CASES = (
    Case(
        "One instigator more or less",
        "Granovetter 1978, doi:10.1086/226707",
        ("granovetter", "granovetter_load"),
        _granovetter,
    ),
    Case(
        "Normal thresholds: a little more spread",
        "Granovetter 1978, figure 2: r = F(r)",
        ("granovetter_normal",),
        _normal_thresholds,
    ),
    Case(
        "Discrete choice with social interactions",
        "Brock & Durlauf 2001, doi:10.1111/1467-937X.00168: m = tanh(βJ m)",
        ("brock_durlauf",),
        _discrete_choice,
    ),
    Case(
        "The window of global cascades",
        "Watts 2002, doi:10.1073/pnas.082090499",
        ("watts",),
        _watts,
    ),
    Case(
        "Complex contagion needs wide bridges",
        "Centola & Macy 2007, doi:10.1086/521848",
        ("centola_macy",),
        _centola_macy,
    ),
)
