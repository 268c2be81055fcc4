"""One person of the oracle: what happens to them in a step, written from the equations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import mesa

from sim.population import Population
from sim.scenario.schema.processes import Misreport
from tests.reference.influence import TARGETS

if TYPE_CHECKING:
    from tests.reference.oracle import ReferenceModel


class Person(mesa.Agent):
    """One person; lists run over channels."""

    model: ReferenceModel

    def __init__(self, model: ReferenceModel, index: int, population: Population) -> None:
        super().__init__(model)
        self.index = index
        self.group = int(population.group[index])
        self.vulnerability = population.vulnerability[:, index].tolist()
        self.up = population.up[:, index].tolist()
        self.down = population.down[:, index].tolist()
        stubborn, choosy = population.stubbornness.size, population.narrative_threshold.size
        self.stubbornness = float(population.stubbornness[index]) if stubborn else 0.0
        self.narrative_threshold = float(population.narrative_threshold[index]) if choosy else 0.0
        self.neighbors: list[Person] = []
        self.weights: list[float] | None = None
        self.exposure: list[float] = []
        self.wear = [0.0 for _ in model.channels]
        self.active: list[int] = []
        self.narrative = self.lock_in = self.anchor = 0.0
        self.trust = 1.0
        self.exited = False

    def gain(self) -> float:
        """Return what a unit of correction takes off this person's load."""
        c = self.model.resolved.correction
        trusting = 1.0 - c.trust_dependence * (1.0 - self.trust)
        return c.gain * trusting * (1.0 - c.lock_in_dependence * self.lock_in)

    def accumulate(self) -> None:
        """Let exposure leak, take up stress and, where a correction cures, shrink."""
        model, gain = self.model, self.gain()
        stress, correction = model.stress[self.group], model.correction[self.group]
        cure = model.resolved.exposure.cure
        for k in model.channels:
            taken_up = self.vulnerability[k] * stress[k] * model.noise[k][self.index]
            cured = cure * gain * correction[k]
            kept = (1.0 - model.leak[k]) * self.exposure[k]
            self.exposure[k] = max(0.0, kept + taken_up - cured)

    def weigh(self) -> None:
        """Set the load from everything but relays."""
        model, provoked = self.model, self.model.resolved.correction.backlash * (1.0 - self.trust)
        gain = self.gain() * (1.0 - provoked)
        correction = model.correction[self.group]
        self.own_load = [
            self.exposure[k] + model.feed[k] * self.narrative - gain * correction[k]
            for k in model.channels
        ]

    def set_out(self) -> None:
        """Note the load from everything but relays as the step before has left it."""
        self.weigh()
        self.first_load = self.own_load

    def constrained_neighbors(self, k: int) -> float:
        """Return the weighted share of neighbors under constraint k."""
        if self.weights is None:
            return sum([other.active[k] for other in self.neighbors]) / len(self.neighbors)
        pairs = zip(self.weights, self.neighbors, strict=True)
        return sum([weight * other.active[k] for weight, other in pairs])

    def load(self, k: int) -> float:
        """Return the load on channel k."""
        model, from_others = self.model, 0.0
        if model.coupling[k]:
            from_others = model.coupling[k] * self.constrained_neighbors(k)
        for m, from_inner in model.spillover[k]:
            from_others += from_inner * self.active[m]
        first, last, way = self.first_load[k], self.own_load[k], model.position
        own = last if way == 1.0 else first + way * (last - first)
        return own + from_others

    def threshold(self, k: int) -> float:
        """Return what is left of the activation threshold: no less than `down`, or 0."""
        floor = self.down[k] if self.down[k] > -math.inf else min(self.up[k], 0.0)
        return max(floor, self.up[k] - self.wear[k])

    def rounding(self, k: int) -> float:
        """Return by how much a load from weighted neighbors may miss a threshold and meet it."""
        slow = self.model.resolved.constraints.relax == "adiabatic"
        return 0.0 if self.weights is None or slow else 1e-12 * abs(self.model.coupling[k])

    def stops(self) -> list[float]:
        """Return where on the rest of the way one of the relays would be carried over."""
        here, found = self.model.position, []
        for k in self.model.channels:
            slope = self.own_load[k] - self.first_load[k]
            goal = self.down[k] if self.active[k] else self.threshold(k)
            if slope and (slope < 0.0) == bool(self.active[k]):
                found.append(here + (goal - self.load(k)) / slope)
        return [stop for stop in found if here < stop < 1.0]

    def note_load(self) -> None:
        """Note the load that the relays are under."""
        self.felt = [self.load(k) for k in self.model.channels]

    def wear_out(self) -> None:
        """Let the load that was felt above the onset lower the thresholds for good."""
        model = self.model
        for k in model.channels:
            if model.damage[k]:
                floor = self.down[k] if self.down[k] > -math.inf else min(self.up[k], 0.0)
                done = model.damage[k] * max(self.felt[k] - model.onset[k], 0.0)
                self.wear[k] = min(self.wear[k] + done, self.up[k] - floor)

    def decide(self, *, on: bool, off: bool) -> None:
        """Choose the next relays, of which only those allowed may switch."""
        self.decided = list(self.active)
        for k in self.model.channels:
            load = self.load(k)
            if load >= self.threshold(k) - self.rounding(k):
                self.decided[k] = 1 if on else self.active[k]
            elif load <= self.down[k] + self.rounding(k):
                self.decided[k] = 0 if off else self.active[k]

    def switch(self) -> None:
        """Take over the relays decided on."""
        self.active = self.decided

    def burden(self) -> float:
        """Return the weighted share of active constraints."""
        return sum([self.model.weight[k] * self.active[k] for k in self.model.channels])

    def narrative_around(self) -> float:
        """Return the weighted mean displacement of the neighbors."""
        if self.weights is None:
            return sum([other.narrative for other in self.neighbors]) / len(self.neighbors)
        pairs = zip(self.weights, self.neighbors, strict=True)
        return sum([weight * other.narrative for weight, other in pairs])

    def listen(self) -> None:
        """Choose the next narrative displacement and lock-in, from everyone's present ones."""
        rule, burden = self.model.resolved.narrative, self.burden()
        n, lock_in = self.narrative, self.lock_in
        if rule.rule == "deffuant":  # met others already
            target = now = self.told
        else:
            now, target = n, self.pulled_to()
        upward = rule.social * max(target - now, 0.0) + rule.push * burden * (1.0 - now)
        downward = rule.social * max(now - target, 0.0) + rule.heal * (1.0 - burden) * now
        downward *= 1.0 - lock_in
        if rule.lock_in_mode == "symmetric":
            upward *= 1.0 - lock_in
        grown, lost = rule.lock * n * n * (1.0 - lock_in), rule.unlock * (1.0 - n) * lock_in
        self.next_narrative = min(1.0, max(0.0, now + upward - downward))
        self.next_lock_in = min(1.0, max(0.0, lock_in + grown - lost))

    def pulled_to(self) -> float:
        """Return where others pull; a stubborn person holds on to where they are, or began."""
        rule = self.model.resolved.narrative.rule
        target = TARGETS[rule](self)
        if rule == "friedkin_johnsen":
            return target
        return self.narrative + (1.0 - self.stubbornness) * (target - self.narrative)

    def believe(self) -> None:
        """Take over the narrative and lock-in chosen."""
        self.narrative, self.lock_in = self.next_narrative, self.next_lock_in

    def judge(self) -> None:
        """Gain or lose trust by how far life falls short of what is lived and promised."""
        model, rule, trust = self.model, self.model.resolved.trust, self.trust
        correction = model.correction[self.group]
        relief = self.gain() * sum([model.weight[k] * correction[k] for k in model.channels])
        shortfall = min(1.0, max(0.0, model.promised - relief) / rule.promise_scale)
        mismatch = max(self.burden(), shortfall)
        gained = rule.trust_gain * (1.0 - trust) * (1.0 - mismatch)
        self.trust = min(1.0, max(0.0, trust + gained - rule.trust_loss * trust * mismatch))

    def report(self, asked: float, answering: float, misreporting: float) -> None:
        """Answer a question about one channel, or not, and truthfully, or not."""
        model, rule = self.model, self.model.resolved.feedback
        k = next((k for k in model.channels if asked < model.cumulative[k]), model.channels[-1])
        reluctance = rule.response_base + rule.response_trust * self.trust
        reluctance = -(reluctance + rule.response_constrained * self.active[k])
        answers = answering < model.legibility[k] / (1.0 + math.exp(reluctance))
        model.asked[self.group][k][self.active[k]] += 1
        if self.exited or not answers:
            return
        said = self.active[k]
        flip = rule.under_report if said else rule.over_report
        if misreporting < flip_probability(flip, self.trust):
            said = 1 - said
        model.answers[self.group][k] += 1
        model.positives[self.group][k] += said
        model.said[self.group][k][self.active[k]][said] += 1

    def withdraw(self, draw: float) -> None:
        """Perhaps stop answering for good, the likelier the more locked in."""
        if draw < self.model.resolved.feedback.exit * self.lock_in:
            self.exited = True

    def give_way(self, trust: float, narrative: float) -> None:
        """Let a newcomer take this place in the network; the place keeps its thresholds."""
        self.exposure = [0.0 for _ in self.model.channels]
        self.wear = [0.0 for _ in self.model.channels]
        self.active = [0 for _ in self.model.channels]
        self.narrative = self.anchor = narrative
        self.lock_in = 0.0
        self.exited = False
        self.trust = trust


def flip_probability(flip: Misreport, trust: float) -> float:
    """Return the probability of a false report, linear in trust."""
    return flip.at_full_trust * trust + flip.at_no_trust * (1.0 - trust)
