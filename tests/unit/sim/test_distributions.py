from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.stats
from pydantic import TypeAdapter, ValidationError

from sim.distributions import quantiles
from sim.model import AlignmentModel
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import AnyDistribution

UNIFORMS = np.array([2.0**-53, 0.001, 0.2, 0.5, 0.77, 0.999, 1.0 - 2.0**-53])
ADAPTER: TypeAdapter[AnyDistribution] = TypeAdapter(AnyDistribution)


def named(name: str, **parameters: float) -> dict[str, Any]:
    return {"kind": "scipy", "name": name, "parameters": parameters}


@pytest.mark.parametrize(
    ("block", "reference"),
    [
        ({"kind": "exponential", "mean": 2.5}, scipy.stats.expon(scale=2.5)),
        ({"kind": "gamma", "shape": 0.7, "scale": 3.0}, scipy.stats.gamma(0.7, scale=3.0)),
        ({"kind": "beta", "a": 2.0, "b": 0.5}, scipy.stats.beta(2.0, 0.5)),
        (named("weibull_min", c=1.5, scale=2.0), scipy.stats.weibull_min(1.5, scale=2.0)),
        (named("norm", loc=1.0), scipy.stats.norm(1.0)),
        (named("poisson", mu=3.0, loc=1.0), scipy.stats.poisson(3.0, loc=1.0)),
    ],
)
def test_values_are_quantiles_at_the_same_uniforms(block: dict[str, Any], reference: Any) -> None:
    got = quantiles(ADAPTER.validate_python(block), UNIFORMS)
    np.testing.assert_allclose(got, reference.ppf(UNIFORMS), rtol=1e-12)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (named("weibul_min", c=1.0), "no distribution `weibul_min`"),
        (named("rv_continuous"), "no distribution"),
        (named("weibull_min"), "needs the parameter `c`"),
        (named("weibull_min", c=1.0, shape=2.0), "no parameter `shape`"),
        (named("poisson", mu=1.0, scale=2.0), "no parameter `scale`"),
        (named("weibull_min", c=-1.0), "not defined with c = -1"),
        (named("norm", scale=0.0), "not defined with scale = 0"),
        (named("pareto", b=0.3), "beyond 1e"),
        ({"kind": "values"}, "give `values` or a `file`"),
        ({"kind": "values", "values": [1.0], "file": "a"}, "not both"),
        ({"kind": "values", "file": "a"}, "needs the name of a `column`"),
    ],
)
def test_what_has_no_quantiles_is_refused(block: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ADAPTER.validate_python(block)


def test_any_distribution_serves_everywhere() -> None:
    start = {name: named("beta", a=2.0, b=3.0) for name in ("narrative", "lock_in", "trust")}
    content: dict[str, Any] = {
        "time": {"steps": 3},
        "population": {
            "size": 50,
            "groups": {"all": {"share": 1.0, "vulnerability": named("weibull_min", c=2.0)}},
            "initial": {**start, "exposure": named("expon")},
        },
        "constraints": {"activation": named("lomax", c=3.0), "width": named("rayleigh")},
        "turnover": {"rate": 0.5},
    }
    model = AlignmentModel(Scenario.model_validate(content))
    while model.running:
        model.step()
    population = model.frame.population
    assert (population.down < population.up).all()
    assert len(np.unique(population.vulnerability)) == 200
    assert len(np.unique(model.state.trust)) == 50


def test_scipy_stats_is_imported_only_for_those_who_name_a_distribution() -> None:
    code = (
        "import sys; from sim.model import AlignmentModel; AlignmentModel('emergent');"
        "sys.exit('scipy.stats' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
