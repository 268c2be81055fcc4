"""Tables on rows made by hand, small enough to be checked by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.intervals import Interval
from analysis.summary import (
    cost_curve_table,
    crossing_table,
    marginal_cost_table,
    no_return,
    no_return_table,
    path_table,
    premium_table,
    remanence_table,
    summarize,
)

INF = float("inf")
NAN = float("nan")
Costs = Mapping[int, Sequence[float]]
"""Cost of each replicate by delay."""


def rows(costs: Costs, *, role: str = "scenario", target: str = "hold") -> pd.DataFrame:
    """Rows of a cost table, with heights such that a constant correction lasts ten steps."""
    return pd.DataFrame(
        [
            {
                "role": role,
                "replicate": replicate,
                "delay": delay,
                "target": target,
                "cost": cost,
                "censored": cost == INF,
                "height": cost / 10.0 if cost < INF else NAN,
                "length": 10 if cost < INF else 0,
                "least_height": cost / 10.0,
                "floor": 0.01 * delay,
                "prevalence_exposed": 0.5,
                "prevalence_rested": 0.25 + 0.1 * replicate,
                "exposure_memory": 0.0,
                "harm": float(delay),
            }
            for delay, by_replicate in costs.items()
            for replicate, cost in enumerate(by_replicate)
        ]
    )


def at(table: pd.DataFrame, **key: object) -> pd.Series:
    """The one row of a table with these values."""
    for name, value in key.items():
        table = table[np.isclose(table[name], value) if name == "u_max" else table[name] == value]
    (index,) = table.index
    return table.loc[index]


def test_the_curve_ranks_infinity_and_averages_nothing() -> None:
    table = cost_curve_table(rows({0: [0, 0, 0], 5: [1, 3, INF], 9: [2, INF, INF]}))
    assert table["cost"].tolist() == [0.0, 3.0, INF]
    middle = at(table, delay=5)
    assert (middle["replicates"], middle["censored"]) == (3, pytest.approx(1 / 3))
    assert (middle["finite_low"], middle["finite_high"]) == (1.0, 3.0)
    assert (middle["height"], middle["length"]) == (pytest.approx(0.3), 10)
    assert (middle["cost_low"], middle["cost_high"]) == (1.0, INF)
    assert middle["prevalence_rested"] == pytest.approx(0.35)
    assert middle["floor"] == pytest.approx(0.05)
    assert middle["harm"] == 5.0


def test_a_curve_that_is_lost_everywhere_has_no_finite_range() -> None:
    row = at(cost_curve_table(rows({4: [INF, INF]})), delay=4)
    assert (row["cost"], row["cost_low"], row["cost_high"]) == (INF, INF, INF)
    assert row["censored"] == 1.0
    assert np.isnan([row["finite_low"], row["finite_high"], row["height"]]).all()
    assert row["length"] == 0


def test_the_curve_keeps_roles_and_targets_apart() -> None:
    both = [
        rows({0: [1]}, role=role, target=target)
        for role in ("twin", "scenario")
        for target in ("hold", "heal")
    ]
    table = cost_curve_table(pd.concat(both))
    assert list(zip(table["role"], table["target"], strict=True)) == [
        ("scenario", "heal"), ("scenario", "hold"), ("twin", "heal"), ("twin", "hold"),
    ]  # fmt: skip


def test_marginal_cost_counts_what_is_lost_gained_and_undefined() -> None:
    costs = {
        0: [0.0, 2.0, 4.0, INF, INF],
        2: [1.0, 1.0, INF, 3.0, INF],
        12: [6.0, 1.0, INF, 8.0, 9.0],
    }
    table = marginal_cost_table(rows(costs))
    first = at(table, delay_from=0)
    assert first["delay_to"] == 2
    assert (first["finite"], first["lost"], first["gained"], first["undefined"]) == (2, 1, 1, 1)
    assert first["marginal"] == -0.5  # of −∞, (1 − 2) / 2, (1 − 0) / 2 and ∞, the lower middle one
    assert (first["marginal_low"], first["marginal_high"]) == (-INF, INF)
    assert first["decreases"] == 1
    second = at(table, delay_from=2)
    assert second["marginal"] == 0.0  # per step of delay: of −∞, 0, 5 and 5, over 10
    assert (second["finite"], second["lost"], second["gained"], second["undefined"]) == (3, 0, 1, 1)
    assert second["decreases"] == 0


def test_a_difference_without_ranked_pairs_is_no_number() -> None:
    row = at(marginal_cost_table(rows({0: [1.0, INF], 5: [INF, INF]})), delay_from=0)
    assert (row["marginal"], row["finite"], row["lost"], row["undefined"]) == (INF, 0, 1, 1)
    row = at(marginal_cost_table(rows({0: [INF, INF], 5: [INF, INF]})), delay_from=0)
    assert np.isnan([row["marginal"], row["marginal_low"], row["marginal_high"]]).all()
    assert (row["finite"], row["undefined"]) == (0, 2)


def test_a_single_replicate_has_no_interval() -> None:
    row = at(cost_curve_table(rows({4: [2.0]})), delay=4)
    assert row["cost"] == 2.0
    assert np.isnan([row["cost_low"], row["cost_high"]]).all()


def test_of_an_even_number_the_median_is_the_lower_middle_one() -> None:
    row = at(cost_curve_table(rows({4: [1.0, 2.0, 4.0, INF]})), delay=4)
    assert (row["cost"], row["height"], row["length"]) == (2.0, pytest.approx(0.2), 10)
    assert row["prevalence_rested"] == pytest.approx(0.35)


def test_one_delay_has_no_marginal_cost() -> None:
    assert marginal_cost_table(rows({3: [1.0]})).empty


def test_the_premium_is_the_matched_difference_from_the_twin() -> None:
    here = rows({5: [3.0, 9.0, INF, INF, 4.0]})
    twin = rows({5: [1.0, 4.0, 2.0, INF, INF]}, role="twin")
    row = at(premium_table(pd.concat([here, twin])), delay=5)
    assert row["premium"] == 2.0  # of −∞, 2, 5 and ∞
    assert (row["premium_low"], row["premium_high"]) == (-INF, INF)
    assert (row["finite"], row["lost"], row["gained"], row["undefined"]) == (2, 1, 1, 1)


def test_without_a_twin_there_is_no_premium() -> None:
    assert premium_table(rows({5: [3.0]})).empty


def test_a_replicate_without_its_partner_counts_nowhere() -> None:
    here, twin = rows({5: [3.0, 9.0]}), rows({5: [1.0]}, role="twin")
    row = at(premium_table(pd.concat([here, twin])), delay=5)
    assert (row["premium"], row["finite"]) == (2.0, 1)
    assert (row["lost"], row["gained"], row["undefined"]) == (0, 0, 0)


@given(lost=st.lists(st.booleans(), min_size=1, max_size=8))
def test_the_point_of_no_return_is_absorbing_or_undefined(lost: list[bool]) -> None:
    delays = np.arange(len(lost)) * 3
    point = no_return(delays, np.array(lost))
    if point is None:
        first = lost.index(True)
        assert False in lost[first:]
    elif point == INF:
        assert True not in lost
    else:
        first = int(point) // 3
        assert lost == [False] * first + [True] * (len(lost) - first)


def test_the_point_of_no_return_falls_with_a_smaller_u_max() -> None:
    # Constant corrections need heights 0, 3, 6 and more than 10, the largest tried.
    table = no_return_table(rows({0: [0.0], 5: [30.0], 10: [60.0], 15: [INF]}), u_max=10.0)
    by_height = dict(zip(table["u_max"].round(6), table["no_return"], strict=True))
    assert [by_height[h] for h in (1.0, 2.0)] == [5.0, 5.0]
    assert [by_height[h] for h in (3.0, 4.0, 5.0)] == [10.0] * 3
    assert [by_height[h] for h in (6.0, 9.0, 10.0)] == [15.0] * 3
    assert (table["never"] == 0.0).all()


def test_a_height_above_u_max_by_rounding_alone_is_not_lost() -> None:
    table = no_return_table(rows({0: [0.0], 5: [np.nextafter(100.0, INF)]}), u_max=10.0)
    assert at(table, u_max=10.0)["no_return"] == INF
    assert at(table, u_max=9.0)["no_return"] == 5.0


def test_never_lost_is_infinite_and_regained_is_undefined() -> None:
    costs = {0: [0.0, 0.0, 0.0, 0.0], 5: [10.0, INF, INF, 10.0], 10: [10.0, INF, 10.0, 10.0]}
    row = at(no_return_table(rows(costs), u_max=10.0), u_max=10.0)
    assert row["undefined"] == 1  # the third replicate is lost at 5 and regained at 10
    assert row["never"] == pytest.approx(2 / 3)
    assert row["no_return"] == INF
    only = {0: [0.0], 5: [INF], 10: [1.0]}
    row = at(no_return_table(rows(only), u_max=10.0), u_max=10.0)
    assert (row["undefined"], len(only)) == (1, 3)
    assert np.isnan([row["no_return"], row["no_return_low"], row["never"]]).all()


def test_delays_need_not_come_in_order() -> None:
    costs = rows({0: [0.0], 5: [10.0], 10: [INF]}).iloc[::-1]
    assert at(no_return_table(costs, u_max=10.0), u_max=10.0)["no_return"] == 10.0
    assert marginal_cost_table(costs)["delay_from"].tolist() == [0, 5]


def rested(values: Mapping[int, Sequence[float]], quantity: str = "cost_hold") -> pd.DataFrame:
    """Rows of a remanence table: values of one quantity of each replicate by rest."""
    names = ("prevalence", "exposure_memory", "cost_hold", "cost_heal")
    return pd.DataFrame(
        [
            {
                "role": "scenario",
                "replicate": r,
                "delay": 60,
                "rest": rest,
                **dict.fromkeys(names, 0.0),
            }
            | {quantity: value}
            for rest, by_replicate in values.items()
            for r, value in enumerate(by_replicate)
        ]
    )


def remanent(values: Mapping[int, Sequence[float]], quantity: str = "cost_hold") -> pd.Series:
    table = remanence_table(rested(values, quantity), tolerance=0.5)
    others = table[table["quantity"] != quantity]
    assert (others["value"] == 0.0).all()
    return at(table, quantity=quantity)


def test_what_remains_is_the_larger_of_the_last_two_rests() -> None:
    row = remanent({10: [9.0, 9.0, 9.0], 20: [2.0, 5.0, 3.5], 40: [3.0, 4.0, 3.25]})
    assert (row["value"], row["rest"], row["delay"]) == (3.5, 40, 60)
    assert row["converged"] == pytest.approx(1 / 3)


def test_infinite_twice_has_converged_and_once_has_not() -> None:
    row = remanent({10: [0.0, 0.0, 0.0], 20: [INF, 1.0, INF], 40: [INF, INF, 1.0]})
    assert row["value"] == INF
    assert row["converged"] == pytest.approx(1 / 3)


def test_prevalence_must_agree_within_a_thousandth_whatever_a_cost_may() -> None:
    row = remanent({20: [0.2, 0.3], 40: [0.2005, 0.302]}, "prevalence")
    assert row["converged"] == 0.5
    assert row["value"] == pytest.approx(0.2005)


def test_one_rest_tells_nothing_about_convergence() -> None:
    row = remanent({10: [2.0, 4.0]})
    assert (row["value"], row["rest"]) == (2.0, 10)
    assert np.isnan(row["converged"])


def crossings(steps: Sequence[float | None], **more: object) -> pd.DataFrame:
    """Rows of a crossings table, one a replicate."""
    label = {"role": "scenario", "level": 0.5, "direction": "up", **more}
    return pd.DataFrame(
        [
            {
                **label,
                "replicate": r,
                "step": NAN if step is None else step,
                "censored": step is None,
            }
            for r, step in enumerate(steps)
        ]
    )


def test_a_threshold_never_crossed_is_later_than_all_others() -> None:
    row = at(crossing_table(crossings([12, None, 7, None, None])), level=0.5)
    assert (row["crossed"], row["censored"]) == (2, 3)
    assert (row["step"], row["step_low"], row["step_high"]) == (INF, 7.0, INF)
    row = at(crossing_table(crossings([12, None, 7])), level=0.5)
    assert row["step"] == 12.0


def test_directions_and_levels_are_apart() -> None:
    both = pd.concat(
        [crossings([3]), crossings([9], direction="down"), crossings([None], level=0.9)]
    )
    table = crossing_table(both)
    assert at(table, direction="down")["step"] == 9.0
    assert at(table, level=0.9)["step"] == INF
    assert len(table) == 3


def test_the_path_is_shown_by_order_statistics() -> None:
    paths = pd.DataFrame(
        [
            {"role": "scenario", "replicate": r, "step": step, "prevalence": step + 0.01 * r}
            for step in (0, 1)
            for r in range(12)
        ]
    ).assign(phase="exposure")
    paths = pd.concat([paths, paths.assign(phase="rest", prevalence=9.0)])
    table = path_table(paths)
    assert table["median"].tolist() == pytest.approx([0.05, 1.05])
    assert table["low"].tolist() == pytest.approx([0.01, 1.01])
    assert table["high"].tolist() == pytest.approx([0.10, 1.10])


def tables_of_a_run() -> dict[str, pd.DataFrame]:
    cost = pd.concat([rows({0: [0.0], 5: [10.0]}), rows({0: [0.0], 5: [4.0]}, role="twin")])
    return {
        "cost": cost,
        "remanence": rested({10: [0.0], 20: [0.3]}),
        "crossings": crossings([1]),
    }


def test_the_seed_reaches_every_table(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def note(sample: object, *, seed: int) -> Interval:
        seeds.append(seed)
        return Interval(NAN, NAN, NAN)

    monkeypatch.setattr("analysis.summary.quantile_interval", note)
    summarize(tables_of_a_run(), u_max=10.0, step=0.5, seed=7)
    assert set(seeds) == {7}


def test_a_summary_holds_every_table() -> None:
    tables = tables_of_a_run()
    summary = summarize(tables, u_max=10.0, step=0.5, seed=1)
    assert at(summary.premium, delay=5)["premium"] == 6.0
    assert at(summary.no_return, role="twin", u_max=10.0)["no_return"] == INF
    assert at(summary.remanence, quantity="cost_hold")["converged"] == 1.0
    assert len(summary.curve) == 4
    assert len(summary.marginal) == 2
    assert len(summary.crossings) == 1
    finer = summarize(tables, u_max=10.0, step=0.1, seed=1)
    assert at(finer.remanence, quantity="cost_hold")["converged"] == 0.0
