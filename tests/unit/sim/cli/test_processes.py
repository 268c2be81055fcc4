"""What only a process of its own can show: signals, pipes, descriptors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Call

conftest = pytest.importorskip("conftest") if False else None
