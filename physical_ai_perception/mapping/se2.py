"""Planar rigid motions, written for rows: poses (..., 3) as `[x_m, y_m, yaw_rad]`, `a_from_b` as elsewhere."""

from __future__ import annotations

import math

import numpy as np

from physical_ai_core.geometry import Array, wrap


def compose(first: Array, second: Array) -> Array:
    """`first ⊕ second` for poses (..., 3): the second, given in the first's frame, in the first's parent."""
    c, s = np.cos(first[..., 2]), np.sin(first[..., 2])
    x = first[..., 0] + c * second[..., 0] - s * second[..., 1]
    y = first[..., 1] + s * second[..., 0] + c * second[..., 1]
    return np.stack([x, y, wrap(first[..., 2] + second[..., 2])], axis=-1)


def between(first: Array, second: Array) -> Array:
    """`first⁻¹ ⊕ second` for poses (..., 3): the second seen from the first."""
    c, s = np.cos(first[..., 2]), np.sin(first[..., 2])
    dx, dy = second[..., 0] - first[..., 0], second[..., 1] - first[..., 1]
    return np.stack([c * dx + s * dy, c * dy - s * dx, wrap(second[..., 2] - first[..., 2])], axis=-1)


def place(pose: Array, points: Array) -> Array:
    """Points (N, 2) of the pose's frame in its parent."""
    c, s = math.cos(pose[2]), math.sin(pose[2])
    x, y = points[:, 0], points[:, 1]
    placed = np.empty((len(points), 2))
    placed[:, 0] = c * x - s * y + pose[0]
    placed[:, 1] = s * x + c * y + pose[1]
    return placed


def turn_covariance(yaw_rad: float, covariance: Array) -> Array:
    """Covariance (3, 3) of `[x, y, yaw]` with its axes turned by `yaw_rad`."""
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(turn @ covariance @ turn.T)


def inverse(matrix: Array) -> Array:
    """Information of a covariance (3, 3), or the other way round."""
    return np.asarray(np.linalg.inv(matrix), dtype=float)
