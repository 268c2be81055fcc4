"""Entry point of the `remanence` command.

Exit codes: 0 done · 2 usage · 3 some runs failed · 65 bad scenario · 74 the system refused (a
disk, a permission, memory) · 130 interrupted · 141 nobody reads the output any more.
Heavy imports happen inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

import io
import json
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

EXIT_FAILED_RUNS = 3
EXIT_BAD_SCENARIO = 65
EXIT_SYSTEM = 74
EXIT_INTERRUPTED = 130

_COMMANDS = {
    "run": ("sim.cli.run", "Simulate a scenario and write its series."),
    "cost": ("sim.cli.cost", "Measure what correction costs after ever longer delays."),
    "compare": ("sim.cli.compare", "Compare optimizers, each tuned within the same budget."),
    "report": ("sim.cli.stored", "Write reports of cost runs anew, and one page for several."),
    "compare-runs": ("sim.cli.stored", "Say what differs between two runs."),
    "export": ("sim.cli.stored", "Write the tables of a run as CSV or NetCDF."),
    "completion": ("sim.cli.inspect", "Print what makes a shell complete this command."),
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
        command = getattr(
            import_module(_COMMANDS[cmd_name][0]), f"{cmd_name.replace('-', '_')}_command"
        )
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    epilog=(
        "Exit codes: 0 done, 2 usage, 3 some runs failed, 65 bad scenario, 74 the system refused "
        "(a disk, a permission, memory), 130 interrupted, 141 nobody reads the output any more."
    ),
)
@click.version_option(package_name="remanence")
def cli() -> None:
    """Measure what it costs to correct a system late, when people do not spring back."""


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Run the command line and exit with a documented code."""
    signal.signal(signal.SIGTERM, _interrupt)
    # End like any filter once nobody reads the output (`remanence list | head -1`).
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show ∞ must not end a run.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(standalone_mode=False) or 0
    except (Exception, KeyboardInterrupt) as error:
        code = _explain(error)
    sys.exit(code)


def _explain(error: BaseException) -> int:
    """Say what went wrong and return the exit code; raise what is nobody's mistake but ours."""
    from sim.scenario.problems import PluginError, ScenarioError

    match error:
        case PluginError():
            _say("scenario", str(error))
            return EXIT_BAD_SCENARIO
        case ScenarioError():
            _say("scenario", error.render(color=sys.stderr.isatty()), problems=error.as_records())
            return EXIT_BAD_SCENARIO
        case click.ClickException():
            _say("usage", error.format_message(), shown=error)
            return error.exit_code
        case click.Abort() | KeyboardInterrupt():
            _say("interrupted", "interrupted")
            return EXIT_INTERRUPTED
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            _say("system", f"{where}{error.strerror or error}")
            return EXIT_SYSTEM
        case MemoryError():
            _say("system", f"not enough memory: {error}".rstrip(": "))
            return EXIT_SYSTEM
    _say("internal", f"{type(error).__name__}: {error}")
    raise error


def _say(
    kind: str, message: str, *, shown: click.ClickException | None = None, **details: Any
) -> None:
    """Tell people on stderr and, where it was asked for, programs on stdout."""
    if shown is not None:
        shown.show()
    else:
        click.echo(message, err=True)
    if "--json" in sys.argv:
        document = {"ok": False, "error": kind, "message": message, **details}
        click.echo(json.dumps(document, indent=2, allow_nan=False))


if __name__ == "__main__":
    main()
