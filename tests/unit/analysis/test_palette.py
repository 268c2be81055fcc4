from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pytest

from analysis.palette import VARIABLES


def colors_of_the_page() -> tuple[dict[str, str], dict[str, str]]:
    css = files("analysis").joinpath("templates/report.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    pattern = r"(--\w+): (#[0-9a-f]{6})"
    return dict(re.findall(pattern, light)), dict(re.findall(pattern, dark))


def luminance(color: str) -> float:
    parts = (int(color[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["--ink", "--muted", "--scenario", "--twin"])
@pytest.mark.parametrize("ground", ["--paper", "--wash"])
def test_text_stands_out_in_light_and_dark(mode, text, ground):
    colors = colors_of_the_page()[mode]
    pale, deep = sorted((luminance(colors[text]), luminance(colors[ground])), reverse=True)
    assert (pale + 0.05) / (deep + 0.05) >= 4.5


def test_figures_and_page_share_their_colors():
    light, dark = colors_of_the_page()
    assert {variable: color for color, variable in VARIABLES.items()}.items() <= light.items()
    assert set(light) == set(dark)
