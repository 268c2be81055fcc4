"""How much reports tell: information, ranking and calibration, estimated from counts.

Silence is not a symbol: it counts in the share who answered and in whom a cell's answers stand
for, never among the reports.  Every estimator takes counts and gives nan where nothing can be
measured.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.compiled import kernel

Counts = npt.NDArray[np.int64]


def information(counts: Counts) -> float:
    """Return the mutual information of what is and what is said [bits per answer].

    Miller–Madow: each entropy of the plug-in gains (cells not empty − 1) / 2n nats.  Noise makes
    the plug-in too large; this estimate is right on average up to terms of order 1/n² where no
    cell is empty, so it is at times below 0 and is not cut off there, which would bring the bias
    back.

    Parameters
    ----------
    counts
        Answers by constraint and report, (2, 2).

    Notes
    -----
    G. A. Miller (1955), Note on the bias of information estimates.

    Examples
    --------
    >>> round(information(np.array([[30, 20], [10, 40]])), 4)
    0.1173
    >>> round(information(np.array([[25, 25], [25, 25]])), 4)
    -0.0072
    """
    (a, b), (c, d) = counts.tolist()
    n = a + b + c + d
    if n == 0:
        return math.nan
    apart = _entropy((a + b, c + d), n) + _entropy((a + c, b + d), n)
    return apart - _entropy((a, b, c, d), n)


def _entropy(counts: tuple[int, ...], n: int) -> float:
    """Return Miller and Madow's estimate of an entropy [bits]."""
    filled = [count / n for count in counts if count > 0]
    plug_in = -sum(share * math.log2(share) for share in filled)
    return plug_in + (len(filled) - 1) / (2.0 * n * math.log(2.0))


def ranking(counts: Counts) -> float:
    """Return how likely a constrained person's report ranks above an unconstrained one's (AUC).

    Ties count one half, so that for a report of one bit it is (1 + TPR − FPR) / 2; nan where
    nobody who answered is constrained, or everybody is.

    Parameters
    ----------
    counts
        Answers by constraint and report, (2, 2).

    Examples
    --------
    >>> ranking(np.array([[90, 10], [20, 80]]))
    0.85
    """
    (right_0, wrong_0), (wrong_1, right_1) = counts.tolist()
    if right_0 + wrong_0 == 0 or wrong_1 + right_1 == 0:
        return math.nan
    return float(0.5 * (1.0 + right_1 / (wrong_1 + right_1) - wrong_0 / (right_0 + wrong_0)))


class Calibration(NamedTuple):
    """How far reports lie from life, over cells weighted by their answers.

    Attributes
    ----------
    bias
        Mean difference, reported less true: above 0 where things look worse than they are.
    square
        Mean squared difference, its sampling variance taken off; right on average, at times < 0.
    """

    bias: float
    square: float

    @property
    def error(self) -> float:
        """Root of the square, 0 where the square is below 0."""
        return math.sqrt(max(self.square, 0.0)) if self.square == self.square else math.nan


def calibration(cells: Counts) -> Calibration:
    """Return how far the shares reported active lie from the shares truly active.

    A cell's truth is the share active among all who were asked, the silent too, so that answers
    missing not at random show.  Cells with one answer tell no variance and count in the bias only.

    Parameters
    ----------
    cells
        Persons asked, by cell, constraint and report (inactive, active, nothing), (C, 2, 3).

    Notes
    -----
    Debiased as in Kumar, Liang, Ma (2019), Verified uncertainty calibration, who take off
    p(1 − p)/(n − 1) for n answers of which a share p says active.  Here the same persons stand on
    both sides, which makes the difference less variable than p alone, so what is taken off is the
    variance of the difference: n/(n − 1) · Σ z²/M² over the M persons asked, with z = (y − p) M/n
    of those who answered (0 of the silent) less (L − truth).  Where few of many answer it is
    Kumar's term; where all answer and none misreports it is 0, as it should be.

    Examples
    --------
    >>> calibration(np.array([[[40, 10, 0], [0, 50, 0]]])).bias
    0.1
    """
    return Calibration(*_compare(cells))


@kernel
def _compare(cells):  # type: ignore[no-untyped-def]
    """Return bias and square over cells, nan where there is nothing to average."""
    bias, square, n_all, n_several = 0.0, 0.0, 0, 0
    for cell in cells:
        n, asked = cell[:, :2].sum(), cell.sum()
        if n == 0:
            continue
        reported, truth = cell[:, 1].sum() / n, cell[1].sum() / asked
        gap, spread = reported - truth, 0.0
        for active in range(2):
            for said in range(3):
                z = -(active - truth)
                if said < 2:
                    z += (said - reported) * asked / n
                spread += cell[active, said] * z * z
        bias, n_all = bias + n * gap, n_all + n
        if n > 1:
            variance = spread / asked / asked * n / (n - 1)
            square, n_several = square + n * (gap * gap - variance), n_several + n
    return (
        bias / n_all if n_all > 0 else math.nan,
        square / n_several if n_several > 0 else math.nan,
    )
