"""What the sensors add to the site: cells that were seen occupied for a while, held on the route's grid in `map`.

A cell counts only after it was occupied for some time and is cleared when seen free, so what walks past leaves no
mark; tracked objects that move are left out altogether. Cells out of sight are forgotten after a while.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from physical_ai_core.geometry import Array, compose, transform_points
from physical_ai_core.messages import OccupancyGrid
from physical_ai_planner.site_map import EIGHT, SiteMap

OCCUPIED, FREE = 65, 35  # of 100, as map_server thresholds
KNOWN_M = 0.2  # hits this near to a structure of the site are that structure
CLEAR_AFTER_S = 0.5  # seen free for so long: clear
OBJECT_MARGIN_M = 0.3
SEEN_M = 3.0
LETHAL_MARGIN_M = 0.05  # beyond the inscribed circle: nothing there can be driven through

Window = tuple[slice, slice]


class LiveLayer:
    """Evidence in [0, 1] per cell; 1 is occupied for `occupied_after_s`."""

    def __init__(
        self, site_map: SiteMap, occupied_after_s: float, forget_after_s: float, unseen_price: float = 0.0
    ) -> None:
        """`unseen_price`: added to that of a metre over ground that no sensor has looked at."""
        self.site_map, self.unseen_price = site_map, unseen_price
        self.occupied_after_s, self.forget_after_s = max(occupied_after_s, 1e-3), forget_after_s
        self.version = 0
        self._evidence = np.zeros(site_map.shape)
        self._occupied = np.zeros(site_map.shape, dtype=bool)
        self._distance = np.full(site_map.shape, np.inf)
        self._lethal = np.zeros(site_map.shape, dtype=bool)
        self.seen = np.zeros(site_map.shape, dtype=bool)  # cells (H, W) that a sensor has looked at
        self._stamp_s: float | None = None

    def add(self, grid: OccupancyGrid, map_from_grid_frame: Array, moving: Array, own_xy: Array) -> None:
        """Take one rolling grid. `moving` (N, 3): x, y, radius in `map` of what moves; `own_xy`: the robot itself."""
        dt = 0.0 if self._stamp_s is None else float(np.clip(grid.stamp_s - self._stamp_s, 0.0, 0.5))
        self._stamp_s = grid.stamp_s
        origin = compose(map_from_grid_frame, grid.origin)
        if not (np.all(np.isfinite(origin)) and grid.resolution_m > 0.0):
            return
        window = self._window(grid, origin)
        hit = self._mask(grid, grid.cells >= OCCUPIED, origin)[window]
        seen_free = self._mask(grid, (grid.cells >= 0) & (grid.cells <= FREE), origin)[window]
        seen_free &= ~ndimage.binary_dilation(hit, EIGHT)  # the two grids do not line up: a neighbour is no free cell
        self.seen[window] |= hit | seen_free
        self._mark(window, hit, seen_free, dt, moving)
        self._erase(self._evidence, own_xy, self.site_map.inscribed_m)
        # Two thresholds, so that a flickering cell does not make the route flicker.
        occupied = (self._evidence >= 0.999) | (self._occupied & (self._evidence > 0.4))
        if not np.array_equal(occupied, self._occupied):
            self._occupied = occupied
            self._distance = self._distances(occupied)
            self._lethal = self._distance < self.site_map.inscribed_m + LETHAL_MARGIN_M
            self.version += 1

    def _mark(
        self, window: Window, hit: NDArray[np.bool_], seen_free: NDArray[np.bool_], dt: float, moving: Array
    ) -> None:
        self._evidence -= dt / self.forget_after_s
        part = self._evidence[window]
        hit &= self.site_map.to_structure_m[window] > KNOWN_M
        part[hit] += dt / self.forget_after_s + dt / self.occupied_after_s
        part[seen_free] -= dt / CLEAR_AFTER_S
        for x, y, radius in moving:
            self._erase(self._evidence, (x, y), radius + OBJECT_MARGIN_M)
        np.clip(self._evidence, 0.0, 1.0, out=self._evidence)

    def _window(self, grid: OccupancyGrid, origin: Array) -> Window:
        """The part of the map under a rolling grid."""
        height, width = np.array(grid.cells.shape) * grid.resolution_m
        corners = transform_points(origin, [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
        cells, _ = self.site_map.cells_of(corners)
        (top, left), (bottom, right) = cells.min(axis=0), cells.max(axis=0) + 1
        return slice(int(top), int(bottom)), slice(int(left), int(right))

    def _mask(self, grid: OccupancyGrid, chosen: NDArray[np.bool_], origin: Array) -> NDArray[np.bool_]:
        rows, columns = np.nonzero(chosen)
        points = np.column_stack([columns + 0.5, rows + 0.5]) * grid.resolution_m
        cells, on_grid = self.site_map.cells_of(transform_points(origin, points))
        mask = np.zeros(self.site_map.shape, dtype=bool)
        mask[cells[on_grid, 0], cells[on_grid, 1]] = True
        return mask

    def _erase(self, layer: NDArray[Any], point: ArrayLike, radius_m: float) -> None:
        if not (np.all(np.isfinite(np.asarray(point, dtype=float))) and np.isfinite(radius_m)):
            return
        window, inside = self.site_map.disc(point, radius_m)
        layer[window][inside] = 0

    def _distances(self, occupied: NDArray[np.bool_]) -> Array:
        """Distance to the nearest occupied cell; inf beyond `SEEN_M`, where it does not matter."""
        distance = np.full(occupied.shape, np.inf)
        rows, columns = np.flatnonzero(occupied.any(axis=1)), np.flatnonzero(occupied.any(axis=0))
        if not len(rows):
            return distance
        reach = int(np.ceil(SEEN_M / self.site_map.resolution_m))
        window = (
            slice(max(0, rows[0] - reach), rows[-1] + reach + 1),
            slice(max(0, columns[0] - reach), columns[-1] + reach + 1),
        )
        cells = np.asarray(ndimage.distance_transform_edt(~occupied[window]), dtype=float)
        distance[window] = np.maximum(cells - 0.5, 0.0) * self.site_map.resolution_m
        return distance

    @property
    def distance_m(self) -> Array:
        """Distance (H, W) to the nearest occupied cell, inf where none is near."""
        return self._distance

    @property
    def lethal(self) -> NDArray[np.bool_]:
        """Cells (H, W) where the robot's centre cannot be now."""
        return self._lethal
