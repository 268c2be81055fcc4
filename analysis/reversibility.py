"""The certificate of reversibility and the reversible twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from analysis.ensemble import Surroundings
from analysis.restoration import FloatArray
from sim.coefficients import Coefficients
from sim.engine import advance
from sim.environment import Environment
from sim.model import AlignmentModel
from sim.population import Population
from sim.processes.sensitisation import largest_wear
from sim.processes.stage import weighted
from sim.processes.stressors import deployment, hit_by, stress_table
from sim.processes.unsettled import highest, unsettling
from sim.properties import keeps_order, meets_at_random
from sim.scenario.resolve import full
from sim.scenario.schema import Scenario
from sim.scenario.schema.base import Constant, each
from sim.state import State
from sim.streams import Draws
from sim.sweep.executors import Stopped


@dataclass(frozen=True, slots=True)
class Certificate:
    """Outcome of resting the worst state on the bench.

    Attributes
    ----------
    reached_zero
        Whether prevalence reached 0.
    steps
        Steps it took, or steps tried; 0 where ratchets decide it beforehand.
    prevalence
        Prevalence at the end, or that of the ratchets alone [share].
    proof
        Whether reaching 0 proves it for every state that the worst one dominates: only in a
        cooperative scenario, where the worst path stays above all others.
    """

    reached_zero: bool
    steps: int
    prevalence: float
    proof: bool

    @property
    def holds(self) -> bool:
        """Whether reversibility is certified."""
        return self.reached_zero and self.proof


def worst_state(population: Population, exposure: FloatArray, *, start: State) -> State:
    """Return the state that dominates all others with exposure up to the one given, (K, N).

    Parameters
    ----------
    start
        Where the scenario starts.  Its anchors stay, so that they dominate; where it has a column
        for wear, every activation threshold is at its floor.
    """
    stored, worn = population.up.dtype, largest_wear(population)[:, :, None]
    return replace(
        start.copy(),
        exposure=exposure[:, :, None].astype(stored),
        constraint=np.ones_like(start.constraint),
        narrative=np.ones_like(start.narrative),
        lock_in=np.ones_like(start.lock_in),
        trust=np.zeros_like(start.trust),
        correction=np.zeros_like(start.correction),
        wear=worn.astype(stored) if start.wear.size else start.wear,
    )


def exposure_bound(scenario: Scenario, population: Population) -> FloatArray | None:
    """Return the largest exposure that can ever be reached, e_max v / λ or the initial one, (K, N).

    None where there is no bound: noise, no leak, stress that chance or deployment drives, or a
    random start.
    """
    scenario = full(scenario)
    leak = np.array(list(each(scenario.exposure.leak).values()))
    highest_stress = largest_stress(scenario)
    if scenario.exposure.noise > 0.0 or not leak.all() or highest_stress is None:
        return None
    own = [g.initial for g in scenario.population.groups.values() if g.initial is not None]
    if scenario.population.initial.file is not None or any(i.exposure is not None for i in own):
        return None
    start = [
        d.value if isinstance(d, Constant) else np.inf
        for d in each(scenario.population.initial.exposure).values()
    ]
    if not np.isfinite(start).all():
        return None
    peak = highest_stress.T[:, population.group]
    with np.errstate(over="ignore"):  # a leak next to nothing leaves no bound either
        reached = peak * population.vulnerability / leak[:, None]
    bound: FloatArray = np.maximum(reached, np.array(start)[:, None])
    if scenario.precision == "single":
        # Each step may round E up by a part in 2²⁴, and the leak forgets that as it forgets stress.
        bound *= 1.0 + float(np.finfo(np.float32).eps) / leak[:, None]
    return bound if np.isfinite(bound).all() else None


def largest_stress(scenario: Scenario) -> FloatArray | None:
    """Return a stress that a resolved scenario never exceeds, (G, K); None without a bound."""
    if deployment(scenario) is not None:
        return None
    peak: FloatArray = stress_table(scenario).max(axis=0)
    for stressor in unsettling(scenario).values():
        if highest(stressor) == np.inf:
            return None
        peak += highest(stressor) * hit_by(stressor, scenario)
    return peak


def certify(surroundings: Surroundings, exposure: FloatArray) -> Certificate:
    """Return whether the worst state, with exposure (K, N), rests to prevalence 0 on the bench.

    On the bench nobody is replaced, so a ratchet that is on stays on: where there are any, the
    outcome is known and no step is made.
    """
    scenario = surroundings.scenario
    proof = keeps_order(scenario) and not meets_at_random(scenario)
    ratchets = np.isneginf(surroundings.population.down)
    if ratchets.any():
        weight = Coefficients.of(scenario).weight
        return Certificate(False, 0, float(weighted(weight, ratchets.mean(axis=1))), proof)
    start = State.initial(scenario, surroundings.population, surroundings.draws)
    state = worst_state(surroundings.population, exposure, start=start)
    frame = surroundings.frame(state, step=0)
    for step in range(1, scenario.twin.certificate_steps + 1):
        if surroundings.stopped():
            raise Stopped
        advance(frame, 1)
        prevalence = float(frame.prevalence()[0])
        if prevalence == 0.0:
            return Certificate(True, step, 0.0, proof)
    return Certificate(False, scenario.twin.certificate_steps, prevalence, proof)


def twin_at(scenario: Scenario, factor: float) -> Scenario:
    """Return the reversible twin with J, κ and Γ scaled by a factor in [0, 1]."""
    scenario = full(scenario)
    minima, constraints = scenario.twin, scenario.constraints
    leak = {k: max(v, minima.leak) for k, v in each(scenario.exposure.leak).items()}
    narrative = scenario.narrative
    heal = min(max(narrative.heal, minima.heal), 1.0 - narrative.social)
    zero = Constant(value=0.0)
    return scenario.model_copy(
        update={
            "name": f"{scenario.name[:59]}_twin",
            "exposure": scenario.exposure.model_copy(update={"leak": leak}),
            "constraints": constraints.model_copy(
                update={
                    "width": dict.fromkeys(scenario.channels, zero),
                    "ratchet_share": dict.fromkeys(scenario.channels, 0.0),
                    "damage": dict.fromkeys(scenario.channels, 0.0),
                    "coupling": _scaled(constraints.coupling, factor),
                    "narrative_feed": _scaled(constraints.narrative_feed, factor),
                    "spillover": {
                        outer: {inner: factor * load for inner, load in row.items()}
                        for outer, row in constraints.spillover.items()
                    },
                }
            ),
            "narrative": narrative.model_copy(
                update={"heal": heal, "unlock": max(narrative.unlock, minima.unlock)}
            ),
            "trust": scenario.trust.model_copy(
                update={"trust_gain": max(scenario.trust.trust_gain, minima.trust_gain)}
            ),
            "feedback": scenario.feedback.model_copy(update={"exit": 0.0}),
        }
    )


def _scaled(value: float | Mapping[str, float], factor: float) -> dict[str, float]:
    return {name: factor * number for name, number in each(value).items()}


def reversible_twin(
    scenario: Scenario, *, stopped: Callable[[], bool] = lambda: False
) -> tuple[Scenario, float]:
    """Return the twin and the factor its coupling was given.

    The factor is the largest on the grid whose twin passes the certificate with the population
    of every replicate; 0 where none does.  In a cooperative scenario a larger factor is nowhere
    better, so the grid is bisected; elsewhere it is walked down from 1.
    """
    scenario = full(scenario)
    n = scenario.twin.factors
    replicates = scenario.restoration.replicates
    uncoupled = twin_at(scenario, 0.0)
    benches = [_Bench.of(uncoupled, 0)]
    alike = scenario.population.resample == "noise"
    if not (alike and exposure_bound(uncoupled, benches[0].population) is not None):
        # Persons, or the exposure they reach, differ between replicates.
        benches += [_Bench.of(uncoupled, r) for r in range(1, replicates)]

    def passes(step: int) -> bool:
        twin = twin_at(scenario, step / n)
        return all(bench.certify(twin, stopped).reached_zero for bench in benches)

    best = (_bisect if keeps_order(scenario) else _walk_down)(passes, n)
    return twin_at(scenario, best / n), best / n


@dataclass(frozen=True, slots=True, eq=False)
class _Bench:
    """One replicate's persons, who are the same whatever the factor on coupling."""

    population: Population
    draws: Draws

    @classmethod
    def of(cls, scenario: Scenario, replicate: int) -> _Bench:
        draws = Draws(scenario.seed, replicate, "scenario")
        return cls(Population.draw(scenario, draws), draws)

    def certify(self, twin: Scenario, stopped: Callable[[], bool]) -> Certificate:
        surroundings = Surroundings(
            twin, self.population, self.draws, Environment.bench(twin), stopped
        )
        exposure = exposure_bound(twin, self.population)
        if exposure is None:
            exposure = largest_exposure(twin, self.population, self.draws)
        return certify(surroundings, exposure)


def _bisect(passes: Callable[[int], bool], n: int) -> int:
    if passes(n):
        return n
    low, high = 0, n
    if not passes(low):
        return low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def _walk_down(passes: Callable[[int], bool], n: int) -> int:
    for step in range(n, 0, -1):
        if passes(step):
            return step
    passes(0)
    return 0


def largest_exposure(scenario: Scenario, population: Population, draws: Draws) -> FloatArray:
    """Return the largest exposure each person reaches in one run of the scenario, (K, N).

    Optimizers, which can only lower it, act where their deployment is a stressor.
    """
    if deployment(scenario) is not None:
        frame = AlignmentModel(scenario, replicate=draws.replicate).frame
    else:
        environment = Environment.of(scenario, draws)
        surroundings = Surroundings(scenario, population, draws, environment)
        frame = surroundings.frame(State.initial(scenario, population, draws), step=0)
    peak: FloatArray = frame.state.exposure[:, :, 0].copy()
    for _ in range(scenario.time.steps):
        advance(frame, 1)
        np.maximum(peak, frame.state.exposure[:, :, 0], out=peak)
    return peak
