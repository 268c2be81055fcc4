"""What a mechanism is to the schedule, and the frame a step hands it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from sim.coefficients import Coefficients
from sim.compiled import inlined
from sim.population import IntArray, Population, RelayArray
from sim.scenario.schema import Scenario
from sim.spans import Result, Span, over_persons
from sim.state import State
from sim.streams import Draws, FloatArray

if TYPE_CHECKING:
    from sim.environment import Environment
    from sim.needs import Needs

Scalar = TypeVar("Scalar", bound=np.generic)

AVALANCHE = np.dtype([("branch", "i4"), ("direction", "i1"), ("size", "i8"), ("at", "f8")])
"""One avalanche; see `Frame.avalanches`."""

_TILE = 4096
"""Persons times futures of a tile: what its passes share stays in a core's cache."""


class Controller(Protocol):
    """Whatever chooses corrections: an optimizer, or a correction planned beforehand.

    A controller may also have a method `oversee(frame, controllers)`, called once all have sensed,
    in which it edits what others are about to do; and a method `intensity(frame)`, called after
    `act`, which returns how intensely it deploys, (G, R) [load²]; of those without it, ½ Σ_k u² of
    their joint effort counts.  It is asked for only where deployment is a stressor.
    """

    def sense(self, frame: Frame) -> None:
        """Take in the reports of the step before."""

    def act(self, frame: Frame) -> FloatArray:
        """Return the effort u, (G, K, R) [load]."""


@dataclass(slots=True)
class Frame:
    """One step in progress: what stages read, change and leave for later stages.

    Attributes
    ----------
    step
        Step on the environment's clock.
    stress
        e of this step left by the stressors, (G, K); (G, K, R) where deployment adds to it.
    effort
        u of this step, (G, K, R), left by the optimizers.
    burden
        c after the relays, (N, R).
    active
        Active constraints after the relays, (G, K, R).
    changes
        Relays that switched on and off in this step, (2, R).
    reports
        Persons by group, channel asked about, constraint L on it and what they said, (G, K, 2, 3,
        R): inactive, active, nothing.
    reach
        gain_i of this step, (N, R) [load per unit of correction].
    relief
        What a unit of correction takes off the load, (N, R) [load]; `reach` without backlash.
    listening
        Whether anyone reads the reports of this step.
    held
        E and a as they stood before the step, where relays relax adiabatically; else empty.
    avalanches
        Relays that switched together in this step, one row an avalanche, branch by branch in
        order: branch, direction (1 on, −1 off), size [relays], and at, where in the step, in
        [0, 1]; nothing where each relay is updated once.
    listeners
        Rows and entries of the transposed network, once they were asked for.
    needs
        Wants and needs at the start of the step, once they were asked for.
    """

    population: Population
    coefficients: Coefficients
    environment: Environment
    draws: Draws
    state: State
    controllers: Sequence[Controller]
    listening: bool
    step: int
    stress: FloatArray
    effort: FloatArray
    burden: FloatArray
    active: IntArray
    changes: IntArray
    reports: IntArray
    reach: FloatArray
    relief: FloatArray
    spare_constraint: RelayArray
    spare_narrative: FloatArray
    held: tuple[FloatArray, FloatArray] = field(
        default_factory=lambda: (np.empty((0, 0, 0)), np.empty((0, 0, 0)))
    )
    avalanches: npt.NDArray[np.void] = field(default_factory=lambda: np.empty(0, AVALANCHE))
    listeners: tuple[IntArray, npt.NDArray[np.int32]] | None = None
    needs: Needs | None = None

    def over_persons(self, work: Callable[[Span], Result]) -> list[Result]:
        """Return what `work` gives for each span of persons; see `sim.spans.over_persons`."""
        return over_persons(work, self.population.n_persons, n_branches=self.state.n_branches)

    def prevalence(self) -> FloatArray:
        """Return P = mean c, (R,), exact whatever the order of persons."""
        share = weighted(self.coefficients.weight, self.active.sum(axis=0))
        return share / self.population.n_persons

    @classmethod
    def begin(
        cls,
        population: Population,
        state: State,
        *,
        coefficients: Coefficients,
        environment: Environment,
        draws: Draws,
        controllers: Sequence[Controller] = (),
        listening: bool = False,
    ) -> Frame:
        """Return a frame with its work space laid out for the state's branches."""
        n_channels, _, n_branches = state.exposure.shape
        n_groups, reach = population.group_share.size, np.zeros_like(state.trust)
        frame = cls(
            population=population,
            coefficients=coefficients,
            environment=environment,
            draws=draws,
            state=state,
            controllers=controllers,
            listening=listening,
            step=0,
            stress=np.zeros((n_groups, n_channels)),
            effort=np.zeros((n_groups, n_channels, n_branches)),
            burden=np.zeros_like(state.trust),
            active=np.zeros((n_groups, n_channels, n_branches), dtype=np.int64),
            changes=np.zeros((2, n_branches), dtype=np.int64),
            reports=np.zeros((n_groups, n_channels, 2, 3, n_branches), dtype=np.int64),
            reach=reach,
            relief=np.zeros_like(reach) if coefficients.backlash > 0.0 else reach,
            spare_constraint=np.zeros_like(state.constraint),
            spare_narrative=np.zeros_like(state.narrative),
        )
        frame.take_stock()
        return frame

    def take_stock(self) -> None:
        """Set burden and active counts from the state as it stands."""
        constraint, weight = self.state.constraint, self.coefficients.weight
        self.burden[...] = 0.0
        for k in range(weight.size):
            self.burden += weight[k] * constraint[k]
            for g in range(self.active.shape[0]):
                members = self.population.group == g
                self.active[g, k] = constraint[k, members].sum(axis=0, dtype=np.int64)


def several(state: State) -> int | None:
    """Return R, or None for a single branch: kernels are compiled apart for that case."""
    return None if state.n_branches == 1 else state.n_branches


def flat(column: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Return a view with persons and branches merged into one last axis."""
    return column.reshape(*column.shape[:-2], -1)


@inlined
def tile_of(n_branches):  # type: ignore[no-untyped-def]
    """Return how many persons to take through all passes of a kernel before the next ones."""
    return max(_TILE // n_branches, 1)


@inlined
def run_of(group_starts, person):  # type: ignore[no-untyped-def]
    """Return which run of persons of one group a person is in.

    Inside a run nothing depends on the group, so that kernels may use vector instructions.
    """
    return np.searchsorted(group_starts, person, side="right") - 1


def weighted(weight: FloatArray, columns: npt.NDArray[np.generic]) -> FloatArray:
    """Return Σ_k weight[k] columns[k], added up in that order.

    A matrix product may add in another order for another number of branches; this does not.
    """
    total = np.zeros(columns.shape[1:])
    for factor, column in zip(weight, columns, strict=True):
        total += factor * column
    return total


class Order(NamedTuple):
    """Whether a mechanism keeps the order of states (assumption A1), and why."""

    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One entry of the schedule.

    Attributes
    ----------
    name, summary, equation
        What is printed by the command line and in the ODD.
    reads, writes
        Columns and frame fields, by name.
    run
        Does it, in place.
    order
        Derives from a scenario whether the mechanism keeps order.
    """

    name: str
    summary: str
    equation: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    run: Callable[[Frame], None]
    order: Callable[[Scenario], Order]
