"""A cost run from start to finish: resumable, interruptible, the same whatever the workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

import pandas as pd

from analysis.cost import Row, measure
from analysis.results import TABLES, CostResults
from analysis.reversibility import reversible_twin, twin_at
from sim.optimizers import methods_of
from sim.run_store import (
    OccupiedError,
    RunDirectory,
    manifest_of,
    write_atomically,
    write_table,
)
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.sweep.executors import EXECUTORS, default_workers
from sim.sweep.segments import Segments

FILES = {name: f"{name}.parquet" for name in TABLES} | {"path": "series.parquet"}
"""File of each table in a run directory."""

OUTPUTS = (*FILES.values(), "report.html", "timings.json", "twin.yaml")
"""Files that a run leaves beside its manifest and scenario."""

Task = tuple[str, int]

__all__ = ["FILES", "CostPlan", "CostRun", "Task", "default_workers", "run_in_memory"]


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
        factor: float | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> CostPlan:
        """Return the plan of a scenario, its reversible twin found by the certificate.

        Parameters
        ----------
        factor
            The twin's factor, where an earlier search has found it.
        """
        scenario = full(scenario)
        if not with_twin:
            return cls(scenario, None, None)
        if factor is not None:
            return cls(scenario, twin_at(scenario, factor), factor)
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
        return {name: _as_table(name, getattr(measured, name)) for name in TABLES}


_COLUMNS = {
    "crossings": {
        "role": "str", "replicate": "int64", "level": "float64", "direction": "str",
        "step": "float64", "censored": "bool",
    },
    "flows": {
        "role": "str", "replicate": "int64", "moment_from": "str", "moment_to": "str",
        "step_from": "int64", "step_to": "int64", "active_from": "int64", "active_to": "int64",
        "persons": "int64",
    },
    "persons": {
        "role": "str", "replicate": "int64", "moment": "str", "phase": "str", "step": "int64",
        "person": "int64", "group": "int64", "active": "int64", "narrative": "float64",
        "lock_in": "float64", "trust": "float64",
    },
    "ties": {
        "role": "str", "replicate": "int64", "source": "int64", "target": "int64",
        "weight": "float64",
    },
}  # fmt: skip


def _as_table(name: str, rows: list[Row]) -> pd.DataFrame:
    """Return the rows of a table; whether there are any must not decide its columns."""
    columns = _COLUMNS.get(name)
    if columns is None:
        return pd.DataFrame(rows)
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


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
    """A cost run in a folder: claim it, prepare, execute, finish.

    Attributes
    ----------
    replaces
        Name of the scenario of another run that the folder holds, once claimed.

    Parameters
    ----------
    folder
        Run directory.
    scenario
        What to measure.
    with_twin
        Whether to measure its reversible twin too.
    changes
        `--set` arguments that the scenario differs by from the file it was read from.
    """

    def __init__(
        self,
        folder: Path,
        scenario: Scenario,
        *,
        with_twin: bool = True,
        changes: Sequence[str] = (),
    ) -> None:
        self.directory = RunDirectory(folder)
        self.scenario = full(scenario)
        methods_of(self.scenario)  # refused here and not once a replicate
        self.with_twin = with_twin
        self.segments = Segments(folder / "parts", TABLES)
        self.replaces: str | None = None
        roles = "scenario and twin" if with_twin else "scenario"
        more = {"changes": list(changes)} if changes else {}
        self.manifest = manifest_of(self.scenario, command="cost", roles=roles, **more)

    def claim(self, *, resume: bool) -> float | None:
        """Return the twin's factor if an earlier run to be resumed has found it.

        Raises
        ------
        OccupiedError
            If the folder holds anything but a cost run, or, with `resume`, another one.
        """
        previous = self.directory.previous(command="cost")
        self.directory.check_writable()
        if previous is not None and self._identity(previous) != self._identity(self.manifest):
            self.replaces = str(previous.get("scenario"))
        if previous is None or not resume:
            return None
        if self._identity(previous) != self._identity(self.manifest):
            raise OccupiedError(
                f"{self.directory.folder} holds another run (scenario, seed, versions, commit or "
                "twin differ); leave out --resume to replace it"
            )
        factor = previous.get("twin_factor")
        return float(factor) if isinstance(factor, (int, float)) else None

    @staticmethod
    def _identity(manifest: Mapping[str, object]) -> list[object]:
        return [manifest.get(n) for n in ("digest", "commit", "roles", "versions", "platform")]

    def prepare(self, plan: CostPlan, *, resume: bool) -> set[str]:
        """Write down what is run and return the keys of tasks already done."""
        if not resume:
            self.segments.clear()
            self.directory.remove(*OUTPUTS)
        self.directory.remove("failures.json")
        self.manifest["twin_factor"] = plan.twin_factor
        self.directory.write_json("manifest.json", self.manifest)
        self.directory.write_scenario(plan.scenario)
        if plan.twin is not None:
            self.directory.write_scenario(plan.twin, name="twin.yaml")
        done = self.segments.done()
        return {_key(task) for task in plan.tasks} & done

    def execute(
        self, plan: CostPlan, *, workers: int, stop: Event, notice: Callable[[Task], None]
    ) -> list[dict[str, object]]:
        """Carry out what is not done yet and return records of the tasks that failed."""
        done = self.segments.done()
        missing = [task for task in plan.tasks if _key(task) not in done]
        failures = []
        work = _worker(plan, stop)
        for finished in EXECUTORS["threads"](missing, work, workers=workers, stop=stop):
            if finished.result is not None:
                self.segments.write(_key(finished.task), finished.result)
            else:
                role, replicate = finished.task
                failure = asdict(finished.failure) if finished.failure else {}
                failures.append({"role": role, "replicate": replicate, **failure})
            notice(finished.task)
        return failures

    def finish(self, plan: CostPlan, failures: list[dict[str, object]]) -> CostResults | None:
        """Write tables, failures and report; none if no task succeeded."""
        if failures:
            self.directory.write_json("failures.json", {"failures": failures})
        done = self.segments.done()
        keys = [_key(task) for task in plan.tasks if _key(task) in done]
        if not keys:
            return None
        tables = self.segments.collect(keys)
        for name, table in tables.items():
            write_table(self.directory.path(FILES[name]), table)
        results = CostResults(plan.scenario, plan.twin, plan.twin_factor, tables, self.manifest)
        from analysis.report import render  # matplotlib is not needed before

        write_atomically(self.directory.path("report.html"), render(results).encode())
        return results
