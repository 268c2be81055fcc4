"""Options that several commands share, and the lines they print."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _allow_plugins(_: click.Context, __: click.Parameter, allowed: bool) -> None:
    if allowed:
        from sim.optimizers.plugins import allow_plugins

        allow_plugins()


scenario_argument = click.argument("scenario", metavar="SCENARIO")
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE",
    help="Change a value of the scenario, e.g. --set constraints.coupling=1.5; repeatable.",
)  # fmt: skip
seed_option = click.option(
    "--seed", type=click.IntRange(0, (1 << 63) - 1), help="Seed, instead of the scenario's."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Machine-readable result on stdout, nothing else there."
)
plugins_option = click.option(
    "--allow-plugins", is_flag=True, expose_value=False, callback=_allow_plugins,
    help="Import the optimizers of your own that the scenario names.",
)  # fmt: skip
out_option = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the results."
)
workers_option = click.option(
    "--workers", type=click.IntRange(1, 256), help="Threads; by default one a core."
)


def with_scenario(command: F) -> F:
    """Add the scenario argument and the options that change it."""
    return scenario_argument(set_option(seed_option(plugins_option(command))))


def overrides_of(overrides: tuple[str, ...], **values: int | None) -> list[str]:
    """Return `--set` arguments with those of dedicated options added last."""
    extra = [f"{key.replace('__', '.')}={v}" for key, v in values.items() if v is not None]
    return [*overrides, *extra]


def say(text: str = "") -> None:
    """Tell people something, on stderr: stdout belongs to results."""
    click.echo(text, err=True)


def compile_for(precision: str) -> None:
    """Compile the kernels before work begins, if this machine has not yet, and say so."""
    from sim.warm import compile_once

    compile_once(
        precision,
        notice=lambda: say(f"compiling the kernels for {precision} precision (once a machine)"),
    )


class Progress:
    """A bar with remaining time on a terminal, plain lines elsewhere.

    Parameters
    ----------
    label
        What is being done.
    total
        How many tasks; those already done count.
    done
        Tasks that were done before.
    """

    def __init__(self, label: str, *, total: int, done: int = 0) -> None:
        self.label, self.total, self.count = label, total, done
        self._bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            )  # fmt: skip
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(label, total=total, completed=done)

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self) -> None:
        """Count one more task as done."""
        self.count += 1
        if self._bar is not None:
            self._bar.advance(self._task)
        elif self.count == self.total or self.count % max(1, self.total // 8) == 0:
            say(f"{self.label}: {self.count} of {self.total}")
