"""Figures as SVG that can stand in a page beside other figures and follow its colors."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import matplotlib as mpl

from analysis.drawing import STYLE, Drawing
from analysis.palette import VARIABLES

_FONTS = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", Arial, sans-serif'
_SILENT = {"Date": None, "Creator": None, "Format": None, "Type": None}
_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_LONG = re.compile(r"-?\d+\.\d{3,}")
_AROUND_COMMAND = re.compile(r"\s*([A-Za-z])\s*")
_DOT = re.compile(r"M([^A-Z]+)L\1(?![0-9.])")
_FONT_FAMILY = re.compile(r"font-family:[^;]*;?\s*")


def to_svg(figure: Drawing) -> str:
    """Return a figure as inline SVG: the same bytes for the same figure.

    Text stays text, colors become variables of the style sheet with the figure's own as
    fallback, and nothing in it refers to anything outside.
    """
    stream = io.BytesIO()
    with mpl.rc_context(fname=STYLE):
        figure.savefig(stream, format="svg", metadata=_SILENT)
    root = ElementTree.fromstring(stream.getvalue())
    for parent in root.iter():
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(k): _restated(k, v, figure.name) for k, v in element.items()}
    _introduce(root, figure)
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    """Return a name without its namespace, which inline SVG does not need."""
    return name.rpartition("}")[2]


def _restated(name: str, value: str, prefix: str) -> str:
    local = _local(name)
    if local == "id":
        return f"{prefix}-{value}"
    if local == "href":
        return value.replace("#", f"#{prefix}-", 1)
    if local in ("d", "x", "y"):
        # A hundredth of a point is finer than any screen, and half as long to write.
        value = _LONG.sub(lambda found: f"{float(found[0]):.2f}", value)
        return _DOT.sub(r"M\1h0", _AROUND_COMMAND.sub(r"\1", value)) if local == "d" else value
    value = value.replace("url(#", f"url(#{prefix}-")
    if local != "style":
        return value
    return _COLOR.sub(_variable, _FONT_FAMILY.sub("", value))


def _variable(color: re.Match[str]) -> str:
    name = VARIABLES.get(color[0])
    return f"var({name}, {color[0]})" if name else color[0]


def _introduce(root: ElementTree.Element, figure: Drawing) -> None:
    """Give the drawing its alternative text and the properties its parts inherit."""
    title, description = f"{figure.name}-title", f"{figure.name}-desc"
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": title,
        "aria-describedby": description,
        "style": f"font-family: {_FONTS}; stroke-linejoin: round; stroke-linecap: butt",
    }
    for position, (tag, name, text) in enumerate(
        (("title", title, figure.title), ("desc", description, figure.description))
    ):
        element = ElementTree.Element(tag, {"id": name})
        element.text = text
        root.insert(position, element)
