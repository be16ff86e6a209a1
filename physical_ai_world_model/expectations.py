"""What was forecast for the moments to come, and how far from it what is seen then lies."""

from __future__ import annotations

from collections import deque
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_world_model.ids import common

NEAR_S: Final = 0.06  # a forecast counts for what is seen this much before or after its moment
MOMENTS: Final = 64


class Expectation(NamedTuple):
    """What was said of each object for the moment `stamp_s`: position mean (n, 2) and covariance (n, 2, 2)."""

    stamp_s: float
    ids: NDArray[Any]
    mean: Array
    cov: Array


class Expectations:
    """The expectations of the last moments; ids are unique in each."""

    def __init__(self) -> None:
        self._kept: deque[Expectation] = deque(maxlen=MOMENTS)

    def clear(self) -> None:
        self._kept.clear()

    def keep(self, ids: set[int]) -> None:
        """Forget what was expected of everybody else: who comes under the same id is somebody new."""
        for k, (stamp_s, theirs, mean, cov) in enumerate(self._kept):
            stays = [row for row, i in enumerate(theirs.tolist()) if i in ids]
            if len(stays) < len(theirs):
                self._kept[k] = Expectation(stamp_s, theirs[stays], mean[stays], cov[stays])

    def expect(self, stamp_s: float, ids: NDArray[Any], mean: Array, cov: Array) -> None:
        """Remember what is forecast for `stamp_s`."""
        self._kept.append(Expectation(stamp_s, ids, mean, cov))

    def distances(
        self, stamp_s: float, ids: NDArray[Any], xy_m: Array, xy_cov: Array
    ) -> tuple[NDArray[np.int64], Array]:
        """Of positions (n, 2) seen at `stamp_s` with covariance (n, 2, 2): the rows of which something was expected,
        and their squared Mahalanobis distances (not finite where the covariances cannot be)."""
        nearest = min(self._kept, key=lambda e: abs(e.stamp_s - stamp_s), default=None)
        if nearest is None or abs(nearest.stamp_s - stamp_s) > NEAR_S:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        there, here = common(nearest.ids, ids)
        x, y = (xy_m[here] - nearest.mean[there]).T
        spread = nearest.cov[there] + xy_cov[here]
        xx, xy, yy = spread[:, 0, 0], spread[:, 0, 1], spread[:, 1, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return here, np.asarray((yy * x * x - 2.0 * xy * x * y + xx * y * y) / (xx * yy - xy * xy))
