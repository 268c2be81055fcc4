from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from sim.optimizers.base import SPENDING
from sim.optimizers.runtime_monitor import RuntimeMonitor
from sim.streams import FloatArray
from tests.unit.sim.optimizers.overseen import model, overseer_of, policy_of, prepare, report

FOREVER = 1e9
RUNS = 4000


def monitor(n_branches: int = 1, **given: Any) -> RuntimeMonitor:
    made = overseer_of(model({"kind": "runtime_monitor", **given}))
    assert isinstance(made, RuntimeMonitor)
    made.widen(n_branches)
    return made


def run_length(k: float, h: float, *, shift: float = 0.0, n_states: int = 400) -> float:
    """The average run length from 0 of a cumulative sum of N(shift, 1), as Brook and Evans have it.

    States are intervals of the sum below h, the first from −∞ to half a width.
    """
    width = 2.0 * h / (2 * n_states - 1)
    middle = width * np.arange(n_states)
    upper = norm.cdf(middle[None, :] + width / 2 + k - shift - middle[:, None])
    chances = np.diff(np.hstack([np.zeros((n_states, 1)), upper]), axis=1)
    return float(np.linalg.solve(np.eye(n_states) - chances, np.ones(n_states))[0])


def lengths(
    made: RuntimeMonitor, *, share: float, n_reports: int = 20_000, n_steps: int = 6000
) -> FloatArray:
    """Steps to the first alarm of group 0 in each branch, from the first that can be judged."""
    random = np.random.Generator(np.random.PCG64(7))
    n_groups, n_branches = made.total.shape
    first = np.full(n_branches, np.inf)
    answers = np.zeros((n_groups, n_branches))
    answers[0] = n_reports
    known = float(made.answers.max()) > 0.0
    for step in range(n_steps):
        positives = np.zeros_like(answers)
        positives[0] = random.binomial(n_reports, share, n_branches)
        alarm = made.watch(answers, positives)[0]
        first[alarm & np.isinf(first)] = step + 1 if known else step
        if np.isfinite(first).all():
            break
    return first


def test_the_known_run_length_is_known() -> None:
    # Published for k = ½, h = 4 and 5 on both sides, which halves them: 168 and 465.
    assert run_length(0.5, 4.0) == pytest.approx(2 * 168, rel=0.01)
    assert run_length(0.5, 5.0) == pytest.approx(2 * 465, rel=0.01)
    for k, h in [(0.5, 3.0), (0.25, 4.0), (1.0, 2.0)]:
        b = h + 1.166
        siegmund = (np.exp(2 * k * b) - 2 * k * b - 1) / (2 * k * k)
        # An approximation for small k: 1 % off at ¼, 7 % at 1.
        assert run_length(k, h) == pytest.approx(siegmund, rel=0.08)


@pytest.mark.parametrize(("k", "h"), [(0.5, 3.0), (0.25, 4.0), (1.0, 2.0)])
def test_steps_between_false_alarms_are_as_known_though_the_reference_is_learned(
    k: float, h: float
) -> None:
    made = monitor(RUNS, allowance=k, decision=h, memory=FOREVER)
    found = lengths(made, share=0.3)
    # Run lengths are about exponential, so 4,000 of them have a standard error of 1.6 %; a false
    # refusal at 6 % is a matter of one in ten thousand.
    assert found.mean() == pytest.approx(run_length(k, h), rel=0.06)


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_delay_is_as_known(shift: float) -> None:
    made = monitor(RUNS, allowance=0.5, decision=4.0, memory=FOREVER)
    share, n_reports = 0.3, 20_000
    made.answers[0], made.positives[0] = 1e12, share * 1e12
    risen = share + shift * np.sqrt(share * (1.0 - share) / n_reports)
    found = lengths(made, share=risen)
    assert found.mean() == pytest.approx(run_length(0.5, 4.0, shift=shift), rel=0.06)


def test_what_grows_slowly_becomes_the_reference() -> None:
    shares = 0.2 + 0.3 * np.linspace(0.0, 1.0, 200)
    alarms = {}
    for memory in (3.0, FOREVER):
        made = monitor(decision=8.0, memory=memory)
        answers = np.full_like(made.answers, 400.0)
        alarms[memory] = sum(int(made.watch(answers, answers * s)[0, 0]) for s in shares)
    assert alarms[3.0] == 0
    assert alarms[FOREVER] > 5


def test_the_score_is_the_difference_of_two_shares() -> None:
    made = monitor(memory=2.0)
    one = np.ones_like(made.answers)
    assert np.isnan(made.score(50.0 * one, 10.0 * one)).all()
    made.watch(40.0 * one, 10.0 * one)
    made.watch(20.0 * one, 8.0 * one)
    assert made.answers[0, 0] == 40.0
    assert made.positives[0, 0] == 13.0
    pooled = (13.0 + 12.0 + 0.5) / (40.0 + 30.0 + 1.0)
    spread = np.sqrt(pooled * (1.0 - pooled) * (1.0 / 30.0 + 1.0 / 40.0))
    expected = (12.0 / 30.0 - 13.0 / 40.0) / spread
    assert made.score(30.0 * one, 12.0 * one)[0, 0] == pytest.approx(expected)


def test_silence_alarms_nobody_and_forgets_no_sum() -> None:
    made = monitor(allowance=0.0, decision=100.0)
    one = np.ones_like(made.answers)
    for positives in (10.0, 20.0):
        made.watch(50.0 * one, positives * one)
    total = made.total.copy()
    assert (total > 0.0).all()
    for _ in range(3):
        assert not made.watch(0.0 * one, 0.0 * one).any()
    assert np.array_equal(made.total, total)


def throttles(**given: Any) -> tuple[list[list[float]], Any]:
    """Throttles of the overseen by step and group, where reports of group a jump at step 3."""
    spec = {"kind": "runtime_monitor", "oversees": ["rlhf"], "hold": 2, "throttle": 0.25, **given}
    m = model({"kind": "rlhf"}, spec)
    seen = []
    for step in range(8):
        m.frame.step = step
        report(m, 40, [[30 if step == 3 else 4] * 3, [0] * 3, [4] * 3])
        prepare(m)
        seen.append(policy_of(m).throttle[:, 0].tolist())
        policy_of(m).act(m.frame)
    return seen, overseer_of(m)


def test_only_the_group_that_alarms_is_throttled_and_for_as_long_as_said() -> None:
    seen, made = throttles()
    assert [row[0] for row in seen] == [1.0] * 3 + [0.25] * 2 + [1.0] * 3
    assert all(row[1:] == [1.0, 1.0] for row in seen)
    assert made.alarms[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert made.bills[SPENDING.index("audit"), 0] == pytest.approx(1e-3)
    assert made.bills[SPENDING.index("utility"), 0] > 0.0


def test_an_alarm_that_nobody_pays_for_is_not_heeded() -> None:
    seen, made = throttles(budget=0.0)
    assert made.alarms.sum() == 1.0
    assert seen == [[1.0] * 3] * 8
