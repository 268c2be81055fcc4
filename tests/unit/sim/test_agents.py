"""Sets of persons against Mesa's own under one seed: the same members, orders and values."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import mesa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.agent_sets import AgentSet, PersonSet
from sim.agents import Person
from sim.model import AlignmentModel
from sim.scenario.schema import Scenario

N = 12
READ = ("trust", "narrative", "burden", "degree", "group", "constraint_a", "unique_id")
WRITTEN = ("trust", "narrative")


class PlainPerson(mesa.Agent):  # type: ignore[misc]
    """The same numbers in an object."""

    def drift(self, by: float) -> float:
        self.trust = min(1.0, self.trust + by)
        return float(self.trust * self.unique_id)


def drift(person: Person, by: float) -> float:
    person.trust = min(1.0, person.trust + by)
    return float(person.trust * person.unique_id)


@pytest.fixture(scope="module", autouse=True)
def persons_drift() -> Any:
    """Give persons a method of their own, as a user's subclass would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Person, "drift", drift, raising=False)
        yield


class Watcher(mesa.Agent):  # type: ignore[misc]
    """An ordinary agent beside the persons."""

    trust, narrative, burden, degree = 0.5, 0.25, 0.0, 0
    group, constraint_a = "none", 0

    def drift(self, by: float) -> float:
        self.trust = by
        return by


def ours(seed: int) -> AlignmentModel:
    half = {"share": 0.5}
    content = {
        "seed": seed,
        "channels": ["a", "b"],
        "population": {"size": N, "groups": {"one": half, "two": half}},
        "stressors": [{"kind": "constant", "level": 0.4}],
        "network": {"kind": "poisson", "degree": 3},
    }
    model = AlignmentModel(Scenario.model_validate(content))
    for _ in range(4):
        model.step()
    Watcher(model)
    return model


def plain(model: AlignmentModel) -> mesa.Model:
    """Return a model of ordinary agents with the numbers of the given one."""
    twin = mesa.Model(rng=model.resolved.seed % (1 << 32))
    for person in model.agents_by_type[Person]:
        agent = PlainPerson(twin)
        for name in (*READ, "vulnerability_a"):
            if name != "unique_id":
                setattr(agent, name, getattr(person, name))
    Watcher(twin)
    return twin


def ids(agents: Any) -> list[int]:
    return [agent.unique_id for agent in agents]


numbers = st.floats(0.0, 1.0).map(lambda x: round(x, 2))
limits = st.one_of(st.integers(0, 2 * N), numbers, st.just(float("inf")))
either = st.booleans()
steps = st.one_of(
    st.tuples(st.just("select"), st.sampled_from(READ[:3]), numbers, limits, either),
    st.tuples(st.just("type"), either, limits),
    st.tuples(st.just("sort"), st.sampled_from(READ), either, either, either),
    st.tuples(st.just("shuffle"), either),
    st.tuples(st.sampled_from(["do", "shuffle_do", "map"]), numbers, either),
    st.tuples(st.just("set"), st.sampled_from(WRITTEN), numbers),
    st.tuples(st.just("note"), st.just("note"), numbers),
    st.tuples(st.just("get"), st.lists(st.sampled_from(READ), max_size=3)),
    st.tuples(st.just("missing"), st.sampled_from(["note", "nowhere", "trust"])),
    st.tuples(st.just("agg"), st.sampled_from(READ[:4])),
    st.tuples(st.just("group"), st.sampled_from(["group", "constraint_a", "degree"]), either),
    st.tuples(st.just("slice"), st.integers(-N, N), st.integers(-N, N)),
    st.tuples(st.just("member"), st.integers(1, N + 1), st.sampled_from(["in", "add", "discard"])),
    st.tuples(st.just("copy")),
)


Said = tuple[Any, Any]


def _select(agents: Any, _: Any, name: str, level: float, at_most: float, inplace: bool) -> Said:
    kept = agents.select(lambda a: getattr(a, name) >= level, at_most, inplace)
    return kept, kept is agents


def _type(agents: Any, _: Any, watchers: bool, at_most: float) -> Said:
    return agents.select(agent_type=Watcher if watchers else mesa.Agent, at_most=at_most), None


def _sort(agents: Any, _: Any, name: str, ascending: bool, inplace: bool, text: bool) -> Said:
    key: Any = (lambda a: str(getattr(a, name))) if text else name
    return agents.sort(key, ascending=ascending, inplace=inplace), None


def _shuffle(agents: Any, _: Any, inplace: bool) -> Said:
    return agents.shuffle(inplace=inplace), None


def _call(agents: Any, _: Any, name: str, by: float, by_function: bool) -> Said:
    method: Any = (lambda a, by: a.drift(by)) if by_function else "drift"
    said = getattr(agents, name)(method, by)
    return agents, said if name == "map" else said is agents


def _set(agents: Any, _: Any, name: str, value: float) -> Said:
    return agents.set(name, value), agents.get(name)


def _get(agents: Any, _: Any, names: list[str]) -> Said:
    return agents, (agents.get(list(names)), [agents.get(name) for name in names])


def _missing(agents: Any, _: Any, name: str) -> Said:
    with pytest.raises(ValueError, match="handle_missing"):
        agents.get(name, handle_missing="perhaps")
    said = agents.get(name, handle_missing="default", default_value=-1)
    return agents, (said, raised(lambda: agents.get(name)))


def _agg(agents: Any, _: Any, name: str) -> Said:
    if len(agents) == 0:
        return agents, raised(lambda: agents.agg(name, min))
    functions: list[Any] = [min, max, sum, len, np.mean, np.std]
    return agents, (agents.agg(name, functions), agents.agg(name, np.mean))


def _group(agents: Any, _: Any, name: str, by_function: bool) -> Said:
    groups = agents.groupby((lambda a: getattr(a, name)) if by_function else name)
    lists = agents.groupby(name, result_type="list")
    members = [(value, ids(group)) for value, group in groups]
    more = (groups.count(), groups.agg("trust", np.mean), groups.map("get", "trust"))
    return agents, (members, more, len(groups), [(value, ids(group)) for value, group in lists])


def _slice(agents: Any, _: Any, low: int, high: int) -> Said:
    inside = -len(agents) <= low < len(agents)
    one = agents[low].unique_id if inside else raised(lambda: agents[low])
    return agents, (ids(agents[low:high]), one)


def _member(agents: Any, everyone: Any, number: int, what: str) -> Said:
    agent = next(a for a in everyone if a.unique_id == number)
    if what != "in":
        agents = copy.copy(agents)
        getattr(agents, what)(agent)
    return agents, agent in agents


def _copy(agents: Any, _: Any) -> Said:
    twin = copy.copy(agents)
    for agent in list(twin)[:1]:
        twin.discard(agent)
    return agents, (ids(twin), twin == agents, copy.copy(agents) == agents)


OPERATIONS: dict[str, Callable[..., Said]] = {
    "select": _select, "type": _type, "sort": _sort, "shuffle": _shuffle, "set": _set,
    "note": _set, "get": _get, "missing": _missing, "agg": _agg, "group": _group,
    "slice": _slice, "member": _member, "copy": _copy,
}  # fmt: skip


def carry_out(agents: Any, everyone: Any, operation: tuple[Any, ...]) -> Said:
    """Return the set after an operation, and what the operation said."""
    name, *details = operation
    if name in ("do", "shuffle_do", "map"):
        return _call(agents, everyone, name, *details)
    return OPERATIONS[name](agents, everyone, *details)


def raised(call: Callable[[], Any]) -> type[Exception] | None:
    try:
        call()
    except (AttributeError, IndexError, ValueError) as error:
        return type(error)
    return None


@pytest.mark.filterwarnings("ignore:.*deprecated")
@given(st.integers(0, 1000), st.lists(steps, min_size=1, max_size=8), either)
def test_whatever_is_done_to_agents_comes_out_as_in_mesa(
    seed: int, operations: list[tuple[Any, ...]], everyone: bool
) -> None:
    model = ours(seed)
    twin = plain(model)
    everybody, all_of_them = list(model.agents), list(twin.agents)
    model.random.seed(seed)
    twin.random.seed(seed)
    mine: Any = model.agents if everyone else model.agents_by_type[Person]
    theirs: Any = twin.agents if everyone else twin.agents_by_type[PlainPerson]
    for operation in operations:
        mine, said = carry_out(mine, everybody, operation)
        theirs, expected = carry_out(theirs, all_of_them, operation)
        assert said == expected, operation
        assert ids(mine) == ids(theirs), operation
        assert len(mine) == len(theirs)
        assert mine.get("trust") == theirs.get("trust"), operation
    assert isinstance(mine, AgentSet)
    assert ids(model.agents) == ids(twin.agents)


def persons_of(model: AlignmentModel) -> PersonSet:
    persons = model.agents_by_type[Person]
    assert isinstance(persons, PersonSet)
    return persons


def test_persons_are_a_view_of_the_columns() -> None:
    model = ours(1)
    first = persons_of(model)[0]
    assert first == Person(model, 0)
    assert first != Person(ours(1), 0)
    assert first.row == 0
    assert first.trust == model.state.trust[0, 0]
    assert first.exposure_b == model.state.exposure[1, 0, 0]
    first.trust = 0.25
    assert model.state.trust[0, 0] == 0.25
    model.step()
    assert first.trust == model.state.trust[0, 0] != 0.25
    assert repr(first) == "Person(1)"
    assert repr(persons_of(model)) == f"PersonSet(n={N})"
    with pytest.raises(IndexError):
        Person(model, N)


def test_what_is_derived_follows_what_is_set() -> None:
    model = ours(2)
    persons = persons_of(model)
    persons.set("constraint_a", 1).set("constraint_b", 0)
    assert persons.get("burden") == [0.5] * N
    assert model.prevalence() == 0.5
    persons[0].constraint_a = 0
    assert model.prevalence() == pytest.approx(0.5 * (N - 1) / N)


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("trust", 1.5, "trust must be in [0, 1]; got 1.5"),
        ("exposure_a", -1.0, "exposure_a must be in [0, inf]; got -1.0"),
        ("exposure_a", float("inf"), "exposure_a must be in [0, inf]; got inf"),
        ("narrative", float("nan"), "narrative must be in [0, 1]; got nan"),
        ("constraint_a", 0.5, "constraint_a must be 0 or 1; got 0.5"),
        ("burden", 0.0, "burden of a person cannot be set"),
    ],
)
def test_impossible_values_are_refused(name: str, value: float, refused: str) -> None:
    model = ours(3)
    before = model.state.copy()
    with pytest.raises((ValueError, AttributeError)) as caught:
        setattr(persons_of(model)[1], name, value)
    assert str(caught.value) == refused
    assert model.state.equals(before)


def test_equals_keep_their_order_and_numbers_their_type() -> None:
    persons = persons_of(ours(12))
    for name in ("degree", "constraint_a"):
        by_hand = sorted(persons, key=lambda a: getattr(a, name), reverse=True)
        assert ids(persons.sort(name)) == ids(by_hand)
    assert persons.array("constraint_a").dtype == np.int64
    assert type(persons.agg("trust", sum)) is float
    assert type(persons.agg("degree", min)) is int
    assert type(persons[0].degree) is int


def test_persons_cannot_be_removed() -> None:
    with pytest.raises(TypeError, match="turnover"):
        persons_of(ours(4))[0].remove()


def test_columns_filter_at_once() -> None:
    persons = persons_of(ours(5))
    low = persons.select(where=lambda p: (p["trust"] < 0.9) & (p["group"] == "one"))
    assert ids(low) == ids(persons.select(lambda a: a.trust < 0.9 and a.group == "one"))
    assert 0 < len(low) < N
    few = persons.select(lambda a: a.degree > 1, at_most=3, where=lambda p: p["trust"] < 0.9)
    assert ids(few) == [a.unique_id for a in persons if a.trust < 0.9 and a.degree > 1][:3]


def test_neighbors_are_who_influences() -> None:
    model = ours(6)
    weights = model.frame.population.graph.to_scipy()
    for person in persons_of(model):
        row = weights[[person.row]].indices
        assert ids(person.neighbors) == [j + 1 for j in row if j != person.row]
    complete = AlignmentModel(
        Scenario.model_validate({"population": {"size": 4}, "network": {"kind": "complete"}})
    )
    assert ids(Person(complete, 1).neighbors) == [1, 3, 4]


def test_ordinary_agents_come_and_go_beside_the_persons() -> None:
    model = ours(7)
    assert len(model.agents) == N + 1
    second = Watcher(model)
    assert second.unique_id == N + 2
    assert second in model.agents
    assert model.agent_types == [Person, Watcher]
    assert ids(model.agents_by_type[Watcher]) == [N + 1, N + 2]
    second.remove()
    assert ids(model.agents) == list(range(1, N + 2))


def test_sets_and_models_survive_pickling_and_copying() -> None:
    model = ours(8)
    chosen = model.agents.select(lambda a: a.unique_id % 3 == 1)
    chosen.set("note", "here")
    for twin in (pickle.loads(pickle.dumps(chosen)), copy.deepcopy(chosen)):
        assert ids(twin) == ids(chosen)
        assert twin.get("note") == ["here"] * len(chosen)
        other = twin[0].model
        assert other is not model
        other.step()
    model.step()
    assert other.state.equals(model.state)


def test_a_fork_has_persons_of_its_own() -> None:
    class Mine(AlignmentModel):
        pass

    model = Mine(ours(9).resolved)
    fork = model.fork()
    assert type(fork) is Mine
    persons_of(fork).set("trust", 0.0)
    assert min(persons_of(model).get("trust")) > 0.0
    model.step()
    assert fork.clock == 0


def test_mesas_collector_reads_persons() -> None:
    model = ours(10)
    collector = mesa.DataCollector(
        agenttype_reporters={Person: {"trust": "trust", "twice": lambda a: 2 * a.narrative}}
    )
    collector.collect(model)
    table = collector.get_agenttype_vars_dataframe(Person)
    assert table["trust"].tolist() == persons_of(model).get("trust")
    assert table["twice"].tolist() == (2.0 * model.state.narrative[:, 0]).tolist()
    assert table.index.get_level_values("AgentID").tolist() == list(range(1, N + 1))


@pytest.mark.filterwarnings("ignore:The `iterations`:DeprecationWarning")
def test_mesas_batch_run_runs_it() -> None:
    rows = mesa.batch_run(
        AlignmentModel,
        {"scenario": "quickstart", "population.size": 50, "constraints.coupling": [0.1, 0.9]},
        iterations=1,
        max_steps=8,
        display_progress=False,
    )
    assert [row["constraints.coupling"] for row in rows] == [0.1, 0.9]
    for row in rows:
        alone = AlignmentModel(
            "quickstart",
            **{"population.size": 50, "constraints.coupling": row["constraints.coupling"]},
        )
        for _ in range(int(row["step"])):
            alone.step()
        assert row["exposure[deprivation]"] == alone.recorder.latest()["exposure[deprivation]"]


def test_a_seed_stands_in_for_the_scenarios() -> None:
    first, again, other = (AlignmentModel(ours(11).resolved, seed=s) for s in (4, 4, 5))
    assert first.state.equals(again.state)
    assert not np.array_equal(first.frame.population.up, other.frame.population.up)
    assert first.resolved.seed == 4
