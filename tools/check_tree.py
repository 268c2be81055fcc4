"""Fail where a tracked file names a package registry's host or holds a path of one machine.

Such a line works here and nowhere else.  The patterns are written in pieces so that this file
passes its own check.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HOSTS = re.compile(
    r"py" r"pi\.org|python" r"hosted\.org|registry\.npm" r"js\.org|deb\.debian" r"\.org"
)
PATHS = re.compile(r"(?<![\w.])/(?:work|farm|root)/[\w.]|(?<![\w.])/tmp/" r"v/|\.pyenv" r"/")
LOCK_OPTIONS = re.compile(r"^--|://|\s@\s")


def offences(path: Path) -> list[str]:
    """Return one line for each place in `path` that is not fit for another machine."""
    found = []
    text = path.read_bytes().decode("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if HOSTS.search(line):
            found.append(f"{path}:{number}: names a package registry's host")
        if PATHS.search(line):
            found.append(f"{path}:{number}: holds a path of one machine")
        if path.suffix == ".lock" and LOCK_OPTIONS.search(line):
            found.append(f"{path}:{number}: a lock holds versions and hashes, no addresses")
    return found


def main() -> int:
    """Return 1 after listing what is wrong, 0 where nothing is."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout
    tracked = [Path(name) for name in listed.decode().split("\0") if name]
    if not tracked:
        print("check_tree: git lists no files, so nothing was checked", file=sys.stderr)
        return 1
    found = [line for path in tracked if path.is_file() for line in offences(path)]
    print("\n".join([*found, f"check_tree: {len(tracked)} files, {len(found)} offences"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
