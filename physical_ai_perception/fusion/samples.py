"""Sensor messages brought into `base_link` and checked: what the filters take.

A message that cannot be believed raises `Unusable` with the reason, which the caller counts under the sensor's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.rotations import Quaternion
from physical_ai_perception.mounts import Placement

MOST_RATE_RPS: Final = 60.0
MOST_FORCE_MPS2: Final = 400.0
MOST_SPEED_MPS: Final = 60.0
MOST_SIGMA: Final = 1e3


class Unusable(Exception):
    """A message whose content cannot be used; the text is the reason."""


@dataclass(frozen=True, slots=True)
class ImuSample:
    """In `base_link`. `force` None: no accelerometer; `attitude` None: no orientation. Variances 0: not given."""

    stamp_s: float
    rate: Array
    force: Array | None
    attitude: Quaternion | None
    attitude_variance: Array | None
    rate_variance: float
    force_variance: float


@dataclass(frozen=True, slots=True)
class WheelSample:
    """Twist of `base_link`; `sigmas` (3,) of the velocity, 0 where not given."""

    stamp_s: float
    velocity: Array
    yaw_rate_rps: float
    sigmas: Array


def finite(values: Array) -> bool:
    """No NaN and no infinity among a few values."""
    total = sum(values.ravel().tolist())
    return bool(total - total == 0.0)


def largest(values: Array) -> float:
    """Largest magnitude among a few values; numpy's reductions cost ten times as much at this size."""
    return float(max(map(abs, values.tolist())))


def cross(a: Array, b: Array) -> Array:
    """Cross product of two vectors (3,); numpy's own costs ten times as much at this size."""
    ax, ay, az = a.tolist()
    bx, by, bz = b.tolist()
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def imu_sample(data: m.Imu, placement: Placement) -> ImuSample:
    """Raises Unusable."""
    rate = placement.turn @ data.angular_velocity_rps
    if not finite(rate):
        raise Unusable("angular velocity absent" if data.angular_velocity_cov is None else "content is not finite")
    if largest(rate) > MOST_RATE_RPS:
        raise Unusable("angular velocity implausible")
    force: Array | None = placement.turn @ data.linear_acceleration_mps2
    if force is not None and not finite(force):
        if data.linear_acceleration_cov is not None:
            raise Unusable("content is not finite")
        force = None
    if force is not None:
        if largest(force) > MOST_FORCE_MPS2:
            raise Unusable("acceleration implausible")
        # Away from the base a turn adds w x (w x r); the part of the angular acceleration is noise here.
        wx, wy, wz = rate.tolist()
        x, y, z = placement.xyz_m.tolist()
        along, square = wx * x + wy * y + wz * z, wx * wx + wy * wy + wz * wz
        force -= along * rate - square * placement.xyz_m
    attitude, variance = _attitude(data, placement)
    return ImuSample(
        data.stamp_s, rate, force, attitude, variance,
        _variance(data.angular_velocity_cov), _variance(data.linear_acceleration_cov),
    )  # fmt: skip


def _attitude(data: m.Imu, placement: Placement) -> tuple[Quaternion | None, Array | None]:
    if data.orientation_xyzw is None:
        return None, None
    x, y, z, w = data.orientation_xyzw.tolist()
    length = x * x + y * y + z * z + w * w
    if not 0.9 < length < 1.1:
        if length == 0.0:  # sensors without orientation often leave zeros instead of the -1 of REP-145
            return None, None
        raise Unusable("orientation is not a unit quaternion")
    attitude = rotations.multiply(rotations.normalised((x, y, z, w)), rotations.conjugate(placement.quaternion))
    diagonal = None if data.orientation_cov is None else data.orientation_cov.diagonal()
    if diagonal is None or not finite(diagonal) or min(diagonal.tolist()) <= 0.0:
        return attitude, None
    return attitude, np.minimum(diagonal, MOST_SIGMA)


def _variance(covariance: Array | None) -> float:
    if covariance is None:
        return 0.0
    variance = float(max(covariance.diagonal().tolist()))
    return variance if 0.0 < variance < MOST_SIGMA**2 else 0.0


def wheel_sample(data: m.Odometry, placement: Placement) -> WheelSample:
    """Raises Unusable."""
    velocity, rate = data.linear_mps, data.angular_rps
    if not (finite(velocity) and finite(rate)):
        raise Unusable("content is not finite")
    if largest(velocity) > MOST_SPEED_MPS or largest(rate) > MOST_RATE_RPS:
        raise Unusable("speed implausible")
    rate = placement.turn @ rate
    velocity = placement.turn @ velocity - cross(rate, placement.xyz_m)
    diagonal = data.twist_cov.diagonal()[:3]
    if not finite(diagonal) or min(diagonal.tolist()) < 0.0:
        diagonal = np.zeros(3)
    return WheelSample(data.stamp_s, velocity, float(rate[2]), np.minimum(np.sqrt(diagonal), MOST_SIGMA))
