"""The step of the model a second time: plain Mesa, one object a person, obvious at a glance.

Written from the equations, not from the engine, so that the two can disagree.  It reads the
scenario itself; from the engine it takes only what a step is given: thresholds, vulnerability,
groups, who influences whom, and the state to start from.  It draws a whole step's random numbers
at once, and nothing in it is slow on purpose: it is also the baseline that speed is measured
against.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import mesa
import numpy as np
from scipy.special import ndtri

from sim.population import Population, State
from sim.scenario.schema import Scenario
from tests.reference.person import Person
from tests.reference.philox import uniforms
from tests.reference.surroundings import quantiles, stress_level

Table = list[list[float]]


class Correcting(Protocol):
    """Whatever chooses corrections."""

    def efforts(self, model: ReferenceModel) -> Table:
        """Return u[g][k] from what the model reported in the step before."""


class ReferenceModel(mesa.Model):
    """The model of a resolved scenario, in its own world or on a bench."""

    def __init__(
        self,
        scenario: Scenario,
        population: Population,
        *,
        replicate: int = 0,
        bench: bool = False,
        controllers: Sequence[Correcting] = (),
    ) -> None:
        super().__init__(rng=0)
        self.resolved, self.replicate, self.bench = scenario, replicate, bench
        self.controllers = controllers
        self.clock = 0
        self.promised = 0.0 if bench else scenario.trust.promised
        names = list(scenario.channels)
        self.channels = range(len(names))
        self.groups = range(len(scenario.population.groups))
        self.weight = [channel.weight for channel in scenario.channels.values()]
        self.cumulative = [sum(self.weight[: k + 1]) for k in self.channels]
        self.leak = [scenario.exposure.leak[name] for name in names]
        self.coupling = [scenario.constraints.coupling[name] for name in names]
        self.feed = [scenario.constraints.narrative_feed[name] for name in names]
        self.legibility = [scenario.feedback.legibility[name] for name in names]
        spillover = scenario.constraints.spillover
        self.spillover = [
            [(names.index(inner), load) for inner, load in spillover.get(outer, {}).items()]
            for outer in names
        ]
        self.persons = [Person(self, i, population) for i in range(population.n_persons)]
        self.connect(population)

    def connect(self, population: Population) -> None:
        """Give every person their neighbors."""
        graph = population.graph
        for i, person in enumerate(self.persons):
            if graph.complete:
                person.neighbors = self.persons[:i] + self.persons[i + 1 :]
                continue
            row = slice(int(graph.indptr[i]), int(graph.indptr[i + 1]))
            person.neighbors = [self.persons[j] for j in graph.indices[row].tolist()]
            if graph.weights is not None:
                person.weights = graph.weights[row].tolist()

    def adopt(self, state: State, *, branch: int = 0) -> None:
        """Start from one branch of a state of the engine."""
        for i, person in enumerate(self.persons):
            person.exposure = state.exposure[:, i, branch].tolist()
            person.active = state.constraint[:, i, branch].tolist()
            person.narrative = float(state.narrative[i, branch])
            person.lock_in = float(state.lock_in[i, branch])
            person.trust = float(state.trust[i, branch])
            person.exited = bool(state.exited.size and state.exited[i, branch])
        self.correction = state.correction[:, :, branch].tolist()
        self.answers = state.answers[:, :, branch].tolist()
        self.positives = state.positives[:, :, branch].tolist()

    def step(self) -> None:
        """Make one step: the numbered list of the specification."""
        self.draw_noise()
        self.stress = self.stress_now()  # 1 stressors
        self.correct()  # 2 optimizers
        self.agents.do("accumulate")  # 3 exposure
        self.agents.do("weigh")  # 4 load, and with it
        self.relax()  # 5 relays
        if self.resolved.narrative.rule == "degroot":
            self.agents.do("listen").do("believe")  # 6 narrative and lock-in
        self.agents.do("judge")  # 7 trust
        self.withdraw()  # 8 exit
        self.gather_reports()  # 9 feedback
        self.turn_over()  # 10 turnover
        self.clock += 1

    def draw(self, stream: str, n_draws: int) -> np.ndarray:
        """Return this step's uniforms of a stream, (n_draws, N)."""
        return uniforms(
            self.resolved.seed,
            replicate=self.replicate,
            clock="bench" if self.bench else "scenario",
            stream=stream,
            step=self.clock,
            n_items=len(self.persons),
            n_draws=n_draws,
        )

    def draw_noise(self) -> None:
        """Draw the mean-one noise on the stressors, by channel and person."""
        sigma = 0.0 if self.bench else self.resolved.exposure.noise
        if sigma:
            normal = ndtri(self.draw("exposure", len(self.channels)))
            self.noise = np.exp(sigma * normal - sigma**2 / 2.0).tolist()
        else:
            self.noise = [[1.0] * len(self.persons) for _ in self.channels]

    def stress_now(self) -> Table:
        """Return e[g][k]: the stressors that act on a channel of a group, added up."""
        stress = [[0.0 for _ in self.channels] for _ in self.groups]
        for stressor in () if self.bench else self.resolved.stressors:
            level = stress_level(stressor, self.clock)
            for g, group in enumerate(self.resolved.population.groups):
                for k, channel in enumerate(self.resolved.channels):
                    hits_group = not stressor.groups or group in stressor.groups
                    if hits_group and stressor.channel in ("all", channel):
                        stress[g][k] += level
        return stress

    def correct(self) -> None:
        """Let corrections decay and add the effort of every controller."""
        plans = [controller.efforts(self) for controller in self.controllers]
        for g in self.groups:
            for k in self.channels:
                kept = (1.0 - self.resolved.correction.decay) * self.correction[g][k]
                self.correction[g][k] = kept + sum(plan[g][k] for plan in plans)

    def relax(self) -> None:
        """Set the relays: once, or up to the least fixed point, then down to the greatest."""
        before, self.n_sweeps = self.relays(), 0
        if self.resolved.constraints.relax == "once":
            self.sweep(on=True, off=True)
        else:
            while self.sweep(on=True, off=False):
                continue
            while self.sweep(on=False, off=True):
                continue
        switched = self.relays() - before
        self.changes = [int((switched > 0).sum()), int((switched < 0).sum())]

    def sweep(self, *, on: bool, off: bool) -> bool:
        """Update all relays at once and return whether any switched."""
        self.n_sweeps += 1
        self.agents.do("decide", on=on, off=off)
        switched = any(person.decided != person.active for person in self.persons)
        self.agents.do("switch")
        return switched

    def withdraw(self) -> None:
        """Let some of the locked-in stop answering."""
        if self.resolved.feedback.exit:
            for person, draw in zip(self.persons, self.draw("exit", 1)[0].tolist(), strict=True):
                person.withdraw(draw)

    def gather_reports(self) -> None:
        """Ask everyone about one channel, drawn by weight, and count answers by group."""
        self.asked = [[[0, 0] for _ in self.channels] for _ in self.groups]
        self.said = [[[[0, 0], [0, 0]] for _ in self.channels] for _ in self.groups]
        self.answers = [[0 for _ in self.channels] for _ in self.groups]
        self.positives = [[0 for _ in self.channels] for _ in self.groups]
        for person, question in zip(self.persons, self.draw("feedback", 3).T.tolist(), strict=True):
            person.report(*question)

    def turn_over(self) -> None:
        """Replace some persons by newcomers."""
        rate = 0.0 if self.bench else self.resolved.turnover.rate
        if rate:
            leaves, trust = self.draw("turnover", 2)
            trust = quantiles(self.resolved.population.initial.trust, trust).clip(0.0, 1.0)
            for i in np.flatnonzero(leaves < rate).tolist():
                self.persons[i].give_way(float(trust[i]))

    def relays(self) -> np.ndarray:
        """Return all relays, (K, N)."""
        return np.array([person.active for person in self.persons], dtype=np.int64).T

    def prevalence(self) -> float:
        """Return the mean burden."""
        return math.fsum(person.burden() for person in self.persons) / len(self.persons)
