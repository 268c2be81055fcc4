"""`remanence cost`: the main job, from a scenario to a report."""

from __future__ import annotations

import json
import math
import time
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
    from analysis.results import CostResults
    from analysis.run import CostPlan, CostRun


@click.command("cost")
@with_scenario
@click.option("--replicates", type=click.IntRange(1, 100_000), help="Matched replicates.")
@click.option("--no-twin", is_flag=True, help="Leave out the reversible twin.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run in the same folder.")
@out_option
@workers_option
@json_option
def cost_command(
    scenario: str,
    overrides: tuple[str, ...],
    seed: int | None,
    replicates: int | None,
    no_twin: bool,
    resume: bool,
    out: Path | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Measure what correction costs after ever longer delays: expose, rest, restore."""
    from sim.scenario.load import load_scenario
    from sim.sweep.executors import default_workers

    changed = overrides_of(overrides, seed=seed, restoration__replicates=replicates)
    loaded = load_scenario(scenario, overrides=changed)
    if loaded.shifts:
        raise click.UsageError("cost is measured in a world that does not shift; `run` follows it")

    from analysis.run import CostRun

    clock = time.perf_counter()
    run = CostRun(
        out or Path("runs") / loaded.name, loaded, with_twin=not no_twin, changes=overrides
    )
    plan, failures = _carry_out(run, resume=resume, workers=workers or default_workers())
    results = run.finish(plan, failures)
    seconds = time.perf_counter() - clock
    run.directory.write_json("timings.json", {"seconds": seconds})
    for failure in failures:
        say(f"failed: {failure['role']} replicate {failure['replicate']}: {failure['message']}")
    report = run.directory.path("report.html")
    if as_json:
        click.echo(json.dumps(_as_plain(results, failures, report), indent=2, allow_nan=False))
    elif results is not None:
        _print_curve(results)
        click.echo(f"\nreport: {report}  ({seconds:.0f} s)")
    return EXIT_FAILED_RUNS if failures else 0


def _carry_out(
    run: CostRun, *, resume: bool, workers: int
) -> tuple[CostPlan, list[dict[str, object]]]:
    """Measure whatever is missing and return what was planned and what failed."""
    from analysis.run import CostPlan
    from sim.run_store import OccupiedError
    from sim.spans import threads_limited

    stop = Event()
    try:
        factor = run.claim(resume=resume)
    except OccupiedError as error:
        raise click.UsageError(str(error)) from None
    compile_for(run.scenario.precision)
    if run.with_twin and factor is None:
        say("finding the reversible twin")
    with threads_limited(workers):
        plan = CostPlan.of(
            run.scenario, with_twin=run.with_twin, factor=factor, stopped=stop.is_set
        )
    if run.replaces is not None and not resume:
        say(f"replacing the run of {run.replaces} in {run.directory.folder}")
    done = run.prepare(plan, resume=resume)
    label = "replicates" if plan.twin is None else "replicates, the twin's too"
    with Progress(label, total=len(plan.tasks), done=len(done)) as progress:
        try:
            failures = run.execute(
                plan, workers=workers, stop=stop, notice=lambda _: progress.advance()
            )
        except (KeyboardInterrupt, OSError):
            kept = len(run.segments.done())
            say(f"{kept} of {len(plan.tasks)} replicates are kept; continue with --resume")
            raise
    return plan, failures


_RECORDS: dict[str, Any] = {"orient": "records", "double_precision": 15}


def _number(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.1f}"


def _print_curve(results: CostResults) -> None:
    curve = results.summary().curve
    unit = results.scenario.time.unit
    roles = list(dict.fromkeys(curve["role"]))
    columns = [(role, target) for role in roles for target in ("hold", "heal")]
    click.echo(f"median cost [load·steps per person] by delay [{unit}]; ∞: infeasible up to u_max")
    click.echo(f"{'delay':>6}" + "".join(f"{f'{role} {t}':>15}" for role, t in columns))
    wide = curve.set_index(["role", "target", "delay"])["cost"]
    for delay in sorted(set(curve["delay"])):
        cells = [_number(wide[role, target, delay]) for role, target in columns]
        click.echo(f"{delay:>6}" + "".join(f"{cell:>15}" for cell in cells))


def _as_plain(
    results: CostResults | None, failures: list[dict[str, object]], report: Path
) -> dict[str, Any]:
    """Return the result as plain values; infinite costs are null and marked as censored."""
    if results is None:
        return {"ok": False, "failures": failures}
    summary = results.summary()
    tables = {
        name: json.loads(getattr(summary, name).to_json(**_RECORDS))
        for name in ("curve", "marginal", "premium", "no_return", "remanence", "crossings")
    }
    for row, cost in zip(tables["curve"], summary.curve["cost"], strict=True):
        row["cost_censored"] = bool(math.isinf(cost))
    assumptions = [
        {"name": a.name, "guaranteed": a.guaranteed, "reason": a.reason}
        for a in results.assumptions()
    ]
    return {
        "ok": not failures,
        "manifest": dict(results.manifest),
        "twin_factor": results.twin_factor,
        "assumptions": assumptions,
        **tables,
        "checks": json.loads(results.tables["checks"].to_json(**_RECORDS)),
        "failures": failures,
        "report": str(report),
    }
