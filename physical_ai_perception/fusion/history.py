"""Where the base was lately: planar poses of the local filter by stamp, for scans and late measurements."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Final

import numpy as np

from physical_ai_core.geometry import Array

KEPT: Final = 1024
COLUMNS: Final = 5  # stamp, x, y, yaw (unwrapped), z


class PoseHistory:
    """A bounded record in contiguous memory: the newest `KEPT` poses, at most twice that many rows held."""

    def __init__(self) -> None:
        self._rows = np.zeros((COLUMNS, 2 * KEPT))
        self._end = 0

    def __len__(self) -> int:
        return self._end

    def clear(self) -> None:
        """Forget everything."""
        self._end = 0

    def add(self, stamp_s: float, position: Sequence[float] | Array, yaw_rad: float) -> None:
        """Append a pose; a stamp not newer than the last one replaces it (the same time, corrected)."""
        rows = self._rows
        if self._end == 2 * KEPT:
            rows[:, :KEPT] = rows[:, KEPT:]
            self._end = KEPT
        index = self._end
        if index:
            last = float(rows[3, index - 1])
            yaw_rad = last + (yaw_rad - last + pi) % (2.0 * pi) - pi
            if stamp_s <= rows[0, index - 1]:
                index -= 1
                stamp_s = float(rows[0, index])
        rows[0, index], rows[1, index], rows[2, index] = stamp_s, position[0], position[1]
        rows[3, index], rows[4, index] = yaw_rad, position[2]
        self._end = index + 1

    def at(self, stamps_s: Array, velocity: Array, yaw_rate_rps: float) -> tuple[Array, Array, Array]:
        """x, y and yaw (N,) at `stamps_s`; after the last record extrapolated with a world velocity and yaw rate."""
        if not self._end:
            return np.zeros_like(stamps_s), np.zeros_like(stamps_s), np.zeros_like(stamps_s)
        first = max(0, self._end - KEPT)
        stamp, x, y, yaw = self._rows[:4, first : self._end]
        ahead = np.maximum(stamps_s - stamp[-1], 0.0)
        return (
            np.interp(stamps_s, stamp, x) + velocity[0] * ahead,
            np.interp(stamps_s, stamp, y) + velocity[1] * ahead,
            np.interp(stamps_s, stamp, yaw) + yaw_rate_rps * ahead,
        )

    def position_at(self, stamp_s: float) -> Array:
        """Position (3,) at one stamp, clamped to the record."""
        if not self._end:
            return np.zeros(3)
        first = max(0, self._end - KEPT)
        stamp = self._rows[0, first : self._end]
        return np.array([np.interp(stamp_s, stamp, self._rows[i, first : self._end]) for i in (1, 2, 4)])

    def last(self) -> tuple[float, Array, float]:
        """Stamp, position (3,) and yaw of the newest record; zeros when there is none."""
        if not self._end:
            return 0.0, np.zeros(3), 0.0
        stamp, x, y, yaw, z = self._rows[:, self._end - 1].tolist()
        return stamp, np.array([x, y, z]), yaw
