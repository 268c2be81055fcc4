"""A comparison from start to finish: resumable, interruptible, the same whatever the workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd

from analysis.comparison import chosen, delay_curve, standings, with_distance
from analysis.contest import Contest
from analysis.trials import COLUMNS, Stopping, as_table, compete, price_of_delay, tune
from sim.run_store import OccupiedError, RunDirectory, manifest_of, write_atomically, write_table
from sim.sweep.executors import EXECUTORS
from sim.sweep.segments import Segments

FILES = {name: f"{name}.parquet" for name in COLUMNS}
"""File of each table in a run directory; `delays` only where delays are asked for."""

OUTPUTS = (*FILES.values(), "report.html", "timings.json", "failures.json")
"""Files that a run leaves beside its manifest and scenario."""


@dataclass(frozen=True, slots=True)
class Task:
    """One table's rows of one contestant at one φ, in one replicate unless it is tuning."""

    table: str
    kind: str
    cure: float
    replicate: int = 0

    @property
    def key(self) -> str:
        """Name of its segment."""
        return f"{self.table}-{self.kind}-{self.cure!r}-{self.replicate:06d}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A finished comparison.

    Attributes
    ----------
    contest
        Its terms.
    tables
        Rows by name (`analysis.trials.COLUMNS`); `comparison` with `distance`.
    manifest
        Versions, model version, commit, seed, platform, terms.
    """

    contest: Contest
    tables: Mapping[str, pd.DataFrame]
    manifest: Mapping[str, Any]

    def standings(self) -> pd.DataFrame:
        """Return what `analysis.comparison.standings` makes of it."""
        return standings(self.tables["comparison"])

    def delay_curve(self) -> pd.DataFrame:
        """Return what `analysis.comparison.delay_curve` makes of it."""
        return delay_curve(self.tables["delays"], seed=self.contest.scenario.seed)


def tasks_of(contest: Contest, table: str) -> list[Task]:
    """Return the tasks that make one table, in the order of its rows."""
    pairs = [(kind, cure) for cure in contest.cures for kind in contest.kinds]
    match table:
        case "tuning":
            return [Task(table, *pair) for pair in pairs if len(contest.settings_of(pair[0])) > 1]
        case "delays" if not contest.delays:
            return []
    return [Task(table, *pair, r) for pair in pairs for r in range(contest.replicates)]


def carry_out(
    contest: Contest, task: Task, tuning: pd.DataFrame, stopped: Stopping
) -> pd.DataFrame:
    """Return the rows of a task; those of `tuning` are what contestants are set by."""
    if task.table == "tuning":
        return as_table("tuning", tune(contest, task.kind, task.cure, stopped=stopped))
    setting = json.loads(chosen(tuning, task.kind, task.cure))
    place = (contest, task.kind, task.cure, task.replicate, setting)
    if task.table == "comparison":
        return as_table("comparison", [compete(*place, stopped=stopped)])
    return as_table("delays", price_of_delay(*place, stopped=stopped))


class ComparisonRun:
    """A comparison in a folder: claim it, prepare, execute, finish.

    Attributes
    ----------
    tasks
        All tasks, in the order in which they are carried out: every contestant is tuned before
        any is compared.

    Parameters
    ----------
    folder
        Run directory.
    contest
        What to compare, and how.
    changes
        `--set` arguments that the scenario differs by from the file it was read from.
    """

    def __init__(self, folder: Path, contest: Contest, *, changes: Sequence[str] = ()) -> None:
        self.directory = RunDirectory(folder)
        self.contest = contest
        self.tasks = {name: tasks_of(contest, name) for name in COLUMNS}
        self.segments = Segments(folder / "parts", ["rows"])
        more = {"changes": list(changes)} if changes else {}
        self.manifest = manifest_of(
            contest.scenario, command="compare", terms=contest.terms(), **more
        )

    def claim(self, *, resume: bool) -> None:
        """Take the folder.

        Raises
        ------
        OccupiedError
            If it holds anything but a comparison, or, with `resume`, another one.
        """
        previous = self.directory.previous(command="compare")
        self.directory.check_writable()
        if resume and previous is not None and _identity(previous) != _identity(self.manifest):
            raise OccupiedError(
                f"{self.directory.folder} holds another comparison (scenario, seed, terms, "
                "versions or commit differ); leave out --resume to replace it"
            )

    def prepare(self, *, resume: bool) -> int:
        """Write down what is run and return how many tasks are already done."""
        if not resume:
            self.segments.clear()
        self.directory.remove(*OUTPUTS)
        self.directory.write_json("manifest.json", self.manifest)
        self.directory.write_scenario(self.contest.scenario)
        keys = {task.key for tasks in self.tasks.values() for task in tasks}
        return len(keys & self.segments.done())

    def execute(
        self, *, workers: int, stop: Event, notice: Callable[[], None]
    ) -> list[dict[str, Any]]:
        """Carry out what is not done yet and return records of the tasks that failed.

        A contestant whose tuning fails at a φ is not compared there.
        """
        failures: list[dict[str, Any]] = []
        for name in COLUMNS:
            tuning, done = self._table("tuning"), self.segments.done()
            untuned = {(f["optimizer"], f["cure"]) for f in failures if f["table"] == "tuning"}
            missing = [
                task
                for task in self.tasks[name]
                if task.key not in done and (task.kind, task.cure) not in untuned
            ]

            def work(task: Task, tuning: pd.DataFrame = tuning) -> pd.DataFrame:
                return carry_out(self.contest, task, tuning, stop.is_set)

            for one in EXECUTORS["threads"](missing, work, workers=workers, stop=stop):
                if one.result is not None:
                    self.segments.write(one.task.key, {"rows": one.result})
                else:
                    failure = asdict(one.failure) if one.failure else {}
                    where = {"table": name, "optimizer": one.task.kind, "cure": one.task.cure}
                    failures.append({**where, "replicate": one.task.replicate, **failure})
                notice()
        order = list(chain.from_iterable(self.tasks.values()))
        return sorted(failures, key=lambda failure: order.index(_task_of(failure)))

    def _table(self, name: str) -> pd.DataFrame:
        """Return what is done of a table, in its order."""
        done = self.segments.done()
        keys = [task.key for task in self.tasks[name] if task.key in done]
        return self.segments.collect(keys)["rows"] if keys else as_table(name, [])

    def finish(self, failures: Sequence[Mapping[str, Any]]) -> Comparison | None:
        """Write tables, failures and report; none if nothing was compared."""
        if failures:
            self.directory.write_json("failures.json", {"failures": list(failures)})
        tables = {name: self._table(name) for name in COLUMNS}
        if tables["comparison"].empty:
            return None
        tables["comparison"] = with_distance(tables["comparison"])
        for name, table in tables.items():
            if self.tasks[name] or name != "delays":
                write_table(self.directory.path(FILES[name]), table)
        found = Comparison(self.contest, tables, self.manifest)
        from analysis.comparison_report import render  # matplotlib is not needed before

        write_atomically(self.directory.path("report.html"), render(found).encode())
        return found


def _task_of(failure: Mapping[str, Any]) -> Task:
    return Task(failure["table"], failure["optimizer"], failure["cure"], failure["replicate"])


def _identity(manifest: Mapping[str, Any]) -> list[Any]:
    names = ("digest", "commit", "terms", "versions", "platform")
    return [manifest.get(name) for name in names]
