"""`remanence run`: simulate a scenario and write its series."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
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

    from sim.run_store import RunDirectory
    from sim.scenario.schema import Scenario

SERIES = "series.parquet"
"""File of the series in a run directory."""


@click.command("run")
@with_scenario
@click.option("--replicates", type=click.IntRange(1, 100_000), default=1, help="Replicates to run.")
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

    from sim.run_store import RunDirectory
    from sim.sweep.executors import default_workers

    directory = RunDirectory(out or Path("runs") / f"{loaded.name}-series")
    _prepare(directory, loaded, replicates, changes=overrides)
    compile_for(loaded.precision)
    done = _Done(directory)
    try:
        _simulate(loaded, replicates, workers=workers or default_workers(), done=done)
    except KeyboardInterrupt:
        kept = f"are kept in {SERIES}" if done.tables else "were done; nothing is kept"
        say(f"{len(done.tables)} of {replicates} replicates {kept}")
        raise
    finally:
        series = done.write()
    for failure in done.failures:
        say(f"failed: replicate {failure['replicate']}: {failure['message']}")
    if as_json:
        click.echo(json.dumps(_as_plain(done, series), indent=2, allow_nan=False))
    elif series is not None:
        _print_final(loaded, series)
        click.echo(f"series: {directory.path(SERIES)}")
    return EXIT_FAILED_RUNS if done.failures else 0


@dataclass(slots=True)
class _Done:
    """What has been simulated so far, kept even if the rest is interrupted."""

    directory: RunDirectory
    tables: dict[int, pd.DataFrame] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def write(self) -> pd.DataFrame | None:
        """Write failures and series; return the series, none if there is none."""
        import pandas as pd

        from sim.run_store import write_table

        if self.failures:
            self.directory.write_json("failures.json", {"failures": self.failures})
        if not self.tables:
            return None
        series = pd.concat([self.tables[r] for r in sorted(self.tables)], ignore_index=True)
        write_table(self.directory.path(SERIES), series)
        return series


def _prepare(
    directory: RunDirectory, scenario: Scenario, replicates: int, *, changes: Sequence[str]
) -> None:
    """Take a folder and write down what is run."""
    from sim.run_store import OccupiedError, manifest_of

    try:
        directory.previous(command="run")
    except OccupiedError as error:
        raise click.UsageError(str(error)) from None
    directory.remove(SERIES, "failures.json")
    more = {"changes": list(changes)} if changes else {}
    manifest = manifest_of(scenario, command="run", replicates=replicates, **more)
    directory.write_json("manifest.json", manifest)
    directory.write_scenario(scenario)


def _simulate(scenario: Scenario, replicates: int, *, workers: int, done: _Done) -> None:
    from sim.sweep.executors import EXECUTORS

    stop = Event()
    tasks = list(range(replicates))
    with Progress("replicates", total=replicates) as progress:
        for finished in EXECUTORS["threads"](
            tasks, lambda r: _series(scenario, r, stop), workers=workers, stop=stop
        ):
            if finished.result is not None:
                done.tables[finished.task] = finished.result
            elif finished.failure is not None:
                record = {"replicate": finished.task, **asdict(finished.failure)}
                done.failures.append(record)
            progress.advance()


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


def _as_plain(done: _Done, series: pd.DataFrame | None) -> dict[str, Any]:
    result: dict[str, Any] = {"ok": not done.failures, "failures": done.failures}
    if series is None:
        return result
    path = str(done.directory.path(SERIES))
    return {**result, "series": path, "rows": len(series), "final": _final(series)}


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
    means = {name: float(last[name].mean()) for name in names}
    return {name: mean if math.isfinite(mean) else None for name, mean in means.items()}
