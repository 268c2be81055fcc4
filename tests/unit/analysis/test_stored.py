from __future__ import annotations

import json
from pathlib import Path
from threading import Event

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from analysis.report import render
from analysis.run import CostPlan, CostRun
from analysis.stored import (
    DIMENSIONS,
    Difference,
    NotARunError,
    compare_origins,
    compare_scenarios,
    compare_tables,
    dataset,
    export,
    load_results,
    tables_of,
)
from sim.scenario.schema import Scenario
from sim.sweep.recorded import RecordedRun

CONTENT = {
    "name": "small",
    "population": {"size": 30},
    "time": {"steps": 6},
    "stressors": [{"kind": "constant", "level": 0.3}],
    "restoration": {
        "delays": [0, 6], "replicates": 2, "rest": 2, "rest_doublings": 2, "horizon": 4,
        "dwell": 1, "tolerance": 0.25,
    },
    "twin": {"certificate_steps": 30, "factors": 2},
}  # fmt: skip


def finished(folder: Path, **changes: object) -> Path:
    scenario = Scenario.model_validate({**CONTENT, **changes})
    run, plan = CostRun(folder, scenario), CostPlan.of(scenario)
    run.claim(resume=False)
    run.prepare(plan, resume=False)
    failures = run.execute(plan, workers=1, stop=Event(), notice=lambda _: None)
    assert run.finish(plan, failures) is not None
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("runs") / "one")


def test_a_report_can_be_made_again_to_the_byte(run: Path) -> None:
    assert render(load_results(run)).encode() == (run / "report.html").read_bytes()


def test_a_run_is_the_same_as_itself_and_its_repetition(run: Path, tmp_path: Path) -> None:
    for other in (run, finished(tmp_path / "again")):
        assert compare_scenarios(run, other) == []
        assert compare_origins(run, other) == []
        assert compare_tables(run, other) == []


def test_what_differs_is_named_where_it_stands(run: Path, tmp_path: Path) -> None:
    other = finished(tmp_path / "other", seed=5, safe={"prevalence": 0.3})
    found = {d.where: (d.first, d.second) for d in compare_scenarios(run, other)}
    assert found == {"seed": (0, 5), "safe.prevalence": (0.1, 0.3)}
    assert {"seed", "digest"} == {d.where for d in compare_origins(run, other)}
    ours, theirs = tables_of(run)["cost"], tables_of(other)["cost"]
    keys = list(DIMENSIONS["cost"]["cost"])
    ours, theirs = ours.set_index(keys), theirs.set_index(keys)
    prefix = "cost.prevalence_exposed at "
    named = {d.where: d for d in compare_tables(run, other) if d.where.startswith(prefix)}
    expected = [key for key in ours.index if not ours.loc[key].equals(theirs.loc[key])]
    assert expected
    for role, target, replicate, delay in ours.index:
        key = (role, target, replicate, delay)
        row = f"role {role}, target {target}, replicate {replicate}, delay {delay}"
        one, two = ours.loc[key, "prevalence_exposed"], theirs.loc[key, "prevalence_exposed"]
        difference = named.get(prefix + row)
        assert (difference is None) == (one == two)
        if difference is not None:
            assert (difference.first, difference.second) == (one, two)


def test_rows_that_only_one_run_has_are_differences(run: Path, tmp_path: Path) -> None:
    fewer = finished(tmp_path / "fewer", restoration={**CONTENT["restoration"], "replicates": 1})
    found = compare_tables(run, fewer)
    assert [d for d in found if d.where.startswith("checks")] == [
        Difference("checks: rows that the other lacks", 2, 0)
    ]
    assert compare_tables(fewer, run)[0].second > 0
    assert {d.where.partition(":")[1] for d in found} == {":"}


def test_exported_tables_hold_the_same_numbers(run: Path, tmp_path: Path) -> None:
    tables = tables_of(run)
    files = export(run, tmp_path / "csv", form="csv")
    assert [path.stem for path in files] == list(tables)
    for path in files:
        again = pd.read_csv(path)
        pd.testing.assert_frame_equal(again, tables[path.stem], check_dtype=False)
    assert json.loads((tmp_path / "csv" / "manifest.json").read_text())["scenario"] == "small"
    (cost,) = export(run, tmp_path / "nc", form="netcdf", names=["cost"])
    with xr.open_dataset(cost) as found:
        assert found["cost"].dims == DIMENSIONS["cost"]["cost"]
        for row in tables["cost"].itertuples():
            place = {name: getattr(row, name) for name in DIMENSIONS["cost"]["cost"]}
            assert found["cost"].sel(place).item() == row.cost
            assert bool(found["censored"].sel(place)) == row.censored
        assert json.loads(found.attrs["manifest"])["command"] == "cost"
        assert found.attrs["scenario"] == (run / "scenario.yaml").read_text()


def test_every_table_becomes_a_dataset(run: Path) -> None:
    for name, table in tables_of(run).items():
        found = dataset(run, name)
        # A snapshot is kept of the first replicate alone.
        assert int(found.sizes["replicate"]) == (1 if name in ("persons", "ties") else 2)
        assert set(found.data_vars) == set(table.columns) - set(DIMENSIONS["cost"][name])


def test_a_folder_may_be_named_by_text(run: Path) -> None:
    pd.testing.assert_frame_equal(tables_of(str(run))["cost"], tables_of(run)["cost"])
    assert dataset(str(run), "cost").identical(dataset(run, "cost"))


def test_folders_without_a_finished_run_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(NotARunError, match=r"manifest\.json is missing"):
        load_results(tmp_path)
    with pytest.raises(NotARunError, match="no table prices; it has cost"):
        export(run, tmp_path, form="csv", names=["prices"])
    (tmp_path / "manifest.json").write_text('{"command": "cost"}')
    with pytest.raises(NotARunError, match=r"an unfinished run, or .*: cost\.parquet, .*again"):
        load_results(tmp_path)


RECORD = {"persons": {"every": 3, "sample": 8}}


def recorded(folder: Path, **changes: object) -> Path:
    record = {"feedback": {"exit": 0.5}, "record": RECORD}
    scenario = Scenario.model_validate({**CONTENT, **record, **changes})
    run = RecordedRun(folder, scenario, replicates=2)
    run.claim(resume=False)
    missing = run.prepare(resume=False)
    run.finish(run.execute(missing, workers=1, stop=Event(), notice=lambda: None))
    return folder


def resampled() -> dict[str, object]:
    return {"population": {"size": 30, "resample": "population", "groups": {"a": 0.5, "b": 0.5}}}


@pytest.mark.parametrize("changes", [{}, resampled()], ids=["same persons", "other persons"])
def test_what_a_run_recorded_opens_as_it_was(tmp_path: Path, changes: dict[str, object]) -> None:
    folder = recorded(tmp_path / "run", **changes)
    tables = tables_of(folder)
    assert list(tables) == ["series", "events", "persons"]
    for path in export(folder, tmp_path / "csv", form="csv"):
        texts = [c for c in ("kind", "direction", "group") if c in tables[path.stem]]
        again = pd.read_csv(path, dtype=dict.fromkeys(texts, "str"))
        again[texts] = again[texts].fillna("")
        wanted = tables[path.stem]
        empty = [c for c in wanted if c in again and (wanted[c].astype(str) == "").all()]
        pd.testing.assert_frame_equal(
            again.drop(columns=empty), wanted.drop(columns=empty), check_dtype=False
        )
    export(folder, tmp_path / "nc", form="netcdf")
    with xr.open_dataset(tmp_path / "nc" / "persons.nc") as found:
        assert found["trust"].dims == DIMENSIONS["run"]["persons"]
        assert found["trust"].attrs == {"units": "1", "long_name": "T: trust"}
        for row in tables["persons"].itertuples():
            at = {"replicate": row.replicate, "step": row.step, "person": row.person}
            here = found.sel(at)
            assert (here["trust"], here["exited"]) == (row.trust, row.exited)
            assert here["group"].item() == row.group
    with xr.open_dataset(tmp_path / "nc" / "events.nc") as found:
        assert found["kind"].values.tolist() == tables["events"]["kind"].tolist()
        np.testing.assert_array_equal(found["end"], tables["events"]["end"])
        assert len(tables["events"])
    with xr.open_dataset(tmp_path / "nc" / "series.nc") as found:
        assert found["exposure[deprivation]"].attrs["units"] == "load"
        wide = tables["series"].pivot(index="replicate", columns="step", values="information")
        np.testing.assert_array_equal(found["information"], wide)


def test_a_run_in_which_nothing_happened_is_exported_too(tmp_path: Path) -> None:
    never = {"crossings": [], "failures": {"trust_collapse": 0.0, "feedback_silence": 0.0}}
    folder = recorded(tmp_path / "run", stressors=[], feedback={}, record=never)
    assert tables_of(folder)["events"].empty
    export(folder, tmp_path / "nc", form="netcdf")
    with xr.open_dataset(tmp_path / "nc" / "events.nc") as found:
        assert found.sizes["row"] == 0


def test_snapshots_of_different_kinds_are_not_compared_row_by_row(
    run: Path, tmp_path: Path
) -> None:
    folder = recorded(tmp_path / "run")
    assert compare_tables(folder, recorded(tmp_path / "again")) == []
    found = {d.where: (d.first, d.second) for d in compare_tables(folder, run)}
    assert found["persons: rows by"] == (
        "replicate, step, person", "role, replicate, moment, person",
    )  # fmt: skip
    assert found["events"] == ("present", None)
