"""Optimizers of one's own: classes found by entry point or as `module:Class`.

A scenario file must not run code, so nothing is imported unless it was allowed: by
`--allow-plugins` on the command line, or by `allow_plugins()` in Python.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from threading import Event

from sim.optimizers.base import Optimizer
from sim.scenario.problems import PluginError
from sim.scenario.schema.optimizers import PluginOptimizer

ENTRY_POINTS = "remanence.optimizers"
"""Group of entry points under which installed packages name their optimizers."""

_allowed = Event()


def allow_plugins(*, allowed: bool = True) -> None:
    """Let scenarios name classes to import; modules beside the working directory are found too."""
    (_allowed.set if allowed else _allowed.clear)()
    here = str(Path.cwd())
    if allowed and here not in sys.path:
        sys.path.append(here)


def load(spec: PluginOptimizer) -> type[Optimizer]:
    """Return the class a scenario names.

    Raises
    ------
    PluginError
        If plugins are not allowed, the class cannot be found, or it is no `Optimizer`.
    """
    if not _allowed.is_set():
        raise PluginError(
            f"the scenario names code to run, {spec.use}: allow it with --allow-plugins, or "
            "allow_plugins() in Python, if you trust it"
        )
    found = _imported(spec.use)
    if not (isinstance(found, type) and issubclass(found, Optimizer)):
        raise PluginError(f"{spec.use} is no subclass of sim.optimizers.Optimizer")
    return found


def _imported(use: str) -> object:
    module, _, name = use.partition(":")
    try:
        if name:
            return getattr(import_module(module), name)
        (point,) = entry_points(group=ENTRY_POINTS, name=use)
        return point.load()
    except ValueError:
        installed = ", ".join(sorted(p.name for p in entry_points(group=ENTRY_POINTS))) or "none"
        message = f"no installed optimizer named {use}; installed: {installed}; or use module:Class"
        raise PluginError(message) from None
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{use} cannot be imported: {error}") from error
