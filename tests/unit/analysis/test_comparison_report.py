"""The report of a comparison: whole, self-contained, and true to its tables."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from analysis.comparison_report import render
from analysis.comparison_run import Comparison, ComparisonRun
from tests.unit.analysis.html_page import Page
from tests.unit.analysis.test_comparison import contest


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder: Path = tmp_path_factory.mktemp("comparison") / "run"
    run = ComparisonRun(folder, contest("proportional", replicates=2, settings=3, delays=(6,)))
    run.claim(resume=False)
    run.prepare(resume=False)
    failures = run.execute(workers=1, stop=Event(), notice=lambda: None)
    done = run.finish(failures)
    assert done is not None
    assert (folder / "report.html").read_text() == render(done)
    return done


def test_the_page_shows_the_standings_and_asks_for_nothing_else(found: Comparison) -> None:
    html = render(found)
    page = Page(html)
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html
    rows = page.rows("Contestants")
    table = found.standings()
    assert [row[1] for row in rows] == table["kind"].tolist()
    assert [row[-1] for row in rows] == ["yes" if on else "no" for on in table["front"]]
    assert len(page.rows("Least budget by delay")) == 4
    assert "This is empirical" in page.text
    assert "remanence compare scenario.yaml" in page.text


def test_ids_are_unique_and_what_they_refer_to_is_there(found: Comparison) -> None:
    page = Page(render(found))
    ids = [tag["id"] for tag in page.of("table") + page.of("h2") + page.of("svg") if "id" in tag]
    assert len(ids) == len(set(ids))
