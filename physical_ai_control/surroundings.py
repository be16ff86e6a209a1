"""Standing obstacles: the occupancy around the robot as a distance field and, for any point, its nearest obstacle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from physical_ai_control.sums import at, functions, packed
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, invert, rotation, transform_points

CROP_M = 6.0  # beyond this nothing is reached within the horizon
FAR_M, NOWHERE_M = 50.0, 1e4  # where nothing is near: the distance, and both coordinates of its place


class Surroundings:
    """Distance field of one occupancy grid, cropped around the robot. Unknown cells are free: the route chose them."""

    def __init__(self, grid: m.OccupancyGrid, robot: Array, occupied: int, moving: Array, clear_m: float) -> None:
        """`moving (n, 3)`: x, y, radius of discs whose cells are not standing obstacles; `clear_m`: the robot's own."""
        self._origin, self._size = np.asarray(grid.origin, dtype=float), float(grid.resolution_m)
        centre = transform_points(invert(self._origin), robot[None, :2])[0] / self._size
        reach = CROP_M / self._size
        height, width = grid.cells.shape
        row = np.clip([centre[1] - reach, centre[1] + reach + 1], 0, height).astype(int)
        column = np.clip([centre[0] - reach, centre[0] + reach + 1], 0, width).astype(int)
        self._corner = np.array([column[0], row[0]])
        cells = grid.cells[row[0] : row[1], column[0] : column[1]]
        full, self._unknown = cells >= occupied, cells < 0
        self._free = ~full
        self._erase(np.vstack([moving, [robot[0], robot[1], clear_m]]))
        self.stamp_s = grid.stamp_s
        self._turn = rotation(float(self._origin[2]))
        self.empty = full.size == 0 or bool(self._free.all())
        if self.empty:
            return
        self._nearest = distance_transform_edt(self._free, return_distances=False, return_indices=True)
        self._grid = np.array([*self._origin[:2], *self._turn.flat, self._size, *self._corner, FAR_M, NOWHERE_M])

    def _erase(self, discs: Array) -> None:
        local = transform_points(invert(self._origin), discs[:, :2]) / self._size - self._corner
        height, width = self._free.shape
        for (x, y), radius in zip(local, discs[:, 2] / self._size, strict=True):
            if not np.isfinite([x, y, radius]).all():
                continue
            low = np.clip([np.floor(y - radius), np.floor(x - radius)], 0, [height, width]).astype(int)
            high = np.clip([np.ceil(y + radius) + 1, np.ceil(x + radius) + 1], 0, [height, width]).astype(int)
            rows, columns = np.mgrid[low[0] : high[0], low[1] : high[1]]
            inside = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= radius**2
            self._free[low[0] : high[0], low[1] : high[1]] |= inside

    def look(self, points: Array) -> tuple[Array, Array]:
        """Distance (...) to the nearest obstacle and that obstacle's centre (..., 2), for points (..., 2) in odom."""
        shape = points.shape[:-1]
        if self.empty:
            return np.full(shape, FAR_M), np.full((*shape, 2), NOWHERE_M)
        native, (height, width) = functions().get("look"), self._free.shape
        if native is None or self._nearest.dtype != np.int32:
            return self.look_plain(points)
        points, away, obstacle = packed(points), np.empty(shape), np.empty((*shape, 2))
        native(at(self._grid), at(self._nearest), height, width, at(points), away.size, at(away), at(obstacle))
        return away, obstacle

    def look_plain(self, points: Array) -> tuple[Array, Array]:
        """The same by numpy, where something is occupied."""
        shape = points.shape[:-1]
        flat = points.reshape(-1, 2)
        row, column, inside = self._cells(flat)
        centre = np.stack([self._nearest[1, row, column], self._nearest[0, row, column]], axis=-1) + self._corner + 0.5
        obstacle = np.where(inside[:, None], centre * self._size @ self._turn.T + self._origin[:2], NOWHERE_M)
        away = np.where(inside, np.hypot(*(flat - obstacle).T), FAR_M)
        return away.reshape(shape), obstacle.reshape(*shape, 2)

    def unknown(self, points: Array) -> NDArray[np.bool_]:
        """Which points (..., 2) in odom lie where nothing has been seen yet, or off the grid."""
        row, column, inside = self._cells(points.reshape(-1, 2))
        if not self._unknown.size:
            return np.ones(points.shape[:-1], dtype=bool)
        return np.asarray((~inside | self._unknown[row, column]).reshape(points.shape[:-1]))

    def _cells(self, flat: Array) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
        """Row, column (clipped onto the grid) and whether they lie on it, of points (n, 2)."""
        cell = np.floor((flat - self._origin[:2]) @ self._turn / self._size).astype(np.intp) - self._corner
        high = np.array(self._free.shape[::-1]) - 1
        column, row = np.clip(cell, 0, np.maximum(high, 0)).T
        return row, column, np.asarray(((cell >= 0) & (cell <= high)).all(axis=1))
