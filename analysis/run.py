"""A cost run from start to finish: resumable, interruptible, the same whatever the workers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

import pandas as pd

from analysis.cost import measure
from analysis.results import TABLES, CostResults
from analysis.reversibility import reversible_twin
from sim.run_store import RunDirectory, manifest_of, write_atomically, write_table
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.sweep.executors import EXECUTORS
from sim.sweep.segments import Segments

FILES = {name: f"{name}.parquet" for name in TABLES} | {"path": "series.parquet"}
"""File of each table in a run directory."""

Task = tuple[str, int]


class OccupiedError(Exception):
    """The folder holds something this run must not overwrite."""


@dataclass(frozen=True, slots=True)
class CostPlan:
    """What a cost run consists of.

    Attributes
    ----------
    scenario, twin, twin_factor
        As in `analysis.results.CostResults`.
    """

    scenario: Scenario
    twin: Scenario | None
    twin_factor: float | None

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        *,
        with_twin: bool = True,
        stopped: Callable[[], bool] = lambda: False,
    ) -> CostPlan:
        """Return the plan of a scenario, its reversible twin found by the certificate."""
        scenario = full(scenario)
        if not with_twin:
            return cls(scenario, None, None)
        twin, factor = reversible_twin(scenario, stopped=stopped)
        return cls(scenario, twin, factor)

    @property
    def tasks(self) -> list[Task]:
        """Return (role, replicate) of every task, in the order of the results."""
        roles = ["scenario"] if self.twin is None else ["scenario", "twin"]
        return [(role, r) for role in roles for r in range(self.scenario.restoration.replicates)]

    def tables_of(self, task: Task, stopped: Callable[[], bool]) -> dict[str, pd.DataFrame]:
        """Return the rows of one task by table."""
        role, replicate = task
        subject = self.scenario if role == "scenario" else self.twin
        assert subject is not None  # tasks name the twin only when there is one
        measured = measure(subject, replicate, role=role, stopped=stopped)
        return {name: pd.DataFrame(getattr(measured, name)) for name in TABLES}


def _key(task: Task) -> str:
    return f"{task[0]}-{task[1]:06d}"


def run_in_memory(plan: CostPlan, *, workers: int = 1) -> CostResults:
    """Return the results of a plan without writing anything.

    Raises
    ------
    RuntimeError
        If a replicate fails.
    """
    stop = Event()
    found: dict[Task, dict[str, pd.DataFrame]] = {}
    work = _worker(plan, stop)
    for done in EXECUTORS["threads"](plan.tasks, work, workers=workers, stop=stop):
        if done.result is None:
            raise RuntimeError(f"replicate {done.task} failed: {done.failure}")
        found[done.task] = done.result
    tables = {
        name: pd.concat([found[task][name] for task in plan.tasks], ignore_index=True)
        for name in TABLES
    }
    manifest = manifest_of(plan.scenario, command="cost")
    return CostResults(plan.scenario, plan.twin, plan.twin_factor, tables, manifest)


def _worker(plan: CostPlan, stop: Event) -> Callable[[Task], dict[str, pd.DataFrame]]:
    return lambda task: plan.tables_of(task, stop.is_set)


class CostRun:
    """A cost run in a folder.

    Parameters
    ----------
    folder
        Run directory.
    plan
        What to measure.
    """

    def __init__(self, folder: Path, plan: CostPlan) -> None:
        self.directory = RunDirectory(folder)
        self.plan = plan
        self.segments = Segments(folder / "parts")
        roles = "scenario" if plan.twin is None else "scenario and twin"
        self.manifest = manifest_of(
            plan.scenario, command="cost", roles=roles, twin_factor=plan.twin_factor
        )

    def open(self, *, resume: bool) -> set[str]:
        """Make the folder ready and return the keys of tasks already done.

        Raises
        ------
        OccupiedError
            If the folder holds files of something else, or, with `resume`, another run.
        """
        folder = self.directory.folder
        previous = self.directory.read_json("manifest.json")
        if previous is None and folder.is_dir() and any(folder.iterdir()):
            raise OccupiedError(f"{folder} is not empty and holds no run; name another folder")
        if (
            resume
            and previous is not None
            and self._identity(previous) != self._identity(self.manifest)
        ):
            raise OccupiedError(
                f"{folder} holds another run (scenario, model version, commit or twin differ); "
                "leave out --resume to replace it"
            )
        if not resume:
            self.segments.clear()
            for name in (*FILES.values(), "report.html", "failures.json", "timings.json"):
                self.directory.path(name).unlink(missing_ok=True)
        self.directory.write_json("manifest.json", self.manifest)
        self.directory.write_scenario(self.plan.scenario)
        if self.plan.twin is not None:
            self.directory.write_scenario(self.plan.twin, name="twin.yaml")
        return self.segments.done()

    @staticmethod
    def _identity(manifest: dict[str, object]) -> list[object]:
        return [manifest.get(name) for name in ("digest", "commit", "roles", "twin_factor")]

    def execute(
        self, *, workers: int, stop: Event, notice: Callable[[Task], None]
    ) -> list[dict[str, object]]:
        """Carry out what is not done yet and return records of the tasks that failed."""
        done = self.segments.done()
        missing = [task for task in self.plan.tasks if _key(task) not in done]
        failures = []
        work = _worker(self.plan, stop)
        for finished in EXECUTORS["threads"](missing, work, workers=workers, stop=stop):
            if finished.result is not None:
                self.segments.write(_key(finished.task), finished.result)
            else:
                role, replicate = finished.task
                failure = asdict(finished.failure) if finished.failure else {}
                failures.append({"role": role, "replicate": replicate, **failure})
            notice(finished.task)
        return failures

    def finish(self, failures: list[dict[str, object]]) -> CostResults | None:
        """Write tables, failures and report; none if no task succeeded."""
        if failures:
            self.directory.write_json("failures.json", {"failures": failures})
        done = self.segments.done()
        keys = [_key(task) for task in self.plan.tasks if _key(task) in done]
        if not keys:
            return None
        tables = self.segments.collect(keys, TABLES)
        for name, table in tables.items():
            write_table(self.directory.path(FILES[name]), table)
        plan = self.plan
        results = CostResults(plan.scenario, plan.twin, plan.twin_factor, tables, self.manifest)
        from analysis.report import render  # matplotlib is not needed before

        write_atomically(self.directory.path("report.html"), render(results).encode())
        return results


def default_workers() -> int:
    """Return how many threads to use: one a core this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
