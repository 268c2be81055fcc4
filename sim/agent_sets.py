"""Sets of agents over the columns of a model.

Sets hold numbers, not objects, so `len`, `get`, `set`, `agg`, `sort`, `groupby` and
`select(where=...)` run over columns.  Where Mesa's `AgentSet` fixes an order or a random draw, the
same order and the same draw come out here.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, Self

import mesa
import numpy as np
import numpy.typing as npt

from sim.agents import Person
from sim.columns import Columns

try:
    from mesa.agentset import AgentSet, GroupBy
except ModuleNotFoundError:  # before Mesa 3.4
    from mesa.agent import AgentSet, GroupBy

if TYPE_CHECKING:
    from sim.model import AlignmentModel

IdArray = npt.NDArray[np.int64]

__all__ = ["AgentSet", "PersonSet"]


class PersonSet(AgentSet):  # type: ignore[misc]
    """An ordered set of agents of one model: unique ids, and the few agents that are objects.

    Parameters
    ----------
    agents
        Persons and ordinary agents of one model.
    random
        As in Mesa; the model's generator by default.
    """

    _model: AlignmentModel | None
    _ids: IdArray
    _others: dict[int, mesa.Agent]
    random: Random

    def __init__(self, agents: Iterable[mesa.Agent] = (), random: Random | None = None) -> None:
        members = list(dict.fromkeys(agents))
        if not members and random is None:
            warnings.warn("an empty set of agents with draws of its own", UserWarning, stacklevel=2)
            random = Random()
        self._model = members[0].model if members else None
        self.random = random if random is not None else members[0].model.random
        self._update(members)

    @classmethod
    def of(
        cls,
        model: AlignmentModel,
        ids: IdArray,
        others: Mapping[int, mesa.Agent] | None = None,
        random: Random | None = None,
    ) -> Self:
        """Return the set of the given ids; those of ordinary agents are looked up in `others`."""
        made = object.__new__(cls)
        made._model, made._ids, made._others = model, ids, dict(others or {})
        made.random = random if random is not None else model.random
        return made

    def _update(self, agents: Iterable[mesa.Agent]) -> Self:
        members = list(agents)
        self._ids = np.array([agent.unique_id for agent in members], dtype=np.int64)
        self._others = {a.unique_id: a for a in members if not isinstance(a, Person)}
        return self

    def _reordered(self, ids: IdArray, *, inplace: bool = False) -> Self:
        if not inplace:
            assert self._model is not None or not ids.size  # ids come from a model
            return type(self).of(self._model, ids, self._others, self.random)  # type: ignore[arg-type]
        self._ids = ids
        return self

    def _agent(self, unique_id: int) -> mesa.Agent:
        found = self._others.get(unique_id)
        return found if found is not None else Person(self._model, unique_id - 1)  # type: ignore[arg-type]

    def _columns(self) -> Columns | None:
        """Return the columns if all members are persons, whom they describe."""
        if self._model is None or self._others_inside().size:
            return None
        return self._model.columns

    def _others_inside(self) -> IdArray:
        assert self._model is not None
        inside: IdArray = self._ids[self._ids > self._model.frame.population.n_persons]
        return inside

    @property
    def rows(self) -> IdArray:
        """Rows of the persons in the set, (n,)."""
        if self._model is None:
            return np.empty(0, dtype=np.int64)
        return self._ids[self._ids <= self._model.frame.population.n_persons] - 1

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return a column for the members, (n,).

        Raises
        ------
        AttributeError
            If not all members have it.
        """
        columns = self._columns()
        if columns is None:
            return np.array([getattr(agent, name) for agent in self])
        return columns.of_rows(name, self._ids - 1)

    def __len__(self) -> int:
        return int(self._ids.size)

    def __iter__(self) -> Iterator[mesa.Agent]:
        return map(self._agent, self._ids.tolist())

    def __contains__(self, agent: object) -> bool:
        if not isinstance(agent, mesa.Agent) or agent.model is not self._model:
            return False
        return bool((self._ids == agent.unique_id).any())

    def __getitem__(self, item: int | slice) -> Any:
        if isinstance(item, slice):
            return [self._agent(i) for i in self._ids[item].tolist()]
        return self._agent(int(self._ids[operator.index(item)]))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PersonSet):
            same = np.array_equal(np.sort(self._ids), np.sort(other._ids))
            return same and (self._model is other._model or not len(self))
        return bool(super().__eq__(other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n={len(self)})"

    def to_list(self) -> list[mesa.Agent]:
        """Return the members, each as an agent."""
        return list(self)

    def copy(self) -> Self:
        """Return an independent set of the same members."""
        return self._reordered(self._ids.copy())

    __copy__ = copy

    def add(self, agent: mesa.Agent) -> None:
        """Add a member at the end."""
        if self._model is None:
            self._model = agent.model
        if agent not in self:
            self._ids = np.append(self._ids, agent.unique_id)
            if not isinstance(agent, Person):
                self._others[agent.unique_id] = agent

    def discard(self, agent: mesa.Agent) -> None:
        """Remove a member if it is there."""
        if agent in self:
            self._ids = self._ids[self._ids != agent.unique_id]
            self._others.pop(agent.unique_id, None)

    def remove(self, agent: mesa.Agent) -> None:
        """Remove a member, a KeyError if it is not there."""
        if agent not in self:
            raise KeyError(agent)
        self.discard(agent)

    def select(
        self,
        filter_func: Callable[[mesa.Agent], bool] | None = None,
        at_most: float = float("inf"),
        inplace: bool = False,
        agent_type: type[mesa.Agent] | None = None,
        *,
        where: Callable[[Mapping[str, npt.NDArray[Any]]], npt.ArrayLike] | None = None,
    ) -> Self:
        """Select members, as in Mesa; `where` filters persons by whole columns.

        Parameters
        ----------
        where
            Returns a mask, (n,), from the columns of the members, by name:
            `where=lambda p: p["trust"] < 0.2`.
        """
        limit = (
            int(len(self) * at_most) if isinstance(at_most, float) and at_most <= 1.0 else at_most
        )
        chosen = self._ids
        if agent_type is not None:
            chosen = chosen[self._is_a(agent_type)]
        if where is not None:
            persons = self._reordered(chosen)
            chosen = chosen[np.asarray(where(_Members(persons)), dtype=np.bool_)]
        if filter_func is not None:
            kept: list[int] = []
            for unique_id in chosen.tolist():
                if len(kept) >= limit:
                    break
                if filter_func(self._agent(unique_id)):
                    kept.append(unique_id)
            chosen = np.array(kept, dtype=np.int64)
        if limit < chosen.size:
            chosen = chosen[: int(limit)]
        return self._reordered(chosen, inplace=inplace)

    def _is_a(self, agent_type: type[mesa.Agent]) -> npt.NDArray[np.bool_]:
        mask = np.full(self._ids.size, issubclass(Person, agent_type))
        for unique_id in self._others_inside().tolist() if self._model is not None else []:
            mask[self._ids == unique_id] = isinstance(self._others[unique_id], agent_type)
        return mask

    def shuffle(self, inplace: bool = False) -> Self:
        """Shuffle with the draws Mesa would make."""
        ids = self._ids.tolist()
        self.random.shuffle(ids)
        return self._reordered(np.array(ids, dtype=np.int64), inplace=inplace)

    def sort(
        self,
        key: Callable[[mesa.Agent], Any] | str,
        ascending: bool = False,
        inplace: bool = False,
    ) -> Self:
        """Sort by an attribute or a function; equal members keep their order."""
        columns = self._columns()
        if isinstance(key, str) and columns is not None and columns.is_numeric(key):
            values = self.array(key)
            if ascending:
                order = np.argsort(values, kind="stable")
            else:
                order = values.size - 1 - np.argsort(values[::-1], kind="stable")[::-1]
        else:
            read = operator.attrgetter(key) if isinstance(key, str) else key
            keys = [read(agent) for agent in self]
            places = sorted(range(len(keys)), key=keys.__getitem__, reverse=not ascending)
            order = np.array(places, dtype=np.int64)
        return self._reordered(self._ids[order], inplace=inplace)

    def do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """Call a method or function for every member."""
        self.map(method, *args, **kwargs)
        return self

    def shuffle_do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """Call a method or function for every member, in the order Mesa would draw."""
        self.shuffle().map(method, *args, **kwargs)
        return self

    def map(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Return what a method or function returns for every member."""
        if isinstance(method, str):
            return [getattr(agent, method)(*args, **kwargs) for agent in self]
        return [method(agent, *args, **kwargs) for agent in self]

    def get(
        self,
        attr_names: str | list[str],
        handle_missing: str = "error",
        default_value: Any = None,
    ) -> list[Any]:
        """Return an attribute, or a list of attributes, of every member."""
        if handle_missing not in ("error", "default"):
            raise ValueError(
                f"Unknown handle_missing option: {handle_missing}, "
                "should be one of 'error' or 'default'"
            )
        if not isinstance(attr_names, str):
            values = [self.get(name, handle_missing, default_value) for name in attr_names]
            return [[column[i] for column in values] for i in range(len(self))]
        columns = self._columns()
        if columns is not None and columns.is_whole(attr_names):
            return list(self.array(attr_names).tolist())
        if handle_missing == "default":
            return [getattr(agent, attr_names, default_value) for agent in self]
        return [getattr(agent, attr_names) for agent in self]

    def set(self, attr_name: str, value: Any) -> Self:
        """Set an attribute of every member to one value."""
        if self._model is not None:
            self._model.columns.put(attr_name, self.rows, value)
            for unique_id in self._others_inside().tolist():
                setattr(self._others[unique_id], attr_name, value)
        return self

    def agg(
        self, attribute: str, func: Callable[[Any], Any] | Iterable[Callable[[Any], Any]]
    ) -> Any:
        """Return what functions make of an attribute's values.

        Functions of numpy are given an array, all others a list, as in Mesa.
        """
        functions = [func] if callable(func) else list(func)
        columns = self._columns()
        numeric = columns is not None and columns.is_numeric(attribute)
        values: Any = self.array(attribute) if numeric else self.get(attribute)
        results = [_apply(function, values) for function in functions]
        return results[0] if callable(func) else results

    def groupby(
        self, by: Callable[[mesa.Agent], Any] | str, result_type: str = "agentset"
    ) -> GroupBy:
        """Group the members by an attribute or a function, groups in the order they first occur."""
        values = self.get(by) if isinstance(by, str) else self.map(by)
        places: dict[Any, list[int]] = {}
        for place, value in enumerate(values):
            places.setdefault(value, []).append(place)
        groups = {value: self._reordered(self._ids[which]) for value, which in places.items()}
        if result_type == "agentset":
            return Groups(groups)
        return GroupBy({value: list(group) for value, group in groups.items()})

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class Groups(GroupBy):  # type: ignore[misc]
    """Groups of persons, aggregated by columns."""

    def agg(self, attr_name: str, func: Callable[[Any], Any]) -> dict[Any, Any]:
        """Return what a function makes of an attribute's values, by group."""
        return {value: group.agg(attr_name, func) for value, group in self.groups.items()}


class _Members(Mapping[str, npt.NDArray[Any]]):
    """The columns of a set's members."""

    def __init__(self, members: PersonSet) -> None:
        self._members = members

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._members.array(name)

    def __iter__(self) -> Iterator[str]:
        columns = self._members._columns()
        return iter(columns.names if columns is not None else ())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _apply(function: Callable[[Any], Any], values: Any) -> Any:
    if not isinstance(values, np.ndarray):
        return function(values)
    if function in (min, max):
        return getattr(values, function.__name__)().item()
    from_numpy = (getattr(function, "__module__", None) or "").startswith("numpy")
    return function(values if from_numpy else values.tolist())
