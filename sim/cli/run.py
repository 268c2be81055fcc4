"""`remanence run`: simulate a scenario and write its series."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from sim.cli.main import EXIT_FAILED_RUNS
from sim.cli.options import (
    Progress,
    json_option,
    out_option,
    overrides_of,
    say,
    with_scenario,
    workers_option,
)

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.schema import Scenario


@click.command("run")
@with_scenario
@click.option("--replicates", type=click.IntRange(min=1), default=1, help="Replicates to run.")
@out_option
@workers_option
@json_option
def run_command(
    scenario: str,
    overrides: tuple[str, ...],
    seed: int | None,
    replicates: int,
    out: Path | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Simulate a scenario to its last step and write one row a recorded step."""
    from sim.scenario.load import load_scenario

    loaded = load_scenario(scenario, overrides=overrides_of(overrides, seed=seed))

    from sim.run_store import RunDirectory, manifest_of, write_table
    from sim.sweep.executors import EXECUTORS

    folder = out or Path("runs") / f"{loaded.name}-series"
    directory = RunDirectory(folder)
    if folder.is_dir() and any(folder.iterdir()) and not directory.path("manifest.json").exists():
        raise click.UsageError(f"{folder} is not empty and holds no run; name another folder")
    directory.write_json("manifest.json", manifest_of(loaded, command="run", replicates=replicates))
    directory.write_scenario(loaded)
    stop, tables, failures = Event(), {}, []
    tasks = list(range(replicates))
    with Progress("replicates", total=replicates) as progress:
        for done in EXECUTORS["threads"](
            tasks, lambda r: _series(loaded, r, stop), workers=workers or 1, stop=stop
        ):
            if done.result is None:
                failures.append({"replicate": done.task, "message": str(done.failure)})
            else:
                tables[done.task] = done.result
            progress.advance()
    for failure in failures:
        say(f"failed: replicate {failure['replicate']}: {failure['message']}")
    if tables:
        import pandas as pd

        series = pd.concat([tables[r] for r in sorted(tables)], ignore_index=True)
        write_table(directory.path("series.parquet"), series)
        _show(loaded, series, directory.path("series.parquet"), as_json)
    return EXIT_FAILED_RUNS if failures else 0


def _series(scenario: Scenario, replicate: int, stop: Event) -> pd.DataFrame:
    import pandas as pd

    from sim.model import AlignmentModel
    from sim.sweep.executors import Stopped

    model = AlignmentModel(scenario, replicate=replicate)
    while model.running:
        if stop.is_set():
            raise Stopped
        model.step()
    table = pd.DataFrame(model.recorder.table())
    table["step"] = table["step"].astype("int64")
    table.insert(0, "replicate", replicate)
    return table


def _show(scenario: Scenario, series: pd.DataFrame, path: Path, as_json: bool) -> None:
    last = series[series["step"] == series["step"].max()]
    names = ["prevalence", "narrative", "lock_in", "trust", "apparent_alignment", "effort_total"]
    final = {name: _finite(last[name].mean()) for name in names}
    if as_json:
        result: dict[str, Any] = {"ok": True, "series": str(path), "rows": len(series)}
        click.echo(json.dumps({**result, "final": final}, indent=2, allow_nan=False))
        return
    click.echo(f"{scenario.name} after {scenario.time.steps} {scenario.time.unit}s:")
    for name, value in final.items():
        click.echo(f"  {name:20} {'-' if value is None else f'{value:.4f}'}")
    click.echo(f"series: {path}")


def _finite(value: float) -> float | None:
    import math

    return float(value) if math.isfinite(value) else None
