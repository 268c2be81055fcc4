"""Events: what happened when, to whom, how large and on what evidence.

A kind of event is one entry in `KINDS`, a kind of failure one in `sim.failures.FAILURES`.  A kind
that lasts is one event from the step in which its condition begins to hold to the first in which
it no longer does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.failures import FAILURES
from sim.moment import Moment
from sim.scenario.schema import Scenario
from sim.sightings import Kind, Sighting

if TYPE_CHECKING:
    import pandas as pd


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


KINDS: tuple[Kind, ...] = (
    Kind(
        "avalanche", False,
        "relays switched one another on, or off, within one step; at least "
        "`record.avalanches.least` of them",
        "how far one constraint carries others along",
        "`size`: relays; `direction`: `on` or `off`; `value`: when in the step, from 0 to 1",
        _avalanches, ("record.avalanches.least",),
    ),
    Kind(
        "prevalence_crossing", False,
        "P crosses a threshold of `record.crossings` in its direction: beyond it, or at it, after "
        "this step and not before",
        "every passage, of which the first is the first-passage time",
        "`size`: all persons; `direction`: `up` or `down`; `value`: P; `level`: the threshold",
        _crossings, ("record.crossings",),
    ),
    *FAILURES,
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
    "optimizer": Field("str", "", "Optimizer concerned; empty where none is more than others"),
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
        self._going_on: dict[tuple[str, str, str, str], int] = {}

    def __call__(self, moment: Moment) -> None:
        """Note what happens in a step just made."""
        step, seen = moment.frame.step + 1, set()
        for kind in KINDS:
            for sighting in kind.find(moment, self._scenario):
                key = (kind.name, sighting.group, sighting.direction, sighting.optimizer)
                seen.add(key)
                if kind.lasts and key in self._going_on:
                    self._rows[self._going_on[key]]["extreme"] = self._farther(key, sighting)
                    continue
                if kind.lasts:
                    self._going_on[key] = len(self._rows)
                self._rows.append(self._row(kind.name, sighting, step))
        for key in self._going_on.keys() - seen:
            self._rows[self._going_on.pop(key)]["end"] = float(step)

    def _farther(self, key: tuple[str, str, str, str], sighting: Sighting) -> float:
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
