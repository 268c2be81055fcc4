"""Obtain everything, write docs/validation.md, and fail where a result is not reproduced."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from sim.run_store import write_atomically
from tests.validation.case import Finding
from tests.validation.cases import CASES, LONG, obtain
from tests.validation.page import page_of

PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


def main() -> int:
    """Return 1 if any result lies outside its tolerance."""
    found: dict[str, list[Finding]] = {}
    # The long first, and last what takes a moment, so that no core waits for another.
    names = sorted((case.name for case in reversed(CASES)), key=lambda name: name not in LONG)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(obtain, name): name for name in names}
        for done in as_completed(waiting):
            name = waiting[done]
            found[name], seconds = done.result()
            print(f"{seconds:6.1f} s  {name}", flush=True)
    write_atomically(PAGE, page_of(CASES, found).encode())
    missed = [(case.name, f) for case in CASES for f in found[case.name] if not f.holds]
    for name, finding in missed:
        print(f"FAILS: {name}: {finding.setting}: {finding.obtained}, not {finding.reference}")
    print(f"{sum(map(len, found.values()))} results, {len(missed)} outside their tolerance; {PAGE}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
