"""A pose kept over a restart of the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.anchor import Anchor, turn_about_up
from physical_ai_perception.fusion.state import State

RESUME_POSITION_M: Final = 0.3  # how far the robot may have gone while nobody looked, beside what its speed explains
RESUME_YAW_RAD: Final = 0.1
COASTS_S: Final = 1.0  # a moving robot goes on so long: since the pose was kept, and until the gate has stopped it
TURNED_RAD: Final = 0.3  # the heading's doubt when the position turns out to be another


@dataclass(frozen=True)
class Kept:
    """A pose kept over a restart: x, y, z, yaw of the base in `odom` and of `odom` in `map`; variances of the robot's
    x, y (m^2) and yaw (rad^2) in `map`; speed over ground then."""

    stamp_s: float
    odom: tuple[float, float, float, float]
    map_to_odom: tuple[float, float, float, float]
    variances: tuple[float, float, float]
    speed_mps: float = 0.0


def resume(kept: Kept, state: State, keep_heading: bool) -> Anchor:
    """Put the kept pose into a first state (its own heading stays where an IMU knows it); the anchor that follows."""
    state.position[:] = kept.odom[:3]
    if not keep_heading:
        state.set_attitude(rotations.with_yaw(state.attitude, kept.odom[3]))
    position, yaw = np.array(kept.map_to_odom[:3]), kept.map_to_odom[3]
    away_m = float(np.hypot(RESUME_POSITION_M, COASTS_S * kept.speed_mps))
    cov = np.diag([kept.variances[0], kept.variances[1], kept.variances[1]]) + np.eye(3) * away_m**2
    pivot = turn_about_up(yaw, state.position) + position
    return Anchor(position, yaw, cov, float(np.hypot(np.sqrt(kept.variances[2]), RESUME_YAW_RAD)), pivot)
