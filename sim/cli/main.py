"""Entry point of the `remanence` command.

Exit codes: 0 done · 2 usage · 3 some runs failed · 65 bad scenario · 130 interrupted.
Heavy imports happen inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

import json
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

EXIT_FAILED_RUNS = 3
EXIT_BAD_SCENARIO = 65
EXIT_INTERRUPTED = 130

_COMMANDS = {
    "run": ("sim.cli.run", "Simulate a scenario and write its series."),
    "cost": ("sim.cli.cost", "Measure what correction costs after ever longer delays."),
    "validate": ("sim.cli.inspect", "Check scenario files without running them."),
    "plan": ("sim.cli.inspect", "Say what a cost run would do, and which assumptions hold."),
    "schema": ("sim.cli.inspect", "Write the JSON Schema of scenario files."),
    "list": ("sim.cli.inspect", "List shipped scenarios, output variables or the schedule."),
}


class _LazyGroup(click.Group):
    """Knows its commands' names and one-line help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(_COMMANDS[cmd_name][0]), f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    epilog="Exit codes: 0 done, 2 usage, 3 some runs failed, 65 bad scenario, 130 interrupted.",
)
@click.version_option(package_name="remanence")
def cli() -> None:
    """Measure what it costs to correct a system late, when people do not spring back."""


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Run the command line and exit with a documented code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        refused = _refused(error)
        if refused is None:
            raise
        sys.exit(refused)


def _refused(error: Exception) -> int | None:
    """Show a refused scenario and return its exit code; none if the error is something else."""
    from sim.scenario.problems import ScenarioError

    if not isinstance(error, ScenarioError):
        return None
    if "--json" in sys.argv:
        click.echo(json.dumps({"ok": False, "problems": error.as_records()}, indent=2))
    click.echo(error.render(color=sys.stderr.isatty()), err=True)
    return EXIT_BAD_SCENARIO
