from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import PathPatch

from analysis.layout import layout_table
from analysis.network_figure import MOST_TIES, diameter, network_figure, tint
from analysis.person_tables import persons as persons_table
from analysis.results import CostResults
from analysis.svg import to_svg
from tests.unit.analysis.sample_results import results


@pytest.fixture(scope="module")
def run() -> CostResults:
    return results()


def layout_of(run: CostResults) -> pd.DataFrame:
    mine = (run.tables[name].query("role == 'scenario'") for name in ("persons", "ties"))
    return layout_table(*mine)


def drawn(run: CostResults, *, narrow: bool = False):
    return network_figure(run.tables["persons"], run.tables["ties"], layout_of(run), narrow=narrow)


def starts(patch: PathPatch) -> np.ndarray:
    return patch.get_path().vertices[::2]


def tie_paths(axes) -> list[PathPatch]:
    return [p for p in axes.patches if p.get_zorder() == 1]


@pytest.mark.parametrize("narrow", [False, True])
def test_everyone_is_drawn_in_place_by_their_active_constraints(run, narrow: bool) -> None:
    figure = drawn(run, narrow=narrow)
    place = layout_of(run).set_index("person")[["x", "y"]]
    panels = np.array(figure.axes).reshape((3, 2) if narrow else (2, 3))
    panels = panels.T if narrow else panels
    for row, role in zip(panels, ("scenario", "twin"), strict=True):
        for axes, moment in zip(row, ("start", "longest delay", "longest rest"), strict=True):
            now = run.tables["persons"].query("role == @role and moment == @moment")
            for active, group in now.groupby("active"):
                name = f"persons-{moment.replace(' ', '-')}-{role}-{active}"
                (dots,) = [p for p in axes.patches if p.get_gid() == name]
                np.testing.assert_array_equal(starts(dots), place.loc[group["person"]])


def test_burden_shows_in_size_and_fill_and_not_in_color_alone() -> None:
    for n_states in (2, 5, 9):
        sizes, fills = zip(
            *((diameter(n), tint(n, n_states)) for n in range(n_states)), strict=True
        )
        assert (np.diff(sizes) > 0.0).all()
        assert (np.diff(fills) > 0.0).all()
        assert (fills[0], fills[-1]) == (0.0, 1.0)


def test_every_tie_is_drawn_once_between_its_persons(run) -> None:
    place = layout_of(run).set_index("person")[["x", "y"]]
    for axes in drawn(run).axes:
        (path,) = tie_paths(axes)
        ends = path.get_path().vertices.reshape(-1, 4)
        expected = {(i, i + 1) for i in range(19)} | {(0, 19)}
        wanted = np.array([np.r_[place.loc[a], place.loc[b]] for a, b in sorted(expected)])
        np.testing.assert_array_equal(ends, wanted)


def test_dots_of_no_length_reach_the_page(run) -> None:
    svg = to_svg(drawn(run))
    found = re.search(r'id="network-persons-start-scenario-0">\s*<path d="([^"]*)"', svg)
    assert found is not None
    assert found[1].count("h0") == found[1].count("M") == 4


def test_too_many_ties_are_not_drawn(run) -> None:
    n = 100
    one = pd.DataFrame({"person": np.arange(n), "group": 0, "active": 0})
    people = one.assign(role="scenario", moment="start", step=0)
    a, b = np.triu_indices(n, 1)
    for count in (MOST_TIES, MOST_TIES + 1):
        ties = pd.DataFrame({"role": "scenario", "source": a[:count], "target": b[:count]})
        layout = one.assign(x=one["person"] / n, y=0.5)[["person", "x", "y"]]
        (axes,) = network_figure(people, ties, layout).axes
        assert len(tie_paths(axes)) == (1 if count == MOST_TIES else 0)


def test_a_layout_is_the_same_again_and_within_the_picture(run) -> None:
    layout = layout_of(run)
    pd.testing.assert_frame_equal(layout, layout_of(run))
    assert layout["person"].tolist() == list(range(20))
    assert layout[["x", "y"]].to_numpy().min() >= 0.0
    assert layout[["x", "y"]].to_numpy().max() <= 1.0
    places = layout[["x", "y"]].to_numpy()
    steps = np.linalg.norm(places - np.roll(places, -1, axis=0), axis=1)
    apart = np.linalg.norm(places - np.roll(places, -10, axis=0), axis=1)
    assert steps.max() < apart.min()


@pytest.mark.parametrize("n", [1, 2, 7, 300])
def test_persons_without_ties_stand_in_rows(n: int) -> None:
    people = pd.DataFrame({"person": 10 * np.arange(n)})
    layout = layout_table(people, pd.DataFrame({"source": [], "target": []}, dtype=np.int64))
    assert len(layout[["x", "y"]].drop_duplicates()) == n
    assert layout[["x", "y"]].to_numpy().min() > 0.0
    assert layout[["x", "y"]].to_numpy().max() < 1.0


def test_those_without_ties_stand_below_those_with() -> None:
    people = pd.DataFrame({"person": np.arange(40)})
    ties = pd.DataFrame({"source": np.arange(0, 19), "target": np.arange(1, 20)})
    layout = layout_table(people, ties).set_index("person")
    assert layout.loc[20:, "y"].max() < 0.5 <= layout.loc[:19, "y"].min()


def test_it_is_told_in_words_and_listed(run) -> None:
    words = drawn(run).description
    assert words.startswith("20 persons and 20 ties among them. Scenario: 16 of 20 persons ")
    people, ties = run.tables["persons"], run.tables["ties"]
    table = persons_table(people, ties, layout_of(run), groups=["everyone"])
    assert table.rows[3] == ("3", "everyone", "2", *"34013401")
    assert len(table.rows) == 20
    assert table.columns[3] == "Active, scenario, start"


def test_bytes_are_the_same_without_a_twin() -> None:
    alone = results(with_twin=False)
    figure = drawn(alone)
    assert len(figure.axes) == 3
    assert to_svg(figure) == to_svg(drawn(alone))
