"""How far observation leaves the prediction, as one number per moment.

Each observed object is compared with what was predicted of it `lead_s` before: the squared Mahalanobis distance of its
position under the moment-matched mixture. Over the last `window_s`, the 90 % quantile of these distances divided by
the 90 % quantile of chi-square with two degrees of freedom is the surprise: 1 where the stated 90 % regions hold
just 90 % of what happened, above 1 where they hold less.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_core.layouts import Rows
from physical_ai_world_model.expectations import Expectations

CHI2_90 = 4.605  # scipy.stats.chi2.ppf(0.9, 2)
LEVEL = 0.9
CAP = 100.0


def moments(mean: Array, cov: Array, weight: Array) -> tuple[Array, Array]:
    """Mean (n, 2) and covariance (n, 2, 2) of a mixture of m Gaussians each."""
    centre = np.einsum("nm,nmi->ni", weight, mean)
    apart = mean - centre[:, None]
    return centre, np.einsum("nm,nmij->nij", weight, cov + apart[..., :, None] * apart[..., None, :])


def planar_covariances(rows: Rows) -> Array:
    """Covariances (n, 2, 2) of the positions of OBJECT rows."""
    matrix = np.empty((len(rows), 2, 2))
    matrix[:, 0, 0], matrix[:, 1, 1] = rows["cxx"], rows["cyy"]
    matrix[:, 0, 1] = matrix[:, 1, 0] = rows["cxy"]
    return matrix


def quantile(values: Array, level: float) -> float:
    """As numpy's, linear between neighbours, of at least one finite value."""
    at = (len(values) - 1) * level
    low = int(at)
    high = min(low + 1, len(values) - 1)
    sorted_there = np.partition(values, (low, high))
    return float(sorted_there[low] + (at - low) * (sorted_there[high] - sorted_there[low]))


class Surprise:
    """Keeps the expectations of the last moments and scores observations against them."""

    def __init__(self, lead_s: float, window_s: float, least: int) -> None:
        """`least`: number of comparisons below which nothing is claimed (0)."""
        self._lead_s, self._window_s, self._least = lead_s, window_s, least
        self._expectations = Expectations()
        self._scores: deque[tuple[float, Array]] = deque(maxlen=256)

    def clear(self) -> None:
        self._expectations.clear()
        self._scores.clear()

    def expect(self, stamp_s: float, ids: NDArray[np.uint32], mean: Array, cov: Array) -> None:
        """Remember what is predicted for `stamp_s`."""
        self._expectations.expect(stamp_s, ids, mean, cov)

    def observe(self, stamp_s: float, ids: NDArray[np.uint32], xy: Array, xy_cov: Array) -> None:
        """Score positions (n, 2) seen at `stamp_s` against the expectation nearest in time."""
        _, score = self._expectations.distances(stamp_s, ids, xy, xy_cov)
        if not len(score):
            return
        self._scores.append((stamp_s, score[np.isfinite(score)]))

    def value(self, stamp_s: float) -> float:
        """The surprise at `stamp_s`; 0 while too little was compared."""
        while self._scores and not 0.0 <= stamp_s - self._scores[0][0] <= self._window_s:
            self._scores.popleft()
        scores = np.concatenate([score for _, score in self._scores]) if self._scores else np.zeros(0)
        if len(scores) < self._least:
            return 0.0
        return float(min(CAP, quantile(scores, LEVEL) / CHI2_90))
