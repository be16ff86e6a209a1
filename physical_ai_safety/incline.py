"""How the robot leans: the vertical in `base_link` from gyroscope, accelerometer and wheels, nothing else.

A complementary filter: the gyroscope turns the vertical, the accelerometer pulls it back slowly, less what the wheels
say of the robot's own acceleration. A constant error of the gyroscope of 0.003 rad/s leans it by 0.003 rad.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from physical_ai_core.geometry import Array
from physical_ai_core.robot import Mount

GRAVITY_MPS2 = 9.81
PULL_S = 1.0  # time constant of the accelerometer's pull
LONGEST_STEP_S = 0.1
FASTEST_RPS = 50.0  # beyond any gyroscope's range: a fault
ODD = 0.3  # a specific force that differs from gravity by a larger share is a bump, and says nothing of the vertical


class Lean(NamedTuple):
    """Roll (left side up) and pitch (nose down), REP-103, and the angle to the world's vertical."""

    roll_rad: float
    pitch_rad: float
    tilt_rad: float


class Seat(NamedTuple):
    """How a sensor sits in `base_link`: rows of the rotation from its axes, and its place (x, y)."""

    rows: tuple[tuple[float, float, float], ...]
    arm_m: tuple[float, float]

    @classmethod
    def of(cls, mount: Mount) -> Seat:
        rows = tuple((float(a), float(b), float(c)) for a, b, c in mount.rotation)
        return cls(rows, mount.xyz_m[:2])

    @property
    def vertical(self) -> tuple[float, float, float]:
        """The robot's vertical in the sensor's axes."""
        return self.rows[2]

    def turned(self, vector: Array) -> tuple[float, float, float]:
        """A vector (3,) of the sensor, in the axes of `base_link`."""
        x, y, z = vector.tolist()
        (a, b, c), (d, e, f), (g, h, i) = self.rows
        return a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z


LEVEL = Lean(0.0, 0.0, 0.0)


class Incline:
    """Follows the vertical over the IMU's samples."""

    def __init__(self) -> None:
        self._up: tuple[float, float, float] | None = None
        self._stamp_s = math.nan  # of what gave the vertical
        self._wheels: tuple[float, float] | None = None  # stamp, speed
        self._push_mps2 = 0.0  # own acceleration ahead, by the wheels

    @property
    def lean(self) -> Lean | None:
        """None before the first sample."""
        if self._up is None:
            return None
        x, y, z = self._up
        return Lean(math.atan2(y, z), -math.asin(x), math.acos(z))  # by its length no part of it is beyond 1

    def wheels(self, stamp_s: float, v_mps: float) -> None:
        """Speed by the wheels, for the robot's own acceleration."""
        if self._wheels is not None and 0.0 < stamp_s - self._wheels[0] <= LONGEST_STEP_S:
            self._push_mps2 = (v_mps - self._wheels[1]) / (stamp_s - self._wheels[0])
        else:
            self._push_mps2 = 0.0
        self._wheels = (stamp_s, v_mps)

    def take(
        self, stamp_s: float, rate_rps: tuple[float, float, float], force_mps2: tuple[float, float, float],
        arm_m: tuple[float, float],
    ) -> bool:  # fmt: skip
        """One sample, all in the axes of `base_link`: turn rate, specific force, and where the sensor sits (x, y).

        False: a number that is none; the vertical stays as it was.
        """
        wx, wy, wz = rate_rps
        speed = self._wheels[1] if self._wheels is not None else 0.0
        ax = force_mps2[0] - self._push_mps2 + wz * wz * arm_m[0]
        ay = force_mps2[1] - speed * wz + wz * wz * arm_m[1]
        az = force_mps2[2]
        size = math.sqrt(ax * ax + ay * ay + az * az)
        if not (math.isfinite(size) and abs(wx) + abs(wy) + abs(wz) < FASTEST_RPS):
            return False
        odd = abs(size - GRAVITY_MPS2) > ODD * GRAVITY_MPS2
        dt = stamp_s - self._stamp_s
        self._stamp_s = stamp_s
        if self._up is None or not 0.0 <= dt <= LONGEST_STEP_S:
            self._up = self._up if odd else (ax / size, ay / size, az / size)
            return True
        x, y, z = self._up
        x, y, z = x + dt * (wz * y - wy * z), y + dt * (wx * z - wz * x), z + dt * (wy * x - wx * y)
        if not odd:
            pull = dt / PULL_S
            x, y, z = x + pull * (ax / size - x), y + pull * (ay / size - y), z + pull * (az / size - z)
        length = math.sqrt(x * x + y * y + z * z)
        self._up = (x / length, y / length, z / length)
        return True

    def forget(self) -> None:
        """The clock jumped."""
        self._up, self._wheels, self._push_mps2, self._stamp_s = None, None, 0.0, math.nan
