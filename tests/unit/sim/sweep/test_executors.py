from __future__ import annotations

import os
import signal
import threading
import time
from threading import Event

import pytest

from sim.sweep.executors import EXECUTORS, Executor, Stopped, default_workers, serial, threads

both = pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)


@both
@pytest.mark.parametrize("workers", [1, 3, 50])
def test_every_task_comes_back_once_with_its_result(executor: Executor, workers: int) -> None:
    done = list(executor(list(range(20)), lambda n: n * n, workers=workers, stop=Event()))
    assert sorted((d.task, d.result) for d in done) == [(n, n * n) for n in range(20)]
    assert all(d.failure is None for d in done)


@both
def test_a_task_that_raises_is_a_record_and_the_others_go_on(executor: Executor) -> None:
    def work(n: int) -> float:
        return 1 / n

    done = {d.task: d for d in executor([2, 0, 4], work, workers=2, stop=Event())}
    assert (done[2].result, done[4].result) == (0.5, 0.25)
    failure = done[0].failure
    assert done[0].result is None
    assert failure is not None
    assert (failure.kind, failure.message) == ("ZeroDivisionError", "division by zero")
    assert "in work" in failure.traceback


@both
def test_tasks_may_be_none_or_false(executor: Executor) -> None:
    done = executor([None, 0, "", None], repr, workers=1, stop=Event())
    assert [d.result for d in done] == ["None", "0", "''", "None"]


@both
def test_a_set_stop_ends_it_before_the_next_task(executor: Executor) -> None:
    stop, started = Event(), []

    def work(n: int) -> int:
        started.append(n)
        if n == 2:
            stop.set()
        return n

    done = [d.task for d in executor(list(range(10)), work, workers=1, stop=stop)]
    assert done == started == [0, 1, 2]


@both
def test_work_that_noticed_the_stop_is_neither_done_nor_failed(executor: Executor) -> None:
    def work(n: int) -> int:
        raise Stopped

    assert list(executor([1, 2], work, workers=2, stop=Event())) == []


def test_threads_never_run_more_than_asked() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(n: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return n

    assert len(list(threads(list(range(12)), work, workers=3, stop=Event()))) == 12
    assert most == 3


def test_no_task_waits_in_line_for_a_thread() -> None:
    stop, started = Event(), []

    def work(n: int) -> None:
        started.append(n)
        time.sleep(0.5)  # longer than until the executor looks for free threads again
        stop.set()

    list(threads([0, 1, 2], work, workers=1, stop=stop))
    assert started == [0]


def test_leaving_threads_early_stops_them() -> None:
    stop = Event()

    def work(n: int) -> int:
        if n > 0 and not stop.wait(10.0):
            raise AssertionError("was not told to stop")
        return n

    for done in threads([0, 1, 2], work, workers=2, stop=stop):
        assert done.task == 0
        break
    # The generator is closed when it is collected, which waits for the threads.
    assert stop.wait(5.0)


def test_an_interrupt_stops_the_threads_and_passes_on() -> None:
    stop, ended = Event(), []

    def work(n: int) -> int:
        stop.wait(10.0)
        ended.append(n)
        raise Stopped

    iterator = threads([1], work, workers=1, stop=stop)
    with pytest.raises(KeyboardInterrupt):
        _interrupted(iterator)
    assert stop.is_set()
    assert ended == [1]


def _interrupted(iterator: object) -> None:
    """Press Ctrl-C while the main thread waits for a result."""
    import _thread

    # A test run in the background of a shell starts with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    try:
        next(iterator)  # type: ignore[call-overload]
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


def test_finishing_leaves_the_stop_alone() -> None:
    for executor in (serial, threads):
        stop = Event()
        list(executor([1], str, workers=1, stop=stop))
        assert not stop.is_set()


def test_there_is_a_worker_for_every_core_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert default_workers() >= 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert default_workers() == 3
