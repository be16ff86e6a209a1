"""Rotations in plain floats: the hot path of the filter, where library objects cost more than the arithmetic.

Quaternions are (x, y, z, w) tuples that turn a body vector into the world. Rotation vectors are in radians.
"""

from __future__ import annotations

from math import asin, atan2, copysign, cos, hypot, pi, sin, sqrt

import numpy as np

from physical_ai_core.geometry import Array

Quaternion = tuple[float, float, float, float]
SMALL_ANGLE = 1e-9
IDENTITY: Quaternion = (0.0, 0.0, 0.0, 1.0)


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Hamilton product: first b, then a."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def conjugate(q: Quaternion) -> Quaternion:
    """The inverse rotation of a unit quaternion."""
    return (-q[0], -q[1], -q[2], q[3])


def normalised(q: Quaternion) -> Quaternion:
    """Unit length, w >= 0."""
    scale = copysign(1.0 / sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]), q[3])
    return (q[0] * scale, q[1] * scale, q[2] * scale, q[3] * scale)


def exponential(x: float, y: float, z: float) -> Quaternion:
    """Quaternion of a rotation vector."""
    angle = sqrt(x * x + y * y + z * z)
    factor = 0.5 if angle < SMALL_ANGLE else sin(0.5 * angle) / angle
    return (x * factor, y * factor, z * factor, cos(0.5 * angle))


def logarithm(q: Quaternion) -> tuple[float, float, float]:
    """Rotation vector of a unit quaternion, shorter than pi."""
    x, y, z, w = q if q[3] >= 0.0 else (-q[0], -q[1], -q[2], -q[3])
    length = sqrt(x * x + y * y + z * z)
    factor = 2.0 if length < SMALL_ANGLE else 2.0 * atan2(length, w) / length
    return x * factor, y * factor, z * factor


def fill_matrix(q: Quaternion, out: Array) -> None:
    """Write the rotation matrix of `q` into `out` (3, 3)."""
    x, y, z, w = q
    xx, yy, zz = x * x, y * y, z * z
    xy, xz, yz, wx, wy, wz = x * y, x * z, y * z, w * x, w * y, w * z
    out[0, 0], out[0, 1], out[0, 2] = 1.0 - 2.0 * (yy + zz), 2.0 * (xy - wz), 2.0 * (xz + wy)
    out[1, 0], out[1, 1], out[1, 2] = 2.0 * (xy + wz), 1.0 - 2.0 * (xx + zz), 2.0 * (yz - wx)
    out[2, 0], out[2, 1], out[2, 2] = 2.0 * (xz - wy), 2.0 * (yz + wx), 1.0 - 2.0 * (xx + yy)


def matrix(q: Quaternion) -> Array:
    """Rotation matrix (3, 3) of a unit quaternion."""
    out = np.empty((3, 3))
    fill_matrix(q, out)
    return out


def of_matrix(turn: Array) -> Quaternion:
    """Unit quaternion of a rotation matrix (Shepperd's method)."""
    m = turn.tolist()
    trace = m[0][0] + m[1][1] + m[2][2]
    choice = max(range(4), key=lambda i: trace if i == 3 else m[i][i])
    if choice == 3:
        found = (m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1], 1.0 + trace)
    else:
        i, j, k = choice, (choice + 1) % 3, (choice + 2) % 3
        parts = [0.0] * 4
        parts[i] = 1.0 + m[i][i] - m[j][j] - m[k][k]
        parts[j], parts[k] = m[j][i] + m[i][j], m[k][i] + m[i][k]
        parts[3] = m[k][j] - m[j][k]
        found = (parts[0], parts[1], parts[2], parts[3])
    return normalised(found)


def of_yaw(yaw_rad: float) -> Quaternion:
    """A turn about the vertical."""
    return (0.0, 0.0, sin(0.5 * yaw_rad), cos(0.5 * yaw_rad))


def of_roll_pitch_yaw(roll: float, pitch: float, yaw: float) -> Quaternion:
    """Fixed-axis roll, pitch, yaw (REP-103)."""
    turned = multiply(exponential(0.0, pitch, 0.0), exponential(roll, 0.0, 0.0))
    return normalised(multiply(of_yaw(yaw), turned))


def yaw(q: Quaternion) -> float:
    """Heading of the body x axis."""
    x, y, z, w = q
    return atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def roll_pitch(q: Quaternion) -> tuple[float, float]:
    """Roll and pitch (REP-103)."""
    x, y, z, w = q
    pitch = asin(max(-1.0, min(1.0, 2.0 * (w * y - z * x))))
    return atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y)), pitch


def with_yaw(q: Quaternion, yaw_rad: float) -> Quaternion:
    """The same roll and pitch under another heading."""
    return normalised(multiply(of_yaw(yaw_rad - yaw(q)), q))


def wrap(angle_rad: float) -> float:
    """An angle brought into [-pi, pi)."""
    return (angle_rad + pi) % (2.0 * pi) - pi


def level_of(force_x: float, force_y: float, force_z: float) -> tuple[float, float]:
    """Roll and pitch under which a resting accelerometer reads this specific force."""
    return atan2(force_y, force_z), atan2(-force_x, hypot(force_y, force_z))


def skew(vector: Array) -> Array:
    """Matrix (3, 3) of the cross product from the left."""
    x, y, z = vector.tolist()
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
