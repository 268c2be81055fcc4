"""`remanence compare`: optimizers against one another, each tuned within the same budget."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
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

    from analysis.comparison_run import Comparison, ComparisonRun
    from analysis.contest import Contest
    from sim.scenario.schema import Scenario

Failures = list[dict[str, Any]]

_LARGEST = 1e9


def _numbers_of(kind: type[int] | type[float]) -> Callable[..., tuple[float, ...]]:
    """Return what reads numbers with commas between: each once, in ascending order."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, ...]:
        if not value:
            return ()
        try:
            numbers = sorted({kind(part) for part in value.split(",")})
        except ValueError:
            wanted = "whole numbers" if kind is int else "numbers"
            message = f"{value!r} must be {wanted} with commas between, such as 0,1"
            raise click.BadParameter(message, ctx, param) from None
        if not all(0 <= number <= _LARGEST for number in numbers):
            raise click.BadParameter(f"{value!r} must lie in [0, {_LARGEST:g}]", ctx, param)
        return tuple(numbers)

    return read


@click.command("compare")
@with_scenario
@click.option(
    "--optimizers", default="all", show_default=True, metavar="all|KIND,...",
    help="Contestants; `none` always takes part.",
)  # fmt: skip
@click.option(
    "--budget", type=click.FloatRange(0.0, _LARGEST), required=True,
    help="What each may spend [load per person].",
)  # fmt: skip
@click.option(
    "--delay", type=click.IntRange(0, 1_000_000), required=True,
    help="τ: first step at which each acts.",
)  # fmt: skip
@click.option(
    "--cure", "cures", callback=_numbers_of(float), metavar="φ,...",
    help="φ swept; by default 0, 0.5 and the scenario's.",
)  # fmt: skip
@click.option(
    "--delays", callback=_numbers_of(int), metavar="τ,...",
    help="Delays whose least budgets are sought too: the closed-loop cost of delay.",
)  # fmt: skip
@click.option(
    "--replicates", type=click.IntRange(1, 100_000), default=8, show_default=True,
    help="Matched replicates; settings are tuned on others.",
)  # fmt: skip
@click.option(
    "--settings", type=click.IntRange(1, 10_000), default=8, show_default=True,
    help="Settings tried for each contestant and φ, its own among them; 1: nothing is tuned.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Continue an interrupted run in the same folder.")
@out_option
@workers_option
@json_option
def compare_command(
    scenario: str,
    overrides: tuple[str, ...],
    seed: int | None,
    resume: bool,
    out: Path | None,
    workers: int | None,
    as_json: bool,
    **terms: Any,
) -> int:
    """Compare optimizers: each tuned within the same budget, in matched replicates."""
    from sim.scenario.load import load_scenario
    from sim.sweep.executors import default_workers

    loaded = load_scenario(scenario, overrides=overrides_of(overrides, seed=seed))
    contest = _contest(loaded, **terms)

    from analysis.comparison_run import ComparisonRun

    clock = time.perf_counter()
    run = ComparisonRun(out or Path("runs") / f"{loaded.name}-compare", contest, changes=overrides)
    failures = _carry_out(run, resume=resume, workers=workers or default_workers())
    found = run.finish(failures)
    seconds = time.perf_counter() - clock
    run.directory.write_json("timings.json", {"seconds": seconds})
    for failure in failures:
        where = f"{failure['optimizer']} at φ = {failure['cure']:g}, {failure['table']}"
        say(f"failed: {where}, replicate {failure['replicate']}: {failure['message']}")
    report = run.directory.path("report.html")
    if as_json:
        click.echo(json.dumps(_as_plain(found, failures, report), indent=2, allow_nan=False))
    elif found is not None:
        _print_standings(found)
        click.echo(f"\nreport: {report}  ({seconds:.0f} s)")
    return EXIT_FAILED_RUNS if failures else 0


def _contest(
    scenario: Scenario, *, optimizers: str, cures: tuple[float, ...], **terms: Any
) -> Contest:
    """Return the terms asked for; those that no run could meet are usage errors."""
    from analysis.contest import Contest, cures_of
    from sim.optimizers import METHODS
    from sim.scenario.problems import ScenarioError, did_you_mean

    kinds = list(METHODS) if optimizers == "all" else optimizers.split(",")
    for kind in kinds:
        if kind not in METHODS:
            hint = did_you_mean(kind, METHODS) or f"there are {', '.join(METHODS)}"
            raise click.BadParameter(f"no optimizer `{kind}`; {hint}", param_hint="--optimizers")
    if math.isnan(terms["budget"]):
        raise click.BadParameter("nan is no budget", param_hint="--budget")
    steps, dwell = scenario.time.steps, scenario.restoration.dwell
    if terms["delay"] >= steps:
        raise click.BadParameter(
            f"{terms['delay']} is not below the scenario's {steps} steps: nothing could act",
            param_hint="--delay",
        )
    if terms["delays"] and max(terms["delays"]) > steps - dwell:
        raise click.BadParameter(
            f"{max(terms['delays'])} leaves less than the dwell of {dwell} of the scenario's "
            f"{steps} steps; use at most {steps - dwell}, or a smaller restoration.dwell",
            param_hint="--delays",
        )
    contest = Contest.of(scenario, kinds, cures=cures or cures_of(scenario), **terms)
    able = []
    for kind in contest.kinds:
        try:
            contest.variant(kind, contest.cures[-1], {})
        except ScenarioError as error:
            if optimizers != "all":
                raise
            say(f"{kind} is left out: {error.problems[0].message}")
        else:
            able.append(kind)
    return Contest.of(scenario, able, cures=contest.cures, **terms)


def _carry_out(run: ComparisonRun, *, resume: bool, workers: int) -> Failures:
    """Run whatever is missing and return what failed."""
    from sim.run_store import OccupiedError

    try:
        run.claim(resume=resume)
    except OccupiedError as error:
        raise click.UsageError(str(error)) from None
    compile_for(run.contest.scenario.precision)
    done, total = run.prepare(resume=resume), sum(len(tasks) for tasks in run.tasks.values())
    with Progress("contestants tuned and compared", total=total, done=done) as progress:
        try:
            return run.execute(workers=workers, stop=Event(), notice=progress.advance)
        except (KeyboardInterrupt, OSError):
            kept = len(run.segments.done())
            say(f"{kept} of {total} parts are kept; continue with --resume")
            raise


def _print_standings(found: Comparison) -> None:
    contest, table = found.contest, found.standings()
    click.echo(
        f"means after step {contest.delay} over {contest.replicates} matched replicates, budget "
        f"{contest.budget:g} load per person; [95 % t interval]; gain: lived alignment above "
        "`none`, paired; *: Pareto front"
    )
    width = max(len(kind) for kind in contest.kinds)
    for cure in contest.cures:
        click.echo(f"\nφ = {cure:g}")
        click.echo(
            f"  {'':{width}} {'gain':>23} {'lived':>7} {'apparent':>8} {'P at end':>8} {'harm':>7} "
            f"{'spent':>8} {'failures':>8} {'distance':>8}"
        )
        for row in table[table["cure"] == cure].itertuples():
            gain = _with_ends(row.gain, row.gain_low, row.gain_high)
            click.echo(
                f"{'*' if row.front else ' '} {row.kind:{width}} {gain:>23} "
                f"{row.lived_alignment:>7.3f} {_plainly(row.apparent_alignment):>8} "
                f"{row.prevalence_end:>8.3f} {row.harm:>7.2f} {row.spent:>8.2f} "
                f"{row.failures:>8.1f} {_plainly(row.distance):>8}"
            )
    if contest.delays:
        _print_delays(found.delay_curve(), found)


def _print_delays(curve: pd.DataFrame, found: Comparison) -> None:
    from analysis.trials import tolerance_of

    contest = found.contest
    click.echo(
        f"\nmedian least budget [load per person] by delay, exact to "
        f"{tolerance_of(contest.budget):g}; ∞: no budget tried keeps the state safe. Empirical: "
        "nothing proves that it rises with delay"
    )
    width = max(len(kind) for kind in contest.kinds)
    click.echo(f"  {'':{width}} {'φ':>5}" + "".join(f"{delay:>10}" for delay in contest.delays))
    wide = curve.set_index(["kind", "cure", "delay"])["budget"]
    for cure in contest.cures:
        for kind in contest.kinds:
            costs = [wide.get((kind, cure, delay), math.nan) for delay in contest.delays]
            click.echo(f"  {kind:{width}} {cure:>5g}" + "".join(f"{_cost(c):>10}" for c in costs))


def _cost(value: float) -> str:
    return "∞" if math.isinf(value) else "-" if math.isnan(value) else f"{value:.2f}"


def _plainly(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _with_ends(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if math.isnan(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


_RECORDS: dict[str, Any] = {"orient": "records", "double_precision": 15}


def _as_plain(found: Comparison | None, failures: Failures, report: Path) -> dict[str, Any]:
    """Return the result as plain values; infinite budgets are null and marked as censored."""
    if found is None:
        return {"ok": False, "failures": failures}
    delays = found.delay_curve()
    rows = json.loads(delays.to_json(**_RECORDS))
    for row, budget in zip(rows, delays["budget"], strict=True):
        row["budget_censored"] = bool(math.isinf(budget))
    return {
        "ok": not failures,
        "manifest": dict(found.manifest),
        "standings": json.loads(found.standings().to_json(**_RECORDS)),
        "delays": rows,
        "failures": failures,
        "report": str(report),
    }
