"""The ledger of failures: for each kind a world in which it happens, and one in which it does not.

Most worlds are frames whose numbers are set by hand, so that what must be found is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from analysis.cost import measure
from sim.failures import FAILURES
from sim.model import AlignmentModel
from sim.optimizers import METHODS
from sim.optimizers.base import TOLD_BY_METHODS
from sim.optimizers.policy import Policy
from sim.optimizers.proportional import Proportional
from sim.processes.stage import Frame
from sim.scenario.schema import Scenario
from sim.scenario.schema.measurement import Failures
from sim.streams import FloatArray

CONTENT: dict[str, Any] = {
    "population": {"size": 20, "groups": {"many": 0.8, "few": 0.2, "nobody": 0.0}},
    "network": {"kind": "ring", "degree": 2},
    "channels": ["only"],
    "safe": {"prevalence": 0.1},
    "record": {
        "failures": {
            "late_detection": 0.5,
            "late_detection_after": 3,
            "over_optimisation": 0.25,
            "stale_rules": 0.3,
            "region_leakage": 0.1,
            "template_mismatch": 0.3,
            "evasion": 0.25,
            "formally_correct_while_failing": 0.5,
            "objective_met": 0.9,
        }
    },
}


class World:
    """A model that stands still, and what its ledger says of what is done to it."""

    def __init__(self, *optimizers: dict[str, Any], **blocks: Any) -> None:
        content = {**CONTENT, "optimizers": list(optimizers), **blocks}
        self.model = AlignmentModel(Scenario.model_validate(content))
        self.frame, self.recorder = self.model.frame, self.model.recorder
        self.frame.state.answers[:, 0, 0] = (16, 4, 0)
        self.recorder.begin(self.frame)

    def step(self, active: int | None = None, positives: Any = None) -> World:
        """Let a step pass after which the first persons are active and reports say so much."""
        state = self.frame.state
        if active is not None:
            state.constraint[0, :, 0] = np.arange(20) < active
        if positives is not None:
            state.positives[:, 0, 0] = positives
        self.frame.take_stock()
        self.frame.needs = None
        self.recorder(self.frame)
        self.frame.step += 1
        return self

    def policy(self, gold: float, flatter: float = 0.0, refuse: float = 0.0) -> Policy:
        """Let the first optimizer put out so much of what is needed, of flattery and refusal."""
        policy = self.model.optimizers[0]
        assert isinstance(policy, Policy)
        policy.mean = np.tile(np.array([gold, flatter, refuse])[None, :, None], (3, 1, 1))
        return policy

    def ratchets(self, *persons: int) -> None:
        """Let the constraint of these persons be one that never releases."""
        down = self.frame.population.down.copy()
        down[0, list(persons)] = -np.inf
        self.frame.population = replace(self.frame.population, down=down)

    def kept(self, kind: str) -> list[dict[str, Any]]:
        table = self.recorder.events()
        return table[table["kind"] == kind].to_dict("records")


def spans(rows: list[dict[str, Any]], *more: str) -> list[tuple[Any, ...]]:
    """Return from which to which step events went on, and what else is asked for."""
    return [(r["step"], None if np.isnan(r["end"]) else r["end"], *map(r.get, more)) for r in rows]


RLHF = {"kind": "rlhf", "name": "trained"}


# Late detection


def test_detection_is_late_from_the_last_step_allowed_until_reports_show_it() -> None:
    world = World()
    for active, said in ((9, 0), (10, 0), (12, 0), (12, 7), (12, 7), (12, 8), (12, 3), (12, 3)):
        world.step(active, (said, 0, 0) if said < 5 else (said, 2, 0))
    # P came up to 0.5 in step 2; 9 of 20 said so in step 4, 10 of 20 in step 6.
    (row,) = world.kept("late_detection")
    assert spans([row], "value", "extreme", "level", "size") == [(5, 6.0, 3.0, 3.0, 3.0, 20)]


def test_what_is_never_shown_is_late_to_the_end() -> None:
    world = World()
    for _ in range(6):
        world.step(10, (0, 0, 0))
    (row,) = world.kept("late_detection")
    assert spans([row], "value", "extreme") == [(4, None, 3.0, 5.0)]


def test_silence_from_the_start_shows_nothing() -> None:
    world = World()
    world.frame.state.answers[...] = 0
    for _ in range(4):
        world.step(20)
    assert spans(world.kept("late_detection")) == [(4, None)]


def test_detection_in_time_or_beforehand_or_what_passes_is_not_late() -> None:
    early, in_time, passed = World(), World(), World()
    for n in range(8):
        early.step(10 if n else 9, (8, 2, 0) if n < 2 else (0, 0, 0))
        in_time.step(10, (8, 2, 0) if n == 2 else (0, 0, 0))
        passed.step(9 if n == 3 else 10 if n < 6 else 0, (0, 0, 0))
    assert [w.kept("late_detection") for w in (early, in_time, passed)] == [[], [], []]


def test_reports_that_deny_are_late_and_honest_ones_are_not() -> None:
    content: dict[str, Any] = {
        **CONTENT,
        "population": {"size": 200},
        "time": {"steps": 20},
        "stressors": [{"kind": "constant", "level": 0.4}],
        "record": {"failures": {"late_detection": 0.7}},
    }
    found = []
    for deny in (0.5, 0.0):
        denial = {"under_report": {"at_full_trust": deny, "at_no_trust": deny}}
        model = AlignmentModel(Scenario.model_validate({**content, "feedback": denial}))
        while model.running:
            model.step()
        assert model.prevalence() > 0.9
        found.append("late_detection" in set(model.recorder.events()["kind"]))
    assert found == [True, False]


# Over-optimisation


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        ([(2.0, 0.0), (1.4, 3.0), (1.0, 3.0)], [(2, None, 0.3, 0.5)]),  # gold down, proxy up
        ([(2.0, 0.0), (1.4, 3.0), (1.8, 3.0)], [(2, 3.0, 0.3, 0.3)]),  # and back again
        ([(2.0, 0.0), (1.6, 3.0)], []),  # by less than the share
        ([(2.0, 0.0), (1.0, 0.5)], []),  # the proxy knows
        ([(2.0, 0.0), (3.0, 3.0)], []),  # both rise
        ([(0.0, 0.0), (-1.0, 3.0)], []),  # it never was good
    ],
)
def test_a_policy_is_over_optimised_where_gold_falls_and_proxy_rises(
    path: list[tuple[float, float]], lost: list[tuple[Any, ...]]
) -> None:
    world = World(RLHF)
    for gold, flatter in path:
        world.policy(gold, flatter).estimate[...] = np.array([1.0, 1.0, 0.0])[None, :, None]
        world.step()
    rows = world.kept("over_optimisation")
    assert {(row["group"], row["optimizer"]) for row in rows} <= {
        ("many", "trained"),
        ("few", "trained"),
    }
    few = [row for row in rows if row["group"] == "few"]
    assert len(rows) == 2 * len(few)
    assert spans(few, "value", "extreme") == [pytest.approx(span) for span in lost]


def test_one_level_says_that_over_optimisation_never_counts() -> None:
    failures = {**CONTENT["record"]["failures"], "over_optimisation": 1.0}
    world = World(RLHF, record={"failures": failures})
    for gold, flatter in ((2.0, 0.0), (-1.0, 9.0)):
        world.policy(gold, flatter).estimate[...] = 1.0
        world.step()
    assert world.kept("over_optimisation") == []


# What only a method can tell


class Teller(Proportional):
    """Tells whatever it is asked to."""

    tells: ClassVar[dict[str, list[float]]] = {}

    def evidence(self, frame: Frame) -> Mapping[str, FloatArray]:
        return {kind: np.array(found)[:, None] for kind, found in self.tells.items()}


@pytest.fixture
def teller(monkeypatch: pytest.MonkeyPatch) -> type[Teller]:
    monkeypatch.setitem(METHODS, "proportional", Teller)
    monkeypatch.setattr(Teller, "tells", {})
    return Teller


@pytest.mark.parametrize("kind", TOLD_BY_METHODS)
def test_what_a_method_tells_of_itself_is_held_against_its_level(
    kind: str, teller: type[Teller]
) -> None:
    world = World({"kind": "proportional", "name": "fixed"})
    level = getattr(world.model.resolved.record.failures, kind)
    for many, few in ((level, 0.9), (0.5, 0.8), (np.nan, level)):
        teller.tells = {kind: [many, few, 0.9]}  # nobody is in the third group
        world.step(active=20)
    rows = world.kept(kind)
    assert spans(rows, "group", "optimizer", "size", "value", "extreme", "level") == [
        (1, 3.0, "few", "fixed", 4, 0.9, 0.9, level),
        (2, 3.0, "many", "fixed", 16, 0.5, 0.5, level),
    ]
    assert set(world.recorder.events()["kind"]) & set(TOLD_BY_METHODS) == {kind}


@pytest.mark.parametrize("kind", TOLD_BY_METHODS)
def test_what_does_not_fit_counts_only_where_there_is_need(kind: str, teller: type[Teller]) -> None:
    world, teller.tells = World({"kind": "proportional"}), {kind: [0.9, 0.9, 0.9]}
    world.step(active=1)  # one of sixteen, and none of four
    assert len(world.kept(kind)) == (2 if kind == "region_leakage" else 0)


def test_a_method_tells_nothing_before_it_starts_or_unless_it_says_so(
    teller: type[Teller],
) -> None:
    late, teller.tells = World({"kind": "proportional", "start": 1}), {"stale_rules": [0.9] * 3}
    assert late.step(active=20).kept("stale_rules") == []
    assert len(late.step(active=20).kept("stale_rules")) == 2
    silent = World(RLHF, {"kind": "none"})
    assert not set(silent.step(active=20).recorder.events()["kind"]) & set(TOLD_BY_METHODS)


def test_a_method_that_tells_of_something_unknown_is_refused(teller: type[Teller]) -> None:
    world, teller.tells = World({"kind": "proportional"}), {"stale_rule": [0.0] * 3}
    with pytest.raises(ValueError, match=r"Teller tells of `stale_rule`; .*stale_rules, region"):
        world.step()


def test_a_policy_can_say_how_far_a_direction_is_from_need() -> None:
    world = World(RLHF, channels=["one", "two"])
    policy = world.model.optimizers[0]
    assert isinstance(policy, Policy)
    world.frame.needs = None
    need = policy.needs(world.frame).need  # equal on both channels but where nobody is
    assert policy.mismatch(world.frame, need)[:2] == pytest.approx(0.0)
    off = np.tile(np.array([1.0, 0.0])[None, :, None], (3, 1, 1))
    assert policy.mismatch(world.frame, off)[:2] == pytest.approx(1.0 - np.sqrt(0.5))
    assert np.isnan(policy.mismatch(world.frame, off)[2])
    full = np.concatenate([-off, np.zeros_like(off)], axis=1)  # with the two styles
    assert policy.mismatch(world.frame, full)[:2] == pytest.approx(1.0 + np.sqrt(0.5))


# Evasion


def test_a_policy_evades_where_it_refuses_those_in_need() -> None:
    world = World(RLHF)
    for refuse, active in ((0.2, 4), (0.3, 4), (1.0, 4), (1.0, 1), (-5.0, 20)):
        world.policy(1.0, refuse=refuse)
        world.step(active)
    rows = world.kept("evasion")
    # The first four are a quarter of the many and all of nobody else.
    assert spans(rows, "group", "optimizer", "value", "extreme") == [
        (2, 4.0, "many", "trained", pytest.approx(1 - np.exp(-0.3)), pytest.approx(1 - np.exp(-1)))
    ]


def test_what_is_refused_is_what_the_effort_lacks() -> None:
    """`refused` says of the actuator what the actuator does."""
    efforts = []
    for styles in (["refuse"], []):
        world = World(RLHF, preferences={"styles": styles})
        policy = world.policy(0.0)
        policy.reference = np.tile(
            np.array([1.0, 0.7][: 1 + len(styles)])[None, :, None], (3, 1, 1)
        )
        policy.estimate = np.zeros_like(policy.reference)
        efforts.append(policy.act(world.frame)[0, 0, 0])
        refused = policy.refused()[0, 0]
        assert refused == pytest.approx(1.0 - np.exp(-0.7) if styles else 0.0)
    assert efforts[0] == pytest.approx(efforts[1] * np.exp(-0.7))


# Budget exhausted


def test_a_budget_is_exhausted_where_nothing_is_left_and_the_state_is_not_safe() -> None:
    world = World({**RLHF, "budget": 5.0}, {"kind": "none", "budget": 0.0})
    optimizer = world.model.optimizers[0]
    for spent, active in ((4.9, 20), (5.0, 20), (5.0, 2), (5.0 - 1e-15, 3), (5.0, 0)):
        optimizer.spent[...] = spent
        world.step(active)
    assert spans(world.kept("budget_exhausted"), "optimizer", "value", "level", "size") == [
        (2, 3.0, "trained", 1.0, 0.1, 20),
        (4, 5.0, "trained", 0.15, 0.1, 20),
    ]


def test_one_unsafe_group_is_enough_where_every_group_must_be_safe() -> None:
    for every_group, n_events in ((False, 0), (True, 1)):
        safe = {"prevalence": 0.1, "every_group": every_group}
        world = World({**RLHF, "budget": 0.0}, safe=safe)
        world.frame.state.constraint[0, 19, 0] = 1  # 1 of the few, 1 of 20 in all
        assert len(world.step().kept("budget_exhausted")) == n_events


def test_a_run_exhausts_a_small_budget_and_not_a_large_one() -> None:
    found = []
    for budget in (1.0, 1000.0):
        steward = {"kind": "proportional", "budget": budget}
        content = {
            **CONTENT,
            "population": {"size": 100},
            "time": {"steps": 20},
            "stressors": [{"kind": "constant", "level": 0.4}],
            "optimizers": [steward],
        }
        model = AlignmentModel(Scenario.model_validate(content))
        while model.running:
            model.step()
        events = model.recorder.events()
        found.append(events[events["kind"] == "budget_exhausted"]["optimizer"].tolist())
    assert found == [["proportional"], []]


# Point of no return


def test_ratchets_that_are_active_cannot_be_released() -> None:
    world = World()
    world.ratchets(0, 1, 2, 19)
    for active in (2, 3, 17, 2):
        world.step(active)
    (row,) = world.kept("point_of_no_return")
    assert spans([row], "value", "size", "level") == [(2, 4.0, 0.15, 3, 0.1)]


def test_what_can_be_released_is_no_point_of_no_return() -> None:
    assert World().step(20).kept("point_of_no_return") == []


def test_a_population_with_other_thresholds_is_looked_at_anew() -> None:
    world = World()
    world.step(20)
    world.ratchets(0, 1, 2)
    world.step(20)
    assert spans(world.kept("point_of_no_return"), "size") == [(2, None, 3)]


def test_each_group_has_a_point_of_no_return_where_each_must_be_safe() -> None:
    world = World(safe={"prevalence": 0.2, "every_group": True})
    world.ratchets(0, 1, 2, 16)
    world.step(20)  # 3 of 16 and 1 of 4
    rows = world.kept("point_of_no_return")
    assert spans(rows, "group", "value", "size") == [(1, None, "few", 0.25, 1)]


def test_from_the_point_of_no_return_on_no_restoration_succeeds() -> None:
    scenario = Scenario.model_validate(
        {
            **CONTENT,
            "population": {"size": 60},
            "time": {"steps": 12},
            "stressors": [{"kind": "constant", "level": 0.12}],
            "exposure": {"leak": 0.2},
            "constraints": {
                "activation": {"kind": "uniform", "low": 0.2, "high": 0.8},
                "ratchet_share": 0.5,
            },
            "restoration": {
                "delays": list(range(13)), "rest": 2, "rest_doublings": 1, "horizon": 6,
                "dwell": 2, "u_max": 50.0,
            },
        }
    )  # fmt: skip
    model = AlignmentModel(scenario)
    while model.running:
        model.step()
    events = model.recorder.events()
    (step,) = events[events["kind"] == "point_of_no_return"]["step"]
    assert 1 < step < 12
    costs = [row for row in measure(scenario, 0).cost if row["target"] == "hold"]
    found = {row["delay"]: row["cost"] for row in costs}
    assert all(np.isinf(cost) for delay, cost in found.items() if delay >= step)
    assert [np.isinf(cost) for cost in found.values()] == [delay >= step for delay in found]


# Formally correct while failing


def test_a_policy_is_formally_correct_where_it_does_what_it_means_to() -> None:
    world = World(RLHF)
    for mean, estimate, active in (
        (1.0, (1.0, 0.0), 10),  # in the right direction, and fourteen of twenty are not failing
        (1.0, (1.0, 0.0), 11),
        (1.0, (1.0, 0.4), 13),  # cosine 0.93
        (1.0, (1.0, 0.6), 14),  # cosine 0.86
        (0.0, (1.0, 0.0), 14),  # does nothing
    ):
        policy = world.policy(mean)
        policy.estimate[...] = np.array([*estimate, 0.0])[None, :, None]
        world.step(active)
    rows = world.kept("formally_correct_while_failing")
    assert spans(rows, "group", "optimizer", "value", "extreme") == [
        (1, 4.0, "many", "trained", 0.375, 0.1875)
    ]


def test_one_that_reads_reports_is_formally_correct_where_they_say_all_is_well() -> None:
    world = World({"kind": "proportional"}, {"kind": "none"})
    for active, said in ((20, (2, 0, 0)), (20, (1, 1, 0)), (7, (0, 0, 0))):
        world.step(active, said)
    rows = world.kept("formally_correct_while_failing")
    assert spans(rows, "group", "optimizer", "value") == [
        (1, 2.0, "few", "proportional", 0.0),
        (2, 3.0, "many", "proportional", 0.0),
    ]
    silent = World({"kind": "proportional"})
    silent.frame.state.answers[...] = 0
    assert silent.step(20).kept("formally_correct_while_failing") == []


# What emerges from labels


@pytest.mark.parametrize(
    ("preference", "kind"), [("sycophancy", "over_optimisation"), ("evasion", "evasion")]
)
def test_a_taste_for_what_nobody_needs_makes_a_trained_policy_fail(
    preference: str, kind: str
) -> None:
    content = {
        "population": {"size": 100},
        "time": {"steps": 40},
        "stressors": [{"kind": "constant", "level": 0.3}],
        "exposure": {"leak": 0.1},
        "feedback": {"response_base": 2.0},
        "optimizers": [{"kind": "rlhf", "labels": 100}],
    }
    found = []
    for taste in (5.0, 0.0):
        scenario = Scenario.model_validate({**content, "preferences": {preference: taste}})
        model = AlignmentModel(scenario)
        while model.running:
            model.step()
        found.append(kind in set(model.recorder.events()["kind"]))
    assert found == [True, False]


# The ledger as a whole


@pytest.mark.parametrize("kind", ["rlhf", "proportional", "none"])
def test_nothing_fails_where_nothing_happens_to_anyone(kind: str) -> None:
    content = {
        **CONTENT,
        "population": {"size": 60},
        "time": {"steps": 15},
        "optimizers": [{"kind": kind}],
    }
    model = AlignmentModel(Scenario.model_validate(content))
    while model.running:
        model.step()
    assert set(model.recorder.events()["kind"]) & {failure.name for failure in FAILURES} == set()


def test_a_fork_remembers_what_the_run_had_seen_and_goes_on_by_itself() -> None:
    world = World(RLHF)
    world.policy(2.0).estimate[...] = 1.0
    world.step(10, (0, 0, 0)).step().step()
    recorder = world.recorder.copy()
    world.step(positives=(16, 4, 0))
    world.policy(1.0, 3.0)
    world.step()
    assert len(world.kept("over_optimisation")) == 2
    assert spans(world.kept("late_detection")) == []
    world.recorder, world.frame.step = recorder, 3
    world.frame.state.positives[...] = 0
    world.step()
    assert len(world.kept("over_optimisation")) == 2
    assert spans(world.kept("late_detection")) == [(4, None)]


def test_every_level_is_one_that_some_kind_is_held_against() -> None:
    declared = {f"record.failures.{name}" for name in Failures.model_fields}
    named = {level for failure in FAILURES for level in failure.levels}
    assert named - {"safe.prevalence", "safe.every_group"} == declared
    assert set(TOLD_BY_METHODS) <= {failure.name for failure in FAILURES}
