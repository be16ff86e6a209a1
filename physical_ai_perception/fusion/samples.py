"""Sensor messages brought into `base_link` and checked: what the filters take.

A message that cannot be believed raises `Unusable` with the reason, which the caller counts under the sensor's name.
Single vectors are plain floats here: at this size numpy costs ten times the arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.rotations import Quaternion
from physical_ai_perception.mounts import Placement

MOST_RATE_RPS: Final = 60.0
MOST_FORCE_MPS2: Final = 400.0
MOST_SPEED_MPS: Final = 60.0
MOST_SIGMA: Final = 1e3

Triple = list[float]
Rows = tuple[tuple[float, float, float], ...]


class Unusable(Exception):
    """A message whose content cannot be used; the text is the reason."""


@dataclass(frozen=True, slots=True)
class ImuSample:
    """In `base_link`. `force` None: no accelerometer; `attitude` None: no orientation. Variances 0: not given."""

    stamp_s: float
    rate: Triple
    force: Triple | None
    attitude: Quaternion | None
    attitude_variance: Triple | None
    rate_variance: float
    force_variance: float


@dataclass(frozen=True, slots=True)
class WheelSample:
    """Twist of `base_link`; `sigmas` (3) of the velocity, 0 where not given."""

    stamp_s: float
    velocity: Triple
    yaw_rate_rps: float
    sigmas: Triple


def finite(values: Array) -> bool:
    """No NaN and no infinity among a few values."""
    total = sum(values.ravel().tolist())
    return bool(total - total == 0.0)


def largest(values: Triple) -> float:
    """Largest magnitude; inf where a value is none."""
    x, y, z = values
    total = x + y + z
    return max(abs(x), abs(y), abs(z)) if total - total == 0.0 else inf


def cross(a: Triple, b: Triple) -> Triple:
    """Cross product of two vectors."""
    ax, ay, az = a
    bx, by, bz = b
    return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx]


def turned(rows: Rows, vector: Triple) -> Triple:
    """A matrix, by rows, times a vector."""
    x, y, z = vector
    (a, b, c), (d, e, f), (g, h, i) = rows
    return [a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z]


def imu_sample(data: m.Imu, placement: Placement) -> ImuSample:
    """Raises Unusable."""
    straight = placement.straight
    rate: Triple = data.angular_velocity_rps.tolist()
    rate = rate if straight else turned(placement.rows, rate)
    spin = largest(rate)
    if spin > MOST_RATE_RPS:
        if spin < inf:
            raise Unusable("angular velocity implausible")
        raise Unusable("angular velocity absent" if data.angular_velocity_cov is None else "content is not finite")
    force: Triple | None = data.linear_acceleration_mps2.tolist()
    force = force if straight or force is None else turned(placement.rows, force)
    if force is not None:
        strength = largest(force)
        if strength == inf:
            if data.linear_acceleration_cov is not None:
                raise Unusable("content is not finite")
            force = None
        elif strength > MOST_FORCE_MPS2:
            raise Unusable("acceleration implausible")
        else:
            # Away from the base a turn adds w x (w x r); the part of the angular acceleration is noise here.
            x, y, z = placement.arm
            wx, wy, wz = rate
            along, square = wx * x + wy * y + wz * z, wx * wx + wy * wy + wz * wz
            force[0] -= along * wx - square * x
            force[1] -= along * wy - square * y
            force[2] -= along * wz - square * z
    attitude, variance = _attitude(data, placement)
    return ImuSample(
        data.stamp_s, rate, force, attitude, variance,
        _variance(data.angular_velocity_cov), _variance(data.linear_acceleration_cov),
    )  # fmt: skip


def _attitude(data: m.Imu, placement: Placement) -> tuple[Quaternion | None, Triple | None]:
    if data.orientation_xyzw is None:
        return None, None
    x, y, z, w = data.orientation_xyzw.tolist()
    length = x * x + y * y + z * z + w * w
    if not 0.9 < length < 1.1:
        if length == 0.0:  # sensors without orientation often leave zeros instead of the -1 of REP-145
            return None, None
        raise Unusable("orientation is not a unit quaternion")
    attitude = rotations.multiply(rotations.normalised((x, y, z, w)), rotations.conjugate(placement.quaternion))
    variances = None if data.orientation_cov is None else _diagonal(data.orientation_cov)
    if variances is None or largest(variances) == inf or min(variances) <= 0.0:
        return attitude, None
    return attitude, [min(variance, MOST_SIGMA) for variance in variances]


def _diagonal(covariance: Array) -> Triple:
    return [covariance.item(0, 0), covariance.item(1, 1), covariance.item(2, 2)]


def _variance(covariance: Array | None) -> float:
    if covariance is None:
        return 0.0
    variance = max(_diagonal(covariance))
    return variance if 0.0 < variance < MOST_SIGMA**2 else 0.0


def wheel_sample(data: m.Odometry, placement: Placement) -> WheelSample:
    """Raises Unusable."""
    rate = turned(placement.rows, data.angular_rps.tolist())
    velocity = turned(placement.rows, data.linear_mps.tolist())
    speed, spin = largest(velocity), largest(rate)
    if speed == inf or spin == inf:
        raise Unusable("content is not finite")
    if speed > MOST_SPEED_MPS or spin > MOST_RATE_RPS:
        raise Unusable("speed implausible")
    swing = cross(rate, list(placement.arm))
    velocity = [v - s for v, s in zip(velocity, swing, strict=True)]
    variances = _diagonal(data.twist_cov)
    if largest(variances) == inf or min(variances) < 0.0:
        variances = [0.0, 0.0, 0.0]
    return WheelSample(data.stamp_s, velocity, rate[2], [min(sqrt(v), MOST_SIGMA) for v in variances])
