"""Whether the learnt forecast of one object may be believed: by how it did on that object in the last seconds."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_world_model.expectations import Expectations

MEAN: Final = 2.0  # of a squared Mahalanobis distance in the plane, when the stated spread is right
CAP: Final = 40.0
LOST: Final = 5.0  # times the expected distance, averaged: beyond it the object is left to the Kalman filter
REGAINED: Final = 2.0


class Trust:
    """One running mean of the distance for each object, with hysteresis. O(objects)."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._expectations = Expectations()
        self._mean: dict[int, tuple[float, float]] = {}  # id: (running mean, stamp)
        self._lost: set[int] = set()

    @property
    def lost(self) -> int:
        """How many objects are left to the Kalman filter."""
        return len(self._lost)

    def clear(self) -> None:
        self._expectations.clear()
        self._mean.clear()
        self._lost.clear()

    def keep(self, ids: NDArray[np.int64]) -> None:
        """Forget everybody else, and what was expected of them: who comes under the same id is somebody new."""
        known = set(ids.tolist())
        self._expectations.keep(known)
        self._mean = {i: value for i, value in self._mean.items() if i in known}
        self._lost &= known

    def expect(self, stamp_s: float, ids: NDArray[np.int64], mean: Array, covariance: Array) -> None:
        """What was forecast for `stamp_s`: positions (n, 2), covariances (n, 2, 2)."""
        self._expectations.expect(stamp_s, ids, mean, covariance)

    def observe(self, stamp_s: float, ids: NDArray[np.int64], xy_m: Array, covariance: Array) -> None:
        """Compare what is seen (n, 2), with its covariance (n, 2, 2), with the forecast for this moment."""
        here, square = self._expectations.distances(stamp_s, ids, xy_m, covariance)
        distance = np.clip(np.nan_to_num(square, nan=CAP, posinf=CAP), 0.0, CAP)
        for i, value in zip(ids[here].tolist(), distance.tolist(), strict=True):
            before, when_s = self._mean.get(i, (MEAN, stamp_s))
            share = -np.expm1(-max(stamp_s - when_s, 0.0) / self._window_s)
            now = before + share * (value - before)
            self._mean[i] = (now, stamp_s)
            if now > LOST * MEAN:
                self._lost.add(i)
            elif now < REGAINED * MEAN:
                self._lost.discard(i)

    def believed(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Objects (n,) whose learnt forecast may be used."""
        return np.array([i not in self._lost for i in ids.tolist()], dtype=np.bool_)
