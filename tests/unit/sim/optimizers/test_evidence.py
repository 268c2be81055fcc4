"""What methods tell of the failures that only they can know of."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.sim.optimizers.steered import effort, model

PLAIN = {"demonstration_noise": 0.0, "start": 0}


def test_principles_go_stale_as_needs_move() -> None:
    m = model({"kind": "constitutional", "principles": [{"rent": 1.0}], **PLAIN})
    m.state.constraint[...] = 0
    m.state.constraint[0] = 1
    m.state.exposure[0] = 5.0
    effort(m, 0.5)
    told = m.optimizers[0].evidence(m.frame)["stale_rules"][:, 0]
    assert told[0] < 0.1
    m.state.constraint[...] = 0
    m.state.constraint[1] = 1
    m.state.exposure[1] = 5.0
    effort(m, 0.5)
    assert m.optimizers[0].evidence(m.frame)["stale_rules"][0, 0] > 0.8


def test_a_template_that_points_elsewhere_does_not_fit() -> None:
    m = model({"kind": "template_moderation", "templates": 1, **PLAIN})
    effort(m, 0.5)
    optimizer, need = m.optimizers[0], m.frame.needs.need
    optimizer.templates[0] = need[0]
    optimizer.nearest[...] = 0
    assert optimizer.evidence(m.frame)["template_mismatch"][0, 0] == pytest.approx(0.0, abs=1e-12)
    optimizer.templates[0] = np.array([[0.0], [0.0], [1.0]])
    cosine = need[0, 2, 0] / np.linalg.norm(need[0, :, 0])
    told = optimizer.evidence(m.frame)["template_mismatch"][0, 0]
    assert told == pytest.approx(1.0 - cosine)
    optimizer.likeness[...] = -1.0
    assert np.isnan(optimizer.evidence(m.frame)["template_mismatch"]).all()


def test_a_region_leaks_what_rises_outside_of_it() -> None:
    m = model({"kind": "region_constraints", "entry": 0.5, **PLAIN})
    effort(m, [[0.9, 0.0, 0.0]] * 4)
    optimizer, weight = m.optimizers[0], m.frame.coefficients.weight
    assert optimizer.inside[0, :, 0].tolist() == [True, False, False]
    assert optimizer.evidence(m.frame)["region_leakage"][0, 0] == 0.0
    size = round(m.frame.population.group_share[0] * m.frame.population.n_persons)
    m.frame.active[0, 0] = size  # inside: no leak
    assert optimizer.evidence(m.frame)["region_leakage"][0, 0] == 0.0
    before = m.frame.active[0, 1, 0]
    m.frame.active[0, 1] = size
    told = optimizer.evidence(m.frame)["region_leakage"][0, 0]
    assert told == pytest.approx((1.0 - before / size) * weight[1] / weight[1:].sum())
    optimizer.inside[0] = True
    assert np.isnan(optimizer.evidence(m.frame)["region_leakage"][0, 0])
