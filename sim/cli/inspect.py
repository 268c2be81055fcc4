"""Commands that look without running: validate, plan, schema, list, completion."""

from __future__ import annotations

import json

import click

from sim.cli.main import EXIT_BAD_SCENARIO
from sim.cli.options import json_option, overrides_of, say, seed_option, set_option, with_scenario


@click.command("validate")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@set_option
@seed_option
@json_option
def validate_command(
    scenarios: tuple[str, ...], overrides: tuple[str, ...], seed: int | None, as_json: bool
) -> int:
    """Check scenario files without running them; every problem is shown where it stands."""
    from sim.scenario.load import load_scenario
    from sim.scenario.problems import ScenarioError
    from sim.scenario.resolve import digest
    from sim.version import MODEL_VERSION

    verdicts = []
    for name in scenarios:
        try:
            loaded = load_scenario(name, overrides=overrides_of(overrides, seed=seed))
        except ScenarioError as error:
            verdicts.append({"scenario": name, "ok": False, "problems": error.as_records()})
            say(error.render(color=False))
        else:
            identity = digest(loaded, model_version=str(MODEL_VERSION))
            verdicts.append({"scenario": name, "ok": True, "digest": identity})
            if not as_json:
                click.echo(f"{name}: valid ({identity[:12]})")
    if as_json:
        click.echo(json.dumps(verdicts, indent=2, allow_nan=False))
    return 0 if all(v["ok"] for v in verdicts) else EXIT_BAD_SCENARIO


@click.command("plan")
@with_scenario
@click.option("--replicates", type=click.IntRange(min=1), help="Replicates of the cost curve.")
@json_option
def plan_command(
    scenario: str,
    overrides: tuple[str, ...],
    seed: int | None,
    replicates: int | None,
    as_json: bool,
) -> None:
    """Say what a cost run would do, and which assumptions of the theorem hold."""
    from sim.properties import derive, keeps_order
    from sim.scenario.load import load_scenario
    from sim.scenario.resolve import delays_of
    from sim.schedule import SCHEDULE

    changed = overrides_of(overrides, seed=seed, restoration__replicates=replicates)
    loaded = load_scenario(scenario, overrides=changed)
    restoration = loaded.restoration
    assumptions = derive(loaded)
    plan = {
        "scenario": loaded.name,
        "persons": loaded.population.size,
        "network": loaded.network.kind,
        "delays": list(delays_of(loaded)),
        "replicates": restoration.replicates,
        "problems": len(delays_of(loaded)) * restoration.replicates,
        "rest": restoration.rest,
        "horizon": restoration.horizon,
        "dwell": restoration.dwell,
        "pulse_lengths": list(restoration.lengths),
        "search": "bracketing" if keeps_order(loaded) else "scanned grid",
        "schedule": [stage.name for stage in SCHEDULE],
        "assumptions": [
            {"name": a.name, "guaranteed": a.guaranteed, "reason": a.reason} for a in assumptions
        ],
    }
    if as_json:
        click.echo(json.dumps(plan, indent=2))
        return
    for key, value in plan.items():
        if key not in ("schedule", "assumptions"):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            click.echo(f"{key.replace('_', ' '):14} {text}")
    click.echo("\nOne step, in this order:")
    for number, stage in enumerate(SCHEDULE, 1):
        click.echo(f"  {number}. {stage.name:11} {stage.summary}")
    click.echo("\nAssumptions of the monotone-cost theorem:")
    for a in assumptions:
        verdict = "guaranteed" if a.guaranteed else "not guaranteed"
        click.echo(f"  {a.name} {verdict}: {a.reason}")


@click.command("schema")
def schema_command() -> None:
    """Write the JSON Schema of scenario files, for editors."""
    from sim.scenario.schema import Scenario

    schema = Scenario.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "Another scenario file whose values are taken where this one gives none.",
    }
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))


@click.command("list")
@click.argument(
    "what",
    type=click.Choice(["scenarios", "variables", "events", "persons", "schedule"]),
    default="scenarios",
)
@json_option
def list_command(what: str, as_json: bool) -> None:
    """List shipped scenarios, or what runs write: variables, events, persons; or the schedule."""
    rows = {
        "scenarios": _scenarios, "variables": _variables, "events": _events, "persons": _persons,
        "schedule": _schedule,
    }[what]()  # fmt: skip
    if as_json:
        click.echo(json.dumps([{"name": name, "meaning": text} for name, text in rows], indent=2))
        return
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        click.echo(f"{name:{width}}  {text}")


def _scenarios() -> list[tuple[str, str]]:
    from sim.scenario.layers import load_layers
    from sim.scenario.shipped import shipped_scenarios

    rows = []
    for name, path in shipped_scenarios().items():
        description = load_layers(path).child("description")
        text = str(description.value) if description is not None else ""
        rows.append((name, " ".join(text.split()).split(". ")[0]))
    return rows


def _variables() -> list[tuple[str, str]]:
    from sim.records import VARIABLES

    return [
        (v.name + "".join(f"[{d}]" for d in v.dimensions), f"{v.meaning} [{v.unit}]")
        for v in VARIABLES
    ]


def _events() -> list[tuple[str, str]]:
    from sim.events import KINDS

    return [(kind.name, f"{kind.definition}: {kind.meaning}") for kind in KINDS]


def _persons() -> list[tuple[str, str]]:
    from sim.columns import person_columns

    return [(name, f"{c.meaning} [{c.unit}]") for name, c in person_columns(("CHANNEL",)).items()]


def _schedule() -> list[tuple[str, str]]:
    from sim.schedule import SCHEDULE

    return [(stage.name, f"{stage.summary}  {stage.equation}") for stage in SCHEDULE]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print what makes a shell complete commands and options: add it to the shell's start file."""
    from click.shell_completion import get_completion_class

    from sim.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None  # one of the choices
    click.echo(kind(cli, {}, "remanence", "_REMANENCE_COMPLETE").source())
