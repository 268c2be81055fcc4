"""What every optimizer is: a Mesa agent with a sensor, an actuator and a budget."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Self

import mesa
import numpy as np
import numpy.typing as npt

from sim.needs import Needs
from sim.optimizers.purses import ROWS, coordinated, limit_of
from sim.population import setup_draws
from sim.processes.correction import intensity_of
from sim.processes.stage import Frame, weighted
from sim.scenario.schema.optimizers import OptimizerBlock
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.model import AlignmentModel

SPENDING: tuple[str, ...] = (
    "effort",
    "demonstration",
    "label",
    "revision",
    "query",
    "audit",
    "training",
    "inference",
    "utility",
    "volume",
    "proof",
    "capital",
    "advice",
)
"""What money is spent on; each has a price in the scenario's `prices`."""

TOLD_BY_METHODS: tuple[str, ...] = ("stale_rules", "region_leakage", "template_mismatch")
"""Kinds of failure that only the method itself can know of; see `Optimizer.evidence`."""

Tunable = Mapping[str, tuple[float, ...]]

ITEMS = 1 << 24
"""Items of a stream kept for each optimizer, so that what one asks shifts nobody else's draws."""


class Optimizer(mesa.Agent):  # type: ignore[misc]
    """An aligned system's stand-in: senses reports, never the persons themselves.

    Its state carries the branch axis, so one agent serves a batch of futures: every array among
    its attributes has branches last, of which one stands for all that do not differ yet.

    Attributes
    ----------
    place
        Its place among the scenario's optimizers.
    spent
        Spent so far at the scenario's prices, (R,) [load per person].
    bills
        The same by what it was spent on, (kinds of `SPENDING`, R).
    account
        Where it stands with its purse, (rows of `sim.optimizers.purses`, R).
    given
        Effort it last paid for, (G, K, R) [load], in step `acted`.
    """

    tunable: ClassVar[Tunable] = MappingProxyType({})
    """Fields that a comparison tunes, and the values it tries."""

    def __init__(self, model: AlignmentModel, spec: OptimizerBlock, place: int = 0) -> None:
        super().__init__(model)
        self.spec = spec
        self.place = place
        self.spent: FloatArray = np.zeros(1)
        self.bills: FloatArray = np.zeros((len(SPENDING), 1))
        self.account: FloatArray = np.zeros((ROWS, 1))
        self.paid_out = self.acted = -1
        self.given: FloatArray = np.zeros((1, 1, 1))

    @property
    def first(self) -> int:
        """Number of its first item in streams that several optimizers draw from."""
        return self.place * ITEMS

    def sense(self, frame: Frame) -> None:
        """Take in the reports of the step before."""

    def hear_of_shift(self, frame: Frame) -> None:
        """Take in that the world has changed, where a shift is announced."""

    def oversee(self, frame: Frame, others: Sequence[Optimizer]) -> None:
        """Edit what others, and itself, are about to do, once all have sensed."""

    def act(self, frame: Frame) -> FloatArray:
        """Return the effort u of this step, (G, K, R) [load]."""
        raise NotImplementedError

    def step(self) -> None:
        """Sense and act once on the model as it stands.

        The schedule's stage `optimizers` has every optimizer do so in every step; called by hand
        this is one correction more.
        """
        frame = self.model.frame
        frame.needs = None
        self.sense(frame)
        effort, before = self.act(frame), frame.effort.copy()
        frame.effort += effort
        frame.state.correction += effort
        if frame.state.intensity.size:
            own = getattr(self, "intensity", None)
            joint = intensity_of(frame.effort) - intensity_of(before)
            frame.state.intensity += joint if own is None else own(frame)

    def needs(self, frame: Frame) -> Needs:
        """Return wants and needs at the start of the step, reckoned once for all who ask."""
        if frame.needs is None:
            scenario = self.model.resolved
            traits = setup_draws(scenario, frame.draws)
            frame.needs = Needs.of(frame, scenario.preferences, traits=traits)
        return frame.needs

    def evidence(self, frame: Frame) -> Mapping[str, FloatArray]:
        """Return what tells of failures that only this method can know of, by kind.

        Asked for at the end of every step from the start on, for the ledger of failures; it
        changes nothing, and may look at what the method itself cannot sense.

        Returns
        -------
        Keys are of `TOLD_BY_METHODS`, values (G, R): larger is worse, nan where there is nothing
        to tell.  Nothing unless a method says so.
        """
        return {}

    def objective(self, frame: Frame) -> FloatArray:
        """Return how well the method does by its own lights, (G, R), at most 1; nan for no idea.

        The share of the answers of this step that do not say "active", unless a method has
        another objective.
        """
        answers = frame.state.answers.sum(axis=1)
        silent = answers == 0
        positives = frame.state.positives.sum(axis=1) / np.where(silent, 1, answers)
        objective: FloatArray = np.where(silent, np.nan, 1.0 - positives)
        return objective

    @property
    def exhausted(self) -> npt.NDArray[np.bool_]:
        """Whether nothing is left to spend but for rounding, (R,)."""
        budget = self.spec.budget
        return np.asarray(self.spent >= budget - 1e-9 * max(budget, 1e-9))

    def widen(self, n_branches: int) -> None:
        """Give every array the branches of the frame."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and value.shape[-1] == 1 < n_branches:
                setattr(self, name, np.repeat(value, n_branches, axis=-1))

    def buy(self, kind: str, quantity: FloatArray | float) -> FloatArray:
        """Spend on a quantity and return the share of it that the budget affords, (R,).

        Parameters
        ----------
        kind
            One of `SPENDING`.
        quantity
            How many, (R,); of effort: per person [load].
        """
        if self.spec.purse is not None:
            self.widen(self.model.frame.state.n_branches)
        price = getattr(self.model.resolved.prices, kind)
        bill = np.broadcast_to(np.asarray(price * quantity, dtype=np.float64), self.spent.shape)
        budget = limit_of(self, bill)
        left = np.maximum(budget - self.spent, 0.0)
        share = np.divide(left, bill, out=np.ones_like(bill), where=bill > left)
        self.spent = np.minimum(self.spent + bill * share, np.maximum(budget, self.spent))
        self.bills[SPENDING.index(kind)] += bill * share
        return share

    def pay(self, wanted: FloatArray, *, frame: Frame) -> FloatArray:
        """Return the wanted effort scaled down to what is left of the budget, and spend it.

        Parameters
        ----------
        wanted
            (G, K, R) [load].
        """
        self.widen(wanted.shape[-1])
        if self.spec.coordination is not None:
            wanted = coordinated(self, wanted, frame=frame)
        per_group = weighted(np.ones(wanted.shape[1]), wanted.swapaxes(0, 1))
        paid: FloatArray = wanted * self.buy(
            "effort", weighted(frame.population.group_share, per_group)
        )
        self.given, self.acted = paid, frame.step
        return paid

    def transplant(self, model: AlignmentModel) -> Self:
        """Return an independent copy that lives in another model."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(twin, name, value.copy())
        twin.model = model
        model.register_agent(twin)
        return twin


class Idle(Optimizer):
    """The baseline: never corrects anything."""

    def act(self, frame: Frame) -> FloatArray:
        """Return no effort."""
        return np.zeros_like(frame.effort)

    def objective(self, frame: Frame) -> FloatArray:
        """Return no idea, (G, 1): it strives for nothing."""
        return np.full((frame.population.group_share.size, 1), np.nan)

    @property
    def exhausted(self) -> npt.NDArray[np.bool_]:
        """Never, (1,): it buys nothing."""
        return np.zeros(1, dtype=bool)
