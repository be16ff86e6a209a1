"""Sensors of the simulated robot: true state of the physics in, payloads with noise out. All noise from one seed."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pymap3d

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, quaternion_of_yaw
from physical_ai_core.robot import Mount
from physical_ai_core.site import Datum
from physical_ai_sim import physics as p

_LIDAR_SEES = np.array([1, 0, 0, 0, 0, 0], dtype=np.uint8)  # geometry group 0 of world.py


class Lidar:
    """Planar LiDAR by MuJoCo ray casting."""

    def __init__(self, mount: Mount, draw: np.random.Generator) -> None:
        self._mount, self._draw = mount, draw
        self._angles = -p.LIDAR_FIELD_RAD / 2 + p.LIDAR_FIELD_RAD / (p.LIDAR_RAYS - 1) * np.arange(p.LIDAR_RAYS)
        self._rays = np.stack([np.cos(self._angles), np.sin(self._angles), np.zeros(p.LIDAR_RAYS)])
        self._geoms = np.zeros(p.LIDAR_RAYS, dtype=np.int32)
        self._distances = np.zeros(p.LIDAR_RAYS)

    def measure(self, model: Any, data: Any, stamp_s: float) -> m.LaserScan:
        turn = data.body("base").xmat.reshape(3, 3)
        eye = data.body("base").xpos + turn @ np.array(self._mount.xyz_m)
        rays = np.ascontiguousarray((turn @ self._mount.rotation @ self._rays).T).ravel()
        mujoco.mj_multiRay(
            model, data, eye, rays, _LIDAR_SEES, True, -1, self._geoms, self._distances, None,
            p.LIDAR_RAYS, p.LIDAR_MAX_M,
        )  # fmt: skip
        ranges = self._distances + self._draw.normal(0.0, p.LIDAR_SIGMA_M, p.LIDAR_RAYS)
        missed = (self._distances < 0.0) | (self._draw.random(p.LIDAR_RAYS) < p.LIDAR_DROPOUT)
        ranges[missed] = np.inf
        return m.LaserScan(
            stamp_s, "lidar", float(self._angles[0]), float(self._angles[1] - self._angles[0]),
            p.LIDAR_MIN_M, p.LIDAR_MAX_M, ranges.astype(np.float32),
        )  # fmt: skip


class ImuSensor:
    """Gyroscope and accelerometer with white noise and wandering bias; no orientation (REP-145)."""

    def __init__(self, draw: np.random.Generator) -> None:
        self._draw = draw
        self._gyro_bias = draw.normal(0.0, p.GYRO_BIAS_SIGMA_RPS, 3)
        self._accel_bias = draw.normal(0.0, p.ACCEL_BIAS_SIGMA_MPS2, 3)
        self._gyro_cov = np.eye(3) * p.GYRO_SIGMA_RPS**2
        self._accel_cov = np.eye(3) * p.ACCEL_SIGMA_MPS2**2

    def measure(self, data: Any, stamp_s: float, dt_s: float) -> m.Imu:
        self._gyro_bias = self._gyro_bias + self._draw.normal(0.0, p.GYRO_BIAS_WALK_RPS * np.sqrt(dt_s), 3)
        rate = data.sensor("gyro").data + self._gyro_bias + self._draw.normal(0.0, p.GYRO_SIGMA_RPS, 3)
        force = data.sensor("accel").data + self._accel_bias + self._draw.normal(0.0, p.ACCEL_SIGMA_MPS2, 3)
        return m.Imu(stamp_s, "imu", rate, force, None, None, self._gyro_cov, self._accel_cov)


class WheelOdometry:
    """Twist from the wheel encoders and the pose it adds up to; wrong by each wheel's scale and by slip."""

    def __init__(self, draw: np.random.Generator) -> None:
        self._draw = draw
        self._scale = 1.0 + draw.normal(0.0, p.WHEEL_SCALE_SIGMA, 2)
        self._angles: Array | None = None
        self._pose = np.zeros(3)

    def measure(self, data: Any, stamp_s: float, dt_s: float) -> tuple[m.Odometry, m.JointStates]:
        angles = np.array([data.joint("left").qpos[0], data.joint("right").qpos[0]])
        moved = np.zeros(2) if self._angles is None else angles - self._angles
        self._angles = angles
        speeds = p.WHEEL_RADIUS_M * self._scale * moved / dt_s
        if np.any(np.abs(moved) > 1e-6):
            speeds = speeds + self._draw.normal(0.0, p.WHEEL_SIGMA_MPS, 2)
        speed, rate = float(speeds.mean()), float((speeds[1] - speeds[0]) / (2 * p.HALF_TRACK_M))
        yaw = self._pose[2] + 0.5 * rate * dt_s
        self._pose = self._pose + dt_s * np.array([speed * np.cos(yaw), speed * np.sin(yaw), rate])
        sigma2 = p.WHEEL_SIGMA_MPS**2 / 2 + (p.WHEEL_SCALE_SIGMA * speed) ** 2
        twist_cov = np.diag([sigma2 + 1e-5, 1e-4, 1e-4, 1e-2, 1e-2, sigma2 / p.HALF_TRACK_M**2 + 1e-4])
        odometry = m.Odometry(
            stamp_s, "wheel_odom", "base_link", np.array([self._pose[0], self._pose[1], 0.0]),
            quaternion_of_yaw(self._pose[2]), np.array([speed, 0.0, 0.0]), np.array([0.0, 0.0, rate]),
            np.diag([1.0, 1.0, 1e-2, 1e-2, 1e-2, 0.3]), twist_cov,
        )  # fmt: skip
        joints = m.JointStates(
            stamp_s, "", ("left_wheel_joint", "right_wheel_joint"), angles, speeds / p.WHEEL_RADIUS_M
        )
        return odometry, joints


class Gnss:
    """RTK receiver at the `gps` mount."""

    def __init__(self, mount: Mount, datum: Datum, draw: np.random.Generator) -> None:
        self._mount, self._datum, self._draw = mount, datum, draw
        self._cov = np.diag([p.GNSS_SIGMA_M, p.GNSS_SIGMA_M, 2 * p.GNSS_SIGMA_M]) ** 2

    def measure(self, data: Any, stamp_s: float) -> m.GnssFix:
        turn = data.body("base").xmat.reshape(3, 3)
        noise = self._draw.normal(0.0, 1.0, 3) * np.sqrt(np.diag(self._cov))
        enu = data.body("base").xpos + turn @ np.array(self._mount.xyz_m) + noise
        latitude, longitude, altitude = pymap3d.enu2geodetic(
            *enu, self._datum.latitude_deg, self._datum.longitude_deg, self._datum.altitude_m
        )
        return m.GnssFix(stamp_s, "gps", float(latitude), float(longitude), float(altitude), self._cov)
