"""The colors of figures, by role, as named in the report's style sheet."""

from __future__ import annotations

PAPER = "#ffffff"
INK = "#1b1f24"
MUTED = "#57606a"
LINE = "#d9dee4"
SCENARIO = "#b84c00"
TWIN = "#0067a3"

VARIABLES = {
    PAPER: "--paper",
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    SCENARIO: "--scenario",
    TWIN: "--twin",
}
"""Variable of the style sheet that takes a color's place, so that it can follow dark mode."""
