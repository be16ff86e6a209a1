"""Planar geometry of REP-103 frames: x forward, y left, angles counter-clockwise in radians.

A planar pose is an array `[x_m, y_m, yaw_rad]`. `a_from_b` reads "pose of b, written in a".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
GRAVITY_MPS2 = 9.81


def wrap(angle_rad: ArrayLike) -> Array:
    """Angle(s) brought into [-pi, pi)."""
    return np.asarray((np.asarray(angle_rad, dtype=float) + np.pi) % (2.0 * np.pi) - np.pi)


def rotation(yaw_rad: float) -> Array:
    """2x2 matrix that turns a vector by `yaw_rad`."""
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[c, -s], [s, c]])


def compose(a_from_b: ArrayLike, b_from_c: ArrayLike) -> Array:
    """Pose of c in a; both arguments are `[x, y, yaw]`."""
    first, second = np.asarray(a_from_b, dtype=float), np.asarray(b_from_c, dtype=float)
    xy = first[:2] + rotation(first[2]) @ second[:2]
    return np.array([xy[0], xy[1], float(wrap(first[2] + second[2]))])


def invert(a_from_b: ArrayLike) -> Array:
    """Pose of a in b."""
    pose = np.asarray(a_from_b, dtype=float)
    xy = -rotation(-pose[2]) @ pose[:2]
    return np.array([xy[0], xy[1], float(wrap(-pose[2]))])


def transform_points(a_from_b: ArrayLike, points_b: ArrayLike) -> Array:
    """Points (N, 2) of frame b, written in frame a."""
    pose = np.asarray(a_from_b, dtype=float)
    return np.asarray(np.asarray(points_b, dtype=float) @ rotation(pose[2]).T + pose[:2])


def transform_poses(a_from_b: ArrayLike, poses_b: ArrayLike) -> Array:
    """Planar poses (N, 3) of frame b, written in frame a."""
    pose, poses = np.asarray(a_from_b, dtype=float), np.asarray(poses_b, dtype=float)
    return np.column_stack([transform_points(pose, poses[:, :2]), wrap(poses[:, 2] + pose[2])])


def yaw_of(quaternion_xyzw: ArrayLike) -> float:
    """Heading of an orientation (x, y, z, w), z-y-x convention."""
    x, y, z, w = (float(v) for v in np.asarray(quaternion_xyzw, dtype=float))
    return float(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))


def quaternion_of_yaw(yaw_rad: float) -> Array:
    """Orientation (x, y, z, w) of a planar heading."""
    return np.array([0.0, 0.0, np.sin(0.5 * yaw_rad), np.cos(0.5 * yaw_rad)])


def gravity_in_base(orientation_xyzw: ArrayLike) -> Array:
    """Gravity ahead and left (2,) in `base_link`, m/s², of an orientation in a level world; zeros for none."""
    x, y, z, w = (float(value) for value in np.asarray(orientation_xyzw, dtype=float))
    norm = x * x + y * y + z * z + w * w
    if not (math.isfinite(norm) and norm > 1e-6):
        return np.zeros(2)
    return -2.0 * GRAVITY_MPS2 / norm * np.array([x * z - w * y, y * z + w * x])


def path_length(points: ArrayLike) -> float:
    """Length of a polyline (N, >=2) in metres."""
    xy = np.asarray(points, dtype=float)[:, :2]
    return float(np.hypot(*np.diff(xy, axis=0).T).sum()) if len(xy) > 1 else 0.0
