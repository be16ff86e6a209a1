"""A small flat world for tests: walls, poles, people, and the sensors of a robot that drives through it exactly."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, quaternion_of_yaw

GRAVITY = 9.80665
LIDAR = np.array([0.15, 0.0])  # in base_link, as on robot scout


@dataclass
class World:
    """`circles` (N, 3): x, y, radius; `walls` (M, 4): x1, y1, x2, y2; both in the frame of the truth."""

    circles: Array = field(default_factory=lambda: np.zeros((0, 3)))
    walls: Array = field(default_factory=lambda: np.zeros((0, 4)))

    def ranges(self, origin: Array, bearings: Array, range_max: float = 25.0) -> Array:
        """Distance along each ray to the first surface, inf for none."""
        c, s = np.cos(bearings), np.sin(bearings)
        best = np.full(len(bearings), np.inf)
        for x, y, radius in self.circles:
            dx, dy = x - origin[0], y - origin[1]
            along = c * dx + s * dy
            inside = radius**2 - (dx**2 + dy**2 - along**2)
            hit = along - np.sqrt(np.maximum(inside, 0.0))
            best = np.where((inside > 0.0) & (hit > 0.0), np.minimum(best, hit), best)
        for x1, y1, x2, y2 in self.walls:
            ex, ey = x2 - x1, y2 - y1
            bottom = c * ey - s * ex
            bottom = np.where(np.abs(bottom) < 1e-12, 1e-12, bottom)
            hit = ((x1 - origin[0]) * ey - (y1 - origin[1]) * ex) / bottom
            part = ((x1 - origin[0]) * s - (y1 - origin[1]) * c) / bottom
            best = np.where((hit > 0.0) & (part >= 0.0) & (part <= 1.0), np.minimum(best, hit), best)
        return np.where(best <= range_max, best, np.inf)


def room(half: float = 9.0) -> Array:
    """Four walls around the origin."""
    corners = half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    return np.column_stack([corners[:-1], corners[1:]])


def scan(
    world: World, pose: Array, stamp_s: float, rng: np.random.Generator | None = None, rays: int = 720,
    fov: float = 1.5 * np.pi, frame: str = "lidar",
) -> m.LaserScan:  # fmt: skip
    """A sweep of the LiDAR of a robot at `pose` [x, y, yaw]."""
    angles = -0.5 * fov + fov / (rays - 1) * np.arange(rays)
    c, s = np.cos(pose[2]), np.sin(pose[2])
    origin = pose[:2] + np.array([c * LIDAR[0] - s * LIDAR[1], s * LIDAR[0] + c * LIDAR[1]])
    ranges = world.ranges(origin, pose[2] + angles)
    if rng is not None:
        ranges = ranges + rng.normal(0.0, 0.01, rays)
    return m.LaserScan(stamp_s, frame, angles[0], fov / (rays - 1), 0.05, 25.0, ranges.astype(np.float32))


@dataclass
class Drive:
    """A robot on level ground with the speed and yaw rate it is told; integrates exactly, gives its sensors."""

    rng: np.random.Generator
    pose: Array = field(default_factory=lambda: np.zeros(3))
    speed: float = 0.0
    gyro_bias: Array = field(default_factory=lambda: np.zeros(3))
    accel_bias: Array = field(default_factory=lambda: np.zeros(3))
    gyro_sigma: float = 0.01
    accel_sigma: float = 0.1

    def step(self, dt_s: float, speed: float, yaw_rate: float, stamp_s: float) -> m.Imu:
        """Drive for `dt_s`, ending at `stamp_s`; the IMU message of that time."""
        acceleration, mean_speed = (speed - self.speed) / dt_s, 0.5 * (speed + self.speed)
        middle = self.pose[2] + 0.5 * yaw_rate * dt_s
        self.pose = self.pose + np.array(
            [mean_speed * dt_s * np.cos(middle), mean_speed * dt_s * np.sin(middle), yaw_rate * dt_s]
        )
        self.speed = speed
        force = np.array([acceleration, mean_speed * yaw_rate, GRAVITY])
        return imu(
            stamp_s,
            np.array([0.0, 0.0, yaw_rate]) + self.gyro_bias + self.rng.normal(0.0, self.gyro_sigma, 3),
            force + self.accel_bias + self.rng.normal(0.0, self.accel_sigma, 3),
        )


def imu(stamp_s: float, rate: Array | None = None, force: Array | None = None, frame: str = "imu") -> m.Imu:
    """An IMU message without orientation; by default of a robot at rest."""
    rate = np.zeros(3) if rate is None else rate
    force = np.array([0.0, 0.0, GRAVITY]) if force is None else force
    return m.Imu(stamp_s, frame, rate, force, None, None, np.zeros((3, 3)), np.zeros((3, 3)))


def wheels(stamp_s: float, speed: float = 0.0, yaw_rate: float = 0.0, child: str = "base_link") -> m.Odometry:
    """Wheel odometry: the twist is what counts."""
    return m.Odometry(
        stamp_s, "odom", child, np.zeros(3), quaternion_of_yaw(0.0), np.array([speed, 0.0, 0.0]),
        np.array([0.0, 0.0, yaw_rate]),
    )  # fmt: skip


def fix(stamp_s: float, antenna_enu: Array, datum: tuple[float, float, float], sigma: float = 0.03) -> m.GnssFix:
    """A fix of an antenna at `antenna_enu` (3,) around a datum."""
    import pymap3d

    latitude, longitude, altitude = pymap3d.enu2geodetic(*antenna_enu, *datum)
    return m.GnssFix(stamp_s, "gps", float(latitude), float(longitude), float(altitude), np.eye(3) * sigma**2)
