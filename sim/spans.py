"""Spans of persons for several threads, where there are enough persons to share out.

Kernels release the GIL and write the rows of their span only, and counts of spans are whole
numbers that are added up afterwards, so no number depends on where the cuts are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import numba

Result = TypeVar("Result")
Span = tuple[int, int]

MANY = 100_000
"""Persons times futures from which on a step is worth sharing out."""

_ROW_GROUP = 64
"""Spans begin at multiples of this, so that no two threads write to one cache line."""

_LINE = 8
"""Spans of branches begin at multiples of this: numbers of a cache line."""

_allowed: ContextVar[int | None] = ContextVar("allowed", default=None)
_pools: dict[int, ThreadPoolExecutor] = {}

# A forked process inherits the pool but not its threads, and would wait for them for ever.
os.register_at_fork(after_in_child=_pools.clear)


def threads_allowed() -> int:
    """Return how many threads the caller may use for one step.

    All that numba may use (every core this process may run on, or `NUMBA_NUM_THREADS`), unless
    an executor that runs several replicates side by side has left it a share of them.
    """
    allowed = _allowed.get()
    return numba.config.NUMBA_NUM_THREADS if allowed is None else allowed  # type: ignore[attr-defined]


@contextmanager
def threads_limited(n_threads: int) -> Iterator[None]:
    """Let steps made inside use this many threads, ≥ 1."""
    token = _allowed.set(max(n_threads, 1))
    try:
        yield
    finally:
        _allowed.reset(token)


def spans_of(n_persons: int, n_spans: int, *, multiple: int | None = None) -> list[Span]:
    """Return (first, last + 1) of nearly equal spans that together are all persons.

    They begin at multiples of a number, which is that of persons unless another is given.

    Examples
    --------
    >>> spans_of(200, 2)
    [(0, 128), (128, 200)]
    """
    multiple = multiple or _ROW_GROUP
    groups = -(-n_persons // multiple)
    each = multiple * -(-groups // n_spans)
    return [(first, min(first + each, n_persons)) for first in range(0, n_persons, each)]


def over_persons(
    work: Callable[[Span], Result], n_persons: int, *, n_branches: int = 1
) -> list[Result]:
    """Return what `work` gives for each span, in the order of persons.

    Parameters
    ----------
    work
        Called with (first, last + 1), from several threads if there are many persons; must not
        call this function.
    n_branches
        Number of futures R.
    """
    n_threads = threads_allowed() if n_persons * n_branches >= MANY else 1
    return _shared_out(work, spans_of(n_persons, n_threads))


def over_branches(
    work: Callable[[Span], Result], n_persons: int, *, n_branches: int
) -> list[Result]:
    """Return what `work` gives for each span of branches, for what goes person after person."""
    n_threads = threads_allowed() if n_persons * n_branches >= MANY else 1
    return _shared_out(work, spans_of(n_branches, n_threads, multiple=_LINE))


def _shared_out(work: Callable[[Span], Result], spans: list[Span]) -> list[Result]:
    if len(spans) == 1:
        return [work(spans[0])]
    others = [_pool(len(spans) - 1).submit(work, span) for span in spans[1:]]
    try:
        first = work(spans[0])
    finally:
        for other in others:
            other.exception()  # columns are not left to others while a thread still writes
    return [first, *(other.result() for other in others)]


def _pool(n_threads: int) -> ThreadPoolExecutor:
    if n_threads not in _pools:
        _pools[n_threads] = ThreadPoolExecutor(n_threads, thread_name_prefix="persons")
    return _pools[n_threads]
