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

from sim.population import Population
from sim.scenario.schema import Scenario
from sim.state import State
from tests.reference.influence import hold_meetings
from tests.reference.person import Person
from tests.reference.philox import uniforms
from tests.reference.surroundings import chance_of, quantiles, stress_level

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
        self.damage = [scenario.constraints.damage[name] for name in names]
        self.onset = [scenario.constraints.damage_onset[name] for name in names]
        self.position = 1.0
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
            person.anchor = float(state.anchor[i, branch]) if state.anchor.size else 0.0
            person.lock_in = float(state.lock_in[i, branch])
            person.trust = float(state.trust[i, branch])
            if state.wear.size > 0:
                person.wear = state.wear[:, i, branch].tolist()
            person.exited = bool(state.exited.size and state.exited[i, branch])
        self.correction = state.correction[:, :, branch].tolist()
        self.answers = state.answers[:, :, branch].tolist()
        self.positives = state.positives[:, :, branch].tolist()
        self.intensity = state.intensity[:, branch].tolist()

    def step(self) -> None:
        """Make one step: the numbered list of the specification."""
        self.draw_noise()
        self.stress = self.stress_now()  # 1 stressors
        self.agents.do("set_out")  # where the load of this step starts from
        self.correct()  # 2 optimizers
        self.agents.do("accumulate")  # 3 exposure
        self.agents.do("weigh")  # 4 load, and with it
        self.relax()  # 5 relays, and with them
        self.agents.do("wear_out")  # damage
        if self.resolved.narrative.rule == "deffuant":
            hold_meetings(self)
        if self.resolved.narrative.rule != "none":
            self.agents.do("listen").do("believe")  # 6 narrative and lock-in
        self.agents.do("judge")  # 7 trust
        self.withdraw()  # 8 exit
        self.gather_reports()  # 9 feedback
        self.turn_over()  # 10 turnover
        self.clock += 1

    def draw(self, stream: str, n_draws: int, *, n_items: int | None = None) -> np.ndarray:
        """Return this step's uniforms of a stream, (n_draws, N) unless for something else."""
        return uniforms(
            self.resolved.seed,
            replicate=self.replicate,
            clock="bench" if self.bench else "scenario",
            stream=stream,
            step=self.clock,
            n_items=len(self.persons) if n_items is None else n_items,
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
        chance = chance_of(self.resolved.seed, self.replicate)
        for item, stressor in enumerate(() if self.bench else self.resolved.stressors):
            level = stress_level(stressor, self.clock, item=item, chance=chance)
            for g, group in enumerate(self.resolved.population.groups):
                if stressor.kind == "deployment":
                    chi = stressor.intensity_coefficient
                    level = chi * self.intensity[g] if chi else 0.0
                for k, channel in enumerate(self.resolved.channels):
                    hits_group = not stressor.groups or group in stressor.groups
                    if hits_group and stressor.channel in ("all", channel):
                        stress[g][k] += level
        return stress

    def correct(self) -> None:
        """Let corrections decay and add the effort of every controller."""
        plans = [controller.efforts(self) for controller in self.controllers]
        effort = [[sum(plan[g][k] for plan in plans) for k in self.channels] for g in self.groups]
        self.intensity = [sum(u * u for u in row) / 2.0 for row in effort]
        for g in self.groups:
            for k in self.channels:
                kept = (1.0 - self.resolved.correction.decay) * self.correction[g][k]
                self.correction[g][k] = kept + effort[g][k]

    def relax(self) -> None:
        """Set the relays: once, up to the least fixed point and down to the greatest, or so
        wherever one of them gets carried over on the way of the load through the step."""
        before, self.n_sweeps, self.avalanches = self.relays(), 0, []
        how = self.resolved.constraints.relax
        if how == "once":
            self.agents.do("note_load")
            self.sweep(on=True, off=True)
        elif how == "until_stable":
            self.settle()
        else:
            self.position = 0.0
            self.settle()
            while self.position < 1.0:
                # Past the point by a hair, where rounding cannot hide who is carried over.
                stops = [stop for person in self.persons for stop in person.stops()]
                self.position = min([stop + 1e-12 for stop in stops] + [1.0])
                self.settle()
        if how != "once":
            self.agents.do("note_load")
        switched = self.relays() - before
        self.changes = [int((switched > 0).sum()), int((switched < 0).sum())]
        if how == "until_stable":
            up, down = self.changes
            self.avalanches = [(1, up, 1.0)] * (up > 0) + [(-1, down, 1.0)] * (down > 0)

    def settle(self) -> None:
        """Raise to the least fixed point, then lower to the greatest, and note both avalanches."""
        start = self.relays().sum()
        while self.sweep(on=True, off=False):
            continue
        top = self.relays().sum()
        while self.sweep(on=False, off=True):
            continue
        for way, size in ((1, top - start), (-1, top - self.relays().sum())):
            if size:
                self.avalanches.append((way, int(size), self.position))

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
        names = list(self.resolved.population.groups)
        rates = [rate[name] if isinstance(rate, dict) else rate for name in names]
        if not any(rates):
            return
        leaves, fresh = self.draw("turnover", 2)
        leaving = [p for p in self.persons if leaves[p.index] < rates[p.group]]
        inherit = self.resolved.turnover.inherit
        inherited = [inherit * person.narrative_around() if inherit else 0.0 for person in leaving]
        for person, narrative in zip(leaving, inherited, strict=True):
            person.give_way(self.newcomer_trust(person, fresh), min(1.0, max(0.0, narrative)))

    def newcomer_trust(self, person: Person, fresh: np.ndarray) -> float:
        """Return the trust that a person's group starts with, or else everyone."""
        group = list(self.resolved.population.groups.values())[person.group]
        chosen, fellows = self.resolved.population.initial.trust, self.persons
        if group.initial is not None and group.initial.trust is not None:
            chosen = group.initial.trust
            fellows = [other for other in self.persons if other.group == person.group]
        trust = quantiles(chosen, fresh[[other.index for other in fellows]])
        return float(trust[fellows.index(person)].clip(0.0, 1.0))

    def relays(self) -> np.ndarray:
        """Return all relays, (K, N)."""
        return np.array([person.active for person in self.persons], dtype=np.int64).T

    def prevalence(self) -> float:
        """Return the mean burden."""
        return math.fsum(person.burden() for person in self.persons) / len(self.persons)
