"""The Mesa face of the engine: an ordinary `mesa.Model` whose persons are columns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import mesa
import numpy as np
import numpy.typing as npt

from sim.agent_sets import AgentSet, PersonSet
from sim.agents import Person
from sim.coefficients import Coefficients
from sim.columns import Columns
from sim.engine import advance
from sim.environment import Environment
from sim.optimizers import make_optimizers
from sim.optimizers.base import Optimizer
from sim.population import Population
from sim.processes.stage import Controller, Frame
from sim.records import Recorder, column_names
from sim.scenario.load import load_scenario
from sim.scenario.resolve import full, with_changes
from sim.scenario.schema import Scenario
from sim.scenario.schema.shift import Shift
from sim.state import State
from sim.streams import Draws

_FIXED = ("seed", "channels", "time", "precision", "record")


class AlignmentModel(mesa.Model):  # type: ignore[misc]
    """One replicate of a scenario.

    Draws are counter-based and named by the scenario's seed; Mesa's own generators are seeded
    from it too but never used.

    Parameters
    ----------
    scenario
        Short or full form, or the name of a shipped scenario or a file.
    replicate
        Which replicate, ≥ 0.
    seed
        In place of the scenario's.
    kwargs
        Scenario values to change, by dotted path: `**{"constraints.coupling": 1.5}`.  Mesa's
        browser app insists on this name.

    Attributes
    ----------
    frame
        The step in progress: population, state, environment.  Not to be changed by users.
    recorder
        Series, events and snapshots recorded so far.
    datacollector
        Mesa's collector of the same series, one model variable a column.
    """

    def __init__(
        self,
        scenario: Scenario | str = "quickstart",
        *,
        replicate: int = 0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(scenario, str):
            scenario = load_scenario(scenario)
        if seed is not None:
            kwargs["seed"] = seed
        scenario = full(with_changes(full(scenario), kwargs) if kwargs else scenario)
        draws = Draws(scenario.seed, replicate, "scenario")
        population = Population.draw(scenario, draws)
        self._set_up(scenario, population, State.initial(scenario, population, draws), draws=draws)
        self.optimizers: list[Optimizer] = make_optimizers(self)
        self.frame.controllers = self.optimizers
        self.recorder = Recorder(scenario)

    def _set_up(
        self,
        scenario: Scenario,
        population: Population,
        state: State,
        *,
        draws: Draws,
        before: Frame | None = None,
    ) -> None:
        super().__init__(rng=scenario.seed % (1 << 32))
        self._resolved = scenario
        self._everyone: PersonSet | None = None
        self._persons: PersonSet | None = None
        self._n_registered = 0
        self.touched = False
        self.frame = self._frame(scenario, population, state, draws=draws, before=before)
        self.columns = Columns(self)
        self.datacollector = mesa.DataCollector(
            model_reporters={name: partial(_latest, name) for name in column_names(scenario)}
        )

    @staticmethod
    def _frame(
        scenario: Scenario,
        population: Population,
        state: State,
        *,
        draws: Draws,
        before: Frame | None = None,
    ) -> Frame:
        """Return a frame in a scenario's world, going on from where another one stands."""
        frame = Frame.begin(
            population,
            state,
            coefficients=Coefficients.of(scenario),
            environment=Environment.of(scenario, draws),
            draws=draws,
            controllers=before.controllers if before else (),
            listening=True,
        )
        if before is not None:
            frame.step, frame.stress = before.step, before.stress.copy()
            frame.changes[...], frame.reports[...] = before.changes, before.reports
            frame.effort[...] = before.effort
        return frame

    @property
    def agents(self) -> PersonSet:
        """All agents: the persons, then the optimizers and whatever users add."""
        if self._everyone is None:
            others = {agent.unique_id: agent for agent in super().agents}
            ids = np.arange(1, self.frame.population.n_persons + 1)
            ids = np.append(ids, np.array(list(others), dtype=np.int64))
            self._everyone = PersonSet.of(self, ids, others)
        return self._everyone

    @property
    def agents_by_type(self) -> dict[type[mesa.Agent], AgentSet]:
        """All agents by type."""
        if self._persons is None:
            self._persons = PersonSet.of(self, np.arange(1, self.frame.population.n_persons + 1))
        return {Person: self._persons, **super().agents_by_type}

    @property
    def agent_types(self) -> list[type[mesa.Agent]]:
        """The types of agents there are."""
        return list(self.agents_by_type)

    def register_agent(self, agent: mesa.Agent) -> None:
        """Take up an agent that is not a person; called by Mesa when one is made."""
        super().register_agent(agent)
        self._n_registered += 1
        agent.unique_id = self.frame.population.n_persons + self._n_registered
        # Mesa 3.3 counts agents in a class-level table that would keep the model alive for ever.
        getattr(mesa.Agent, "_ids", {}).pop(self, None)
        if self._everyone is not None:
            self._everyone.add(agent)

    def deregister_agent(self, agent: mesa.Agent) -> None:
        """Let go of an agent; called by Mesa when one is removed."""
        super().deregister_agent(agent)
        if self._everyone is not None:
            self._everyone.discard(agent)

    @property
    def group_names(self) -> npt.NDArray[np.str_]:
        """Names of the groups, by their numbers, (G,)."""
        return np.array(list(self.resolved.population.groups))

    def take_stock(self) -> None:
        """Bring burden and counts up to date after persons were changed by hand."""
        if self.touched:
            self.frame.take_stock()
            self.touched = False

    @property
    def resolved(self) -> Scenario:
        """The resolved scenario; Mesa has taken the name `scenario` for descriptions of its own."""
        return self._resolved

    @property
    def replicate(self) -> int:
        """Which replicate of the scenario this is."""
        return self.frame.draws.replicate

    @property
    def state(self) -> State:
        """The columns of the persons, with one branch."""
        return self.frame.state

    @property
    def clock(self) -> int:
        """Steps made on the scenario clock."""
        return self.frame.step

    def step(self) -> None:
        """Make one step, record it, and stop running at the end of the scenario."""
        recorded = len(self.recorder.rows)
        self.take_stock()
        for shift in self.resolved.shifts:
            if shift.at == self.clock:
                self._shift(shift)
        self.recorder.begin(self.frame)
        advance(self.frame, 1, observe=self.recorder)
        self.touched = False
        if len(self.recorder.rows) > recorded:
            self.datacollector.collect(self)
        self.running = self.clock < self.resolved.time.steps

    def _shift(self, shift: Shift) -> None:
        """Let another world begin, with everyone as they are."""
        scenario = full(with_changes(self.resolved, shift.changes))
        self._check_same_persons(scenario)
        if not _steered_alike(scenario, self.resolved):
            raise ValueError("a shift changes the world: optimizers, budgets and styles cannot")
        self.frame = self._frame(
            scenario,
            self._population_of(scenario),
            self.state.suited(scenario),
            draws=self.frame.draws,
            before=self.frame,
        )
        self._resolved = scenario
        if shift.announced:
            for optimizer in self.optimizers:
                optimizer.hear_of_shift(self.frame)

    def prevalence(self) -> float:
        """Return the prevalence P of constraint as it stands [share]."""
        self.take_stock()
        return float(self.frame.prevalence()[0])

    def fork(self, changes: Mapping[str, Any] | None = None) -> AlignmentModel:
        """Return an independent model that replays the same future bit for bit.

        Parameters
        ----------
        changes
            Scenario values to change, by dotted path: `{"constraints.coupling": 1.5}`.  All
            draws that both futures make stay shared.  Persons are drawn anew, from the same
            draws, only when a block they depend on changed; their state is kept.

        Raises
        ------
        ValueError
            If a change would not leave the same persons in place: seed, channels, time,
            precision, size, groups and what is recorded are fixed.
        """
        scenario = full(with_changes(self.resolved, changes)) if changes else self.resolved
        self._check_same_persons(scenario)
        fork = object.__new__(type(self))
        fork._set_up(
            scenario,
            self._population_of(scenario),
            self.state.copy().suited(scenario),
            draws=self.frame.draws,
            before=self.frame,
        )
        fork.steps, fork.running = self.steps, self.running
        if _steered_alike(scenario, self.resolved):
            fork.optimizers = [optimizer.transplant(fork) for optimizer in self.optimizers]
        else:
            fork.optimizers = make_optimizers(fork)
        fork.frame.controllers = fork.optimizers
        fork.recorder = self.recorder.copy(scenario)
        collected = self.datacollector.model_vars
        n_rows = len(collected["step"])
        fork.datacollector.model_vars = {
            name: list(collected.get(name, [float("nan")] * n_rows))
            for name in column_names(scenario)
        }
        return fork

    def _check_same_persons(self, scenario: Scenario) -> None:
        def persons(s: Scenario) -> object:
            shares = [(name, group.share) for name, group in s.population.groups.items()]
            fixed = [getattr(s, name) for name in _FIXED]
            return (s.population.size, s.population.arrangement, shares, fixed)

        if persons(scenario) != persons(self.resolved):
            raise ValueError(
                "a fork keeps its persons and records: seed, channels, time, precision, record, "
                "size and groups cannot change"
            )

    def _population_of(self, scenario: Scenario) -> Population:
        mine, old = self.frame.population, self.resolved
        same_network = scenario.network == old.network
        if same_network and _drawn_from(scenario) == _drawn_from(old):
            return mine
        graph = mine.graph if same_network else None
        return Population.draw(scenario, self.frame.draws, graph=graph)

    def control(self, *controllers: Controller) -> None:
        """Let further controllers act beside the scenario's optimizers from the next step on."""
        self.frame.controllers = [*self.frame.controllers, *controllers]


def _steered_alike(scenario: Scenario, other: Scenario) -> bool:
    """Return whether what optimizers have learned in one scenario fits the other."""
    same_outputs = scenario.preferences.styles == other.preferences.styles
    return same_outputs and scenario.optimizers == other.optimizers


def _drawn_from(scenario: Scenario) -> object:
    """Return what fixed traits depend on."""
    narrative = scenario.narrative
    return (
        scenario.population,
        scenario.constraints,
        (narrative.rule, narrative.stubbornness, narrative.threshold),
    )


def _latest(name: str, model: AlignmentModel) -> float:
    return model.recorder.last(name)
