"""Accounts that several optimizers spend from, and efforts that heed one another.

Nobody keeps a purse: what is left of it follows from what its members have spent, so a fork, a
batch of branches and an optimizer stepped by hand need nothing beside the members themselves.

Open to whoever comes first, a purse is a budget with several hands in it.  Otherwise it pays out
evenly over the steps that remain, to credits of its members, who may save them.  A member's bid is
what it wanted to spend in the step before; in its first payout it gets an equal share.  The auction
serves the highest ratio of proxy ŵ·μ to bid first: it rewards those who promise most for the
money, whether or not they keep it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.processes.stage import Frame, weighted
from sim.scenario.schema.optimizers import Purse
from sim.streams import FloatArray

if TYPE_CHECKING:
    from sim.optimizers.base import Optimizer

CREDIT, BID, WANTED, BEFORE, ROWS = range(5)
"""Rows of an account: paid out to it so far; its bid; what it has wanted to spend since the last
payout; what it had spent before that [load per person]."""

_LEAST = 1e-100
"""Bid below which all are as cheap [load per person]: no ratio overflows."""


def members_of(optimizer: Optimizer) -> list[Optimizer]:
    """Return who spends from the same purse, in the scenario's order."""
    acting: list[Optimizer] = optimizer.model.optimizers
    return [o for o in acting if o is optimizer or o.spec.purse == optimizer.spec.purse]


def limit_of(optimizer: Optimizer, bill: FloatArray) -> FloatArray | float:
    """Return how much an optimizer may have spent in all, (R,), and note what it wants to spend.

    Parameters
    ----------
    bill
        Of the purchase it is about to make, (R,).
    """
    if optimizer.spec.purse is None:
        return optimizer.spec.budget
    purse, members = optimizer.model.resolved.budgets[optimizer.spec.purse], members_of(optimizer)
    if purse.allocation == "first_come":
        others = np.zeros_like(optimizer.spent)
        for member in members:
            if member is not optimizer:
                others = others + member.spent
        limit: FloatArray = np.maximum(purse.amount - others, 0.0)
        return limit
    if optimizer.paid_out != optimizer.model.frame.step:
        _pay_out(purse, members, optimizer.model.frame)
    optimizer.account[WANTED] += bill
    credit: FloatArray = optimizer.account[CREDIT]
    return credit


def _pay_out(purse: Purse, members: list[Optimizer], frame: Frame) -> None:
    """Divide the step's part of a purse among the credits of those who have begun."""
    for member in members:
        member.widen(frame.state.n_branches)
        member.paid_out = frame.step
        _settle(member)
    begun = [member for member in members if member.spec.start <= frame.step]
    if not begun:
        return
    steps_left = max(members[0].model.resolved.time.steps - frame.step, 1)
    paid = np.sum([member.account[CREDIT] for member in members], axis=0)
    offered = np.maximum(purse.amount - paid, 0.0) / steps_left
    bids = np.array([member.account[BID] for member in begun])
    new = np.array([member.account[CREDIT] == 0.0 for member in begun])
    parts = np.where(new, offered / len(begun), 0.0)
    rest = np.maximum(offered - parts.sum(axis=0), 0.0)
    if purse.allocation == "auction":
        worth = np.array([_worth(member, frame) for member in begun])
        parts += auctioned(bids, worth, rest)
    else:
        total = bids.sum(axis=0)
        parts += rest * np.divide(bids, total, out=np.zeros_like(bids), where=total > 0.0)
    for member, part in zip(begun, parts, strict=True):
        member.account[CREDIT] += part


def _settle(member: Optimizer) -> None:
    """Turn what a member has wanted since the last payout into its bid.

    One that was kept short may have wanted less for it, and keeps to the higher of two bids.
    """
    account = member.account
    spent, wanted = member.spent - account[BEFORE], account[WANTED]
    short = spent < wanted * (1.0 - 1e-12)
    account[BID] = np.where(short, np.maximum(account[BID], wanted), wanted)
    account[WANTED], account[BEFORE] = 0.0, member.spent


def _worth(member: Optimizer, frame: Frame) -> FloatArray:
    """Return what a member takes its own work to be worth, mean over persons, (R,); at least 0."""
    proxy = getattr(member, "proxy", None)
    if proxy is None:
        return np.zeros(frame.state.n_branches)
    by_group = np.broadcast_to(proxy(), (frame.effort.shape[0], frame.state.n_branches))
    worth: FloatArray = np.maximum(weighted(frame.population.group_share, by_group), 0.0)
    return worth


def auctioned(bids: FloatArray, worth: FloatArray, offered: FloatArray) -> FloatArray:
    """Return what each bidder gets, (n, R): the best ratio of worth to bid first, up to its bid.

    Equal ratios are served in the scenario's order.

    Examples
    --------
    >>> bids, worth = np.array([[4.0], [2.0]]), np.array([[4.0], [3.0]])
    >>> auctioned(bids, worth, np.array([5.0])).tolist()
    [[3.0], [2.0]]
    """
    ratio = np.where(bids > 0.0, worth / np.maximum(bids, _LEAST), 0.0)
    ranks = np.argsort(-ratio, axis=0, kind="stable")
    ranked = np.take_along_axis(bids, ranks, axis=0)
    before = np.cumsum(ranked, axis=0) - ranked
    served = np.clip(offered - before, 0.0, ranked)
    parts = np.zeros_like(bids)
    np.put_along_axis(parts, ranks, served, axis=0)
    return parts


def coordinated(optimizer: Optimizer, wanted: FloatArray, *, frame: Frame) -> FloatArray:
    """Return the wanted effort in view of what those who coordinate gave before in this step.

    Parameters
    ----------
    wanted
        (G, K, R) [load].
    """
    earlier = [
        o.given
        for o in optimizer.model.optimizers
        if o is not optimizer and o.spec.coordination is not None and o.acted == frame.step
    ]
    given = sum(earlier, np.zeros_like(wanted))
    if optimizer.spec.coordination == "subtract":
        return np.maximum(wanted - given, 0.0)
    return np.minimum(wanted, np.maximum(frame.coefficients.u_max - given, 0.0))
