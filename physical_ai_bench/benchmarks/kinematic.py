"""A small robot for judging filters: it drives a random course on level ground, and its sensors err as they say.

IMU: white noise and constant biases; wheels: an unknown scale and white slip in every direction; GNSS: white noise.
Truth is exact between samples (constant acceleration and yaw rate), so every error that a filter shows is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pymap3d
from numpy.typing import NDArray

from physical_ai_core import messages as m

Array = NDArray[np.float64]
DATUM = (35.6586, 139.7454, 40.0)
START_S = 100.0


class Truth(NamedTuple):
    """x m, y m, yaw rad in `map`; forward speed m/s."""

    stamp_s: float
    x: float
    y: float
    yaw: float
    speed: float


class Step(NamedTuple):
    """What is heard at a stamp, and where the robot really is then."""

    messages: list[tuple[str, Any]]
    truth: Truth


@dataclass(frozen=True)
class Errors:
    """One standard deviation each: noise densities of the IMU, biases and scale drawn once a run, noise of the rest."""

    gyro_noise: float = 2e-3
    accel_noise: float = 0.05
    gyro_bias_rps: float = 0.02
    accel_bias_mps2: float = 0.2
    wheel_scale: float = 0.02
    wheel_mps: tuple[float, float, float] = (0.03, 0.05, 0.05)
    gnss_m: float = 0.3
    start_m: float = 0.3
    start_rad: float = 0.1


USUAL = Errors()


def drive(
    seed: int, seconds: float, errors: Errors = USUAL, rest_s: float = 3.0, imu_hz: int = 100, gnss_hz: int = 5,
    gravity_mps2: float = 9.80665,
) -> Iterator[Step]:  # fmt: skip
    """A run: at rest first, then a course of random speeds and turns. Wheels at 50 Hz. Topics as in the graph."""
    rng = np.random.default_rng(seed)
    dt_s, e = 1.0 / imu_hz, errors
    gyro_bias, accel_bias = rng.normal(0.0, e.gyro_bias_rps, 3), rng.normal(0.0, e.accel_bias_mps2, 3)
    scale = 1.0 + rng.normal(0.0, e.wheel_scale)
    gyro_sigma, accel_sigma = e.gyro_noise / np.sqrt(dt_s), e.accel_noise / np.sqrt(dt_s)
    x, y = rng.normal(0.0, e.start_m, 2).tolist()
    yaw, speed, turn = float(rng.normal(0.0, e.start_rad)), 0.0, 0.0
    wanted_speed, wanted_turn = 0.0, 0.0
    gnss_cov = np.eye(3) * e.gnss_m**2
    none, level = np.zeros((3, 3)), np.array([0.0, 0.0, 0.0, 1.0])
    for step in range(round(seconds * imu_hz)):
        stamp_s = START_S + step * dt_s
        if step * dt_s >= rest_s and step % (4 * imu_hz) == 0:
            wanted_speed, wanted_turn = float(rng.uniform(0.3, 1.5)), float(rng.uniform(-0.5, 0.5))
        change = float(np.clip(wanted_speed - speed, -dt_s, dt_s))
        turn += float(np.clip(wanted_turn - turn, -dt_s, dt_s))
        if step:
            mean, middle = speed + 0.5 * change, yaw + 0.5 * turn * dt_s
            x, y, yaw = x + mean * dt_s * np.cos(middle), y + mean * dt_s * np.sin(middle), yaw + turn * dt_s
            force = np.array([change / dt_s, mean * turn, gravity_mps2])
            speed += change
        else:
            force = np.array([0.0, 0.0, gravity_mps2])
        rate = np.array([0.0, 0.0, turn]) + gyro_bias + rng.normal(0.0, gyro_sigma, 3)
        force = force + accel_bias + rng.normal(0.0, accel_sigma, 3)
        said: list[tuple[str, Any]] = [("imu/data", m.Imu(stamp_s, "imu", rate, force, None, None, none, none))]
        if step % (imu_hz // 50) == 0:
            moving = speed != 0.0
            slip = rng.normal(0.0, e.wheel_mps) if moving else np.zeros(3)
            velocity = np.array([speed * scale, 0.0, 0.0]) + slip
            said.append(("wheel/odometry", m.Odometry(
                stamp_s, "odom", "base_link", np.zeros(3), level, velocity, np.array([0.0, 0.0, turn * moving])
            )))  # fmt: skip
        if gnss_hz and step % (imu_hz // gnss_hz) == 0:
            at = np.array([x, y, 0.0]) + rng.normal(0.0, e.gnss_m, 3)
            latitude, longitude, altitude = pymap3d.enu2geodetic(*at, *DATUM)
            said.append(("gps/fix", m.GnssFix(
                stamp_s, "base_link", float(latitude), float(longitude), float(altitude), gnss_cov
            )))  # fmt: skip
        yield Step(said, Truth(stamp_s, x, y, yaw, speed))
