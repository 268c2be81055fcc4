"""A run that writes down what happens: resumable, interruptible, the same whatever the workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd

from sim.model import AlignmentModel
from sim.optimizers import methods_of
from sim.run_store import OccupiedError, RunDirectory, manifest_of, write_table
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.sweep.executors import EXECUTORS, Stopped
from sim.sweep.segments import Segments

FILES = {name: f"{name}.parquet" for name in ("series", "events", "persons")}
"""File of each table in a run directory; `persons` only if the scenario asks for it."""


def tables_of(
    scenario: Scenario, replicate: int, *, stopped: Callable[[], bool] = lambda: False
) -> dict[str, pd.DataFrame]:
    """Return what one replicate of a scenario leaves behind, by table.

    Raises
    ------
    Stopped
        If `stopped` says so before the last step.
    """
    model = AlignmentModel(scenario, replicate=replicate)
    while model.running:
        if stopped():
            raise Stopped
        model.step()
    series = pd.DataFrame(model.recorder.table()).astype({"step": "int64"})
    tables = {"series": series, "events": model.recorder.events()}
    if scenario.record.persons is not None:
        tables["persons"] = model.recorder.persons()
    for table in tables.values():
        table.insert(0, "replicate", replicate)
    return tables


def _key(replicate: int) -> str:
    return f"{replicate:06d}"


class RecordedRun:
    """A run in a folder: claim it, prepare, execute, finish.

    Parameters
    ----------
    folder
        Run directory.
    scenario
        What to simulate.
    replicates
        How many replicates, ≥ 1.
    changes
        `--set` arguments that the scenario differs by from the file it was read from.
    """

    def __init__(
        self, folder: Path, scenario: Scenario, *, replicates: int, changes: Sequence[str] = ()
    ) -> None:
        self.directory = RunDirectory(folder)
        self.scenario = full(scenario)
        methods_of(self.scenario)  # refused here and not once a replicate
        self.replicates = replicates
        names = [name for name in FILES if name != "persons" or self.scenario.record.persons]
        self.segments = Segments(folder / "parts", names)
        more = {"changes": list(changes)} if changes else {}
        self._manifest = manifest_of(self.scenario, command="run", replicates=replicates, **more)

    def claim(self, *, resume: bool) -> None:
        """Take the folder.

        Raises
        ------
        OccupiedError
            If it holds anything but a run of this command, or, with `resume`, another one.
        """
        previous = self.directory.previous(command="run")
        self.directory.check_writable()
        if resume and previous is not None and _identity(previous) != _identity(self._manifest):
            raise OccupiedError(
                f"{self.directory.folder} holds another run (scenario, seed, versions or commit "
                "differ); leave out --resume to replace it"
            )

    def prepare(self, *, resume: bool) -> list[int]:
        """Write down what is run and return the replicates that are not done yet."""
        if not resume:
            self.segments.clear()
        self.directory.remove(*FILES.values(), "failures.json")
        self.directory.write_json("manifest.json", self._manifest)
        self.directory.write_scenario(self.scenario)
        done = self.segments.done()
        return [r for r in range(self.replicates) if _key(r) not in done]

    def execute(
        self, replicates: Sequence[int], *, workers: int, stop: Event, notice: Callable[[], None]
    ) -> list[dict[str, Any]]:
        """Carry out some replicates and return records of those that failed."""
        failures = []

        def work(replicate: int) -> dict[str, pd.DataFrame]:
            return tables_of(self.scenario, replicate, stopped=stop.is_set)

        for done in EXECUTORS["threads"](replicates, work, workers=workers, stop=stop):
            if done.result is not None:
                self.segments.write(_key(done.task), done.result)
            elif done.failure is not None:
                failures.append({"replicate": done.task, **asdict(done.failure)})
            notice()
        return failures

    def finish(self, failures: Sequence[Mapping[str, Any]]) -> pd.DataFrame | None:
        """Write tables and failures; return the series, none if no replicate is done.

        Parts are kept, for `resume`, until every replicate is done.
        """
        if failures:
            self.directory.write_json("failures.json", {"failures": list(failures)})
        done = self.segments.done()
        keys = [_key(r) for r in range(self.replicates) if _key(r) in done]
        if not keys:
            return None
        # Snapshots may be larger than memory: they are handed on replicate by replicate.
        whole = [name for name in self.segments.names if name != "persons"]
        tables = self.segments.collect(keys, names=whole)
        for name, table in tables.items():
            write_table(self.directory.path(FILES[name]), table)
        if "persons" in self.segments.names:
            self.segments.join(keys, "persons", self.directory.path(FILES["persons"]))
        if len(keys) == self.replicates:
            self.segments.clear()
        return tables["series"]


def _identity(manifest: Mapping[str, Any]) -> list[Any]:
    return [manifest.get(name) for name in ("digest", "commit", "versions", "platform")]
