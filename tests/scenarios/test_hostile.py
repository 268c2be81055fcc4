"""Whatever a user writes is either refused with a place or can be run: never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.run import CostPlan, run_in_memory
from sim.model import AlignmentModel
from sim.scenario.load import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.resolve import dump
from sim.scenario.schema import Scenario

SMALL: dict[str, Any] = {
    "time": {"steps": 6},
    "population": {"size": 20},
    "network": {"kind": "ring"},
    "stressors": [{"kind": "constant", "level": 0.3}],
    "constraints": {"coupling": 0.3, "narrative_feed": 0.3, "ratchet_share": 0.1},
    "restoration": {
        "delays": 2, "rest": 2, "rest_doublings": 2, "horizon": 4, "dwell": 2, "replicates": 1,
        "lengths": [2], "tolerance": 0.1,
    },
    "twin": {"certificate_steps": 40, "factors": 3},
}  # fmt: skip


def paths(content: Any, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Dotted paths of everything in a tree."""
    items: list[tuple[str, Any]] = []
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = [(str(index), value) for index, value in enumerate(content)]
    below = [path for key, value in items for path in paths(value, (*prefix, key))]
    return [*([prefix] if prefix else []), *below]


CORPUS = Path(__file__).parent / "valid" / "mechanisms.yaml"
KEYS = [".".join(path) for path in paths(dump(load_scenario(CORPUS)))]

numbers = st.one_of(
    st.integers(-3, 30).map(str),
    st.floats(0.0, 1.0).map(repr),
    st.floats().map(repr),
    st.sampled_from(["1e308", "-1e-320", "1e9", "1000000000000", "0.1e1", "-0", "-0.0"]),
)
words = st.sampled_from(
    ["true", "no", "null", "''", "'1'", "deprivation", "ring", "star", "complete", "block_model",
     "values", "until_stable", "future", "population", "[]", "{}", "[1, 2]", "[[1]]", "{a: 1}",
     "{deprivation: 0.5}", "{kind: values, values: [1, 2]}", "{kind: normal, mean: 1, sd: 2}",
     "[{kind: series, file: nowhere.csv, column: x}]", "[{kind: proportional}, {kind: none}]",
     "{kind: lattice, rows: 6, columns: 5}", "{kind: edge_list, file: nowhere.csv}", "🌍", "~",
     "&a 1", "*a", "!!int 1", "{", "- 1", "|", "1:30", "0x1F", "2001-01-01"]
)  # fmt: skip
rubbish = st.text(max_size=12)
values = st.one_of(numbers, words, rubbish)
keys = st.one_of(
    st.sampled_from(KEYS),
    st.tuples(st.sampled_from(KEYS), rubbish).map(".".join),
    rubbish,
)


def loaded(path: Path, *overrides: str) -> Scenario | None:
    """The scenario, or none if it was refused as it should be."""
    refusal: ScenarioError | None = None
    try:
        return load_scenario(path, overrides=overrides)
    except ScenarioError as error:
        refusal = error
    assert refusal.problems
    assert all(problem.place.source.name for problem in refusal.problems)
    assert "nothing was run" in refusal.render(color=True)
    return None


@given(overrides=st.lists(st.tuples(keys, values).map("=".join), min_size=1, max_size=3))
def test_any_override_is_refused_or_can_be_run(overrides: list[str]) -> None:
    small = ["population.size=30", "time.steps=12", "restoration.delays=[0, 12]"]
    scenario = loaded(CORPUS, *small, *overrides)
    if scenario is None or scenario.population.size > 1000 or scenario.time.steps > 100:
        return
    model = AlignmentModel(scenario)
    for _ in range(3):
        model.step()
    assert 0.0 <= model.prevalence() <= 1.0


@given(text=st.text(max_size=200))
def test_any_text_is_refused_or_a_scenario(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    loaded(path)


RESTORATION = SMALL["restoration"]
EXTREMES: dict[str, dict[str, Any]] = {
    "one person": {"population": {"size": 1}, "network": {"kind": "star"}},
    "one channel": {"channels": ["only"]},
    "eight channels": {"channels": list("abcdefgh")},
    "all weight on one channel": {"channels": {"a": 1.0, "b": 0.0}},
    "a group of nobody": {
        "population": {"size": 20, "groups": {"a": 0.0, "b": 1.0}},
        "safe": {"every_group": True},
    },
    "one-step windows": {
        "restoration": {**RESTORATION, "horizon": 1, "dwell": 1, "rest": 0, "lengths": []}
    },
    "coarsest tolerance": {"restoration": {**RESTORATION, "tolerance": 0.5}},
    "tiny u_max": {"restoration": {**RESTORATION, "u_max": 1e-300}},
    "huge u_max": {"restoration": {**RESTORATION, "u_max": 1e9}},
    "one delay": {"restoration": {**RESTORATION, "delays": [6]}},
    "one rest": {"restoration": {**RESTORATION, "rest_doublings": 1}},
    "one step": {"time": {"steps": 1}},
    "enormous stress": {
        "stressors": [{"kind": "constant", "level": 1e9}],
        "population": {
            "size": 20,
            "groups": {"a": {"share": 1.0, "vulnerability": {"kind": "lognormal", "sigma": 10.0}}},
        },
    },
    "enormous noise": {"exposure": {"noise": 10.0}},
    "never forgets": {"exposure": {"leak": 0.0}},
    "forgets at once": {"exposure": {"leak": 1.0}},
    "no twin can be certified": {
        "constraints": {"activation": -1.0},
        "twin": {"certificate_steps": 1, "factors": 1},
    },
    "worst start": {
        "population": {
            "size": 20,
            "initial": {
                "constrained": 1.0, "exposure": 1e9, "narrative": 1.0, "lock_in": 1.0, "trust": 0.0,
            },
        }
    },
    "corrections that do nothing": {"correction": {"gain": 0.0}},
    "corrections beyond measure": {"correction": {"gain": 1e9}, "exposure": {"cure": 1e9}},
    "scanned grid": {"signed": True, "constraints": {"coupling": -1.0}},
    "everyone replaced": {
        "turnover": {"rate": 1.0}, "restoration": {**RESTORATION, "environment": "future"},
    },
    "no thresholds": {"record": {"crossings": []}},
    "thresholds at the ends": {"record": {"crossings": [{"level": 0.0}, {"level": 1.0}]}},
    "nothing is safe": {"safe": {"prevalence": 0.0}},
    "all is safe": {"safe": {"prevalence": 1.0}},
    "stress after the end": {
        "stressors": [{"kind": "ramp", "to_level": 1.0, "start": 50, "end": 90}]
    },
    "promises beyond measure": {"trust": {"promised": 1e9, "promise_scale": 1e-300}},
    "nobody answers": {
        "feedback": {"response_base": -1e9}, "optimizers": [{"kind": "proportional"}],
    },
    "all are ratchets": {"constraints": {"ratchet_share": 1.0}},
}  # fmt: skip


@pytest.mark.parametrize("change", EXTREMES.values(), ids=EXTREMES)
def test_a_cost_run_at_the_edge_of_the_schema_is_complete(change: dict[str, Any]) -> None:
    scenario = Scenario.model_validate({**SMALL, **change})
    results = run_in_memory(CostPlan.of(scenario))
    cost = results.tables["cost"]
    assert cost["cost"].notna().all()
    assert (cost["censored"] == (cost["cost"] == float("inf"))).all()
    assert cost["prevalence_exposed"].between(0.0, 1.0).all()
    wide = cost.pivot(index=["role", "delay"], columns="target", values="cost")
    assert (wide["heal"] >= wide["hold"]).all()
    summary = results.summary()
    assert len(summary.curve) == len(cost)
    assert summary.premium["finite"].ge(0).all()
