"""Where the robot and the things around it are in `map`, and whether that is known well enough to move."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from physical_ai_core.geometry import Array, compose, rotation, transform_points
from physical_ai_core.layouts import OBJECT_CLASSES
from physical_ai_core.messages import Objects, Odometry, Pose

SIGMA_STEP_M = 0.05  # margins grow in steps, so that the route's grid does not change with every message
BACKWARDS_S = 1.0  # a stamp this far ahead of the clock is of another time


class Here(NamedTuple):
    """Own pose `[x, y, yaw]` in `map`, ground speed, and three standard deviations of the localisation."""

    pose: Array
    speed_mps: float
    map_from_odom: Array
    sigma_margin_m: float


class Thing(NamedTuple):
    """One tracked object in `map`."""

    id: int
    class_name: str
    x_m: float
    y_m: float
    vx_mps: float
    vy_mps: float
    radius_m: float

    @property
    def speed_mps(self) -> float:
        return float(np.hypot(self.vx_mps, self.vy_mps))

    def distance_m(self, pose: Array) -> float:
        return float(np.hypot(self.x_m - pose[0], self.y_m - pose[1]))


class Localisation:
    """Keeps the last sound pose, localisation and objects; says what is stale."""

    def __init__(self, pose_timeout_s: float, map_timeout_s: float, max_sigma_m: float) -> None:
        self.pose_timeout_s, self.map_timeout_s, self.max_sigma_m = pose_timeout_s, map_timeout_s, max_sigma_m
        self._odometry: Odometry | None = None
        self._map_from_odom: Pose | None = None
        self._objects: Objects | None = None

    def take_odometry(self, odometry: Odometry) -> None:
        parts = (odometry.position_m, odometry.orientation_xyzw, odometry.linear_mps)
        if _sound(*parts) and np.isfinite(odometry.stamp_s):
            self._odometry = odometry

    def take_map_to_odom(self, pose: Pose) -> None:
        if _sound(pose.position_m, pose.orientation_xyzw) and np.isfinite(pose.stamp_s):
            self._map_from_odom = pose

    def take_objects(self, objects: Objects) -> None:
        if np.isfinite(objects.stamp_s):
            self._objects = objects

    def here(self, now_s: float) -> Here | None:
        """Own place in `map`, or None where a part of it is missing, stale or too uncertain."""
        odometry, joint = self._odometry, self._map_from_odom
        if odometry is None or joint is None:
            return None
        if not _fresh(odometry.stamp_s, now_s, self.pose_timeout_s):
            return None
        if not _fresh(joint.stamp_s, now_s, self.map_timeout_s):
            return None
        sigma = _sigma(joint.cov)
        if not sigma <= self.max_sigma_m:
            return None
        map_from_odom = joint.planar()
        margin = float(np.ceil(3.0 * sigma / SIGMA_STEP_M - 1e-9) * SIGMA_STEP_M)
        speed = float(np.hypot(odometry.linear_mps[0], odometry.linear_mps[1]))
        return Here(compose(map_from_odom, odometry.planar_pose()), speed, map_from_odom, margin)

    def missing(self, now_s: float) -> str:
        """Which part is missing, for diagnostics; empty when all is well."""
        if self._odometry is None or not _fresh(self._odometry.stamp_s, now_s, self.pose_timeout_s):
            return "state/odometry"
        joint = self._map_from_odom
        if joint is None or not _fresh(joint.stamp_s, now_s, self.map_timeout_s):
            return "state/map_to_odom"
        return "" if _sigma(joint.cov) <= self.max_sigma_m else "certainty of state/map_to_odom"

    def things(self, here: Here, now_s: float) -> list[Thing]:
        """Tracked objects in `map`; none where the message is stale."""
        if self._objects is None or not _fresh(self._objects.stamp_s, now_s, self.pose_timeout_s):
            return []
        rows = self._objects.rows
        numbers = np.column_stack([rows[name] for name in ("x", "y", "vx", "vy", "radius")]).astype(float)
        keep = np.all(np.isfinite(numbers), axis=1) & (rows["class_id"] < len(OBJECT_CLASSES))
        numbers, rows = numbers[keep], rows[keep]
        at = transform_points(here.map_from_odom, numbers[:, :2])
        velocity = numbers[:, 2:4] @ rotation(float(here.map_from_odom[2])).T
        return [
            Thing(int(row["id"]), OBJECT_CLASSES[int(row["class_id"])], *map(float, (*p, *v, n[4])))
            for row, p, v, n in zip(rows, at, velocity, numbers, strict=True)
        ]


def _sound(*arrays: Array) -> bool:
    return all(np.all(np.isfinite(a)) for a in arrays)


def _fresh(stamp_s: float, now_s: float, timeout_s: float) -> bool:
    return -BACKWARDS_S <= now_s - stamp_s <= timeout_s


def _sigma(cov: Array | None) -> float:
    """Largest standard deviation in the plane; 0 where no covariance is given, NaN and negatives are infinite."""
    if cov is None:
        return 0.0
    plane = np.asarray(cov, dtype=float)[:2, :2]
    if not np.all(np.isfinite(plane)):
        return float("inf")
    values = np.linalg.eigvalsh(0.5 * (plane + plane.T))
    return float(np.sqrt(values[-1])) if values[0] >= -1e-9 and values[-1] >= 0.0 else float("inf")
