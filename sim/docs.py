"""Rewrite the tables in the documentation that come from the code, or fail where they are stale.

A table stands between `<!-- generated: NAME -->` and `<!-- end generated -->` in README.md or
docs/*.md, where NAME is a key of `BLOCKS`.  Run as `python -m sim.docs`; with `--check` nothing
is written and stale tables make it exit with 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from sim.columns import OPTIONAL, person_columns
from sim.events import FIELDS, KINDS
from sim.failures import FAILURES
from sim.optimizers import METHODS
from sim.optimizers.base import TOLD_BY_METHODS
from sim.records import VARIABLES
from sim.scenario.layers import load_layers
from sim.scenario.reference import Section, sections
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.scenario.schema.measurement import PersonColumn
from sim.scenario.shipped import shipped_scenarios
from sim.schedule import SCHEDULE
from sim.sightings import Kind
from sim.snapshots import BY_DEFAULT
from sim.streams import CLOCKS, STREAMS
from sim.tables import dimensions_of

ROOT = Path(__file__).parent.parent
"""The source tree, which holds README.md and docs/."""

BREAKING: tuple[Mapping[str, Any], ...] = (
    {"optimizers": [{"kind": "proportional"}]},
    {"signed": True, "constraints": {"narrative_feed": -0.1}},
    {"signed": True, "constraints": {"coupling": -0.1}},
    {
        "signed": True,
        "constraints": {"coupling": 0.1},
        "network": {"kind": "edge_list", "file": "ties.csv"},
    },
    {"signed": True, "channels": ["a", "b"], "constraints": {"spillover": {"a": {"b": -0.1}}}},
    {"narrative": {"lock_in_mode": "symmetric"}},
    {"correction": {"backlash": 2}},
    {"narrative": {"rule": "hegselmann_krause"}},
    {"narrative": {"rule": "deffuant", "confidence": 2, "confidence_lock_in": 1}},
    {"stressors": [{"kind": "deployment", "intensity_coefficient": 0.1}]},
    {"turnover": {"rate": 0.1, "inherit": 0.5}},
    {
        "signed": True,
        "turnover": {"rate": 0.1, "inherit": 0.5},
        "network": {"kind": "edge_list", "file": "ties.csv"},
    },
)
"""Settings under each of which some mechanism does not keep order; all else is default."""

KEEPING: tuple[Mapping[str, Any], ...] = (
    {"narrative": {"rule": "none"}},
    {"narrative": {"rule": "friedkin_johnsen"}},
    {"narrative": {"rule": "hegselmann_krause", "confidence": 1}},
    {"narrative": {"rule": "biased_assimilation"}},
    {"narrative": {"rule": "fraction_threshold", "threshold": 0.5}},
    {"narrative": {"rule": "count_threshold", "threshold": 2}},
)
"""Settings under which another mechanism keeps order than by default."""

_BEGIN, _END = "<!-- generated: ", "<!-- end generated -->"
_BLOCK = re.compile(rf"{_BEGIN}(\S+) -->\n(.*?){_END}", re.DOTALL)


class DocumentError(Exception):
    """A document cannot be brought up to date: a marker is unknown or not closed."""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(map(_code, names)) or "–"


def _schedule() -> str:
    head = ("", "stage", "what happens", "equation", "reads", "writes")
    rows = [
        (str(n), f"**{s.name}**", s.summary, _code(s.equation), _names(s.reads), _names(s.writes))
        for n, s in enumerate(SCHEDULE, 1)
    ]
    return _table(head, rows)


def _order() -> str:
    rows = []
    settings = ({}, *KEEPING, *BREAKING)
    for stage in SCHEDULE:
        verdicts = [stage.order(full(Scenario.model_validate(s))) for s in settings]
        kept = dict.fromkeys(verdict.reason for verdict in verdicts if verdict.kept)
        broken = dict.fromkeys(verdict.reason for verdict in verdicts if not verdict.kept)
        rows.append((f"**{stage.name}**", "; ".join(kept) or "–", "; ".join(broken) or "–"))
    return _table(("mechanism", "keeps order", "does not"), rows)


def _parameters() -> str:
    grouped = groupby(sections(), key=lambda section: section.block)
    return "\n\n".join(part for _, group in grouped for part in _block(list(group)))


def _block(group: Sequence[Section]) -> Iterator[str]:
    first = group[0]
    meaning = "" if first.kind else f" – {first.meaning}"
    yield f"**{_code(first.block) or 'Top level'}**{meaning}"
    head = ("key", "type", "unit", "interval", "default", "meaning")
    for section in group:
        if section.kind:
            yield f"*`kind: {section.kind}`* – {section.meaning}"
        if section.settings:
            rows = [
                (_code(s.key), s.type, s.unit, s.interval, _default(s.default), s.meaning)
                for s in section.settings
            ]
            yield _table(head, rows)


def _default(text: str) -> str:
    return text if text == "required" else _code(text)


def _variables() -> str:
    rows = []
    for v in VARIABLES:
        name = v.name + "".join(f"[{dimension}]" for dimension in v.dimensions)
        rows.append((_code(name), ", ".join(("step", *v.dimensions)), v.unit, v.meaning))
    return _table(("variable", "dimensions", "unit", "meaning"), rows)


def _snapshots() -> str:
    families = get_args(PersonColumn)
    rows = [
        (
            _code(name),
            ", ".join(dimensions_of(name, column)),
            column.unit,
            _written(column.family),
            column.meaning,
        )
        for name, column in person_columns(("CHANNEL",)).items()
        if column.family in families
    ]
    return _table(("column", "dimensions", "unit", "written", "meaning"), rows)


def _written(family: str) -> str:
    if family in OPTIONAL:
        return "where the scenario uses it"
    return "" if family in BY_DEFAULT else "if asked for"


def _event_columns() -> str:
    rows = [(_code(name), field.unit, field.meaning) for name, field in FIELDS.items()]
    return _table(("column", "unit", "meaning"), rows)


def _event_kinds() -> str:
    rows = [
        (_code(k.name), k.definition, "yes" if k.lasts else "", k.meaning, k.evidence)
        for k in KINDS
    ]
    return _table(("kind", "happens when", "lasts", "why it matters", "evidence"), rows)


def _failures() -> str:
    rows = [
        (
            f"[`{kind.name}`](#{kind.name})",
            "the method" if kind.name in TOLD_BY_METHODS else "the run",
            _names(kind.levels),
        )
        for kind in FAILURES
    ]
    return _table(("failure", "told by", "held against"), rows)


def _failure(kind: Kind) -> str:
    settings = {s.key: s for section in sections() for s in section.settings}
    levels = [
        (_code(s.key), s.unit, _default(s.default), s.meaning)
        for s in (settings[level] for level in kind.levels)
    ]
    said = (
        f"* **Happens when** {kind.definition}.",
        f"* **Why it matters:** {kind.meaning}.",
        f"* **Evidence:** {kind.evidence}.",
    )
    return "\n".join(said) + "\n\n" + _table(("level", "unit", "default", "meaning"), levels)


def _streams() -> str:
    return _table(
        ("stream", "id"), [(_code(name), str(number)) for name, number in STREAMS.items()]
    )


def _clocks() -> str:
    return _table(("clock", "id"), [(_code(name), str(number)) for name, number in CLOCKS.items()])


def _optimizers() -> str:
    meanings = {s.kind: s.meaning for s in sections() if s.block == "optimizers"}
    rows = [
        (_code(kind), _code(f"{method.__module__}.{method.__name__}"), meanings[kind])
        for kind, method in METHODS.items()
    ]
    return _table(("kind", "class", "what it does"), rows)


def _scenarios() -> str:
    rows = []
    for name, path in shipped_scenarios().items():
        description = load_layers(path).child("description")
        text = str(description.value) if description is not None else ""
        rows.append((_code(name), " ".join(text.split())))
    return _table(("scenario", "what it is for"), rows)


def _exit_codes() -> str:
    from sim.cli.main import cli

    rows = re.findall(r"(\d+) (.+?)(?:, (?=\d)|\.?$)", cli.epilog or "")
    return _table(("code", "meaning"), rows)


def _columns() -> str:
    rows = []
    for name, column in person_columns(("CHANNEL",)).items():
        if column.low is None:
            bounds = ""
        elif column.unit == "0 or 1":
            bounds = "0 or 1"
        else:
            bounds = f"[{column.low:g}, {column.high:g}]".replace("inf]", "∞)")
        rows.append((_code(name), column.unit.replace("0 or 1", "1"), bounds, column.meaning))
    return _table(("column", "unit", "may be set to", "meaning"), rows)


BLOCKS: Mapping[str, Callable[[], str]] = {
    "schedule": _schedule,
    "order": _order,
    "parameters": _parameters,
    "variables": _variables,
    "snapshots": _snapshots,
    "event-columns": _event_columns,
    "event-kinds": _event_kinds,
    "failures": _failures,
    **{f"failure:{kind.name}": partial(_failure, kind) for kind in FAILURES},
    "streams": _streams,
    "clocks": _clocks,
    "optimizers": _optimizers,
    "scenarios": _scenarios,
    "exit-codes": _exit_codes,
    "columns": _columns,
}
"""What makes each table, by the name in its marker."""


def documents(root: Path) -> list[Path]:
    """Return the files that may hold generated tables."""
    return [path for path in (root / "README.md", *sorted(root.glob("docs/*.md"))) if path.exists()]


def refreshed(text: str) -> tuple[str, list[str]]:
    """Return a document with every table made anew, and the names of those that were stale.

    Raises
    ------
    DocumentError
        If a marker names no table or is not closed.
    """
    stale: list[str] = []

    def made(block: re.Match[str]) -> str:
        name, old = block.groups()
        if name not in BLOCKS:
            raise DocumentError(f"no table is named `{name}`; known: {', '.join(BLOCKS)}")
        new = f"\n{BLOCKS[name]()}\n\n"
        if new != old:
            stale.append(name)
        return f"{_BEGIN}{name} -->\n{new}{_END}"

    fresh, found = _BLOCK.subn(made, text)
    if not found == text.count(_BEGIN) == text.count(_END):
        raise DocumentError(f"every `{_BEGIN}NAME -->` needs its own `{_END}`")
    return fresh, stale


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Return 1 if documents are missing, faulty or, with `--check`, stale; else renew them."""
    parser = argparse.ArgumentParser(prog="python -m sim.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    check = parser.parse_args(arguments).check
    failed = False
    if not (found := documents(root)):
        print(f"no documentation in {root}: run this in the source tree", file=sys.stderr)
        return 1
    for path in found:
        text = path.read_text(encoding="utf-8")
        try:
            fresh, stale = refreshed(text)
        except DocumentError as error:
            print(f"{path.relative_to(root)}: {error}", file=sys.stderr)
            failed = True
            continue
        if stale and check:
            names = ", ".join(stale)
            print(f"{path.relative_to(root)}: stale: {names}; run `make docs`", file=sys.stderr)
            failed = True
        elif fresh != text:
            path.write_text(fresh, encoding="utf-8")
            print(f"{path.relative_to(root)}: {', '.join(stale)} made anew")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
