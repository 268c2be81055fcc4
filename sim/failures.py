"""The ledger of failures: every way of failing that a run is watched for.

What each means, where it comes from in the model and its null stand in docs/failures.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from sim.moment import Moment
from sim.scenario.schema import Scenario
from sim.sightings import Kind, Sighting

_ROUNDING = 1e-12
"""P is compared with ε with this margin, as restorations do."""


def _groups(moment: Moment, scenario: Scenario) -> Iterator[tuple[int, str, int]]:
    """Yield the groups that have members: number, name, persons."""
    for g, (name, size) in enumerate(
        zip(scenario.population.groups, moment.group_sizes, strict=True)
    ):
        if size:
            yield g, name, int(size)


def _in_need(moment: Moment, scenario: Scenario) -> npt.NDArray[np.bool_]:
    """Return which groups carry more than ε, (G,)."""
    return np.asarray(moment.burdens > scenario.safe.prevalence + _ROUNDING)


def _silence(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level = scenario.record.failures.feedback_silence
    for g, name, size in _groups(moment, scenario):
        if (rate := float(moment.response_rates[g])) < level:
            yield Sighting(rate, level, size, group=name)


def _only_apparent(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level = scenario.record.failures.apparent_not_lived
    gap = moment.apparent - (1.0 - moment.prevalence)
    if gap > level:
        yield Sighting(gap, level, moment.frame.population.n_persons)


def _late(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    after, history = scenario.record.failures.late_detection_after, moment.history
    waited = moment.frame.step + 1 - history.misaligned
    if waited >= after and not history.shown:
        yield Sighting(waited, after, moment.frame.population.n_persons)


def _over_optimised(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level, peaks = scenario.record.failures.over_optimisation, moment.history.peaks
    for place, best in peaks.items():
        gold, proxy = moment.worths.get(place, best)
        for g, group, size in _groups(moment, scenario):
            worse = best.gold[g] > 0.0 and gold[g] < (1.0 - level) * best.gold[g]
            if worse and proxy[g] > best.proxy[g]:
                lost = 1.0 - float(gold[g] / best.gold[g])
                by = moment.optimizers[place].spec.name
                yield Sighting(lost, level, size, group=group, optimizer=by)


def _told(kind: str, *, in_need: bool) -> Callable[[Moment, Scenario], Iterator[Sighting]]:
    """Return what finds a kind that only methods can tell of, in groups in need or in all."""

    def find(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
        level = getattr(scenario.record.failures, kind)
        counts = _in_need(moment, scenario) if in_need else np.ones(moment.burdens.size, bool)
        for by, found in moment.told.get(kind, ()):
            for g, group, size in _groups(moment, scenario):
                if counts[g] and found[g] > level:
                    yield Sighting(float(found[g]), level, size, group=group, optimizer=by)

    return find


def _evasion(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level, need = scenario.record.failures.evasion, _in_need(moment, scenario)
    for policy in moment.policies:
        refused = np.zeros(need.size) if policy is None else policy.refused()[:, 0]
        for g, group, size in _groups(moment, scenario):
            if policy and need[g] and refused[g] > level:
                by = str(policy.spec.name)
                yield Sighting(float(refused[g]), level, size, group=group, optimizer=by)


def _lock_in(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level = scenario.record.failures.narrative_lock_in
    share = moment.locked_in / moment.frame.population.n_persons
    if share > level:
        yield Sighting(share, level, moment.locked_in)


def _collapse(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level = scenario.record.failures.trust_collapse
    if moment.trust < level:
        yield Sighting(moment.trust, level, moment.frame.population.n_persons)


def _exhausted(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level, p = scenario.safe.prevalence, moment.prevalence
    unsafe = p > level + _ROUNDING
    if scenario.safe.every_group:
        unsafe |= bool(_in_need(moment, scenario).any())
    for optimizer in moment.started if unsafe else ():
        if optimizer.exhausted[0]:
            n_persons = moment.frame.population.n_persons
            yield Sighting(p, level, n_persons, optimizer=optimizer.spec.name)


def _no_return(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    level = scenario.safe.prevalence
    if not _in_need(moment, scenario).any():  # then no group, and not all together, can be above
        return
    burden, held = moment.held @ moment.frame.coefficients.weight, moment.held.sum(axis=1)
    if not scenario.safe.every_group:
        share = float(burden.sum()) / moment.frame.population.n_persons
        if share > level + _ROUNDING:
            yield Sighting(share, level, int(held.sum()))
        return
    for g, group, size in _groups(moment, scenario):
        if (share := float(burden[g]) / size) > level + _ROUNDING:
            yield Sighting(share, level, int(held[g]), group=group)


def _formally_correct(moment: Moment, scenario: Scenario) -> Iterator[Sighting]:
    failures = scenario.record.failures
    for optimizer in moment.started:
        objective = optimizer.objective(moment.frame)[:, 0]
        for g, group, size in _groups(moment, scenario):
            lived = 1.0 - float(moment.burdens[g])
            level = failures.formally_correct_while_failing
            if lived < level and objective[g] >= failures.objective_met:
                by = optimizer.spec.name
                yield Sighting(lived, level, size, group=group, optimizer=by)


def _declared(*names: str) -> tuple[str, ...]:
    return tuple(f"record.failures.{name}" for name in names)


FAILURES: tuple[Kind, ...] = (
    Kind(
        "feedback_silence", True,
        "the response rate of a group is below `record.failures.feedback_silence`",
        "too few answer to steer by",
        "`group`; `size`: its persons; `value`: its response rate",
        _silence, _declared("feedback_silence"),
    ),
    Kind(
        "apparent_not_lived", True,
        "apparent less lived alignment is above `record.failures.apparent_not_lived`",
        "reports say that things are better than they are",
        "`size`: all persons; `value`: the gap",
        _only_apparent, _declared("apparent_not_lived"),
    ),
    Kind(
        "late_detection", True,
        "P has been at or above `record.failures.late_detection` for "
        "`record.failures.late_detection_after` steps, and the share of answers that say active "
        "has not once come up to it; over when it does, or when P falls below it",
        "who steers by reports learns too late that there is anything to correct",
        "`size`: all persons; `value`: steps since P came up to the level, the largest of which is "
        "`extreme`; `level`: the steps allowed",
        _late, _declared("late_detection", "late_detection_after"),
    ),
    Kind(
        "over_optimisation", True,
        "the gold of a policy for a group is below its highest so far by more than the share "
        "`record.failures.over_optimisation`, while its proxy is above what it was then",
        "the policy improves by its own measure and does worse by what is needed",
        "`optimizer`; `group`; `size`: its persons; `value`: share of that gold that is lost",
        _over_optimised, _declared("over_optimisation"),
    ),
    Kind(
        "stale_rules", True,
        "a method that follows fixed rules tells that 1 − cos(rules, w*) for a group is above "
        "`record.failures.stale_rules`, while the burden of the group is above `safe.prevalence`",
        "the rules were written for needs that are no longer there",
        "`optimizer`; `group`; `size`: its persons; `value`: 1 − cosine",
        _told("stale_rules", in_need=True), _declared("stale_rules"),
    ),
    Kind(
        "region_leakage", True,
        "a method that keeps to a region tells that, since it began, prevalence outside of it has "
        "risen by more than `record.failures.region_leakage`",
        "what is kept out of a region arrives elsewhere, by ties or because the rest is left alone",
        "`optimizer`; `group`; `size`: its persons; `value`: the rise",
        _told("region_leakage", in_need=False), _declared("region_leakage"),
    ),
    Kind(
        "template_mismatch", True,
        "a method that answers with templates tells that 1 − cos(template, w*) for a group is "
        "above `record.failures.template_mismatch`, while the burden of the group is above "
        "`safe.prevalence`",
        "the nearest of a fixed list of answers is not near",
        "`optimizer`; `group`; `size`: its persons; `value`: 1 − cosine",
        _told("template_mismatch", in_need=True), _declared("template_mismatch"),
    ),
    Kind(
        "evasion", True,
        "a policy withholds more than the share `record.failures.evasion` of its effort from a "
        "group by refusing, while the burden of the group is above `safe.prevalence`",
        "it is harmless by not helping those who need help",
        "`optimizer`; `group`; `size`: its persons; `value`: share withheld",
        _evasion, _declared("evasion"),
    ),
    Kind(
        "narrative_lock_in", True,
        "the share of persons with ℓ ≥ ½ is above `record.failures.narrative_lock_in`",
        "many no longer come back to the shared story, and corrections reach them less",
        "`size`: persons with ℓ ≥ ½; `value`: their share",
        _lock_in, _declared("narrative_lock_in"),
    ),
    Kind(
        "trust_collapse", True,
        "mean trust is below `record.failures.trust_collapse`",
        "corrections reach fewer, and fewer answer",
        "`size`: all persons; `value`: mean trust",
        _collapse, _declared("trust_collapse"),
    ),
    Kind(
        "budget_exhausted", True,
        "an optimizer has spent its budget and the state is not safe: P, or with "
        "`safe.every_group` the burden of some group, is above `safe.prevalence`",
        "from here on it can only watch",
        "`optimizer`; `size`: all persons; `value`: P",
        _exhausted, ("safe.prevalence", "safe.every_group"),
    ),
    Kind(
        "point_of_no_return", True,
        "the active ratchets alone, which no load releases, amount to a burden above "
        "`safe.prevalence`, of all or with `safe.every_group` of a group",
        "no correction of whatever size brings the state back to safety, only newcomers can",
        "`group` with `safe.every_group`; `size`: active ratchets; `value`: their burden",
        _no_return, ("safe.prevalence", "safe.every_group"),
    ),
    Kind(
        "formally_correct_while_failing", True,
        "an optimizer does at least as well by its own objective as "
        "`record.failures.objective_met` says, cos(μ, ŵ) of a policy or else the share of a "
        "group's answers that do not say active, while the lived alignment of the group is below "
        "`record.failures.formally_correct_while_failing`",
        "nothing is wrong by the measure it is held to, and most is wrong",
        "`optimizer`; `group`; `size`: its persons; `value`: lived alignment of the group",
        _formally_correct, _declared("formally_correct_while_failing", "objective_met"),
    ),
)  # fmt: skip
"""Every kind of failure, in the order in which those of one step are listed."""
