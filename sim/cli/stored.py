"""Commands for runs that are done: report, compare-runs, export."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.options import json_option, say

if TYPE_CHECKING:
    from analysis.stored import Difference

_folder = click.Path(exists=True, file_okay=False, path_type=Path)
_MOST_SHOWN = 20


@click.command("report")
@click.argument("folders", nargs=-1, required=True, type=_folder, metavar="DIR...")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="One page for all runs, and nothing in their folders.",
)  # fmt: skip
def report_command(folders: tuple[Path, ...], out: Path | None) -> None:
    """Write the reports of cost runs anew, each as report.html in its folder.

    Of several runs, one page for all of them is written too: report.html in the current folder.
    A comparison has a page of its own.
    """
    from analysis.report import render, render_all
    from analysis.stored import load_results

    if len(folders) == 1 and _is_comparison(folders[0]):
        _report_comparison(folders[0], out)
        return
    with _told():
        runs = [(folder, load_results(folder)) for folder in folders]
    joint = out or (Path("report.html") if len(folders) > 1 else None)
    if joint is not None and joint.resolve().with_name("manifest.json").exists():
        raise click.UsageError(
            f"{joint} lies in the folder of a run; name another file with --out, or call from "
            "another folder"
        )
    if out is None:
        own = [folder / "report.html" for folder in folders]
        for path, (_, results) in zip(own, runs, strict=True):
            _write(path, render(results))
    if joint is not None:
        named = [(folder.resolve().name, results) for folder, results in runs]
        _write(joint, render_all(named) if len(named) > 1 else render(runs[0][1]))


def _is_comparison(folder: Path) -> bool:
    from analysis.stored import manifest_of

    with _told():
        return manifest_of(folder).get("command") == "compare"


def _report_comparison(folder: Path, out: Path | None) -> None:
    from analysis.comparison_report import render
    from analysis.stored import load_comparison

    with _told():
        found = load_comparison(folder)
    _write(out or folder / "report.html", render(found))


def _write(path: Path, page: str) -> None:
    from sim.run_store import write_atomically

    write_atomically(path, page.encode())
    click.echo(f"report: {path}")


@click.command("compare-runs")
@click.argument("first", type=_folder, metavar="A")
@click.argument("second", type=_folder, metavar="B")
@json_option
def compare_runs_command(first: Path, second: Path, as_json: bool) -> None:
    """Say what differs between two runs: scenario, versions and results."""
    from analysis.stored import compare_origins, compare_scenarios, compare_tables

    with _told():
        found = {
            "scenario": compare_scenarios(first, second),
            "origin": compare_origins(first, second),
            "results": compare_tables(first, second),
        }
    if as_json:
        plain = {name: [_plain(d) for d in differences] for name, differences in found.items()}
        click.echo(json.dumps({"same": not any(found.values()), **plain}, indent=2))
        return
    for name, differences in found.items():
        click.echo(f"{name}: {_count(len(differences))}")
        for one in differences[:_MOST_SHOWN]:
            click.echo(f"  {one.where}: {_value(one.first)} | {_value(one.second)}")
        if len(differences) > _MOST_SHOWN:
            click.echo(f"  and {len(differences) - _MOST_SHOWN:,} more; all with --json")


@click.command("export")
@click.argument("folder", type=_folder, metavar="DIR")
@click.option(
    "--format", "form", type=click.Choice(["csv", "netcdf"]), default="csv", show_default=True
)
@click.option("--table", "names", multiple=True, help="Only this table; repeatable.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; by default DIR."
)
def export_command(folder: Path, form: str, names: tuple[str, ...], out: Path | None) -> None:
    """Write the tables of a run as CSV, or as NetCDF with the run's scenario and manifest.

    Tables of `run` carry units and meanings in NetCDF; those of `cost` are described in
    docs/scenarios.md.
    """
    from analysis.stored import export, replicates_of

    with _told():
        for path in export(folder, out or folder, form=form, names=names):
            click.echo(str(path))
        for role, (held, wanted) in replicates_of(folder).items():
            if held < wanted:
                whose = " of the twin" if role == "twin" else ""
                say(
                    f"{folder} holds {held:,} of {wanted:,} replicates{whose}: the run was "
                    "interrupted or some failed; its command with --resume makes the others"
                )


@contextmanager
def _told() -> Iterator[None]:
    """Turn a folder without the run asked for into a usage error."""
    from analysis.stored import NotARunError

    try:
        yield
    except NotARunError as error:
        raise click.UsageError(str(error)) from None


def _count(number: int) -> str:
    return "the same" if number == 0 else f"{number:,} difference{'s' if number > 1 else ''}"


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(difference: Difference) -> dict[str, Any]:
    """Return a difference as plain values; what JSON has no number for as text."""

    def plain(value: Any) -> Any:
        value = value.item() if hasattr(value, "item") else value
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value

    return {name: plain(value) for name, value in asdict(difference).items()}
