"""Raw ranges made ready for the gate: once a scan the points, once a wheel message their place around the robot now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Mount
from physical_ai_safety.dead_reckoning import DeadReckoning, PlanarPose
from physical_ai_safety.footprint import Hull, Near, sort_points
from physical_ai_safety.looks import View
from physical_ai_safety.plausible import blinded
from physical_ai_safety.remembered import FULL_CIRCLE_RAD, THIN_M, OutOfSight, Sight
from physical_ai_safety.walkers import NOBODY, Walkers, WalkerTracker

WIDEST_SWEEP_RAD = math.radians(370.0)  # from the first ray to the last: one turn, and some
MISSED_S = 0.25  # a return whose ray says nothing in the sweeps after it stands so long
LOWEST_M, HIGHEST_M = 0.05, 1.6  # heights above ground of a 3D return that can be hit
CLOUD_CELL_M = 0.05
STEP_M = 0.03  # a change of range from ray to ray beyond noise
DIRECTIONS = 36  # looked at, to see whether the sensors together look all round


class Ranges(NamedTuple):
    """What the gate knows of its surroundings at one instant, in `base_link`."""

    near: Near
    walkers: Walkers
    rear_seen: bool


class RangeField:
    """Keeps the newest sweep in the dead-reckoned frame, and what has passed into the blind sector behind."""

    def __init__(
        self, hull: Hull, reckoning: DeadReckoning, reach_m: float, blind_memory_s: float,
        walker_speeds_mps: tuple[float, float], keep_s: float = 0.5,
    ) -> None:  # fmt: skip
        """`reach_m`: nothing farther matters. `keep_s`: an older cloud counts no more (a sensor that is missed has
        stopped the robot by then)."""
        self._hull, self._reckoning, self._keep_s = hull, reckoning, keep_s
        self._reach_m = reach_m
        self._walker_speeds = walker_speeds_mps
        self.tracker = WalkerTracker()
        self._points: Array = np.empty((0, 2))  # of the newest sweep, near ones
        self._lost = OutOfSight(blind_memory_s)
        self._missed: Array = np.empty((0, 3))  # x, y, stamp of what lost rays would have met
        self._cloud: Array = np.empty((0, 2))
        self._cloud_stamp_s = -math.inf
        self._scan_stamp_s = -math.inf
        self.view: View | None = None  # of the newest sweep
        self.sector: tuple[float, float] | None = None  # middle and half of what it sees, in `base_link`
        self._rays: tuple[tuple[float, float, int], Array, Array] | None = None
        self._walking: Array = np.empty((0, 5))
        self._walking_stamp_s = -math.inf
        self._unfollowed: tuple[float, Array, NDArray[np.bool_], Array, Array, View] | None = None
        self.version = 0  # counts what changes it

    def sweep(
        self, scan: m.LaserScan, mount: Mount, others: Sequence[RangeField] = (),
        masked_rad: Sequence[tuple[float, float]] = (),
    ) -> str:  # fmt: skip
        """Take a scan. Returns "" or the reason why it is refused. What `others` see needs not be remembered.

        Its returns count at once; who walks is told by `follow`, which takes longer and can wait for the answer.
        """
        ranges = scan.ranges_m
        width = abs(scan.angle_increment_rad) * (len(ranges) - 1)
        if not (math.isfinite(scan.angle_min_rad) and scan.angle_increment_rad and width < WIDEST_SWEEP_RAD):
            return "geometry"  # returns without a direction would be nowhere
        hit = scan.valid()
        usable = hit | (ranges > scan.range_max_m)
        dark = blinded(usable, scan.angle_min_rad, scan.angle_increment_rad, masked_rad)
        if dark:
            return dark
        pose = self._reckoning.at(scan.stamp_s)
        sensor_x, sensor_y, sensor_yaw = (float(value) for value in mount.planar())
        cos_a, sin_a = self._directions(scan)
        r = np.where(hit, ranges, 0.0).astype(float)
        c, s = math.cos(sensor_yaw), math.sin(sensor_yaw)
        upside_down = mount.rotation[2, 2] < 0.0  # then the sweep runs the other way
        if upside_down:
            sin_a = -sin_a
        x = sensor_x + r * (c * cos_a - s * sin_a)
        y = sensor_y + r * (s * cos_a + c * sin_a)
        wx, wy = _carry(pose, x, y)
        near = np.flatnonzero(hit & (x * x + y * y < self._reach_m**2))
        near = near[_thinned(near, r[near], abs(scan.angle_increment_rad))]
        middle = scan.angle_min_rad + 0.5 * scan.angle_increment_rad * (len(ranges) - 1)
        middle = sensor_yaw + (-middle if upside_down else middle)
        half = 0.5 * abs(scan.angle_increment_rad) * len(ranges)
        at_x, at_y = _carry(pose, sensor_x, sensor_y)
        view = View(at_x, at_y, pose.yaw_rad + middle, half)
        stood = np.concatenate([self._missed, _stamped(self._points, self._scan_stamp_s)])
        self._missed = _unanswered(stood, scan, ~usable, pose, mount)
        last, self._points = self.view or view, np.column_stack([wx[near], wy[near]])
        sight = Sight(scan.stamp_s, pose, view, abs(scan.angle_increment_rad))
        self._lost.sweep(stood, self._points, sight, last, [other.view for other in others if other.view is not None])
        self.view, self.sector = view, (middle, half)
        self._scan_stamp_s = scan.stamp_s
        self.follow()
        self._unfollowed = (scan.stamp_s, r, hit, wx, wy, view)
        self.version += 1
        return ""

    def follow(self) -> bool:
        """Look for people in the sweep that was taken last. Returns whether there was one."""
        if self._unfollowed is None:
            return False
        taken, self._unfollowed = self._unfollowed, None
        self.tracker.sweep(*taken)
        self._walking_stamp_s = taken[0]
        self._walking = self.tracker.walking(taken[0], *self._walker_speeds)
        self.version += 1
        return True

    def cloud(self, cloud: m.PointCloud, mount: Mount, view_rad: float = 0.0) -> None:
        """Take a 3D sweep: what stands between ground and robot height, thinned to a grid. `view_rad`: its width."""
        cells = _occupied(cloud.points_m, mount, self._reach_m)
        pose = self._reckoning.at(cloud.stamp_s)
        self._cloud = np.column_stack(_carry(pose, cells[:, 0], cells[:, 1]))
        self._cloud_stamp_s = cloud.stamp_s
        self.sector = (float(mount.planar()[2]), 0.5 * view_rad) if view_rad else None
        self.version += 1

    def now(self) -> Ranges:
        """What this sensor alone knows, at the present pose."""
        self.follow()
        return merged((self,), self._hull, self._reckoning)

    def points(self) -> list[Array]:
        """Returns (N, 2) in the dead-reckoned frame: the newest sweep, what passed out of sight, the newest cloud."""
        parts = [self._points, *(old[:, :2] for old in (self._missed, self._lost.rows) if len(old))]
        if len(self._cloud) and self._reckoning.stamp_s - self._cloud_stamp_s < self._keep_s:
            parts.append(self._cloud)
        return parts

    def forget(self) -> None:
        """The clock jumped: nothing seen before can be placed in time."""
        empty: Array = np.empty((0, 2))
        self.view = self.sector = None
        self._points, self._cloud, self._missed = empty, empty, np.empty((0, 3))
        self._lost.forget()
        self._walking, self._unfollowed = np.empty((0, 5)), None
        self.tracker = WalkerTracker()
        self.version += 1

    def walkers(self, pose: PlanarPose) -> Walkers:
        """Who walks, in `base_link` at `pose`, now."""
        if not len(self._walking):
            return NOBODY
        rows = self._walking
        age = max(0.0, self._reckoning.stamp_s - self._walking_stamp_s)
        x, y = _bring(pose, rows[:, 0] + age * rows[:, 2], rows[:, 1] + age * rows[:, 3])
        vx, vy = _bring(PlanarPose(0.0, 0.0, pose.yaw_rad), rows[:, 2], rows[:, 3])
        return Walkers(x, y, vx, vy, rows[:, 4])

    def _directions(self, scan: m.LaserScan) -> tuple[Array, Array]:
        key = (scan.angle_min_rad, scan.angle_increment_rad, len(scan.ranges_m))
        if self._rays is None or self._rays[0] != key:
            angles = scan.angles()
            self._rays = (key, np.cos(angles), np.sin(angles))
        return self._rays[1], self._rays[2]


def _stamped(points: Array, stamp_s: float) -> Array:
    """Rows x, y, stamp (N, 3)."""
    return np.column_stack([points, np.full(len(points), stamp_s)])


def _unanswered(known: Array, scan: m.LaserScan, silent: NDArray[np.bool_], pose: PlanarPose, mount: Mount) -> Array:
    """What of the known (N, 3) stands in the way of rays that say nothing now: neither met nor looked through."""
    known = known[scan.stamp_s - known[:, 2] < MISSED_S]
    if not len(known) or not silent.any():
        return np.empty((0, 3))
    sensor_x, sensor_y, sensor_yaw = (float(value) for value in mount.planar())
    x, y = _bring(pose, known[:, 0], known[:, 1])
    bearing = np.arctan2(y - sensor_y, x - sensor_x) - sensor_yaw
    if mount.rotation[2, 2] < 0.0:
        bearing = -bearing
    step_rad = abs(scan.angle_increment_rad)  # a ray stands for half a step to either side
    turn = (bearing - scan.angle_min_rad) * math.copysign(1.0, scan.angle_increment_rad) + 0.5 * step_rad
    ray = (turn % (2.0 * math.pi) // step_rad).astype(np.intp)
    inside = ray < len(silent)
    return known[inside][silent[ray[inside]]]


def merged(fields: Sequence[RangeField], hull: Hull, reckoning: DeadReckoning) -> Ranges:
    """All sensors' returns and people, at the present pose."""
    pose = reckoning.now
    parts = [part for field in fields for part in field.points()] or [np.empty((0, 2))]
    points = np.concatenate(parts) if len(parts) > 1 else parts[0]
    x, y = _bring(pose, points[:, 0], points[:, 1])
    people = [found for field in fields if len((found := field.walkers(pose)).x)]
    walkers = people[0] if people else NOBODY
    if len(people) > 1:
        walkers = Walkers(*(np.concatenate(row) for row in zip(*people, strict=True)))
    sectors = [field.sector for field in fields if field.sector is not None]
    return Ranges(sort_points(hull, x, y), walkers, _all_round(sectors))


def _all_round(sectors: Sequence[tuple[float, float]]) -> bool:
    """Whether the sensors together look in every direction."""
    if any(2.0 * half >= FULL_CIRCLE_RAD for _, half in sectors):
        return True
    if len(sectors) < 2:
        return False
    ways = (2.0 * math.pi * k / DIRECTIONS for k in range(DIRECTIONS))
    return all(
        any(abs((way - middle + math.pi) % (2.0 * math.pi) - math.pi) <= half for middle, half in sectors)
        for way in ways
    )


def _occupied(points_m: NDArray[np.float32], mount: Mount, reach_m: float) -> Array:
    """Centres (K, 2) of the cells of a grid in `base_link` that hold a point (N, 3) at a height that can be hit.

    Column by column, in the sensor's own precision: what is no number fails every comparison.
    """
    across, turn, offset = int(reach_m / CLOUD_CELL_M) + 1, mount.rotation.astype(np.float32), mount.xyz_m
    with np.errstate(invalid="ignore", over="ignore"):
        px, py, pz = np.ascontiguousarray(points_m.T, dtype=np.float32)
        x, y, z = (row[0] * px + row[1] * py + row[2] * pz + np.float32(o) for row, o in zip(turn, offset, strict=True))
        keep = np.flatnonzero((z > LOWEST_M) & (z < HIGHEST_M) & (x * x + y * y < reach_m * reach_m))
    side = 2 * across + 1
    held = np.zeros(side * side, dtype=np.bool_)
    ix = np.rint(x[keep] * (1.0 / CLOUD_CELL_M)).astype(np.int64)
    iy = np.rint(y[keep] * (1.0 / CLOUD_CELL_M)).astype(np.int64)
    held[(ix + across) * side + iy + across] = True
    ix, iy = np.divmod(np.flatnonzero(held), side)
    return np.column_stack([ix - across, iy - across]) * CLOUD_CELL_M


def _thinned(rays: NDArray[np.intp], r: Array, increment_rad: float) -> NDArray[np.intp]:
    """Of returns (N,) with the numbers of their rays: indices of those at least `THIN_M` apart along the sweep, and of
    the first and the last between steps in range and rays that met nothing: a thing is no narrower for it."""
    kept = np.diff(np.floor(np.cumsum(r * increment_rad) / THIN_M), prepend=-math.inf) > 0.0
    ends = (np.abs(np.diff(r)) > STEP_M) | (np.diff(rays) > 1)
    kept[:-1] |= ends
    kept[1:] |= ends
    kept[-1:] = True
    return np.flatnonzero(kept)


def _carry(pose: PlanarPose, x: Any, y: Any) -> tuple[Any, Any]:
    """From `base_link` at `pose` to the dead-reckoned frame."""
    c, s = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    return pose.x_m + c * x - s * y, pose.y_m + s * x + c * y


def _bring(pose: PlanarPose, x: Array, y: Array) -> tuple[Array, Array]:
    """From the dead-reckoned frame to `base_link` at `pose`."""
    c, s = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    dx, dy = x - pose.x_m, y - pose.y_m
    return c * dx + s * dy, c * dy - s * dx
