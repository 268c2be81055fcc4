"""Carry out independent tasks.  Kernels release the GIL, so threads are enough on one machine.

An executor hands results back in whatever order they finish; nothing downstream may depend on
it.  The store of segments, not the executor, decides what is done.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from threading import Event
from typing import Generic, Protocol, TypeVar

from sim.spans import threads_limited

Task = TypeVar("Task")
Result = TypeVar("Result")


class Stopped(Exception):  # noqa: N818 - a request that was honored, not an error
    """Raised by work that noticed it was asked to stop."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that raised: the sweep goes on without it."""

    kind: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Done(Generic[Task, Result]):
    """A finished task with its result or its failure."""

    task: Task
    result: Result | None
    failure: Failure | None


class Executor(Protocol):
    """Runs `work` on every task and yields each as it finishes."""

    def __call__(
        self, tasks: Sequence[Task], work: Callable[[Task], Result], *, workers: int, stop: Event
    ) -> Iterator[Done[Task, Result]]:
        """Yield finished tasks; once `stop` is set, end as soon as work has noticed."""
        ...


def _attempt(
    task: Task, work: Callable[[Task], Result], n_threads: int
) -> Done[Task, Result] | None:
    try:
        with threads_limited(n_threads):
            return Done(task, work(task), None)
    except Stopped:
        return None
    except Exception as error:  # any failure of one task becomes a record
        text = traceback.format_exc()
        return Done(task, None, Failure(type(error).__name__, str(error), text))


def serial(
    tasks: Sequence[Task], work: Callable[[Task], Result], *, workers: int, stop: Event
) -> Iterator[Done[Task, Result]]:
    """Yield tasks one after another, in order."""
    for task in tasks:
        if stop.is_set():
            return
        if (done := _attempt(task, work, workers)) is not None:
            yield done


def threads(
    tasks: Sequence[Task], work: Callable[[Task], Result], *, workers: int, stop: Event
) -> Iterator[Done[Task, Result]]:
    """Yield tasks as threads finish them.

    Leaving the iterator early, by an interrupt or otherwise, sets `stop` and waits for the
    threads to notice.
    """
    waiting = iter(tasks)
    # Workers without a task of their own help the others with the persons of a step.
    each = workers // max(min(workers, len(tasks)), 1)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        running: set[Future[Done[Task, Result] | None]] = set()
        try:
            while True:
                for task in islice(waiting, 0 if stop.is_set() else workers - len(running)):
                    running.add(pool.submit(_attempt, task, work, each))
                if not running:
                    return
                finished, running = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                yield from (done for future in finished if (done := future.result()) is not None)
        except BaseException:
            stop.set()
            raise


def default_workers() -> int:
    """Return how many threads to use: one a core this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


EXECUTORS: Mapping[str, Executor] = {"serial": serial, "threads": threads}
"""Executors by name."""
