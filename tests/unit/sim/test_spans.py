from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numba
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.spans import MANY, Span, over_persons, spans_of, threads_allowed, threads_limited
from sim.sweep.executors import EXECUTORS


@given(n_persons=st.integers(1, 10_000), n_spans=st.integers(1, 40))
def test_spans_are_everyone_once_in_order(n_persons: int, n_spans: int) -> None:
    spans = spans_of(n_persons, n_spans)
    assert len(spans) <= n_spans
    assert [p for first, last in spans for p in range(first, last)] == list(range(n_persons))
    assert all(first % 64 == 0 for first, _ in spans)


def test_many_persons_are_shared_out_among_threads_and_few_are_not() -> None:
    def who(_: Span) -> int:
        time.sleep(0.01)
        return threading.get_ident()

    with threads_limited(3):
        assert len(set(over_persons(who, MANY))) == 3
        assert len(set(over_persons(who, MANY // 4, n_branches=4))) == 3
        assert over_persons(who, MANY - 1) == [threading.get_ident()]
    with threads_limited(1):
        assert over_persons(who, MANY) == [threading.get_ident()]


def test_results_come_in_the_order_of_persons() -> None:
    def slow_at_first(span: Span) -> Span:
        time.sleep(0.02 if span[0] == 0 else 0.0)
        return span

    with threads_limited(4):
        assert over_persons(slow_at_first, MANY) == spans_of(MANY, 4)


@pytest.mark.parametrize("broken", [0, 1], ids=["own", "other"])
def test_an_error_comes_through_once_every_thread_has_ended(broken: int) -> None:
    ended = []

    def work(span: Span) -> None:
        if (span[0] > 0) == bool(broken):
            raise ValueError("broken")
        time.sleep(0.05)
        ended.append(span)

    with threads_limited(2), pytest.raises(ValueError, match="broken"):
        over_persons(work, MANY)
    assert len(ended) == 1


def test_without_a_limit_all_that_numba_may_use_is_used() -> None:
    assert threads_allowed() == numba.config.NUMBA_NUM_THREADS
    with threads_limited(0):
        assert threads_allowed() == 1
    with ThreadPoolExecutor(1) as pool, threads_limited(5):
        assert pool.submit(threads_allowed).result() == numba.config.NUMBA_NUM_THREADS


@pytest.mark.parametrize(
    ("executor", "tasks", "workers", "each"),
    [
        ("threads", 8, 4, 1), ("threads", 2, 4, 2), ("threads", 1, 4, 4), ("threads", 3, 4, 1),
        ("serial", 3, 4, 4),
    ],
)  # fmt: skip
def test_executors_leave_to_steps_the_workers_they_do_not_need(
    executor: str, tasks: int, workers: int, each: int
) -> None:
    run = EXECUTORS[executor]
    done = run(range(tasks), lambda _: threads_allowed(), workers=workers, stop=Event())
    assert {one.result for one in done} == {each}
    assert threads_allowed() == numba.config.NUMBA_NUM_THREADS


def _in_a_child() -> None:
    with threads_limited(2):
        over_persons(lambda span: span, MANY)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_makes_threads_of_its_own() -> None:
    _in_a_child()
    child = multiprocessing.get_context("fork").Process(target=_in_a_child)
    child.start()
    child.join(20)
    alive = child.is_alive()
    child.kill()
    assert (alive, child.exitcode) == (False, 0)
