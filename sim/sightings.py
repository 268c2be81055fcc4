"""What a kind of event is, and that one is seen in a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sim.moment import Moment
from sim.scenario.schema import Scenario


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
    optimizer
        Name of an optimizer; empty where none is concerned more than others.
    """

    value: float
    level: float
    size: int
    group: str = ""
    direction: str = ""
    optimizer: str = ""


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
    levels
        Settings it is held against, by dotted path.
    """

    name: str
    lasts: bool
    definition: str
    meaning: str
    evidence: str
    find: Callable[[Moment, Scenario], Iterator[Sighting]]
    levels: tuple[str, ...] = ()
