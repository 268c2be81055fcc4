from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.model import AlignmentModel
from sim.optimizers.base import SPENDING
from sim.optimizers.overseer import strength_wanted
from tests.unit.sim.optimizers.overseen import model, overseer_of, prepare, report

RLHF = {"kind": "rlhf", "labels": 40}


def governed(*, n_systems: int = 1, **given: Any) -> AlignmentModel:
    names = [f"system_{i}" for i in range(n_systems)]
    systems = [{**RLHF, "name": name} for name in names]
    return model(*systems, {"kind": "governance", "oversees": names, **given})


def step_on(m: AlignmentModel, step: int, *, bad: int = 0) -> None:
    """Let everyone sense and oversee at a step after which `bad` groups were badly off."""
    m.frame.step = step
    report(m, 10, np.where(np.arange(3)[:, None] < bad, 8, 1))
    prepare(m)


def standards(m: AlignmentModel, bad: list[int]) -> list[float]:
    found = []
    for step, count in enumerate(bad):
        step_on(m, step, bad=count)
        found.append(float(overseer_of(m).standard()[0]))
    return found


def test_standards_follow_publication_and_tighten_in_phases() -> None:
    given = {"standards": [2.0, 1.0, 0.5], "phases": [2, 5], "incident": 0.5}
    for publication in (0, 3):
        m = governed(publication=publication, **given)
        free = [np.inf] * (1 + publication)
        rows = [0, 1, *[0] * (6 + publication)]
        assert standards(m, rows) == [*free, 2.0, 2.0, 1.0, 1.0, 1.0, 0.5, 0.5]


def test_incidents_are_counted_by_group_until_there_are_enough() -> None:
    m = governed(publication=0, incidents=4)
    assert standards(m, [1, 0, 2, 0, 1, 0]) == [np.inf] * 4 + [2.0] * 2
    assert overseer_of(m).published[0] == 4.0
    silent = governed(publication=0)
    report(silent, 0, 0)
    prepare(silent)
    assert overseer_of(silent).published[0] == 0.0


def test_reports_at_the_level_are_no_incident() -> None:
    m = governed(publication=0, incident=0.1)
    assert standards(m, [0, 0]) == [np.inf] * 2
    low = governed(publication=0, incident=0.09)
    assert standards(low, [0]) == [2.0]


def capped(m: AlignmentModel, name: str) -> list[float]:
    (policy,) = (o for o in m.optimizers if o.spec.name == name)
    caps: list[float] = policy.cap[:, 0].tolist()  # type: ignore[attr-defined]
    return caps


def test_without_a_list_every_policy_is_held_to_the_standard_its_own_too() -> None:
    own = {"kind": "governance", "publication": 0}
    m = model(RLHF, own, {"kind": "proportional"}, {"kind": "audit", "oversees": ["rlhf"]})
    step_on(m, 0, bad=1)
    assert capped(m, "rlhf") == capped(m, "governance") == [2.0] * 3
    listed = model(RLHF, {**RLHF, "name": "free"}, {**own, "oversees": ["rlhf"]})
    step_on(listed, 0, bad=1)
    assert capped(listed, "rlhf") == [2.0] * 3
    assert capped(listed, "free") == [3.0] * 3


def test_the_share_that_obeys_is_as_said_and_each_policy_decides_by_itself() -> None:
    m = governed(publication=0, compliance=0.3, n_systems=2, standards=[0.1, 0.1, 0.1])
    obeyed = []
    for step in range(250):
        step_on(m, step, bad=1)
        obeyed.append([np.array(capped(m, f"system_{i}")) == 0.1 for i in range(2)])
    share = np.mean(obeyed)
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 1500))
    first, second = np.moveaxis(np.array(obeyed), 1, 0).reshape(2, -1)
    assert np.mean(first & second) == pytest.approx(0.09, abs=4 * np.sqrt(0.09 * 0.91 / 750))


def test_inspections_are_billed_for_each_system_and_without_them_nobody_obeys() -> None:
    m = governed(publication=0, n_systems=3, standards=[3.0, 3.0, 3.0])
    for step, bad in enumerate([0, 0, 1, 0]):
        step_on(m, step, bad=bad)
    assert overseer_of(m).bills[SPENDING.index("audit"), 0] == pytest.approx(2 * 3 * 1e-3)
    poor = governed(publication=0, budget=0.0, standards=[0.1, 0.1, 0.1])
    step_on(poor, 0, bad=1)
    assert capped(poor, "system_0") == [3.0] * 3


def test_a_captured_standard_gives_way_to_strength_as_systems_spend() -> None:
    for spending in (0.0, 0.5, 8.0):
        m = governed(publication=0, capture=2.0, standards=[0.2, 0.2, 0.2])
        step_on(m, 0, bad=0)
        system = m.optimizers[0]
        overseer_of(m).observe(m.frame)  # nothing is published yet
        m.frame.step = 3
        report(m, 10, 8)
        system.sense(m.frame)
        system.spent = np.array([4.0 * spending])  # over four steps
        overseer_of(m).sense(m.frame)
        wanted = strength_wanted(system)[:, 0]  # type: ignore[arg-type]
        overseer_of(m).oversee(m.frame, m.optimizers)
        pull = 2.0 * spending / (1.0 + 2.0 * spending)
        expected = 0.2 + pull * np.maximum(wanted - 0.2, 0.0)
        assert (wanted[[0, 2]] > 0.5).all()
        assert capped(m, "system_0") == pytest.approx(expected.tolist())
