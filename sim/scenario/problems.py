"""What is wrong with a scenario and where: located problems and how they are shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from sim.scenario.located import Place

MAX_SHOWN = 20
"""Problems shown in full by `ScenarioError.render`."""

_SNIPPET = 160
_MARGIN = 60
_STYLES = {"place": "1", "error": "1;31", "hint": "36"}
# Control and bidirectional characters could rewrite what a terminal shows.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where, and what to do about it.

    Attributes
    ----------
    message
        What is wrong, with the value received.
    place
        Where; any node of a scenario is a place.
    hint
        What to do about it.
    related
        Other places that have a part in it, each with what stands there.
    key
        Dotted path of the setting, such as `stressors.0.level`.
    value
        The scalar received; none for a mapping, a list or a missing value.
    rule
        Short name of the broken rule: `yaml`, `layers`, or the name pydantic gives it.
    meaning
        What the setting means, with its unit.
    """

    message: str
    place: Place
    _: KW_ONLY
    hint: str = ""
    related: Sequence[tuple[str, Place]] = ()
    key: str = ""
    value: object = None
    rule: str = ""
    meaning: str = ""

    def as_record(self) -> dict[str, Any]:
        """Return the problem as plain values, ready for JSON."""
        return {
            **_position(self.place),
            "key": self.key,
            "rule": self.rule,
            "message": self.message,
            "hint": self.hint,
            "value": self.value,
            "meaning": self.meaning,
            "related": [{"label": label, **_position(place)} for label, place in self.related],
        }


class PluginError(Exception):
    """An optimizer of one's own cannot be used; the message says why."""


class ScenarioError(Exception):
    """A scenario was refused.

    Attributes
    ----------
    problems
        What is wrong with it.
    omitted
        How many more problems were found but not put into words.
    """

    def __init__(self, problems: Iterable[Problem], omitted: int = 0) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.omitted = omitted
        super().__init__(self.problems, omitted)

    def __str__(self) -> str:
        return self.render(color=False)

    def render(self, color: bool) -> str:
        """Return the problems as text for people: place, line, marker, hint, and a count."""
        shown = self.problems[:MAX_SHOWN]
        lines = [line for problem in shown for line in _shown(problem, color)]
        count = len(self.problems) + self.omitted
        if count > len(shown):
            lines.append(f"... and {count - len(shown)} more")
        lines.append(f"{count} problem{'' if count == 1 else 's'}; nothing was run.")
        return "\n".join(lines)

    def as_records(self) -> list[dict[str, Any]]:
        """Return the problems as plain values, ready for JSON."""
        return [problem.as_record() for problem in self.problems]


def refuse(message: str, place: Place, **details: Any) -> ScenarioError:
    """Return an error of one problem; `details` are the other attributes of `Problem`."""
    return ScenarioError([Problem(message, place, **details)])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the hint that names the known word nearest to `word`, empty if none is near.

    >>> did_you_mean("leek", ["leak", "noise"])
    'did you mean `leak`?'
    """
    by_form = {name.lower().replace("-", "_"): name for name in known}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), by_form, 1)
    return f"did you mean `{by_form[near[0]]}`?" if near else ""


def _position(place: Place) -> dict[str, Any]:
    known = place.line > 0
    return {
        "file": place.source.name,
        "line": place.line if known else None,
        "column": place.column if known else None,
    }


def _shown(problem: Problem, color: bool) -> list[str]:
    place = problem.place
    where = _painted(_seen(str(place)), "place", color)
    lines = [f"{where}: {_painted('error', 'error', color)}: {_seen(problem.message)}"]
    if 0 < place.line <= len(place.source.lines):
        text, marker = _snippet(place)
        lines += [f"{place.line:>5} | {text}", f"      | {_painted(marker, 'error', color)}"]
    lines += [f"      = {label}: {_quoted(other)}" for label, other in problem.related]
    if problem.meaning:
        lines.append(f"      = meaning: {_seen(problem.meaning)}")
    if problem.hint:
        lines.append(_painted(f"      = hint: {_seen(problem.hint)}", "hint", color))
    return lines


def _snippet(place: Place) -> tuple[str, str]:
    """Return the part of a line around a place and the marker that goes under it."""
    line = place.source.lines[place.line - 1]
    first = max(0, place.column - 1 - _MARGIN) if len(line) > _SNIPPET else 0
    text = _seen(line[first : first + _SNIPPET])
    before = place.column - 1 - first
    width = max(1, min(place.width, len(text) - before))
    return text, " " * before + "^" * width


def _quoted(place: Place) -> str:
    """Return a place with the text of its line, for a note under another problem."""
    if 0 < place.line <= len(place.source.lines):
        return _seen(f"{place}: {place.source.lines[place.line - 1].strip()[:_SNIPPET]}")
    return _seen(str(place))


def _seen(text: str) -> str:
    return _UNSEEN.sub("·", text.replace("\t", " "))


def _painted(text: str, style: str, color: bool) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if color else text
