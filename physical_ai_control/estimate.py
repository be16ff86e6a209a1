"""Delay compensation: where the robot is now, from odometry that is some milliseconds old."""

from __future__ import annotations

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, compose


def moved_on(odometry: m.Odometry, command: Array, age_s: float, lag_s: float) -> Array:
    """State (5,) `age_s` after the odometry, its twist relaxing to `command (2,)` with time constant `lag_s`."""
    twist = np.array([odometry.linear_mps[0], odometry.angular_rps[2]])
    later = twist + (command - twist) * (1.0 - np.exp(-age_s / max(lag_s, 1e-3)))
    travel, turn = 0.5 * (twist + later) * age_s
    step = np.array([travel * np.cos(0.5 * turn), travel * np.sin(0.5 * turn), turn])
    return np.concatenate([compose(odometry.planar_pose(), step), later])
