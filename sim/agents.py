"""Persons as Mesa agents: handles made on demand over the columns of a model.

A `Person` is a row; it is made when a set is iterated, mapped or indexed, and thrown away
afterwards.  Sets of them are in `sim.agent_sets`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

if TYPE_CHECKING:
    from sim.agent_sets import PersonSet
    from sim.model import AlignmentModel


class Person(mesa.Agent):  # type: ignore[misc]
    """One person: a model and a row.

    Attributes are the columns of `sim.columns`, by name; those of the state can be set, within
    their bounds.  Any other attribute that is set is kept for that person by the model.  Persons
    are neither added nor removed: turnover gives a row to somebody else.
    """

    model: AlignmentModel
    row: int

    def __init__(self, model: AlignmentModel, row: int) -> None:
        if not 0 <= row < model.state.trust.shape[0]:
            raise IndexError(f"there is no person in row {row}")
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "row", int(row))

    @property
    def unique_id(self) -> int:
        """Mesa's number of this agent; persons come first and count from 1."""
        return int(self.row) + 1

    @property
    def neighbors(self) -> PersonSet:
        """Persons who influence this one."""
        from sim.agent_sets import PersonSet  # sets are made of persons, too

        graph = self.model.frame.population.graph
        if graph.complete:
            rows = np.delete(np.arange(graph.n_persons), self.row)
        else:
            row = graph.indices[graph.indptr[self.row] : graph.indptr[self.row + 1]]
            rows = row[row != self.row].astype(np.int64)
        return PersonSet.of(self.model, rows + 1)

    def step(self) -> None:
        """Do nothing: all persons step at once, in the model's schedule."""

    def remove(self) -> None:
        """Refuse: the number of persons is fixed."""
        raise TypeError("persons cannot be removed; `turnover` replaces them")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("model", "row"):
            raise AttributeError(name)
        return self.model.columns.of_row(name, self.row)

    def __setattr__(self, name: str, value: Any) -> None:
        self.model.columns.put(name, np.array([self.row]), value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Person) and self.row == other.row and self.model is other.model

    def __hash__(self) -> int:
        return hash((id(self.model), self.row))

    def __repr__(self) -> str:
        return f"Person({self.unique_id})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Person, (self.model, self.row)
