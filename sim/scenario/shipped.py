"""The scenarios that come with the package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def scenario_folder() -> Path:
    """Return the folder of shipped scenarios, in a wheel or in a source tree."""
    installed = _PACKAGE / "_scenarios"
    return installed if installed.is_dir() else _PACKAGE.parent / "scenarios"


def shipped_scenarios() -> dict[str, Path]:
    """Return the shipped scenario files by name."""
    return {path.stem: path for path in sorted(scenario_folder().glob("*.yaml"))}


def find_scenario(name: str) -> Path:
    """Return the file a user means: an existing path, else a shipped scenario of that name."""
    path = Path(name)
    if path.is_file() or path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return path
    return shipped_scenarios().get(name, path)
