"""Where others pull a person, rule by rule, written from the equations; and meetings of two."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.reference.oracle import ReferenceModel
    from tests.reference.person import Person

Ties = list[tuple[float, "Person"]]


def ties(person: Person) -> Ties:
    """Return all who influence a person with their weights in W, oneself where W_ii > 0."""
    equal = [1.0 / len(person.neighbors)] * len(person.neighbors)
    return list(zip(person.weights or equal, person.neighbors, strict=True))


def others(person: Person) -> Ties:
    """Return who else influences a person."""
    return [(weight, other) for weight, other in ties(person) if other is not person]


def average(among: Ties) -> float:
    """Return the mean displacement by weight; negative weights count against."""
    total = math.fsum(abs(weight) for weight, _ in among)
    return math.fsum(weight * other.narrative for weight, other in among) / total


def confidence(person: Person) -> float:
    """Return how far from a person others may be to be listened to."""
    rule = person.model.resolved.narrative
    return rule.confidence * (1.0 - rule.confidence_lock_in * person.lock_in)


def degroot(person: Person) -> float:
    """Return the mean of neighbors."""
    return average(ties(person))


def friedkin_johnsen(person: Person) -> float:
    """Return the mean of neighbors, held back by the start."""
    s = person.stubbornness
    return (1.0 - s) * average(ties(person)) + s * person.anchor


def hegselmann_krause(person: Person) -> float:
    """Return the mean of those near, oneself included."""
    listed = ties(person)
    if all(other is not person for _, other in listed):
        listed.append((1.0 / len(listed), person))
    distance = confidence(person)
    return average([tie for tie in listed if abs(tie[1].narrative - person.narrative) <= distance])


def biased_assimilation(person: Person) -> float:
    """Return the mean of oneself and others, who weigh more where they agree with oneself."""
    rule, n, around = person.model.resolved.narrative, person.narrative, others(person)
    if not around:
        return n
    s = min(1.0, max(0.0, average(around)))
    own = [abs(weight) for weight, other in ties(person) if other is person]
    total = math.fsum(abs(weight) for weight, _ in around)
    w = own[0] / total if own else rule.self_weight
    for_it, against = n**rule.bias * s, (1.0 - n) ** rule.bias * (1.0 - s)
    weight = w + for_it + against
    return (w * n + for_it) / weight if weight else n


def fraction_threshold(person: Person) -> float:
    """Return 1 if a large enough share of others is displaced."""
    around = others(person)
    displaced = math.fsum(weight for weight, other in around if other.narrative >= 0.5)
    total = math.fsum(abs(weight) for weight, _ in around)
    reached = displaced / total if around else 0.0
    return 1.0 if reached >= person.narrative_threshold else person.narrative


def count_threshold(person: Person) -> float:
    """Return 1 if enough others are displaced."""
    displaced = [weight for weight, other in others(person) if other.narrative >= 0.5]
    count = sum(1 if weight > 0.0 else -1 for weight in displaced)
    return 1.0 if count >= person.narrative_threshold else person.narrative


TARGETS: dict[str, Callable[[Person], float]] = {
    "degroot": degroot,
    "friedkin_johnsen": friedkin_johnsen,
    "hegselmann_krause": hegselmann_krause,
    "biased_assimilation": biased_assimilation,
    "fraction_threshold": fraction_threshold,
    "count_threshold": count_threshold,
}


def hold_meetings(model: ReferenceModel) -> None:
    """Let pairs meet one after the other, each finding the other as the last meeting left them."""
    for person in model.persons:
        person.told = person.narrative
    n = len(model.persons)
    chances = model.draw("pairs", 2, n_items=round(model.resolved.narrative.pairs * n))
    for who, whom in chances.T.tolist():
        person = model.persons[int(who * n)]
        other, weight = met(person, whom)
        if other is person:
            continue
        mine, theirs = person.told, other.told
        person.told = heard(person, mine, weight, theirs)
        for back, listener in zip(other.weights or [1.0] * n, other.neighbors, strict=False):
            if listener is person:
                other.told = heard(other, theirs, back, mine)


def met(person: Person, chance: float) -> tuple[Person, float]:
    """Return the influencer whom a chance on (0, 1) picks by weight, and the weight."""
    if person.weights is None:
        return person.neighbors[int(chance * len(person.neighbors))], 1.0
    passed = 0.0
    for weight, other in ties(person):
        passed += abs(weight)
        if chance < passed:
            return other, weight
    return ties(person)[-1][1], ties(person)[-1][0]


def heard(person: Person, mine: float, weight: float, theirs: float) -> float:
    """Return a person's displacement after a meeting."""
    rule = person.model.resolved.narrative
    if abs(theirs - mine) >= confidence(person):
        return mine
    way = math.copysign(1.0, weight) * theirs - mine
    move = rule.social * (1.0 - person.stubbornness) * rule.convergence * way
    if move < 0.0 or rule.lock_in_mode == "symmetric":
        move *= 1.0 - person.lock_in
    return min(1.0, max(0.0, mine + move))
