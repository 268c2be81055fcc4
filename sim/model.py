"""The Mesa face of the engine: an ordinary `mesa.Model` whose persons are columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mesa

from sim.coefficients import Coefficients
from sim.engine import advance
from sim.environment import Environment
from sim.optimizers import make_optimizers
from sim.optimizers.base import Optimizer
from sim.population import Population, State
from sim.processes.stage import Controller, Frame
from sim.records import Recorder, column_names
from sim.scenario.resolve import full, with_changes
from sim.scenario.schema import Scenario
from sim.streams import Draws

_FIXED = ("seed", "channels", "time")


class AlignmentModel(mesa.Model):  # type: ignore[misc]
    """One replicate of a scenario.

    Draws are counter-based and named by the scenario's seed; Mesa's own generators are seeded
    from it too but never used.

    Parameters
    ----------
    scenario
        Short or full form.
    replicate
        Which replicate, ≥ 0.

    Attributes
    ----------
    frame
        The step in progress: population, state, environment.  Not to be changed by users.
    recorder
        Series recorded so far.
    datacollector
        Mesa's collector of the same series, one model variable a column.
    """

    def __init__(self, scenario: Scenario, *, replicate: int = 0) -> None:
        scenario = full(scenario)
        draws = Draws(scenario.seed, replicate, "scenario")
        population = Population.draw(scenario, draws)
        self._set_up(scenario, population, State.initial(scenario, population, draws), draws=draws)
        self.optimizers: list[Optimizer] = make_optimizers(self)
        # Mesa 3.3 counts agents in a class-level table that would keep the model alive for ever.
        getattr(mesa.Agent, "_ids", {}).pop(self, None)
        self.frame.controllers = self.optimizers
        self.recorder = Recorder(scenario)

    def _set_up(
        self, scenario: Scenario, population: Population, state: State, *, draws: Draws
    ) -> None:
        super().__init__(rng=scenario.seed % (1 << 32))
        self._resolved = scenario
        self.frame = Frame.begin(
            population,
            state,
            coefficients=Coefficients.of(scenario),
            environment=Environment.of(scenario),
            draws=draws,
            listening=True,
        )
        self.datacollector = mesa.DataCollector(
            model_reporters={name: _reader(name) for name in column_names(scenario)}
        )

    @property
    def scenario(self) -> Scenario:
        """The resolved scenario."""
        return self._resolved

    @scenario.setter
    def scenario(self, _: object) -> None:
        """Ignore the description of an experiment that Mesa 3.5 sets on every model."""

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
        advance(self.frame, 1, observe=self.recorder)
        if len(self.recorder.rows) > recorded:
            self.datacollector.collect(self)
        self.running = self.clock < self.scenario.time.steps

    def prevalence(self) -> float:
        """Return the prevalence P of constraint as it stands [share]."""
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
            If a change would not leave the same persons in place: seed, channels, time, size
            and groups are fixed.
        """
        scenario = full(with_changes(self.scenario, changes)) if changes else self.scenario
        self._check_same_persons(scenario)
        fork = object.__new__(AlignmentModel)
        fork._set_up(
            scenario, self._population_of(scenario), self.state.copy(), draws=self.frame.draws
        )
        fork.frame.step, fork.steps, fork.running = self.frame.step, self.steps, self.running
        fork.frame.changes[...] = self.frame.changes
        fork.frame.stress, fork.frame.effort[...] = self.frame.stress.copy(), self.frame.effort
        if scenario.optimizers == self.scenario.optimizers:
            fork.optimizers = [optimizer.transplant(fork) for optimizer in self.optimizers]
        else:
            fork.optimizers = make_optimizers(fork)
        fork.frame.controllers = fork.optimizers
        fork.recorder = self.recorder.copy()
        fork.datacollector.model_vars = {
            name: list(values) for name, values in self.datacollector.model_vars.items()
        }
        return fork

    def _check_same_persons(self, scenario: Scenario) -> None:
        def persons(s: Scenario) -> object:
            shares = [(name, group.share) for name, group in s.population.groups.items()]
            fixed = [getattr(s, name) for name in _FIXED]
            return (s.population.size, s.population.arrangement, shares, fixed)

        if persons(scenario) != persons(self.scenario):
            raise ValueError(
                "a fork keeps its persons: seed, channels, time, size and groups cannot change"
            )

    def _population_of(self, scenario: Scenario) -> Population:
        mine, old = self.frame.population, self.scenario
        same_network = scenario.network == old.network
        if same_network and (scenario.population, scenario.constraints) == (
            old.population,
            old.constraints,
        ):
            return mine
        graph = mine.graph if same_network else None
        return Population.draw(scenario, self.frame.draws, graph=graph)

    def control(self, *controllers: Controller) -> None:
        """Let further controllers act beside the scenario's optimizers from the next step on."""
        self.frame.controllers = [*self.frame.controllers, *controllers]


def _reader(name: str) -> Any:
    return lambda model: model.recorder.latest()[name]
