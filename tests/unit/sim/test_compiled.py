from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import pytest

from sim import compiled
from sim.compiled import cache_directory, kernel

ROOT = Path(__file__).parents[3]


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of one kernel, one helper, their decorators and one file without any."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = tmp_path / "package"
    (package / "deep").mkdir(parents=True)
    (package / "deep" / "kernel.py").write_text("from sim.compiled import kernel\n")
    (package / "helper.py").write_text("from sim.compiled import inlined\n")
    (package / "compiled.py").write_text("x = 1\n")
    (package / "plain.py").write_text("x = 1\n")
    monkeypatch.setattr(compiled, "_PACKAGE", package)
    return package


@pytest.mark.parametrize("name", ["deep/kernel.py", "helper.py", "compiled.py"])
def test_an_edit_of_any_kernel_source_is_another_cache(sources: Path, name: str) -> None:
    before = cache_directory()
    path = sources / name
    path.write_text(path.read_text() + "y = 2\n")
    assert cache_directory() != before


def test_an_edit_elsewhere_keeps_the_cache(sources: Path) -> None:
    before = cache_directory()
    (sources / "plain.py").write_text("x = 2\n")
    assert cache_directory() == before
    assert before.parent == sources.parent / "cache" / "remanence"


@pytest.mark.parametrize("library", [numba, np], ids=["numba", "numpy"])
def test_another_numba_or_numpy_is_another_cache(
    sources: Path, monkeypatch: pytest.MonkeyPatch, library: ModuleType
) -> None:
    before = cache_directory()
    monkeypatch.setattr(library, "__version__", "0")
    assert cache_directory() != before


def test_a_chosen_directory_wins(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "chosen")
    assert cache_directory() == Path("chosen")


def test_a_cache_that_cannot_be_written_is_kept_elsewhere(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    (sources.parent / "cache").write_text("a file, not a folder")
    elsewhere = cache_directory()
    assert elsewhere.parent == Path(tempfile.gettempdir()) / "remanence-4711"
    assert elsewhere.name.startswith("kernels-")


def test_a_cache_that_is_there_but_read_only_is_kept_elsewhere(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    usual = cache_directory()
    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    assert usual.is_dir()
    elsewhere = Path(tempfile.gettempdir()) / f"remanence-{os.getuid()}"
    assert cache_directory() == elsewhere / usual.name


def test_kernels_add_in_the_order_written_and_let_other_threads_run() -> None:
    @kernel
    def total(values):  # type: ignore[no-untyped-def]
        out = 0.0
        for value in values:
            out += value
        return out

    @kernel
    def rounded(value):  # type: ignore[no-untyped-def]
        return (value + 1e16) - 1e16

    assert total(np.array([1e16, 1.0, -1e16, 1.0] * 8)) == 1.0
    assert rounded(1.0) == 0.0
    assert total.targetoptions["nogil"]


def test_a_division_by_zero_is_infinite_not_an_error() -> None:
    @kernel
    def ratio(x, y):  # type: ignore[no-untyped-def]
        return x / y

    assert ratio(1.0, 0.0) == np.inf


_WARM = """
import os, sys
from pathlib import Path
from analysis.cost import measure
from sim.model import AlignmentModel
from sim.scenario.load import load_scenario
from sim.scenario.shipped import shipped_scenarios
from sim.warm import compile_kernels

def compiled():
    return {path.name for path in Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nbc")}

compile_kernels()
warm = compiled()
changes = ["population.size=200", "time.steps=4", "restoration.delays=2"]
for name in shipped_scenarios():
    scenario = load_scenario(name, overrides=changes)
    AlignmentModel(scenario).step()
    measure(scenario, 0)
print(len(warm) > 0, sorted(compiled() - warm))
"""


@pytest.mark.slow
def test_nothing_is_left_to_compile_after_warming_up(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WARM],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "True []"
