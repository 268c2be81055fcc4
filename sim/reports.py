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

from sim.streams import FloatArray

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
    n = int(counts.sum())
    if n == 0:
        return math.nan
    margins = (counts.sum(axis=0), counts.sum(axis=1))
    return sum(_entropy(margin, n) for margin in margins) - _entropy(counts.ravel(), n)


def _entropy(counts: Counts, n: int) -> float:
    """Return Miller and Madow's estimate of an entropy [bits]."""
    filled = counts[counts > 0]
    share = filled / n
    return float(-(share * np.log2(share)).sum() + (filled.size - 1) / (2.0 * n * math.log(2.0)))


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
    false, true = counts.sum(axis=1)
    if false == 0 or true == 0:
        return math.nan
    return float(0.5 * (1.0 + counts[1, 1] / true - counts[0, 1] / false))


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
    answers = cells[..., :2].sum(axis=(1, 2))
    if not answers.any():
        return Calibration(math.nan, math.nan)
    weight, gap, variance = answers.astype(np.float64), *_gaps(cells, answers)
    bias = float(np.average(gap, weights=weight))
    weight[answers < 2] = 0.0
    if not weight.any():
        return Calibration(bias, math.nan)
    return Calibration(bias, float(np.average(gap**2 - variance, weights=weight)))


def _gaps(cells: Counts, answers: Counts) -> tuple[FloatArray, FloatArray]:
    """Return reported less true share of each cell, (C,), and its sampling variance, (C,)."""
    asked = np.maximum(cells.sum(axis=(1, 2)), 1)
    n = np.maximum(answers, 1)
    reported = cells[:, :, 1].sum(axis=1) / n
    truth = cells[:, 1].sum(axis=1) / asked
    said, active = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    z = np.zeros(cells.shape)
    z[:, :, :2] = (said - reported[:, None, None]) * (asked / n)[:, None, None]
    z -= (active - truth[:, None])[:, :, None]
    spread = (cells * z**2).sum(axis=(1, 2)) / asked**2
    gap = np.where(answers > 0, reported - truth, 0.0)
    return gap, spread * n / np.maximum(n - 1, 1)
