"""Raw ranges made ready for the gate: once a scan the points, once a wheel message their place around the robot now."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Mount
from physical_ai_safety.dead_reckoning import DeadReckoning, PlanarPose
from physical_ai_safety.footprint import Hull, Near, sort_points
from physical_ai_safety.looks import View
from physical_ai_safety.walkers import NOBODY, Walkers, WalkerTracker

FEWEST_VALID = 0.5  # of the rays; a sensor that gives less is covered or broken
FULL_CIRCLE_RAD = math.radians(350.0)
WIDEST_SWEEP_RAD = math.radians(370.0)  # from the first ray to the last: one turn, and some
BLIND_REACH_M = 1.5  # what passed out of sight is remembered this near
MOST_REMEMBERED = 256
LOWEST_M, HIGHEST_M = 0.05, 1.6  # heights above ground of a 3D return that can be hit
CLOUD_CELL_M = 0.05
THIN_M = 0.015  # far below the side margin
STEP_M = 0.03  # a change of range from ray to ray beyond noise
CLOUD_AGE_S = 0.5


class Ranges(NamedTuple):
    """What the gate knows of its surroundings at one instant, in `base_link`."""

    near: Near
    walkers: Walkers
    rear_seen: bool


class RangeField:
    """Keeps the newest sweep in the dead-reckoned frame, and what has passed into the blind sector behind."""

    def __init__(
        self, hull: Hull, reckoning: DeadReckoning, reach_m: float, blind_memory_s: float,
        walker_speeds_mps: tuple[float, float],
    ) -> None:  # fmt: skip
        self._hull, self._reckoning = hull, reckoning
        self._reach_m, self._blind_memory_s = reach_m, blind_memory_s
        self._walker_speeds = walker_speeds_mps
        self.tracker = WalkerTracker()
        self._points: Array = np.empty((0, 2))  # of the newest sweep, near ones
        self._lost: Array = np.empty((0, 3))  # x, y, stamp of what is now out of sight
        self._cloud: Array = np.empty((0, 2))
        self._cloud_stamp_s = -math.inf
        self._scan_stamp_s = -math.inf
        self._rear_seen = False
        self._rays: tuple[tuple[float, float, int], Array, Array] | None = None
        self._walking: Array = np.empty((0, 5))
        self._ready: tuple[PlanarPose, Ranges] | None = None

    def sweep(self, scan: m.LaserScan, mount: Mount) -> str:
        """Take a scan. Returns "" or the reason why it is refused."""
        ranges = scan.ranges_m
        width = abs(scan.angle_increment_rad) * (len(ranges) - 1)
        if not (math.isfinite(scan.angle_min_rad) and scan.angle_increment_rad and width < WIDEST_SWEEP_RAD):
            return "geometry"  # returns without a direction would be nowhere
        hit = scan.valid()
        usable = int(np.count_nonzero(hit)) + int(np.count_nonzero(np.isposinf(ranges) | (ranges > scan.range_max_m)))
        if usable < FEWEST_VALID * len(ranges) or not len(ranges):
            return "blinded"
        pose = self._reckoning.at(scan.stamp_s)
        sensor_x, sensor_y, sensor_yaw = (float(value) for value in mount.planar())
        cos_a, sin_a = self._directions(scan)
        r = np.where(hit, ranges, 0.0).astype(float)
        c, s = math.cos(sensor_yaw), math.sin(sensor_yaw)
        if mount.rotation[2, 2] < 0.0:  # mounted upside down: the sweep runs the other way
            sin_a = -sin_a
        x = sensor_x + r * (c * cos_a - s * sin_a)
        y = sensor_y + r * (s * cos_a + c * sin_a)
        wx, wy = _carry(pose, x, y)
        near = np.flatnonzero(hit & (x * x + y * y < self._reach_m**2))
        near = near[_thinned(r[near], abs(scan.angle_increment_rad))]
        middle = scan.angle_min_rad + 0.5 * scan.angle_increment_rad * (len(ranges) - 1)
        half = 0.5 * abs(scan.angle_increment_rad) * len(ranges)
        at_x, at_y = _carry(pose, sensor_x, sensor_y)
        view = View(at_x, at_y, pose.yaw_rad + sensor_yaw + middle, half)
        self._remember(scan.stamp_s, pose, view)
        self._points = np.column_stack([wx[near], wy[near]])
        self._rear_seen = 2.0 * half >= FULL_CIRCLE_RAD
        self._scan_stamp_s = scan.stamp_s
        self.tracker.sweep(scan.stamp_s, r, hit, wx, wy, view)
        self._walking = self.tracker.walking(scan.stamp_s, *self._walker_speeds)
        self._ready = None
        return ""

    def cloud(self, cloud: m.PointCloud, mount: Mount) -> None:
        """Take a 3D sweep: what stands between ground and robot height, thinned to a grid."""
        points = cloud.points_m[np.isfinite(cloud.points_m).all(axis=1)].astype(float)
        at = points @ mount.rotation.T + np.array(mount.xyz_m)
        keep = (at[:, 2] > LOWEST_M) & (at[:, 2] < HIGHEST_M) & (at[:, 0] ** 2 + at[:, 1] ** 2 < self._reach_m**2)
        cells = np.unique(np.round(at[keep, :2] / CLOUD_CELL_M).astype(np.int64), axis=0)
        pose = self._reckoning.at(cloud.stamp_s)
        self._cloud = np.column_stack(_carry(pose, cells[:, 0] * CLOUD_CELL_M, cells[:, 1] * CLOUD_CELL_M))
        self._cloud_stamp_s = cloud.stamp_s
        self._ready = None

    def now(self) -> Ranges:
        """Everything carried to the present pose; computed once until the robot moves or a scan arrives."""
        pose = self._reckoning.now
        if self._ready is not None and self._ready[0] == pose:
            return self._ready[1]
        parts = [self._points, self._lost[:, :2]]
        if self._scan_stamp_s - self._cloud_stamp_s < CLOUD_AGE_S:
            parts.append(self._cloud)
        points = np.concatenate(parts) if len(parts[1]) or len(parts) > 2 else self._points
        x, y = _bring(pose, points[:, 0], points[:, 1])
        ranges = Ranges(sort_points(self._hull, x, y), self._walkers(pose), self._rear_seen)
        self._ready = (pose, ranges)
        return ranges

    def forget(self) -> None:
        """The clock jumped: nothing seen before can be placed in time."""
        empty: Array = np.empty((0, 2))
        self._rear_seen = False
        self._points, self._cloud, self._lost = empty, empty, np.empty((0, 3))
        self._walking, self._ready = np.empty((0, 5)), None
        self.tracker = WalkerTracker()

    def _walkers(self, pose: PlanarPose) -> Walkers:
        if not len(self._walking):
            return NOBODY
        rows = self._walking
        age = max(0.0, self._reckoning.stamp_s - self._scan_stamp_s)
        x, y = _bring(pose, rows[:, 0] + age * rows[:, 2], rows[:, 1] + age * rows[:, 3])
        vx, vy = _bring(PlanarPose(0.0, 0.0, pose.yaw_rad), rows[:, 2], rows[:, 3])
        return Walkers(x, y, vx, vy, rows[:, 4])

    def _directions(self, scan: m.LaserScan) -> tuple[Array, Array]:
        key = (scan.angle_min_rad, scan.angle_increment_rad, len(scan.ranges_m))
        if self._rays is None or self._rays[0] != key:
            angles = scan.angles()
            self._rays = (key, np.cos(angles), np.sin(angles))
        return self._rays[1], self._rays[2]

    def _remember(self, stamp_s: float, pose: PlanarPose, view: View) -> None:
        """Keep what the last sweep saw and this one cannot see."""
        before = np.column_stack([self._points, np.full(len(self._points), self._scan_stamp_s)])
        known = np.concatenate([self._lost, before])
        if not len(known) or self._rear_seen:
            return
        away = np.hypot(known[:, 0] - pose.x_m, known[:, 1] - pose.y_m)
        bearing = np.arctan2(known[:, 1] - view.y, known[:, 0] - view.x) - view.middle_rad
        hidden = np.abs((bearing + math.pi) % (2.0 * math.pi) - math.pi) > view.half_rad
        young = stamp_s - known[:, 2] < self._blind_memory_s
        self._lost = known[hidden & young & (away < BLIND_REACH_M)][-MOST_REMEMBERED:]


def _thinned(r: Array, increment_rad: float) -> NDArray[np.intp]:
    """Indices of returns at least `THIN_M` apart along the sweep, and of every step in range."""
    if not len(r):
        return np.empty(0, dtype=np.intp)
    along = np.cumsum(r * increment_rad + np.maximum(np.abs(np.diff(r, prepend=r[0])) - STEP_M, 0.0))
    return np.flatnonzero(np.diff(np.floor(along / THIN_M), prepend=-1.0) > 0.0)


def _carry(pose: PlanarPose, x: Any, y: Any) -> tuple[Any, Any]:
    """From `base_link` at `pose` to the dead-reckoned frame."""
    c, s = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    return pose.x_m + c * x - s * y, pose.y_m + s * x + c * y


def _bring(pose: PlanarPose, x: Array, y: Array) -> tuple[Array, Array]:
    """From the dead-reckoned frame to `base_link` at `pose`."""
    c, s = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    dx, dy = x - pose.x_m, y - pose.y_m
    return c * dx + s * dy, c * dy - s * dx
