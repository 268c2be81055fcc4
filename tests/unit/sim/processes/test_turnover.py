from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.processes import turnover
from sim.properties import derive
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario


def model_of(**blocks: Any) -> AlignmentModel:
    content: dict[str, Any] = {
        "channels": ["a"],
        "population": {"size": 400, "groups": {"x": 0.5, "y": 0.5}},
        "network": {"kind": "ring", "degree": 4},
    }
    return AlignmentModel(full(Scenario.model_validate({**content, **blocks})))


def replaced(model: AlignmentModel) -> np.ndarray:
    """Replace some persons of a state of n = i / N and everything else at its worst."""
    state, n = model.state, model.frame.population.n_persons
    state.exposure[...] = state.lock_in[...] = 1.0
    state.constraint[...] = 1
    state.narrative[:, 0] = np.arange(n) / n
    model.frame.take_stock()
    turnover.STAGE.run(model.frame)
    newcomers = state.lock_in[:, 0] == 0.0
    assert (state.exposure[0, newcomers] == 0.0).all()
    assert (state.constraint[0, newcomers] == 0).all()
    assert (state.exposure[0, ~newcomers] == 1.0).all()
    np.testing.assert_array_equal(model.frame.burden[:, 0], ~newcomers)
    return newcomers


def test_rates_by_group() -> None:
    newcomers = replaced(model_of(turnover={"rate": {"y": 0.5}}))
    assert not newcomers[:200].any()
    assert 70 < newcomers[200:].sum() < 130  # 4 standard deviations about 100


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_newcomers_take_over_a_share_of_the_mean_before_anyone_left(share: float) -> None:
    model = model_of(turnover={"rate": 0.6, "inherit": share})
    n = np.arange(400) / 400
    around = (np.roll(n, 1) + np.roll(n, 2) + np.roll(n, -1) + np.roll(n, -2)) / 4.0
    newcomers = replaced(model)
    narrative = model.state.narrative[:, 0]
    np.testing.assert_allclose(narrative[newcomers], share * around[newcomers], rtol=1e-12)
    np.testing.assert_array_equal(narrative[~newcomers], n[~newcomers])


def test_a_newcomer_without_neighbors_inherits_from_the_one_who_left() -> None:
    model = model_of(
        turnover={"rate": 0.5, "inherit": 0.5}, network={"kind": "poisson", "degree": 0}
    )
    newcomers = replaced(model)
    expected = 0.5 * np.arange(400)[newcomers] / 400
    np.testing.assert_allclose(model.state.narrative[newcomers, 0], expected)


def test_a_newcomer_is_unworn_answers_and_is_drawn_back_to_what_was_inherited() -> None:
    model = model_of(turnover={"rate": 0.5, "inherit": 0.5})
    ones = np.ones((400, 1))
    worn = {"anchor": ones.copy(), "wear": np.ones((1, 400, 1)), "exited": ones.astype(np.uint8)}
    model.frame.state = replace(model.state, **worn)
    newcomers = replaced(model)
    state = model.state
    np.testing.assert_array_equal(state.anchor[newcomers], state.narrative[newcomers])
    assert (state.anchor[~newcomers] == 1.0).all()
    for column in (state.wear[0, :, 0], state.exited[:, 0]):
        np.testing.assert_array_equal(column, ~newcomers)


def test_newcomers_trust_as_their_group_does_at_the_start() -> None:
    groups = {"x": 0.5, "y": {"share": 0.5, "initial": {"trust": 0.2}}}
    population = {"size": 400, "groups": groups, "initial": {"trust": 0.7}}
    model = model_of(turnover={"rate": 0.5}, population=population)
    model.state.trust[...] = 0.0
    newcomers = replaced(model)
    trust = model.state.trust[:, 0]
    assert set(trust[:200][newcomers[:200]]) == {0.7}
    assert set(trust[200:][newcomers[200:]]) == {0.2}


def test_nobody_is_replaced_on_a_bench_or_at_rate_zero() -> None:
    for rate in (0.0, {"x": 0.0}, {}):
        assert not replaced(model_of(turnover={"rate": rate, "inherit": 1.0})).any()


def test_what_is_derived_of_turnover() -> None:
    def verdicts(rate: Any) -> dict[str, bool]:
        return {a.name: a.guaranteed for a in derive(model_of(turnover={"rate": rate}).resolved)}

    assert verdicts({"x": 0.0}) == verdicts(0.0)
    assert verdicts({"x": 0.1})["A1"]
    assert not verdicts({"x": 0.1})["A2"]
