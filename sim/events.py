"""Events: what happened when, to whom, how large and on what evidence.

A kind of event is one entry in `KINDS`.  A kind that lasts is one event from the step in which its
condition begins to hold to the first in which it no longer does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.moment import Moment
from sim.scenario.schema import Scenario

if TYPE_CHECKING:
    import pandas as pd


class Sighting(NamedTuple):
    """That a kind of event happens, or goes on, in a step.

    Attributes
    ----------
    value, level
        What was measured, and the declared level it is held against (nan for none).
    size
        Persons or relays concerned.
    group
        Name of a group; empty for everyone.
    direction
        Empty where there is only one.
    """

    value: float
    level: float
    size: int
    group: str = ""
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event.

    Attributes
    ----------
    name
        As in the column `kind`.
    lasts
        Whether it goes on while its condition holds.
    definition, meaning, evidence
        When it happens, why it matters, and what `size`, `value` and `level` are; for docs.
    find
        Yields its sightings in a step.
    """

    name: str
    lasts: bool
    definition: str
    meaning: str
    evidence: str
    find: Callable[[Moment, Scenario], Iterator[Sighting]]


def _avalanches(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    for avalanche in moment.frame.avalanches:
        size = int(avalanche["size"])
        if avalanche["branch"] == 0 and size >= scenario.record.avalanches.least:
            direction = "on" if avalanche["direction"] > 0 else "off"
            yield Sighting(float(avalanche["at"]), np.nan, size, direction=direction)


def _crossings(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    for crossing in scenario.record.crossings:
        sign = 1.0 if crossing.direction == "up" else -1.0
        was, now = (sign * (p - crossing.level) for p in (moment.before, moment.prevalence))
        if was < 0.0 <= now:
            n_persons = moment.frame.population.n_persons
            place = (moment.prevalence, crossing.level, n_persons)
            yield Sighting(*place, direction=crossing.direction)


def _silence(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level = scenario.record.failures.feedback_silence
    groups = zip(scenario.population.groups, moment.response_rates, moment.group_sizes, strict=True)
    for name, rate, size in groups:
        if size and rate < level:
            yield Sighting(float(rate), level, int(size), group=name)


def _only_apparent(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level = scenario.record.failures.apparent_not_lived
    gap = moment.apparent - (1.0 - moment.prevalence)
    if gap > level:
        yield Sighting(gap, level, moment.frame.population.n_persons)


def _lock_in(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level = scenario.record.failures.narrative_lock_in
    share = moment.locked_in / moment.frame.population.n_persons
    if share > level:
        yield Sighting(share, level, moment.locked_in)


def _collapse(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level = scenario.record.failures.trust_collapse
    if moment.trust < level:
        yield Sighting(moment.trust, level, moment.frame.population.n_persons)


KINDS: tuple[Kind, ...] = (
    Kind(
        "avalanche", False,
        "relays switched one another on, or off, within one step; at least "
        "`record.avalanches.least` of them",
        "how far one constraint carries others along",
        "`size`: relays; `direction`: `on` or `off`; `value`: when in the step, from 0 to 1",
        _avalanches,
    ),
    Kind(
        "prevalence_crossing", False,
        "P crosses a threshold of `record.crossings` in its direction: beyond it, or at it, after "
        "this step and not before",
        "every passage, of which the first is the first-passage time",
        "`size`: all persons; `direction`: `up` or `down`; `value`: P; `level`: the threshold",
        _crossings,
    ),
    Kind(
        "feedback_silence", True,
        "the response rate of a group is below `record.failures.feedback_silence`",
        "too few answer to steer by",
        "`group`; `size`: its persons; `value`: its response rate",
        _silence,
    ),
    Kind(
        "apparent_not_lived", True,
        "apparent less lived alignment is above `record.failures.apparent_not_lived`",
        "reports say that things are better than they are",
        "`size`: all persons; `value`: the gap",
        _only_apparent,
    ),
    Kind(
        "narrative_lock_in", True,
        "the share of persons with ℓ ≥ ½ is above `record.failures.narrative_lock_in`",
        "many no longer come back to the shared story, and corrections reach them less",
        "`size`: persons with ℓ ≥ ½; `value`: their share",
        _lock_in,
    ),
    Kind(
        "trust_collapse", True,
        "mean trust is below `record.failures.trust_collapse`",
        "corrections reach fewer, and fewer answer",
        "`size`: all persons; `value`: mean trust",
        _collapse,
    ),
)  # fmt: skip
"""Every kind of event, in the order in which those of one step are listed."""


class Field(NamedTuple):
    """A column of the table of events."""

    type: str
    unit: str
    meaning: str


FIELDS: Mapping[str, Field] = {
    "event": Field("int64", "", "Number of the event in its replicate, from 0"),
    "step": Field("int64", "steps", "Steps made when it happened or began"),
    "end": Field(
        "float64", "steps",
        "Steps made when it was over; nan for what does not last, or lasted to the end of the run",
    ),
    "kind": Field("str", "", "Kind of event"),
    "direction": Field("str", "", "Direction, where a kind has two"),
    "group": Field("str", "", "Group concerned; empty for everyone"),
    "channel": Field("str", "", "Channel concerned; empty for all"),
    "size": Field("int64", "persons or relays", "How many are concerned when it begins"),
    "value": Field("float64", "", "Evidence: what was measured when it began"),
    "extreme": Field("float64", "", "Evidence: what was measured farthest from the level"),
    "level": Field("float64", "", "Declared level it is held against; nan for none"),
}  # fmt: skip
"""Columns of the table of events, beside `replicate`."""


class EventLog:
    """Notes events while a run goes on.

    Parameters
    ----------
    scenario
        Whose levels are declared in the block `record`.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._rows: list[dict[str, Any]] = []
        self._going_on: dict[tuple[str, str, str], int] = {}

    def __call__(self, moment: Moment) -> None:
        """Note what happens in a step just made."""
        step, seen = moment.frame.step + 1, set()
        for kind in KINDS:
            for sighting in kind.find(moment, self._scenario):
                key = (kind.name, sighting.group, sighting.direction)
                seen.add(key)
                if kind.lasts and key in self._going_on:
                    self._rows[self._going_on[key]]["extreme"] = self._farther(key, sighting)
                    continue
                if kind.lasts:
                    self._going_on[key] = len(self._rows)
                self._rows.append(self._row(kind.name, sighting, step))
        for key in self._going_on.keys() - seen:
            self._rows[self._going_on.pop(key)]["end"] = float(step)

    def _farther(self, key: tuple[str, str, str], sighting: Sighting) -> float:
        """Return the value farther from the level: the most extreme so far, or this one."""
        extreme = float(self._rows[self._going_on[key]]["extreme"])
        return max(extreme, sighting.value, key=lambda value: abs(value - sighting.level))

    def _row(self, kind: str, sighting: Sighting, step: int) -> dict[str, Any]:
        return {
            "event": len(self._rows), "step": step, "end": np.nan, "kind": kind, "channel": "",
            **sighting._asdict(), "extreme": sighting.value,
        }  # fmt: skip

    def table(self) -> pd.DataFrame:
        """Return the events noted so far, one a row, in the order in which they began."""
        import pandas as pd

        types = {name: field.type for name, field in FIELDS.items()}
        return pd.DataFrame(self._rows, columns=list(types)).astype(types)

    def copy(self) -> EventLog:
        """Return an independent copy."""
        twin = EventLog(self._scenario)
        twin._rows = [dict(row) for row in self._rows]
        twin._going_on = dict(self._going_on)
        return twin
