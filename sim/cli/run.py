"""`remanence run`: simulate a scenario and write its series, events and snapshots of persons."""

from __future__ import annotations

import json
import math
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from sim.cli.main import EXIT_FAILED_RUNS
from sim.cli.options import (
    Progress,
    compile_for,
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
    from sim.sweep.recorded import RecordedRun

Failures = list[dict[str, Any]]


@click.command("run")
@with_scenario
@click.option("--replicates", type=click.IntRange(1, 100_000), default=1, help="Replicates to run.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run in the same folder.")
@out_option
@workers_option
@json_option
def run_command(
    scenario: str,
    overrides: tuple[str, ...],
    seed: int | None,
    replicates: int,
    resume: bool,
    out: Path | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Simulate a scenario to its last step; write its series, events and snapshots of persons."""
    from sim.scenario.load import load_scenario

    loaded = load_scenario(scenario, overrides=overrides_of(overrides, seed=seed))

    from sim.run_store import OccupiedError
    from sim.sweep.executors import default_workers
    from sim.sweep.recorded import RecordedRun

    folder = out or Path("runs") / f"{loaded.name}-series"
    run = RecordedRun(folder, loaded, replicates=replicates, changes=overrides)
    try:
        run.claim(resume=resume)
    except OccupiedError as error:
        raise click.UsageError(str(error)) from None
    compile_for(loaded.precision)
    failures: Failures = []
    try:
        _carry_out(run, failures, resume=resume, workers=workers or default_workers())
    finally:
        series = run.finish(failures)
    for failure in failures:
        say(f"failed: replicate {failure['replicate']}: {failure['message']}")
    written = {n: run.directory.path(f"{n}.parquet") for n in run.segments.names}
    if as_json:
        click.echo(json.dumps(_as_plain(series, failures, written), indent=2, allow_nan=False))
    elif series is not None:
        _print_final(loaded, series)
        for name, path in written.items():
            click.echo(f"{name}: {path}")
    return EXIT_FAILED_RUNS if failures else 0


def _carry_out(run: RecordedRun, failures: Failures, *, resume: bool, workers: int) -> None:
    """Simulate whatever is missing and note what failed."""
    missing = run.prepare(resume=resume)
    done = run.replicates - len(missing)
    with Progress("replicates", total=run.replicates, done=done) as progress:
        try:
            failures += run.execute(missing, workers=workers, stop=Event(), notice=progress.advance)
        except (KeyboardInterrupt, OSError):
            kept = len(run.segments.done())
            say(f"{kept} of {run.replicates} replicates are kept; continue with --resume")
            raise


def _as_plain(
    series: pd.DataFrame | None, failures: Failures, written: dict[str, Path]
) -> dict[str, Any]:
    result: dict[str, Any] = {"ok": not failures, "failures": failures}
    if series is None:
        return result
    paths = {name: str(path) for name, path in written.items()}
    return {**result, **paths, "rows": len(series), "final": _final(series)}


def _print_final(scenario: Scenario, series: pd.DataFrame) -> None:
    if series.empty:
        click.echo(f"{scenario.name}: no step was recorded")
        return
    click.echo(f"{scenario.name} after {series['step'].max()} {scenario.time.unit}s:")
    for name, value in _final(series).items():
        click.echo(f"  {name:20} {'-' if value is None else f'{value:.4f}'}")


def _final(series: pd.DataFrame) -> dict[str, float | None]:
    """Return means over replicates at the last recorded step; none where there is no value."""
    last = series[series["step"] == series["step"].max()]
    names = ["prevalence", "narrative", "lock_in", "trust", "apparent_alignment", "effort_total"]
    means = {name: float(last[name].mean()) for name in names if name in last}
    return {name: mean if math.isfinite(mean) else None for name, mean in means.items()}
