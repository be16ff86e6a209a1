"""Sensors of the simulated robot: true state of the physics in, payloads with noise out. All noise from one seed."""

from __future__ import annotations

import math
from typing import Any, Final

import mujoco
import numpy as np
import pymap3d

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, quaternion_of_yaw
from physical_ai_core.robot import Mount
from physical_ai_core.site import Datum
from physical_ai_sim import physics as p

_LIDAR_SEES: Final = np.array([1, 0, 0, 0, 0, 0], dtype=np.uint8)  # geometry group 0 of world.py
# mujoco 3.4 and later ask for a buffer of surface normals before the number of rays.
_NORMALS: Final = (None,) if "normal" in (mujoco.mj_multiRay.__doc__ or "") else ()
GRAVITY: Final = np.array([0.0, 0.0, p.GRAVITY_MPS2])


class Body:
    """True motion of `base_link` in `map`, read from the physics once a frame."""

    def __init__(self, model: Any, data: Any) -> None:
        self._data = data
        self._id = model.body("base").id
        self._wheels = np.array([model.joint(side).qposadr[0] for side in ("left", "right")])

    @property
    def position_m(self) -> Array:
        return np.array(self._data.xpos[self._id])

    @property
    def rotation(self) -> Array:
        """3x3, `base_link` to `map`."""
        return np.array(self._data.xmat[self._id]).reshape(3, 3)

    @property
    def velocity_mps(self) -> Array:
        """Of the origin, in `map`."""
        return np.array(self._data.qvel[:3])

    @property
    def turn_rate_rps(self) -> Array:
        """In `base_link`."""
        return np.array(self._data.qvel[3:6])

    @property
    def wheel_angles_rad(self) -> Array:
        """Left, right."""
        return np.array(self._data.qpos[self._wheels])

    def planar_pose(self) -> Array:
        """`[x_m, y_m, yaw_rad]` in `map`."""
        turn = self._data.xmat[self._id]
        x, y, _ = self._data.xpos[self._id]
        return np.array([x, y, np.arctan2(turn[3], turn[0])])


class Lidar:
    """Planar LiDAR by MuJoCo ray casting; a sweep is taken at one instant."""

    def __init__(self, mount: Mount, draw: np.random.Generator, noise: float, full_circle: bool = False) -> None:
        """270 degrees, or a full circle with rays as dense."""
        self._mount, self._draw, self._noise = mount, draw, noise
        self._increment_rad = p.LIDAR_FIELD_RAD / (p.LIDAR_RAYS - 1)
        count, first_rad = p.LIDAR_RAYS, -p.LIDAR_FIELD_RAD / 2
        if full_circle:
            count, first_rad = round(2.0 * math.pi / self._increment_rad), -math.pi
            self._increment_rad = 2.0 * math.pi / count
        self._angles = first_rad + self._increment_rad * np.arange(count)
        self._rays = mount.rotation @ np.stack([np.cos(self._angles), np.sin(self._angles), np.zeros(count)])
        self._geoms = np.zeros(count, dtype=np.int32)
        self._distances = np.zeros(count)

    def measure(self, model: Any, data: Any, body: Body, stamp_s: float) -> m.LaserScan:
        turn = body.rotation
        eye = body.position_m + turn @ np.array(self._mount.xyz_m)
        rays = np.ascontiguousarray((turn @ self._rays).T).ravel()
        mujoco.mj_multiRay(
            model, data, eye, rays, _LIDAR_SEES, True, -1, self._geoms, self._distances, *_NORMALS,
            len(self._angles), p.LIDAR_MAX_M,
        )  # fmt: skip
        ranges = self._distances + self._noise * p.LIDAR_SIGMA_M * self._draw.standard_normal(len(self._angles))
        lost = self._draw.random(len(self._angles)) < self._noise * p.LIDAR_DROPOUT
        # A pulse that does not come back looks the same whatever the reason.
        ranges[(self._distances < 0.0) | (self._distances > p.LIDAR_MAX_M) | lost] = np.inf
        return m.LaserScan(
            stamp_s, "lidar", float(self._angles[0]), self._increment_rad,
            p.LIDAR_MIN_M, p.LIDAR_MAX_M, ranges.astype(np.float32),
        )  # fmt: skip


class ImuSensor:
    """Gyroscope and accelerometer with white noise and wandering bias; no orientation (REP-145).

    The specific force is the mean since the last sample, as of a device that integrates at a high rate.
    """

    def __init__(self, mount: Mount, draw: np.random.Generator, noise: float, held_mps2: Array = GRAVITY) -> None:
        """`held_mps2`: against gravity, in `map`."""
        self._draw, self._held = draw, held_mps2
        self._arm, self._turn = np.array(mount.xyz_m), mount.rotation.T
        self._bias = noise * np.array([p.GYRO_BIAS_SIGMA_RPS] * 3 + [p.ACCEL_BIAS_SIGMA_MPS2] * 3)
        self._bias = self._bias * draw.standard_normal(6)
        self._white = noise * np.array([p.GYRO_SIGMA_RPS] * 3 + [p.ACCEL_SIGMA_MPS2] * 3)
        self._walk = noise * np.array([p.GYRO_BIAS_WALK_RPS] * 3 + [p.ACCEL_BIAS_WALK_MPS2] * 3)
        self._gyro_cov = np.eye(3) * p.GYRO_SIGMA_RPS**2
        self._accel_cov = np.eye(3) * p.ACCEL_SIGMA_MPS2**2
        self._velocity = np.zeros(3)

    def measure(self, body: Body, stamp_s: float, dt_s: float) -> m.Imu:
        turn, rate = body.rotation, body.turn_rate_rps
        velocity = body.velocity_mps + turn @ _cross(rate, self._arm)
        force = turn.T @ ((velocity - self._velocity) / dt_s + self._held)
        self._velocity = velocity
        normal = self._draw.standard_normal((2, 6))
        self._bias = self._bias + self._walk * np.sqrt(dt_s) * normal[0]
        measured = np.concatenate([self._turn @ rate, self._turn @ force]) + self._bias + self._white * normal[1]
        return m.Imu(stamp_s, "imu", measured[:3], measured[3:], None, None, self._gyro_cov, self._accel_cov)


class WheelOdometry:
    """Twist from the wheel encoders and the pose it adds up to; wrong by each wheel's scale and by slip."""

    def __init__(self, body: Body, draw: np.random.Generator, noise: float) -> None:
        self._draw, self._noise = draw, noise
        self._scale = 1.0 + noise * p.WHEEL_SCALE_SIGMA * draw.standard_normal(2)
        self._angles = body.wheel_angles_rad
        self._pose = np.zeros(3)
        self._pose_cov = np.diag([1.0, 1.0, 1e-2, 1e-2, 1e-2, 0.3])  # it drifts without bound: say so from the start

    def measure(self, body: Body, stamp_s: float, dt_s: float) -> tuple[m.Odometry, m.JointStates]:
        angles = body.wheel_angles_rad
        moved = angles - self._angles
        self._angles = angles
        speeds = p.WHEEL_RADIUS_M * self._scale * moved / dt_s
        jitter = self._noise * p.WHEEL_SIGMA_MPS * self._draw.standard_normal(2)
        if np.abs(moved).max() > 1e-6:  # an encoder that stands says exactly zero
            speeds = speeds + jitter
        speed, rate = float(0.5 * (speeds[0] + speeds[1])), float((speeds[1] - speeds[0]) / (2 * p.HALF_TRACK_M))
        yaw = self._pose[2] + 0.5 * rate * dt_s
        self._pose = self._pose + dt_s * np.array([speed * np.cos(yaw), speed * np.sin(yaw), rate])
        sigma2 = 0.5 * (p.WHEEL_SIGMA_MPS**2 + p.WHEEL_SCALE_SIGMA**2 * float(speeds @ speeds))
        twist_cov = np.zeros((6, 6))
        diagonal = [sigma2 + 1e-5, 1e-4, 1e-4, 1e-2, 1e-2, sigma2 / p.HALF_TRACK_M**2 + 1e-4]  # it stays on the ground
        np.fill_diagonal(twist_cov, diagonal)
        odometry = m.Odometry(
            stamp_s, "wheel_odom", "base_link", np.array([self._pose[0], self._pose[1], 0.0]),
            quaternion_of_yaw(self._pose[2]), np.array([speed, 0.0, 0.0]), np.array([0.0, 0.0, rate]),
            self._pose_cov, twist_cov,
        )  # fmt: skip
        joints = m.JointStates(
            stamp_s, "", ("left_wheel_joint", "right_wheel_joint"), angles, speeds / p.WHEEL_RADIUS_M
        )
        return odometry, joints


class Gnss:
    """RTK receiver at the `gps` mount."""

    def __init__(self, mount: Mount, datum: Datum, draw: np.random.Generator, noise: float) -> None:
        self._arm, self._datum, self._draw = np.array(mount.xyz_m), datum, draw
        sigma = np.array([p.GNSS_SIGMA_M, p.GNSS_SIGMA_M, 2 * p.GNSS_SIGMA_M])
        self._sigma, self._cov = noise * sigma, np.diag(sigma**2)

    def measure(self, body: Body, stamp_s: float) -> m.GnssFix:
        enu = body.position_m + body.rotation @ self._arm + self._sigma * self._draw.standard_normal(3)
        latitude, longitude, altitude = pymap3d.enu2geodetic(
            *enu, self._datum.latitude_deg, self._datum.longitude_deg, self._datum.altitude_m
        )
        return m.GnssFix(stamp_s, "gps", float(latitude), float(longitude), float(altitude), self._cov)


def _cross(a: Array, b: Array) -> Array:
    """Cross product of two vectors; numpy's own costs ten times as much for so little."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
