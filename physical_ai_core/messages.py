"""What the cores say to each other: frozen payloads of numpy arrays and floats, no ROS types.

Every payload with a header carries `stamp_s` (seconds of the graph's clock) and `frame_id`. Arrays are not copied
on the way: treat them as read-only. Orientation is (x, y, z, w). Covariances follow the ROS order
(x, y, z, roll, pitch, yaw), row-major.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import layouts
from physical_ai_core.geometry import Array, yaw_of


@dataclass(frozen=True, slots=True)
class LaserScan:
    """One sweep of a planar LiDAR; `ranges_m` (N,), inf where nothing was hit, NaN where the ray is invalid."""

    stamp_s: float
    frame_id: str
    angle_min_rad: float
    angle_increment_rad: float
    range_min_m: float
    range_max_m: float
    ranges_m: NDArray[np.float32]
    time_increment_s: float = 0.0

    def angles(self) -> Array:
        """Bearing of each ray (N,) in the sensor frame."""
        return self.angle_min_rad + self.angle_increment_rad * np.arange(len(self.ranges_m), dtype=np.float64)

    def valid(self) -> NDArray[np.bool_]:
        """Rays that hit something inside the sensor's range."""
        r = self.ranges_m
        return np.asarray(np.isfinite(r) & (r >= self.range_min_m) & (r <= self.range_max_m))

    def points(self) -> Array:
        """Hit points (M, 2) in the sensor frame."""
        keep = self.valid()
        r, a = self.ranges_m[keep].astype(float), self.angles()[keep]
        return np.column_stack([r * np.cos(a), r * np.sin(a)])


@dataclass(frozen=True, slots=True)
class PointCloud:
    """3D points (N, 3) in metres."""

    stamp_s: float
    frame_id: str
    points_m: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Imu:
    """REP-145 `imu/data`. A part that the sensor does not give is None (covariance element 0 is -1 on the wire)."""

    stamp_s: float
    frame_id: str
    angular_velocity_rps: Array
    linear_acceleration_mps2: Array
    orientation_xyzw: Array | None = None
    orientation_cov: Array | None = None
    angular_velocity_cov: Array | None = None
    linear_acceleration_cov: Array | None = None


@dataclass(frozen=True, slots=True)
class GnssFix:
    """WGS-84 position; `cov_enu_m2` (3, 3). `status` as sensor_msgs/NavSatStatus (-1: no fix)."""

    stamp_s: float
    frame_id: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    cov_enu_m2: Array
    status: int = 0


@dataclass(frozen=True, slots=True)
class Battery:
    """As sensor_msgs/BatteryState: `charge` from 0 to 1, `current_a` negative while discharging; nan: unknown."""

    stamp_s: float
    frame_id: str
    charge: float
    voltage_v: float = float("nan")
    current_a: float = float("nan")


@dataclass(frozen=True, slots=True)
class Odometry:
    """Pose of `child_frame_id` in `frame_id`, twist in `child_frame_id` (REP-105, nav_msgs/Odometry)."""

    stamp_s: float
    frame_id: str
    child_frame_id: str
    position_m: Array
    orientation_xyzw: Array
    linear_mps: Array
    angular_rps: Array
    pose_cov: Array = field(default_factory=lambda: np.zeros((6, 6)))
    twist_cov: Array = field(default_factory=lambda: np.zeros((6, 6)))

    @property
    def yaw_rad(self) -> float:
        return yaw_of(self.orientation_xyzw)

    def planar_pose(self) -> Array:
        """`[x_m, y_m, yaw_rad]` in `frame_id`."""
        return np.array([self.position_m[0], self.position_m[1], self.yaw_rad])


@dataclass(frozen=True, slots=True)
class Pose:
    """A stamped pose, with covariance (6, 6) where the wire type has one."""

    stamp_s: float
    frame_id: str
    position_m: Array
    orientation_xyzw: Array
    cov: Array | None = None

    def planar(self) -> Array:
        """`[x_m, y_m, yaw_rad]` in `frame_id`."""
        return np.array([self.position_m[0], self.position_m[1], yaw_of(self.orientation_xyzw)])


@dataclass(frozen=True, slots=True)
class JointStates:
    """Joint positions (rad or m) and velocities; an absent part is an empty array."""

    stamp_s: float
    frame_id: str
    names: tuple[str, ...]
    positions: Array
    velocities: Array


@dataclass(frozen=True, slots=True)
class Twist:
    """A velocity command in `frame_id` (base_link): forward, left, counter-clockwise."""

    stamp_s: float
    frame_id: str
    linear_x_mps: float
    angular_z_rps: float
    linear_y_mps: float = 0.0


@dataclass(frozen=True, slots=True)
class OccupancyGrid:
    """Cells (H, W) int8: -1 unknown, 0 free … 100 occupied; row 0 at `origin` (pose of the cell corner (0, 0))."""

    stamp_s: float
    frame_id: str
    resolution_m: float
    origin: Array
    cells: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Objects:
    """Tracked objects: rows of `layouts.OBJECT` in `frame_id`."""

    stamp_s: float
    frame_id: str
    rows: layouts.Rows


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predicted objects: rows of `layouts.PREDICTION`, times counted from `stamp_s`."""

    stamp_s: float
    frame_id: str
    rows: layouts.Rows


@dataclass(frozen=True, slots=True)
class Path:
    """Planar poses (N, 3); `stamps_s` (N,) where the path is timed, else None."""

    stamp_s: float
    frame_id: str
    poses: Array
    stamps_s: Array | None = None


@dataclass(frozen=True, slots=True)
class Text:
    data: str


@dataclass(frozen=True, slots=True)
class Flag:
    data: bool


@dataclass(frozen=True, slots=True)
class Scalar:
    data: float


@dataclass(frozen=True, slots=True)
class Whole:
    data: int


@dataclass(frozen=True, slots=True)
class Clock:
    stamp_s: float


@dataclass(frozen=True, slots=True)
class Image:
    """Pixels (H, W, 3) uint8, RGB; grey pictures have three equal channels."""

    stamp_s: float
    frame_id: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """Pinhole intrinsics `k` (3, 3) and distortion `d` of the model that `distortion_model` names."""

    stamp_s: float
    frame_id: str
    width: int
    height: int
    k: Array
    d: Array
    distortion_model: str = "plumb_bob"


@dataclass(frozen=True, slots=True)
class Status:
    """One line of diagnostics: `level` 0 OK, 1 WARN, 2 ERROR, 3 STALE."""

    level: int
    name: str
    message: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diagnostics:
    stamp_s: float
    statuses: tuple[Status, ...]
