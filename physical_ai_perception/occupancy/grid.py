"""Rolling log-odds grid aligned to whole cells of `odom`: hits, ray clearing, fading of what is out of sight.

Clearing asks each cell for the ray that passes it, instead of walking along each ray: one pass over the grid.
Reference: S. Thrun, W. Burgard, D. Fox, Probabilistic Robotics, 2005, chapter 9 (inverse sensor model).
"""

from __future__ import annotations

from math import exp, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_perception.objects.sweep import Sweep
from physical_ai_perception.parameters import PerceptionParameters

HIT: Final = 0.9
MISS: Final = -0.5
MOST: Final = 4.0
SOLID_LOG_ODDS: Final = 2.0  # hit in several sweeps without a miss
KNOWN_LOG_ODDS: Final = 0.15
MARGIN_CELLS: Final = 1.0  # a ray clears up to so far before where it ends


class RollingGrid:
    """`integrate` takes a sweep; `message` gives the grid; `solid` tells which points lie on standing things."""

    def __init__(self, parameters: PerceptionParameters) -> None:
        self._resolution = parameters.occupancy_resolution_m
        self._count = max(8, round(parameters.occupancy_size_m / self._resolution))
        self._memory_s = parameters.occupancy_memory_s
        self._log_odds = np.zeros((self._count, self._count), dtype=np.float32)
        self._corner = (0, 0)  # cell numbers of odom: x, y of cell (0, 0)
        self._stamp_s = float("nan")
        steps = np.arange(self._count, dtype=np.float32)
        self._steps = (steps + 0.5) * np.float32(self._resolution)

    def clear(self) -> None:
        """Forget everything (the clock was set, or odom starts anew)."""
        self._log_odds[:] = 0.0
        self._stamp_s = float("nan")

    def integrate(self, sweep: Sweep, passing: NDArray[np.bool_]) -> None:
        """Take one sweep; the grid follows its sensor. Points marked in `passing` (M,) belong to moving things."""
        self._roll(sweep.origin)
        dt_s = sweep.stamp_s - self._stamp_s
        self._stamp_s = sweep.stamp_s
        if dt_s > 0.0:
            self._log_odds *= np.float32(exp(-dt_s / self._memory_s))
        free = self._free(sweep)
        index, inside = self._cells(sweep.points)
        hit = np.zeros(self._log_odds.shape, dtype=bool)
        hit.ravel()[index[inside & ~passing]] = True
        gone = index[inside & passing]
        free.ravel()[gone] = True
        free &= ~hit
        self._log_odds += np.float32(MISS) * free + np.float32(HIT) * hit
        np.clip(self._log_odds, -MOST, MOST, out=self._log_odds)

    def solid(self, points: Array) -> NDArray[np.bool_]:
        """Which points (M, 2) of `odom` lie in cells that have been hit for a while."""
        index, inside = self._cells(points)
        return np.asarray(inside & (self._log_odds.ravel()[index] > SOLID_LOG_ODDS))

    def message(self) -> m.OccupancyGrid:
        """Cells: -1 unknown, else probability in percent."""
        percent = 100.0 / (1.0 + np.exp(-self._log_odds))
        cells = np.rint(percent).astype(np.int8)
        cells[np.abs(self._log_odds) < KNOWN_LOG_ODDS] = -1
        x, y = (number * self._resolution for number in self._corner)
        return m.OccupancyGrid(self._stamp_s, "odom", self._resolution, np.array([x, y, 0.0]), cells)

    # --- inside ---

    def _roll(self, centre: Array) -> None:
        half = self._count // 2
        corner = (floor(centre[0] / self._resolution) - half, floor(centre[1] / self._resolution) - half)
        dx, dy = corner[0] - self._corner[0], corner[1] - self._corner[1]
        self._corner = corner
        if dx == dy == 0:
            return
        old, n = self._log_odds, self._count
        self._log_odds = np.zeros_like(old)
        if abs(dx) < n and abs(dy) < n:
            to_y, to_x = slice(max(0, -dy), n - max(0, dy)), slice(max(0, -dx), n - max(0, dx))
            from_y, from_x = slice(max(0, dy), n - max(0, -dy)), slice(max(0, dx), n - max(0, -dx))
            self._log_odds[to_y, to_x] = old[from_y, from_x]

    def _cells(self, points: Array) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Flat cell index (M,) of points, and which of them lie inside."""
        column = np.floor(points[:, 0] / self._resolution).astype(np.intp) - self._corner[0]
        row = np.floor(points[:, 1] / self._resolution).astype(np.intp) - self._corner[1]
        inside = (column >= 0) & (column < self._count) & (row >= 0) & (row < self._count)
        return np.where(inside, row * self._count + column, 0), np.asarray(inside)

    def _free(self, sweep: Sweep) -> NDArray[np.bool_]:
        """Cells (H, W) that a ray has passed."""
        x = self._steps + np.float32(self._corner[0] * self._resolution - sweep.origin[0])
        y = self._steps + np.float32(self._corner[1] * self._resolution - sweep.origin[1])
        distance = np.sqrt(y[:, None] ** 2 + x[None, :] ** 2)
        turn = np.arctan2(y[:, None], x[None, :])
        turn -= np.float32(sweep.bearing0 % (2.0 * np.pi))
        turn *= np.float32(1.0 / sweep.increment)
        rays = len(sweep.ranges)
        circle = np.float32(2.0 * np.pi / sweep.increment)
        turn[turn < -0.5] += circle
        turn[turn < -0.5] += circle
        index = np.rint(turn).astype(np.int32)
        # One entry beyond the last ray: the sector that the sensor does not see.
        reach = np.full(rays + 1, -np.inf, dtype=np.float32)
        reach[:rays] = np.minimum(sweep.ranges, sweep.range_max)
        reach[:rays] -= np.float32(MARGIN_CELLS * self._resolution)
        np.clip(index, 0, rays, out=index)
        return np.asarray(distance < reach[index])
