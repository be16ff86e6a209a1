"""Measurements as data: which kernel of `model` takes them, with which arguments."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from physical_ai_core.geometry import Array
from physical_ai_perception.fusion.model import Key
from physical_ai_perception.fusion.rotations import Quaternion

Triple = tuple[float, float, float] | list[float]


class Measurement(NamedTuple):
    """`rows` is how many numbers it compares with the state; `arguments` are those of its expression in `model`."""

    key: Key
    rows: int
    arguments: list[float]


def body_velocity(velocity_mps: Triple, variances: Triple, rows: str = "xyz", scale: int = -1) -> Measurement:
    """Velocity of `base_link` in its own frame; `scale`: the wheel scale that its forward speed goes through."""
    return Measurement(_velocity_key(rows, scale), len(rows), [*velocity_mps, *variances])


def looser(measurement: Measurement, variance: float) -> Measurement:
    """A body velocity (or none, at rest) with so much more variance in every component."""
    first = 3 if measurement.key.what == "velocity" else 0
    arguments = [a + variance if i >= first else a for i, a in enumerate(measurement.arguments)]
    return measurement._replace(arguments=arguments)


_REST = {scale: Key("at rest", "xyz", scale) for scale in range(-1, 8)}
_TURN, _LEVEL = Key("gyro bias", "z"), Key("attitude", "rp")


@lru_cache(maxsize=64)
def _velocity_key(rows: str, scale: int) -> Key:
    return Key("velocity", rows, scale if "x" in rows else -1)


@lru_cache(maxsize=16)
def _position_key(rows: str) -> Key:
    return Key("position", rows)


def wheel_yaw_rate(wheel_rps: float, gyro_z_rps: float, variance: float) -> Measurement:
    """Yaw rate from the wheels against the gyro: it observes the gyro bias about the body's vertical."""
    return Measurement(_TURN, 1, [0.0, 0.0, gyro_z_rps - wheel_rps, variance])


def no_rotation(gyro_rps: Triple, variance: float) -> Measurement:
    """At rest the gyro reads its bias."""
    return Measurement(Key("gyro bias", "xyz"), 3, [*gyro_rps, variance])


def no_velocity(variance: float, scale: int = -1) -> Measurement:
    """At rest the velocity is zero."""
    return Measurement(_REST[scale], 3, [variance])


def gravity(force_mps2: Triple, gravity_mps2: float, variance: float) -> Measurement:
    """Without acceleration the accelerometer shows the vertical."""
    return Measurement(Key("gravity", "xyz"), 3, [*force_mps2, variance, gravity_mps2])


def orientation(measured: Quaternion, variances: Triple) -> Measurement:
    """A full attitude of `base_link` in the world; variances about the world axes, rad^2."""
    return Measurement(Key("attitude", "rpy"), 3, [*measured, *variances])


def level(measured: Quaternion, variances: Triple) -> Measurement:
    """Roll and pitch only: where the measured attitude sees the vertical."""
    return Measurement(_LEVEL, 2, [*measured, *variances])


def antenna_position(position_m: Array, lever_arm_m: Array, covariance: Array, rows: str = "xyz") -> Measurement:
    """Position (3,) of a point that sits at `lever_arm_m` (3,) in `base_link`; covariance (3, 3) m^2."""
    values = [*position_m.tolist(), *lever_arm_m.tolist(), *covariance.ravel().tolist()]
    return Measurement(_position_key(rows), len(rows), values)


def planar_pose(pose: Array, covariance: Array, rows: str = "xyt") -> Measurement:
    """x, y, yaw (3,) of `base_link` in the world; covariance (3, 3). `rows` of x, y and t (heading)."""
    return Measurement(Key("pose", rows), len(rows), [*pose.tolist(), *covariance.ravel().tolist()])
