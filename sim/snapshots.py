"""Snapshots: the columns of all persons, or of a sample, at chosen steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.columns import OPTIONAL, Column, person_columns, present
from sim.population import IntArray, setup_draws
from sim.processes.stage import Frame
from sim.scenario.schema import Scenario

if TYPE_CHECKING:
    import pandas as pd

BY_DEFAULT = (
    "group", "burden", "exposure", "constraint", "narrative", "lock_in", "trust", "anchor", "wear",
    "exited",
)  # fmt: skip
"""Columns of a snapshot unless a scenario chooses others, those of channels without the channel."""


def snapshot_columns(scenario: Scenario, optional: Sequence[str] = OPTIONAL) -> dict[str, Column]:
    """Return the columns that snapshots of a scenario hold, by name.

    Parameters
    ----------
    optional
        Which of the columns that only some scenarios use there are.
    """
    block = scenario.record.persons
    families = (block and block.columns) or BY_DEFAULT
    groups = tuple(scenario.population.groups)
    columns = person_columns(tuple(scenario.channels), groups=groups, optional=optional)
    return {name: column for name, column in columns.items() if column.family in families}


def sampled(scenario: Scenario, frame: Frame) -> IntArray:
    """Return who is in the snapshots, in ascending order: the same persons at every step.

    A sample is simple and random, by the stream `snapshot`; replicates share it unless the
    scenario draws their persons anew.
    """
    n = frame.population.n_persons
    block = scenario.record.persons
    if block is None or block.sample == "all" or block.sample >= n:
        return np.arange(n)
    rank = setup_draws(scenario, frame.draws).uniforms("snapshot", n)[0]
    return np.sort(np.argsort(rank, kind="stable")[: block.sample])


class Snapshots:
    """Keeps snapshots of branch 0 while a run goes on.

    Parameters
    ----------
    scenario
        Whose block `record.persons` says when, of whom and what.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._persons: IntArray | None = None
        self._optional: tuple[str, ...] = ()
        self._taken: list[tuple[int, dict[str, npt.NDArray[Any]]]] = []

    def is_due(self, step: int) -> bool:
        """Return whether a snapshot is wanted when so many steps have been made."""
        block = self._scenario.record.persons
        if block is None:
            return False
        return step in block.steps if block.every is None else step % block.every == 0

    def __call__(self, frame: Frame, step: int) -> None:
        """Take a snapshot when so many steps have been made, if one is wanted."""
        if not self.is_due(step):
            return
        if self._persons is None:
            self._persons = sampled(self._scenario, frame)
            self._optional = present(frame.state)
        columns = snapshot_columns(self._scenario, self._optional)
        values = {name: c.read(frame)[self._persons] for name, c in columns.items()}
        self._taken.append((step, values))

    def table(self) -> pd.DataFrame:
        """Return one row a step and person: `step`, `person` from 0, then the columns."""
        import pandas as pd

        persons = np.empty(0, np.int64) if self._persons is None else self._persons
        table = pd.DataFrame(
            {
                "step": np.repeat([step for step, _ in self._taken], persons.size).astype(np.int64),
                "person": np.tile(persons, len(self._taken)),
            }
        )
        for name, column in snapshot_columns(self._scenario, self._optional).items():
            if self._taken:
                values = np.concatenate([taken[name] for _, taken in self._taken])
                labels = column.labels
                table[name] = (
                    values if labels is None else pd.Categorical.from_codes(values, labels)
                )
        return table

    def copy(self) -> Snapshots:
        """Return an independent copy."""
        twin = Snapshots(self._scenario)
        twin.__dict__.update(self.__dict__, _taken=list(self._taken))
        return twin
