from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis.effort import effort_table
from analysis.report import render
from analysis.results import CostResults
from analysis.summary import path_table
from analysis.wording import CENSORED, number, percent
from sim.scenario.schema import Scenario
from tests.unit.analysis.html_page import Page
from tests.unit.analysis.sample_results import MANIFEST, results


@pytest.fixture(scope="module")
def run() -> CostResults:
    return results()


@pytest.fixture(scope="module")
def html(run) -> str:
    return render(run)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def alone() -> Page:
    """Return the report of a run without a twin, in a scenario that may not keep order."""
    return Page(render(results(with_twin=False, changes=SIGNED)))


@pytest.fixture
def no_figures(monkeypatch) -> None:
    """Leave out the figures, which take most of the time."""
    monkeypatch.setattr("analysis.run_section.svg_of", lambda *_: {"wide": "", "narrow": ""})


SIGNED = {
    "signed": True,
    "constraints": {"coupling": -1.0},
    "description": '<script>alert("x")</script> & </main>\n\nSecond <b>paragraph</b>.',
}


def test_every_cost_of_the_curve_appears(run, page):
    expected = [
        [
            {"scenario": "scenario", "twin": "reversible twin"}[row.role],
            row.target,
            str(row.delay),
            "3",
            *(number(v) for v in (row.cost, row.cost_low, row.cost_high)),
            percent(row.censored),
            *(number(v) for v in (row.finite_low, row.finite_high, row.height, row.length)),
            *(number(v) for v in (row.floor, row.prevalence_exposed, row.prevalence_rested)),
            *(number(v) for v in (row.exposure_memory, row.harm)),
        ]
        for row in run.summary().curve.itertuples()
    ]
    assert sorted(page.rows("Cost by delay")) == sorted(expected)
    assert ["scenario", "heal", "10", "3", "15.5", "14.5", "16.5"] in [row[:7] for row in expected]


def test_rows_put_the_scenario_and_hold_first(page):
    order = list(dict.fromkeys((row[0], row[1]) for row in page.rows("Cost by delay")))
    roles = ("scenario", "reversible twin")
    assert order == [(role, target) for role in roles for target in ("hold", "heal")]


def test_an_infinite_cost_is_never_a_number(page):
    lost = next(r for r in page.rows("Cost by delay") if r[:3] == ["scenario", "heal", "20"])
    assert lost[4:8] == [CENSORED, CENSORED, CENSORED, "100 %"]
    assert lost[8:12] == ["–", "–", "–", "0"]
    assert re.findall(r"\b(?:inf|infinity|nan|None)\b", page.text) == []


def test_the_same_results_give_the_same_bytes(html):
    assert render(results()) == html


def test_the_page_needs_nothing_but_itself(html):
    assert "http:" not in html
    assert "https:" not in html
    assert not re.search(r"<(script|link|iframe|img|object|embed|base)\b", html)
    assert not re.search(r"\b(src|srcset|on\w+)=", html)
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    assert "default-src 'none'" in html


def test_text_from_the_scenario_is_escaped(alone):
    assert '<script>alert("x")</script> & </main>' in alone.text
    assert "Second <b>paragraph</b>." in alone.text
    assert alone.of("script") == []
    assert alone.of("b") == []
    assert len([a for a in alone.of("p") if a.get("class") == "description"]) == 2


@pytest.mark.usefixtures("no_figures")
def test_text_from_the_manifest_is_escaped():
    run = results()
    odd = CostResults(
        run.scenario, run.twin, 0.5, run.tables, {"<i>key": {"a": "<u>&"}, "commit": ""}
    )
    parsed = Page(render(odd))
    assert parsed.rows("Manifest") == [["<i>key.a", "<u>&"], ["commit", "–"]]
    assert "model version not recorded" in parsed.text


def test_the_page_is_built_for_reading_aloud(page):
    assert page.of("html")[0]["lang"] == "en"
    assert len(page.of("main")) == len(page.of("h1")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.tables) == len(page.captions) == len(page.of("table"))
    assert "" not in page.tables
    assert {attrs.get("scope") for attrs in page.of("th")} == {"col", "row"}
    assert all(attrs["role"] == "img" for attrs in page.of("svg"))


def test_every_name_is_unique_and_every_reference_finds_one(page):
    named = Counter(a["id"] for _, a in page.elements if a.get("id"))
    assert [name for name, count in named.items() if count > 1] == []
    for attribute in ("aria-labelledby", "aria-describedby"):
        referred = {a[attribute] for _, a in page.elements if a.get(attribute)}
        assert referred <= set(named)


def test_parts_that_scroll_can_be_reached_and_have_names_of_their_own(page):
    scrolling = [a for _, a in page.elements if "scroll" in (a.get("class") or "").split()]
    assert len(scrolling) >= len(page.tables)
    assert all(a["tabindex"] == "0" and a["role"] == "region" for a in scrolling)
    names = [a.get("aria-label") or a["aria-labelledby"] for a in scrolling]
    assert len(set(names)) == len(names)


def test_the_top_says_where_the_numbers_come_from(page):
    assert page.of("title") == [{}] + [{"id": a["id"]} for a in page.of("title")[1:]]
    line = "3 matched replicates · 20 persons · 3 delays (0 to 20 steps; one step is one month)"
    assert f"{line} · seed 3 · model version 7" in page.text


@pytest.mark.usefixtures("no_figures")
def test_changes_and_single_precision_are_said():
    run = results(changes={"precision": "single"})
    manifest = {**MANIFEST, "changes": ["population.size=20", "name=<b>"]}
    changed = Page(render(CostResults(run.scenario, run.twin, 0.5, run.tables, manifest))).text
    assert (
        "Changed by --set, whatever the description says: population.size=20 · name=<b>" in changed
    )
    assert "single precision" in changed
    assert "Changed by --set" not in Page(render(run)).text


@pytest.mark.usefixtures("no_figures")
def test_one_replicate_has_no_interval():
    parsed = Page(render(results(replicates=1)))
    assert parsed.tables["Point of no return T*"][1][2] == "never lost"
    assert [row for row in parsed.rows("Cost by delay") if row[5:7] != ["–", "–"]] == []


@pytest.mark.usefixtures("no_figures")
def test_missing_replicates_are_said():
    run = results()
    costs = run.tables["cost"]
    there = ~((costs["role"] == "twin") & (costs["replicate"] == 0))
    tables = {**run.tables, "cost": costs[there]}
    partial = CostResults(run.scenario, run.twin, 0.5, tables, MANIFEST)
    assert "2 of 3 matched replicates" in Page(render(partial)).text


def test_the_point_of_no_return_counts_never_and_undefined(page):
    assert page.rows("Point of no return T* by") != []
    (caption,) = [name for name in page.tables if name == "Point of no return T*"]
    assert page.tables[caption][1:] == [
        ["scenario", "hold", "20 [20, never]", "1 of 3", "0 of 3"],
        ["scenario", "heal", "20 [20, 20]", "0 of 3", "0 of 3"],
        ["reversible twin", "hold", "never lost", "3 of 3", "0 of 3"],
        ["reversible twin", "heal", "never lost", "3 of 3", "0 of 3"],
    ]


@pytest.mark.usefixtures("no_figures")
def test_a_point_of_no_return_regained_later_is_undefined():
    def regained(role, target, replicate, delay):
        return np.inf if delay == 10 else float(delay)

    parsed = Page(render(results(regained, with_twin=False)))
    row = ["scenario", "hold", "undefined", "0 of 3", "3 of 3"]
    assert row in parsed.tables["Point of no return T*"]
    lost = next(r for r in parsed.rows("Marginal cost") if r[:4] == ["scenario", "hold", "0", "10"])
    assert lost[4:] == [CENSORED, CENSORED, CENSORED, "0", "3", "0", "0", "0"]


def test_what_remains_is_told_apart_from_exposure_memory(page):
    remains = page.rows("Remanent prevalence")
    assert [row[1:] for row in remains if row[0] == "scenario"] == [
        ["prevalence [share]", "0.4375 [0.4375, 0.4375]", "3 of 3"],
        ["cost R∞ to hold [load·steps]", "44.5 [44.5, 44.5]", "3 of 3"],
        ["cost R∞ to heal [load·steps]", CENSORED, "3 of 3"],
    ]
    assert "memory" not in str(remains)
    (first, _) = page.rows("Exposure memory after rest")
    assert first[2] == "0.03125 [0.03125, 0.03125]"
    assert "an integrator" in page.text


@pytest.mark.usefixtures("no_figures")
def test_a_single_rest_is_not_called_converged():
    run = results()
    one = run.tables["remanence"][run.tables["remanence"]["rest"] == 40]
    single = CostResults(run.scenario, run.twin, 0.5, {**run.tables, "remanence": one}, MANIFEST)
    remains = Page(render(single)).rows("Remanent prevalence")
    assert {row[3] for row in remains} == {"one rest only"}


def test_floor_premium_and_crossings_keep_their_counts(page):
    assert page.rows("Prevalence and its floor")[0] == ["scenario", "0.2", "0.1", "0.0625", "40"]
    assert page.rows("Irreversibility premium at the longest delay (20 steps)") == [
        ["hold", "∞ (lost) [15, ∞]", "1", "2", "0", "0"],
        ["heal", "∞ (lost)", "0", "3", "0", "0"],
    ]
    crossings = page.rows("Crossing times")
    assert ["scenario", "0.5", "up", "11 [11, 11]", "3", "0"] in crossings
    assert ["reversible twin", "0.5", "up", "never (censored)", "0", "3"] in crossings


def test_effort_is_counted_in_three_ways(page):
    rows = page.rows("Effort at the last delay")
    assert rows[0] == ["scenario", "hold", "10", "3 of 3", "13.5", "1.35", "10", "18.23", "0.3375"]
    assert rows[1] == ["scenario", "heal", "10", "3 of 3", "15.5", "1.55", "10", "24.03", "0.3875"]
    assert len(page.rows("Effort by delay")) == 12


def test_efforts_are_those_of_the_median_replicate(run):
    table = effort_table(run.tables["cost"]).set_index(["role", "target", "delay"])
    assert table.loc["scenario", "hold", 10][["l1", "peak", "quadratic"]].tolist() == pytest.approx(
        [13.5, 1.35, 1.35**2 * 10]
    )
    lost = table.loc["scenario", "heal", 20]
    assert lost["finite"] == 0
    assert lost[["peak", "quadratic"]].isna().all()
    assert lost[["l1", "length", "constant"]].tolist() == [np.inf, 0, np.inf]


def test_the_certificate_is_counted_by_replicate(page):
    assert page.rows("Certificate") == [
        ["scenario", "0 of 3", "0 of 3", "–", "0.8125", "–"],
        ["reversible twin", "3 of 3", "3 of 3", "25 to 27", "–", "yes"],
    ]
    assert "Coupling factor of the twin: 0.5" in page.text


def test_one_run_proves_nothing_where_order_is_not_kept(alone):
    assert [row[-1] for row in alone.rows("Certificate")] == ["–"]


def test_assumptions_come_with_reasons_and_checks(run, page, alone):
    rows = page.rows("Assumptions A1 to A5")
    expected = [(a.name, a.statement, a.reason) for a in run.assumptions()]
    assert [(name, statement, reason) for name, statement, _, reason in rows] == expected
    assert {row[2] for row in rows} == {"guaranteed"}
    assert alone.rows("Assumptions A1 to A5")[0][2] == "not guaranteed"
    assert page.rows("Checks on the runs") == [
        ["scenario", "3 of 3 replicates", "0", "30"],
        ["reversible twin", "2 of 3 replicates", "0", "30"],
    ]


def test_the_kind_of_search_is_said(page, alone):
    assert "heights up to u_max = 12 load in steps of 0.12 load" in page.text
    assert "Bracketing search" in page.text
    assert "Scanned grid" not in page.text
    assert "Scanned grid" in alone.text
    assert "Bracketing search" not in alone.text


def test_without_a_twin_nothing_is_said_of_one(alone):
    assert "no reversible twin" in alone.text
    assert not any("premium" in caption for caption in alone.tables)
    assert "twin-yaml" not in alone.texts
    assert "remanence cost scenario.yaml --no-twin" in alone.text
    cells = {cell for rows in alone.tables.values() for row in rows for cell in row}
    assert "reversible twin" not in cells


def test_the_stored_scenario_can_be_read_back(run, page):
    for name, scenario in (("scenario-yaml", run.scenario), ("twin-yaml", run.twin)):
        assert Scenario.model_validate(yaml.safe_load(page.texts[name])) == scenario
    assert page.texts["command"].strip() == "remanence cost scenario.yaml"
    assert ["versions.python", "3.11"] in page.rows("Manifest")


@pytest.mark.usefixtures("no_figures")
def test_ties_are_named_as_the_run_directory_names_them():
    network = {"kind": "edge_list", "file": "/somewhere/else/ties.csv"}
    html = render(results(changes={"network": network}))
    assert "file: network.csv" in html
    assert "somewhere" not in html


@pytest.mark.usefixtures("no_figures")
def test_definitions_follow_the_scenario():
    future = {"delays": [0, 10, 20], "replicates": 3, "environment": "future", "dwell": 7}
    changes = {"restoration": future, "safe": {"every_group": True}, "correction": {"gain": 1.75}}
    parsed = Page(render(results(changes=changes)))
    assert "takes up to 1.75 off" in parsed.text
    assert "own future, not on the bench" in parsed.text
    assert "last 7 of 40 steps" in parsed.text
    assert "at most 0.1 in every group" in parsed.text


def never(role, target, replicate, delay):
    return np.inf


def nothing(role, target, replicate, delay):
    return 0.0


@pytest.mark.parametrize(
    "run",
    [
        results(nothing, replicates=1),
        results(never, delays=(0, 20)),
        results(delays=(20,), with_twin=False),
        results(lambda role, target, replicate, delay: 3e9 * delay, changes={"channels": ["only"]}),
    ],
    ids=["free", "lost", "one delay", "large"],
)
@pytest.mark.usefixtures("no_figures")
def test_degenerate_runs_have_a_report(run):
    parsed = Page(render(run))
    assert re.findall(r"\b(?:inf|nan|None)\b", parsed.text) == []
    assert len(parsed.rows("Cost by delay")) == len(run.summary().curve)
    assert [caption for caption, rows in parsed.tables.items() if len(rows) < 2] == []
    censored = run.summary().curve["censored"].any()
    assert ("share of replicates that no correction" in parsed.text) == censored


def test_the_path_of_the_figure_is_made_of_order_statistics():
    values = [0.0, 0.1, 0.2, 0.3, 0.9]
    path = pd.DataFrame(
        {"role": "scenario", "replicate": range(5), "step": 4, "prevalence": values}
    ).assign(phase="exposure")
    (row,) = path_table(path).to_dict("records")
    expected = {"step": 4, "role": "scenario", "median": 0.2, "low": 0.0, "high": 0.9}
    assert row == expected


def test_what_becomes_of_persons_is_listed(page):
    assert ["scenario", "2", "5", "11"] in page.rows("First passages by replicate")
    twin = ["reversible twin", "0", "5", "never, in 20 steps"]
    assert twin in page.rows("First passages by replicate")
    rows = page.rows("Narrative, lock-in and trust")
    assert rows[20][:3] == ["scenario", "exposure", "20"]
    assert rows[20][4:] == ["0.4", "0.2", "0.4"]
    assert len(page.rows("Persons by narrative displacement")) == 12
    assert len(page.rows("Persons by number of active")) == 8
    moved = page.rows("Persons moving between")
    assert ["scenario", "longest delay", "first rest", "1", "0", "20 %"] in moved
    assert len(page.rows("Persons of the snapshot")) == 20


def test_every_figure_stands_twice_with_a_table_beside_it(page):
    names = [a["aria-labelledby"] for a in page.of("svg")]
    figures = ["cost", "premium", "path", "raster", "loop", "phase", "ridges", "flows", "network"]
    assert names == [f"{name}{width}-title" for name in figures for width in ("", "-narrow")]
    tags = [tag for tag, _ in page.elements]
    ends = [i for i, tag in enumerate(tags) if tag == "figcaption"]
    for begin, end in zip(ends, [*ends[1:], None], strict=True):
        assert "table" in tags[begin:end]


@pytest.mark.usefixtures("no_figures")
def test_captions_say_how_persons_were_chosen():
    def said(**changes):
        return Page(render(results(with_twin=False, changes=changes))).text

    plain = said()
    assert "20 of 20 persons of replicate 0" in plain
    assert "Lines: the 20 ties among them." in plain
    assert "snowball" not in plain
    assert "Newcomers" not in plain
    larger = said(population={"size": 900}, turnover={"rate": 0.1})
    assert "Persons are a snowball sample: from one drawn by lot" in larger
    assert "Newcomers are counted in the place of those they replace" in larger
    complete = said(population={"size": 900}, network={"kind": "complete"})
    assert "Everyone is tied to everyone, so no tie is drawn, and persons are drawn by lot" in (
        complete
    )
    assert "snowball" not in complete


@pytest.mark.usefixtures("no_figures")
def test_without_thresholds_or_a_first_replicate_figures_are_left_out():
    run = results()
    tables = {name: table.iloc[:0] if name in ("crossings", "persons", "ties") else table
              for name, table in run.tables.items()}  # fmt: skip
    page = Page(render(CostResults(run.scenario, run.twin, 0.5, tables, MANIFEST)))
    assert "Crossings of declared" not in page.text
    assert "Persons in their network" not in page.text
    assert "Flows" not in page.text
    assert page.rows("Persons moving between")
