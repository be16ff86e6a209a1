"""A pose kept over a restart of the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.anchor import Anchor, turn_about_up
from physical_ai_perception.fusion.state import State

RESUME_POSITION_M: Final = 0.3  # how far the robot may have gone while nobody looked
RESUME_YAW_RAD: Final = 0.1


@dataclass(frozen=True)
class Kept:
    """A pose kept over a restart: x, y, z, yaw of the base in `odom` and of `odom` in `map`; variances of the robot's
    x, y (m^2) and yaw (rad^2) in `map`."""

    stamp_s: float
    odom: tuple[float, float, float, float]
    map_to_odom: tuple[float, float, float, float]
    variances: tuple[float, float, float]


def resume(kept: Kept, state: State, keep_heading: bool) -> Anchor:
    """Put the kept pose into a first state (its own heading stays where an IMU knows it); the anchor that follows."""
    state.position[:] = kept.odom[:3]
    if not keep_heading:
        state.set_attitude(rotations.with_yaw(state.attitude, kept.odom[3]))
    position, yaw = np.array(kept.map_to_odom[:3]), kept.map_to_odom[3]
    cov = np.diag([kept.variances[0], kept.variances[1], kept.variances[1]]) + np.eye(3) * RESUME_POSITION_M**2
    pivot = turn_about_up(yaw, state.position) + position
    return Anchor(position, yaw, cov, float(np.hypot(np.sqrt(kept.variances[2]), RESUME_YAW_RAD)), pivot)
