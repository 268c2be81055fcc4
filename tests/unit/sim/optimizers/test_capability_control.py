from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.optimizers.base import SPENDING
from tests.unit.sim.optimizers.overseen import model, overseer_of, policy_of, prepare, report


def controlled(**given: Any) -> AlignmentModel:
    return model({"kind": "rlhf"}, {"kind": "capability_control", "oversees": ["rlhf"], **given})


def reading(m: AlignmentModel) -> list[float]:
    values: list[float] = overseer_of(m).reading[:, 0].tolist()
    return values


@pytest.mark.parametrize("strictness", [0.5, 1.0, 2.0])
def test_strength_is_capped_by_how_far_the_meter_is_above_its_limit(strictness: float) -> None:
    m = controlled(limit=0.25, strictness=strictness)
    m.state.correction[..., 0] = [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0], [1.0, 1.5, 0.5]]
    prepare(m)
    assert reading(m) == pytest.approx([0.2, 0.0, 1.0])
    assert policy_of(m).cap[:, 0] == pytest.approx([3.0, 3.0, 3.0 * 0.25**strictness])


def test_the_meter_of_reports_stands_still_in_silence() -> None:
    m = controlled(meter="reports", limit=0.2)
    report(m, [[10, 10, 20], [0, 0, 0], [5, 0, 0]], [[10, 0, 10], [0, 0, 0], [1, 0, 0]])
    prepare(m)
    assert reading(m) == pytest.approx([0.5, 0.0, 0.2])
    assert policy_of(m).cap[:, 0] == pytest.approx([3.0 * 0.4, 3.0, 3.0])
    report(m, [[0, 0, 0], [0, 0, 0], [5, 0, 0]], [[0, 0, 0], [0, 0, 0], [0, 0, 0]])
    prepare(m)
    assert reading(m) == pytest.approx([0.5, 0.0, 0.0])


def test_the_meter_averages_over_its_memory() -> None:
    m = controlled(meter="reports", memory=4.0)
    found = []
    for positives in (40, 40, 0):
        report(m, 40, positives)
        prepare(m)
        found.append(reading(m)[0])
    assert found == pytest.approx([0.25, 0.4375, 0.328125])


def test_it_restricts_where_help_is_needed_and_pays_for_the_utility_lost() -> None:
    stress = [{"kind": "constant", "channel": "rent", "level": 0.4}]
    runs = {}
    for strictness in (0.0, 3.0):
        m = model(
            {"kind": "rlhf"},
            {"kind": "capability_control", "oversees": ["rlhf"], "meter": "reports",
             "limit": 0.02, "strictness": strictness},
            stressors=stress,
        )  # fmt: skip
        while m.running:
            m.step()
        utility = float(overseer_of(m).bills[SPENDING.index("utility"), 0])
        runs[strictness] = (m.prevalence(), utility)
    assert runs[3.0][0] > runs[0.0][0] + 0.02
    assert runs[0.0][1] == 0.0
    assert runs[3.0][1] > 1.0


def test_it_stands_alone_with_a_policy_that_follows_reports() -> None:
    m = model({"kind": "capability_control", "limit": 0.05})
    report(m, 10, [[5, 0, 0], [0, 0, 0], [0, 10, 0]])
    prepare(m)
    (own,) = m.optimizers
    np.testing.assert_array_equal(
        overseer_of(m).estimate[[0, 2], :3, 0], [[0.5, 0.0, 0.0], [0.0, 1.0, 0.0]]
    )
    assert own.act(m.frame).any()
