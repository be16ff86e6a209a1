"""Localisation in a prior map: scans are matched with the likelihood field of an occupancy grid.

The pose is followed with odometry and scans; where scans stop fitting it says so, keeps on with odometry, and looks for
the robot in a window that grows until a place fits several scans in a row.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Final, NamedTuple

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array, transform_points
from physical_ai_perception.mapping import field as fields
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.correlative import Window, search, thin
from physical_ai_perception.mapping.matching import Prior, Refined, refine
from physical_ai_perception.mapping.parameters import MappingParameters
from physical_ai_perception.mapping.scan import PoseMeasurement, check

OCCUPIED: Final = 65  # of 100, as map_server and nav2 take it
BETTER: Final = 0.02  # score by which a second place must beat the first
MOST_CELLS: Final = 16_000_000
MOST_SURFACE: Final = 400_000
AT_ONCE: Final = 10_000  # points stamped at a time: bounds the memory that drawing a map takes


class Tracking(Enum):
    """`UNKNOWN`: no start pose yet. `LOST`: the last scans do not fit the map where the pose says."""

    UNKNOWN = "unknown"
    TRACKING = "tracking"
    LOST = "lost"


class Localised(NamedTuple):
    """`pose` (3,) of `base_link` in the map with `covariance` (3, 3); `score` of this scan, 0 to 1.

    `measured`: this scan fitted, so the pose is a measurement; otherwise it is the odometry's.
    """

    stamp_s: float
    pose: Array
    covariance: Array
    score: float
    state: Tracking
    measured: bool

    def measurement(self) -> PoseMeasurement | None:
        """The pose as a measurement in `map`; None when this scan did not fit."""
        return PoseMeasurement(self.stamp_s, "map", self.pose, self.covariance) if self.measured else None


class Localiser:
    """Fed with scans and odometry poses in the order they come. Work per scan is bounded.

    Raises InputError for a map that shows no wall, or one too large.
    """

    def __init__(self, grid: m.OccupancyGrid, parameters: MappingParameters | None = None) -> None:
        self._p = p = parameters or MappingParameters()
        walls = wall_points(grid)
        # Cells are no surfaces: the map says where a wall is no better than to a cell.
        cell, blur = max(p.fine_cell_m, grid.resolution_m), 0.5 * grid.resolution_m
        self._sigma_m = math.hypot(p.fine_sigma_m, blur)
        self._fine = _field(walls, cell, self._sigma_m)
        self._coarse = _field(walls, max(p.coarse_cell_m, grid.resolution_m), p.coarse_sigma_m)
        self._wide = _field(walls, max(p.wide_cell_m, grid.resolution_m), p.wide_sigma_m)
        self._pose = np.zeros(3)
        self._covariance = np.eye(3)
        self._odometry: Array | None = None
        self._state = Tracking.UNKNOWN
        self._unfit = self._fit = self._since_search = 0  # scans
        self._growth = 1.0
        self._searched_all = False

    @property
    def state(self) -> Tracking:
        return self._state

    def start(self, pose: Array, covariance: Array) -> None:
        """The robot is about at `pose` (3,) in the map, `covariance` (3, 3): what `initialpose` says.

        It counts from the next scan on. Raises InputError.
        """
        pose, covariance = np.asarray(pose, dtype=float), np.asarray(covariance, dtype=float)
        sound = pose.shape == (3,) and covariance.shape == (3, 3) and np.isfinite(pose).all()
        if not sound or not np.isfinite(covariance).all() or (np.diag(covariance) < 0.0).any():
            raise InputError("The start pose or its covariance is not finite.", "Give x, y, yaw and their covariance.")
        least = np.diag([self._p.start_sigma_m**2, self._p.start_sigma_m**2, self._p.start_sigma_rad**2])
        self._pose, self._covariance = pose.copy(), 0.5 * (covariance + covariance.T) + least
        self._state, self._odometry = Tracking.TRACKING, None
        self._unfit = self._fit = self._since_search = 0
        self._growth = 1.0
        self._searched_all = False

    def step(self, stamp_s: float, odometry: Array, points: Array) -> Localised:
        """One scan: `odometry` (3,) at its stamp in a frame that drifts slowly, `points` (N, 2) in `base_link`."""
        check(odometry, points)
        if self._odometry is not None:
            increment = se2.between(self._odometry, odometry)
            self._pose = se2.compose(self._pose, increment)
            self._covariance = self._moved(increment)
        self._odometry = odometry.copy()
        if self._state is Tracking.UNKNOWN:
            return Localised(stamp_s, self._pose, self._covariance, 0.0, self._state, False)
        score, measured = 0.0, False
        points = points[:: max(1, -(-len(points) // self._p.most_points))]
        if len(points) >= self._p.least_points:
            found = self._recover(points) if self._state is Tracking.LOST else self._follow(points)
            if found is not None:
                score = found.score
                measured = self._judge(found)
        self._covariance = 0.5 * (self._covariance + self._covariance.T)
        return Localised(stamp_s, self._pose.copy(), self._covariance.copy(), score, self._state, measured)

    def _moved(self, increment: Array) -> Array:
        p, moved, turned = self._p, math.hypot(increment[0], increment[1]), abs(float(increment[2]))
        if moved + turned < 1e-6:
            return self._covariance
        along = p.odometry_m_per_m * moved
        around = p.odometry_rad_per_rad * turned + p.odometry_rad_per_m * moved
        grown = self._covariance + np.diag([along**2, along**2, around**2])
        most = np.array([p.lost_most_m, p.lost_most_m, math.pi])
        shrink = np.minimum(1.0, most / np.sqrt(np.diag(grown)))  # beyond the window that is searched nothing is gained
        return np.asarray(shrink[:, None] * grown * shrink)

    def _follow(self, points: Array) -> Refined | None:
        """Refine the predicted pose; search around it while it is not known well."""
        doubt = math.sqrt(max(self._covariance[0, 0], self._covariance[1, 1]))
        turn = math.sqrt(self._covariance[2, 2])
        p, start = self._p, self._pose
        if doubt > p.follow_from_m or turn > p.follow_from_rad:
            reach_m, reach_rad = min(3.0 * doubt, p.follow_most_m), min(3.0 * turn, math.pi)
            found = search(self._coarse, thin(points, p.search_cell_m), Window(start, reach_m, reach_rad), 0.0)
            if found is None:
                return None
            start = found.pose
        return self._refine(points, start)

    def _recover(self, points: Array) -> Refined | None:
        """Every few scans, look in a window that grows; in between, follow what was found last.

        Rooms look alike, so what fits is believed only when nothing fits better in the widest window.
        """
        p = self._p
        here = self._refine(points, self._pose) if self._fit else None
        self._since_search += 1
        if self._since_search < p.search_every:
            return here
        self._since_search = 0
        reach_m = min(self._growth * p.lost_window_m, p.lost_most_m)
        reach_rad = min(self._growth * p.lost_window_rad, math.pi)
        self._searched_all = reach_m >= p.lost_most_m and reach_rad >= math.pi
        self._growth = 1.0 if self._searched_all else self._growth * 1.5
        window = Window(self._pose, reach_m, reach_rad)
        found = search(self._wide, thin(points, p.wide_thin_m), window, p.recover_score)
        if found is None:
            return here
        there = self._refine(points, found.pose)
        if here is None or there.score > here.score + BETTER:
            self._fit = 0  # a better place: counting begins anew
            return there
        return here

    def _refine(self, points: Array, start: Array) -> Refined:
        p, prior = self._p, None
        weight = 2.0 / p.point_sigma_m**2
        if self._state is Tracking.TRACKING:
            prior = Prior(self._pose, se2.inverse(self._covariance + np.diag([1e-4, 1e-4, 1e-5])))
        rough = refine(self._coarse, points, start, weight * p.coarse_sigma_m**2, prior)
        return refine(self._fine, points, rough.pose, weight * self._sigma_m**2, prior)

    def _judge(self, found: Refined) -> bool:
        """Take the pose if it fits; count scans that do and do not."""
        p = self._p
        least = p.follow_score if self._state is Tracking.TRACKING else p.recover_score
        if found.score < least:
            self._fit = 0
            self._unfit += 1
            if self._unfit >= p.lost_after:
                self._state = Tracking.LOST
                doubt = np.diag([p.lost_window_m**2, p.lost_window_m**2, p.lost_window_rad**2]) * self._growth**2
                self._covariance = np.maximum(self._covariance * np.eye(3), doubt)
            return False
        self._unfit = 0
        if self._state is Tracking.LOST:
            self._fit += 1
            self._pose = found.pose
            if self._fit < p.found_after or not (self._searched_all or found.score >= p.sure_score):
                return False
            self._state, self._fit, self._growth, self._searched_all = Tracking.TRACKING, 0, 1.0, False
            self._covariance = se2.inverse(found.information + 1e-3 * np.eye(3))
            return True
        floor = np.diag([p.closure_sigma_m**2, p.closure_sigma_m**2, p.closure_sigma_rad**2])
        information = found.information + se2.inverse(self._covariance + np.diag([1e-4, 1e-4, 1e-5]))
        self._pose, self._covariance = found.pose, se2.inverse(information) + floor
        return True


def wall_points(grid: m.OccupancyGrid) -> Array:
    """Centres (N, 2) of occupied cells that border on one that is not. Raises InputError."""
    cells = np.asarray(grid.cells)
    origin = np.asarray(grid.origin, dtype=float)
    if cells.ndim != 2 or not 0 < cells.size <= MOST_CELLS:
        raise InputError(f"The map has {cells.size} cells.", f"Give one of 1 to {MOST_CELLS} cells.")
    if not (math.isfinite(grid.resolution_m) and grid.resolution_m > 0.0 and np.isfinite(origin).all()):
        raise InputError("The map's resolution or origin is not a number.", "Give metres per cell and a finite origin.")
    solid = np.pad(cells >= OCCUPIED, 1)
    inner = solid[:-2, 1:-1] & solid[2:, 1:-1] & solid[1:-1, :-2] & solid[1:-1, 2:]
    row, column = np.nonzero(solid[1:-1, 1:-1] & ~inner)
    if not 0 < len(row) <= MOST_SURFACE:
        raise InputError(
            f"The map has {len(row)} wall cells.", f"Give one with 1 to {MOST_SURFACE} cells of {OCCUPIED} or more."
        )
    return transform_points(origin, (np.column_stack([column, row]) + 0.5) * grid.resolution_m)


def _field(points: Array, cell_m: float, sigma_m: float) -> fields.Field:
    field = fields.empty(points.min(axis=0), points.max(axis=0), cell_m, sigma_m)
    for start in range(0, len(points), AT_ONCE):
        fields.add(field, points[start : start + AT_ONCE])
    return field
