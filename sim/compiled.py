"""The one place where numba is configured: a `kernel` decorator and its on-disk cache.

Strict floating point everywhere (no fastmath): a plain run, a batch of futures and the
reference model must agree, so no kernel may reorder a sum.  Kernels release the GIL, which is
what lets replicates run side by side in threads.

numba's cache notices an edit in the file that holds a kernel but not in a file whose helper
was inlined into it, so the cache directory is named after a hash of every kernel source.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parent


def source_digest() -> str:
    """Return a name for every kernel source, numba and numpy as they are."""
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__}".encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        text = path.read_bytes()
        if b"compiled import" in text or path.name == "compiled.py":
            digest.update(text)
    return digest.hexdigest()[:16]


def cache_directory() -> Path:
    """Return the directory compiled kernels are kept in; it is created on first use.

    `NUMBA_CACHE_DIR` wins; else the user's cache directory, or a temporary one where that
    cannot be written (a read-only home on a cluster node).
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = base / "remanence" / f"kernels-{source_digest()}"
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target):
            return target
    except OSError:
        return Path(tempfile.gettempdir()) / f"remanence-{os.getuid()}" / target.name


numba.config.CACHE_DIR = str(cache_directory())  # type: ignore[attr-defined]

_registry: list[Any] = []


def kernel(function: F) -> F:
    """Return `function` compiled on first call, cached on disk, running without the GIL."""
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    _registry.append(compiled)
    return cast(F, compiled)


def part(function: F) -> F:
    """Return `function` compiled for the kernels that call it, and not to be called from Python."""
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(F, numba.njit(error_model="numpy", **options)(function))


def inlined(function: F) -> F:
    """Return `function` compiled into the kernels that call it."""
    return cast(F, numba.njit(inline="always", error_model="numpy")(function))
