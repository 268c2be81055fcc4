"""Courses of correction to choose from: first drafts over a whole run, and changes to a draft.

A course is what is spent by step, kind (effort; and capital, where anything may be built), group
and channel: (T, 1 or 2, G, K) [load].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from sim.streams import FloatArray

_LENGTHS = (1.0, 0.5, 0.25, 0.125)
_OFFSETS = (0.0, 0.25, 0.5)
_HEIGHTS = (1.0, 0.5, 0.25)
_SEGMENTS = 4
_HALVINGS = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """What a course may cost and how strong it may be.

    Attributes
    ----------
    price
        Of a unit of each kind of spending in each group, (1 or 2, G, 1) [per person].
    budget
        What all of it may cost [load per person].
    u_max
        Largest effort on a channel of a group in a step [load].
    """

    price: FloatArray
    budget: float
    u_max: float

    def cost(self, courses: FloatArray) -> FloatArray:
        """Return what each course costs, (C,)."""
        cost: FloatArray = (courses * self.price).sum(axis=(1, 2, 3, 4))
        return cost

    def within(self, courses: FloatArray) -> FloatArray:
        """Return the courses, (C, T, 1 or 2, G, K), clipped to u_max and scaled to the budget."""
        kept = np.maximum(courses, 0.0)
        np.minimum(kept[:, :, 0], self.u_max, out=kept[:, :, 0])
        cost = self.cost(kept)
        scale = np.divide(self.budget, cost, out=np.ones_like(cost), where=cost > self.budget)
        bounded: FloatArray = kept * scale[:, None, None, None, None]
        return bounded

    def strongest(self, shape: FloatArray, kind: int) -> FloatArray:
        """Return a course of a shape, (T, G, K), as high as budget and u_max allow.

        It is empty, where neither sets a limit to what is built.
        """
        course = np.zeros((shape.shape[0], self.price.shape[0], *shape.shape[1:]))
        course[:, kind] = shape
        cost = float(self.cost(course[None])[0])
        afforded = self.budget / cost if cost > 0.0 else np.inf
        allowed = self.u_max / shape.max() if kind == 0 and shape.any() else np.inf
        height = min(afforded, allowed)
        return course * (height if np.isfinite(height) else 0.0)


def profiles(n_steps: int) -> FloatArray:
    """Return how strong a course may be over time, (P, T): constant and decaying pulses."""
    step, found = np.arange(n_steps), []
    for offset in {int(share * n_steps) for share in _OFFSETS}:
        for length in {max(int(share * n_steps), 1) for share in _LENGTHS}:
            turn = step - offset
            pulse = ((turn >= 0) & (turn < length)).astype(np.float64)
            found += [pulse, pulse * 0.5 ** (_HALVINGS * np.maximum(turn, 0) / length)]
    return np.unique(found, axis=0)


def broad(weight: FloatArray, *, needs: list[FloatArray]) -> list[FloatArray]:
    """Return directions towards everyone, (G, K): by weight, and by each of the needs."""
    by_weight = np.tile(weight, (needs[0].shape[0], 1))
    return [by_weight, *(need for need in needs if need.any())]


def narrow(weight: FloatArray, *, n_groups: int) -> list[FloatArray]:
    """Return directions, (G, K), towards each channel alone and each group alone."""
    each_channel = [np.tile(row, (n_groups, 1)) for row in np.eye(weight.size)]
    return [*each_channel, *(np.outer(row, weight) for row in np.eye(n_groups))]


def drafts(towards: list[FloatArray], bounds: Bounds, *, following: FloatArray) -> FloatArray:
    """Return courses to begin with, (C, T, 1 or 2, G, K): none, and each of one kind alone.

    Parameters
    ----------
    towards
        Directions of pulses, (G, K) each.
    following
        What to follow step by step, (T, G, K): as it is, and a step ahead of it.
    """
    n_steps = following.shape[0]
    ahead = np.concatenate([following[1:], following[-1:]])
    shapes = [following, ahead]
    shapes += [p[:, None, None] * d for p in profiles(n_steps) for d in towards]
    found = [np.zeros((n_steps, bounds.price.shape[0], *towards[0].shape))]
    for kind in range(bounds.price.shape[0]):
        found += [bounds.strongest(shape, kind) for shape in shapes]
    return np.asarray(np.unique(bounds.within(np.array(found)), axis=0))


def redirected(courses: FloatArray, towards: list[FloatArray], bounds: Bounds) -> FloatArray:
    """Return courses with the time course of the given ones, of each kind and in each direction."""
    n_courses, n_steps, n_kinds, *_ = courses.shape
    over_time = courses.sum(axis=(3, 4)).transpose(0, 2, 1).reshape(n_courses * n_kinds, n_steps)
    found = [np.zeros((n_steps, *bounds.price.shape[:2], courses.shape[-1]))]
    for profile, kind, direction in product(over_time, range(n_kinds), towards):
        highest = bounds.strongest(profile[:, None, None] * direction, kind)
        found += [height * highest for height in _HEIGHTS]
    return np.asarray(np.unique(bounds.within(np.array(found)), axis=0))


def mixed(course: FloatArray, others: FloatArray, bounds: Bounds) -> FloatArray:
    """Return mixtures of a course with others: a quarter, a half, three quarters, all of both."""
    parts = [share * course + (1.0 - share) * others for share in (0.25, 0.5, 0.75)]
    return bounds.within(np.concatenate([course + others, *parts]))


def changed(course: FloatArray, by: float, bounds: Bounds) -> FloatArray:
    """Return changes to a course: higher and lower, earlier and later, and part by part.

    Parameters
    ----------
    by
        How much, in (0, 1]: of its height, and of the budget put into a part.
    """
    whole = [course * (1.0 + by), course * (1.0 - by)]
    return bounds.within(
        np.array([*whole, *_moved(course, by), *_part_by_part(course, by, bounds)])
    )


def _moved(course: FloatArray, by: float) -> Iterator[FloatArray]:
    """Yield the course some steps later and earlier."""
    for steps in {1, max(int(by * course.shape[0] / 4), 1)}:
        nothing = np.zeros_like(course[:steps])
        yield np.concatenate([nothing, course[:-steps]])
        yield np.concatenate([course[steps:], nothing])


def _part_by_part(course: FloatArray, by: float, bounds: Bounds) -> Iterator[FloatArray]:
    """Yield the course with more, and with less, in each segment of time on a channel or group."""
    n_steps, n_kinds, n_groups, n_channels = course.shape
    for steps in np.array_split(np.arange(n_steps), min(_SEGMENTS, n_steps)):
        for kind in range(n_kinds):
            for part in range(n_groups + n_channels):
                mask = np.zeros((n_steps, n_groups, n_channels))
                if part < n_groups:
                    mask[steps, part] = 1.0
                else:
                    mask[steps, :, part - n_groups] = 1.0
                yield course + by * bounds.strongest(mask, kind)
                less = course.copy()
                less[:, kind] *= 1.0 - by * mask
                yield less
