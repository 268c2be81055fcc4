"""Fail where the wheel leaves out a tracked file of the packages or a shipped scenario.

An editable installation reads the working tree, so only a built wheel can show that a template,
a style sheet or a scenario would be missing for everyone else.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PLACES = {"sim": "sim", "analysis": "analysis", "scenarios": "sim/_scenarios"}


def expected() -> set[str]:
    """Return where in the wheel each tracked file of the packages and scenarios must stand."""
    command = ["git", "ls-files", "-z", *PLACES]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    split = (name.split("/", 1) for name in listed.split("\0") if name)
    return {f"{PLACES[folder]}/{rest}" for folder, rest in split}


def built() -> set[str]:
    """Return the names in a freshly built wheel."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--no-deps", "--no-build-isolation", "--wheel-dir", folder, "."]
        subprocess.run([*pip, *options], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return set(archive.namelist())


def main() -> int:
    """Return 1 after listing what the wheel lacks, 0 where it is complete."""
    wanted = expected()
    missing = sorted(wanted - built())
    for name in missing:
        print(f"the wheel lacks {name}")
    print(f"check_wheel: {len(wanted)} files, {len(missing)} missing")
    return 1 if missing or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
