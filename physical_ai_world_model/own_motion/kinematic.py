"""The kinematic model: along a trajectory, or a unicycle that follows its command with a lag. Base and fallback."""

from __future__ import annotations

import numpy as np

from physical_ai_core.geometry import Array, wrap


def follow_command(pose: Array, twist: Array, command: Array, lag_s: float, times_s: Array) -> Array:
    """Poses (t, 3) at `times_s` of a unicycle whose `(v, w)` relax to `command` with time constant `lag_s`.

    The distance and the turn are integrated exactly; the heading of each piece is that of its middle.
    """
    settle = -np.expm1(-times_s / lag_s) * lag_s
    travel = command[0] * times_s + (twist[0] - command[0]) * settle
    turn = command[1] * times_s + (twist[1] - command[1]) * settle
    yaw = pose[2] + turn
    middle = 0.5 * (yaw[1:] + yaw[:-1])
    step = np.diff(travel)[:, None] * np.column_stack([np.cos(middle), np.sin(middle)])
    xy = np.vstack([pose[:2], pose[:2] + np.cumsum(step, axis=0)])
    return np.column_stack([xy, wrap(yaw)])


def follow_trajectory(poses: Array, stamps_s: Array, at_s: Array) -> Array:
    """Poses (t, 3) of a timed trajectory at the moments `at_s`; held at its end."""
    yaw = np.unwrap(poses[:, 2])
    columns = [np.interp(at_s, stamps_s, column) for column in (poses[:, 0], poses[:, 1], yaw)]
    return np.column_stack([columns[0], columns[1], wrap(columns[2])])
