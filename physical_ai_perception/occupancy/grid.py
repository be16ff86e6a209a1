"""Rolling log-odds grid aligned to whole cells of `odom`: hits, ray clearing, fading of what is out of sight.

Clearing asks each cell for the ray that passes it, instead of walking along each ray: one pass over the grid, with
bearing and distance of every cell from tables for a few places of the sensor inside its cell.
Reference: S. Thrun, W. Burgard, D. Fox, Probabilistic Robotics, 2005, chapter 9 (inverse sensor model).
"""

from __future__ import annotations

from math import exp, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_perception.objects.sweep import Sweep
from physical_ai_perception.parameters import PerceptionParameters

HIT: Final = 0.55  # once is not yet above 65 %, twice is
MISS: Final = -0.5
MOST: Final = 4.0
SOLID_LOG_ODDS: Final = 2.0  # hit in several sweeps without a miss
KNOWN_LOG_ODDS: Final = 0.15
MARGIN_CELLS: Final = 1.0  # a ray clears up to so far before where it ends
BEARINGS: Final = 4096  # of a full turn: 0.09 degrees
PLACES: Final = 4  # of the sensor inside its cell, along each axis
OCCUPIED: Final = 65  # percent, as map_server thresholds
LEVELS: Final = 128  # of log-odds, on each side of zero, in the message


class RollingGrid:
    """`integrate` takes a sweep; `message` gives the grid; `solid` tells which points lie on standing things."""

    def __init__(self, parameters: PerceptionParameters) -> None:
        self._resolution = parameters.occupancy_resolution_m
        self._count = max(8, round(parameters.occupancy_size_m / self._resolution))
        self._memory_s = parameters.occupancy_memory_s
        self._log_odds = np.zeros((self._count, self._count), dtype=np.float32)
        self._corner = (0, 0)  # cell numbers of odom: x, y of cell (0, 0)
        self._stamp_s = float("nan")
        self._tables: dict[tuple[int, int], tuple[NDArray[np.uint16], NDArray[np.float32]]] = {}
        levels = np.arange(-LEVELS, LEVELS + 1) * (MOST / LEVELS)
        self._percent = np.rint(100.0 / (1.0 + np.exp(-levels))).astype(np.int8)
        reach = floor(parameters.occupancy_inflation_m / self._resolution + 1e-6)
        step = np.arange(-reach, reach + 1)
        self._disk = (step**2 + step[:, None] ** 2 <= reach**2) if reach else None
        self._percent[np.abs(levels) < KNOWN_LOG_ODDS] = -1

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
        free.ravel()[index[inside & passing]] = True
        hit, cells = index[inside & ~passing], self._log_odds.ravel()
        before = cells[hit]
        self._log_odds += np.multiply(free, np.float32(MISS), dtype=np.float32)
        cells[hit] = before + np.float32(HIT)  # a cell in which several rays end counts once, and is not cleared
        np.clip(self._log_odds, -MOST, MOST, out=self._log_odds)

    def solid(self, points: Array) -> NDArray[np.bool_]:
        """Which points (M, 2) of `odom` lie in cells that have been hit for a while."""
        index, inside = self._cells(points)
        return np.asarray(inside & (self._log_odds.ravel()[index] > SOLID_LOG_ODDS))

    def message(self) -> m.OccupancyGrid:
        """Cells: -1 unknown, else probability in percent."""
        level = (self._log_odds * np.float32(LEVELS / MOST) + np.float32(LEVELS + 0.5)).astype(np.uint16)
        cells = self._percent.take(level, mode="clip")
        if self._disk is not None:
            occupied = np.where(cells >= OCCUPIED, cells, -1)
            cells = np.maximum(cells, ndimage.grey_dilation(occupied, footprint=self._disk))
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
        bearing, distance = self._table(sweep.origin)
        # How far each of the bearings is seen free, counted from the first ray; the unseen sector is beyond the last.
        ray = np.rint(np.arange(BEARINGS) * (2.0 * np.pi / BEARINGS / sweep.increment)).astype(np.intp)
        rays = len(sweep.ranges)
        whole = round(2.0 * np.pi / sweep.increment)
        ray[ray >= whole - 0.5] = 0 if sweep.full_circle else rays  # just before the first ray
        reach = np.full(rays + 1, -np.inf, dtype=np.float32)
        reach[:rays] = np.minimum(sweep.ranges, sweep.range_max) - MARGIN_CELLS * self._resolution
        far = reach[np.minimum(ray, rays)]
        first = round(sweep.bearing0 / (2.0 * np.pi) * BEARINGS) % BEARINGS
        far = np.concatenate([far[BEARINGS - first :], far[: BEARINGS - first]])
        return np.asarray(distance < far.take(bearing, mode="clip"))  # three times as fast as far[bearing]

    def _table(self, origin: Array) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
        """Bearing (of `BEARINGS` a turn) and distance (m) of every cell (H, W) from the sensor's place in its cell."""
        part = origin / self._resolution - np.array(self._corner) - self._count // 2
        place = (int(part[0] * PLACES) % PLACES, int(part[1] * PLACES) % PLACES)
        if place not in self._tables:
            steps = np.arange(self._count) + 0.5 - self._count // 2
            x = (steps - (place[0] + 0.5) / PLACES)[None] * self._resolution
            y = (steps - (place[1] + 0.5) / PLACES)[:, None] * self._resolution
            turn = np.rint(np.arctan2(y, x) / (2.0 * np.pi) * BEARINGS).astype(np.int64) % BEARINGS
            self._tables[place] = (turn.astype(np.uint16), np.hypot(x, y).astype(np.float32))
        return self._tables[place]
