"""Expose – rest – restore for one replicate: the rows every table of a cost run is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.chronicle import Chronicle, mean_exposure, rests_of
from analysis.crossings import first_passage
from analysis.ensemble import EnsembleProblems, Surroundings, joined, rest
from analysis.restoration import TARGETS, Family, FloatArray, Restorations, restore
from analysis.reversibility import Certificate, certify, exposure_bound
from sim.engine import advance
from sim.environment import Environment
from sim.model import AlignmentModel
from sim.population import ROUNDING
from sim.processes.stage import Frame
from sim.properties import keeps_order
from sim.scenario.resolve import delays_of, full
from sim.scenario.schema import Scenario
from sim.state import State

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one replicate of one scenario yielded, as rows of the run's tables.

    Attributes
    ----------
    cost
        One row a delay and target.
    remanence
        One row a rest after the longest delay.
    crossings
        One row a declared threshold.
    path, narrative, flows, persons, ties
        As in `analysis.chronicle.Chronicle`: exposure, and the longest rest after the longest
        delay.  Persons and ties of the first replicate only.
    checks
        One row: delays at which the path was nowhere better than before (A2), inversions of
        feasibility in height, plans tried, certificate.
    """

    cost: list[Row] = field(default_factory=list)
    remanence: list[Row] = field(default_factory=list)
    crossings: list[Row] = field(default_factory=list)
    path: list[Row] = field(default_factory=list)
    narrative: list[Row] = field(default_factory=list)
    flows: list[Row] = field(default_factory=list)
    persons: list[Row] = field(default_factory=list)
    ties: list[Row] = field(default_factory=list)
    checks: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class _Exposure:
    """Snapshots at the delays, no correction in force, path of prevalence, peak of exposure."""

    snapshots: list[State]
    prevalence: list[float]
    peak: FloatArray


def measure(
    scenario: Scenario,
    replicate: int,
    *,
    role: str = "scenario",
    stopped: Callable[[], bool] = lambda: False,
) -> Measurement:
    """Return the cost of restoring one replicate after every delay of the scenario.

    Parameters
    ----------
    role
        Label of the rows: the scenario itself, or its twin.
    stopped
        Asked between batches; true ends the measurement with `sim.sweep.executors.Stopped`.
    """
    scenario = full(scenario)
    if scenario.shifts:
        raise ValueError("cost is measured in a world that does not shift; leave out `shifts`")
    model = AlignmentModel(scenario, replicate=replicate)
    delays = delays_of(scenario)
    label: Row = {"role": role, "replicate": replicate}
    chronicle = Chronicle(label, scenario, sampled=replicate == 0)
    exposed = _expose(model, delays, chronicle)
    bench = surroundings = _on(Environment.bench(scenario), model, stopped)
    if scenario.restoration.environment != "bench":
        surroundings = _on(Environment.of(scenario, model.frame.draws), model, stopped)
    after_delays = _rest_all(surroundings, exposed.snapshots, delays)
    after_rests = _rest_longer(bench, exposed.snapshots[-1], delays[-1], chronicle)
    n_problems = after_delays.clocks.size + after_rests.clocks.size
    evaluate = joined([after_delays, after_rests])
    found = restore(evaluate, n_problems, family_of(scenario))
    result = Measurement(
        cost=_cost_rows(label, after_delays, exposed, delays, found),
        path=chronicle.path,
        narrative=chronicle.narrative,
        flows=chronicle.flows,
        persons=chronicle.persons,
        ties=chronicle.ties,
    )
    for crossing in scenario.record.crossings:
        step = first_passage(exposed.prevalence, level=crossing.level, direction=crossing.direction)
        row = {"level": crossing.level, "direction": crossing.direction, "step": step}
        result.crossings.append({**label, **row, "censored": step is None})
    result.remanence.extend(_remanence_rows(label, after_rests, delays, found))
    certificate = _certificate(bench, exposed)
    rounding = ROUNDING[scenario.precision]
    result.checks.append(_check_row(label, exposed, found, certificate, rounding=rounding))
    return result


def family_of(scenario: Scenario) -> Family:
    """Return the corrections searched for a scenario."""
    r = full(scenario).restoration
    return Family(
        horizon=r.horizon,
        lengths=r.lengths,
        u_max=r.u_max,
        tolerance=r.tolerance,
        monotone=keeps_order(scenario),
    )


def _expose(model: AlignmentModel, delays: tuple[int, ...], chronicle: Chronicle) -> _Exposure:
    frame = model.frame
    frame.listening = bool(model.optimizers)
    peak = frame.state.exposure[:, :, 0].copy()

    def note(frame: Frame) -> None:
        chronicle.note(frame, "exposure", frame.step + 1)
        np.maximum(peak, frame.state.exposure[:, :, 0], out=peak)

    chronicle.note(frame, "exposure", 0)
    snapshots = []
    for delay in delays:
        advance(frame, delay - frame.step, observe=note)
        snapshot = frame.state.copy()
        snapshot.correction[...] = 0.0
        snapshots.append(snapshot)
    advance(frame, model.resolved.time.steps - frame.step, observe=note)
    return _Exposure(snapshots, chronicle.prevalence("exposure"), peak)


def _on(
    environment: Environment, model: AlignmentModel, stopped: Callable[[], bool]
) -> Surroundings:
    population, draws = model.frame.population, model.frame.draws
    return Surroundings(model.resolved, population, draws, environment, stopped)


def _rest_all(
    surroundings: Surroundings, snapshots: list[State], delays: tuple[int, ...]
) -> EnsembleProblems:
    """Rest the state after each delay; one problem a delay."""
    n_steps = surroundings.scenario.restoration.rest
    if surroundings.scenario.restoration.environment == "bench":
        together = rest(surroundings, State.stack(snapshots), step=0, n_steps=n_steps)
        return EnsembleProblems(surroundings, together, np.zeros(len(delays), dtype=np.int64))
    apart = [
        rest(surroundings, state, step=delay, n_steps=n_steps)
        for state, delay in zip(snapshots, delays, strict=True)
    ]
    clocks = np.array(delays, dtype=np.int64) + n_steps
    return EnsembleProblems(surroundings, State.stack(apart), clocks)


def _rest_longer(
    bench: Surroundings, snapshot: State, delay: int, chronicle: Chronicle
) -> EnsembleProblems:
    """Rest one state R, 2R, 4R … steps on the bench; one problem a rest."""
    frame = bench.frame(snapshot.copy(), step=0)

    def note(frame: Frame) -> None:
        chronicle.note(frame, "rest", delay + frame.step + 1)

    chronicle.note(frame, "rest", delay)
    states = []
    for total in rests_of(bench.scenario):
        advance(frame, total - frame.step, observe=note)
        states.append(frame.state.copy())
    clocks = np.zeros(len(states), dtype=np.int64)
    return EnsembleProblems(bench, State.stack(states), clocks)


def _left(problems: EnsembleProblems) -> tuple[FloatArray, FloatArray]:
    """Return prevalence and mean exposure of the rested states, each (P,)."""
    frame = problems.surroundings.frame(problems.states, step=0)
    return frame.prevalence(), mean_exposure(frame)


def _cost_rows(
    label: Row,
    problems: EnsembleProblems,
    exposed: _Exposure,
    delays: tuple[int, ...],
    found: Restorations,
) -> list[Row]:
    rested, memory = _left(problems)
    horizon = problems.surroundings.scenario.restoration.horizon
    rows = []
    for j, delay in enumerate(delays):
        for t, target in enumerate(TARGETS):
            height, length = float(found.height[t, j]), int(found.length[t, j])
            rows.append(
                {
                    **label,
                    "delay": delay,
                    "target": target,
                    "cost": float(found.cost[t, j]),
                    "censored": not np.isfinite(found.cost[t, j]),
                    "height": height,
                    "length": length,
                    "quadratic": height * height * length if length else np.nan,
                    "constant_cost": float(found.constant[t, j]),
                    "constant_height": float(found.constant[t, j]) / horizon,
                    "least_height": float(found.least[t, j]),
                    "floor": float(found.floor[j]),
                    "prevalence_exposed": exposed.prevalence[delay],
                    "prevalence_rested": float(rested[j]),
                    "exposure_memory": float(memory[j]),
                    "harm": float(np.sum(exposed.prevalence[1 : delay + 1])),
                }
            )
    return rows


def _remanence_rows(
    label: Row, problems: EnsembleProblems, delays: tuple[int, ...], found: Restorations
) -> list[Row]:
    """Return a row a rest; their problems are numbered after those of the delays."""
    prevalence, memory = _left(problems)
    return [
        {
            **label,
            "delay": delays[-1],
            "rest": total,
            "prevalence": float(prevalence[m]),
            "exposure_memory": float(memory[m]),
            "cost_hold": float(found.cost[0, len(delays) + m]),
            "cost_heal": float(found.cost[1, len(delays) + m]),
        }
        for m, total in enumerate(rests_of(problems.surroundings.scenario))
    ]


def _certificate(bench: Surroundings, exposed: _Exposure) -> Certificate:
    bound = exposure_bound(bench.scenario, bench.population)
    return certify(bench, exposed.peak if bound is None else bound)


def _check_row(
    label: Row,
    exposed: _Exposure,
    found: Restorations,
    certificate: Certificate,
    *,
    rounding: float,
) -> Row:
    pairs = zip(exposed.snapshots, exposed.snapshots[1:], strict=False)
    violations = sum(not bool(a.no_worse_than(b, tolerance=rounding).all()) for a, b in pairs)
    return {
        **label,
        "path_violations": violations,
        "inversions": int(found.inversions.sum()),
        "evaluations": found.evaluations,
        "certificate_holds": certificate.holds,
        "certificate_steps": certificate.steps,
        "certificate_prevalence": certificate.prevalence,
    }
