"""The kinematic model: along a trajectory, or a unicycle that follows its command with a lag. Base and fallback."""

from __future__ import annotations

import math

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


def follow_commands(pose: Array, twist: Array, commands: Array, lag_s: float, step_s: float) -> Array:
    """Poses (k + 1, 3) at 0, step, 2 step … under one command (v, w) a step, rows (k, 2)."""
    keep = math.exp(-step_s / lag_s)
    settle = (1.0 - keep) * lag_s
    v, w = float(twist[0]), float(twist[1])
    rows = []
    for told_v, told_w in np.asarray(commands, dtype=float).tolist():
        rows.append((told_v * step_s + (v - told_v) * settle, told_w * step_s + (w - told_w) * settle))
        v, w = told_v + (v - told_v) * keep, told_w + (w - told_w) * keep
    travel = np.array(rows)
    yaw = pose[2] + np.concatenate([[0.0], np.cumsum(travel[:, 1])])
    middle = 0.5 * (yaw[1:] + yaw[:-1])
    way = travel[:, :1] * np.column_stack([np.cos(middle), np.sin(middle)])
    xy = pose[:2] + np.vstack([np.zeros(2), np.cumsum(way, axis=0)])
    return np.column_stack([xy, wrap(yaw)])


def follow_trajectory(poses: Array, stamps_s: Array, at_s: Array) -> Array:
    """Poses (t, 3) of a timed trajectory at the moments `at_s`; held at its end."""
    yaw = np.unwrap(poses[:, 2])
    columns = [np.interp(at_s, stamps_s, column) for column in (poses[:, 0], poses[:, 1], yaw)]
    return np.column_stack([columns[0], columns[1], wrap(columns[2])])


def commands_along(poses: Array, stamps_s: Array, lead_s: float = 0.0) -> tuple[Array, Array]:
    """What a controller that follows a timed trajectory will command: stamps (k,) and (v, w) (k, 2), each held until
    the next; it commands what the trajectory asks for `lead_s` later. Rows whose stamps do not rise are left out."""
    rising = np.concatenate([[True], np.diff(stamps_s) > 1e-6])
    poses, stamps_s = poses[rising], stamps_s[rising]
    dt = np.diff(stamps_s)
    yaw = np.unwrap(poses[:, 2])
    middle = 0.5 * (yaw[1:] + yaw[:-1])
    step = np.diff(poses[:, :2], axis=0)
    ahead = step[:, 0] * np.cos(middle) + step[:, 1] * np.sin(middle)
    values = np.vstack([np.column_stack([ahead, np.diff(yaw)]) / dt[:, None], np.zeros(2)])  # it stands at its end
    return stamps_s - lead_s, values
