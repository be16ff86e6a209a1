"""At the end of the route: when it counts as there, and the turn that is left."""

from __future__ import annotations

import numpy as np

from physical_ai_control.guard import STANDING_MPS
from physical_ai_control.mission import Mission
from physical_ai_control.parameters import ControllerParameters
from physical_ai_core.geometry import Array, wrap

LOOSE_GOAL_M, RELEASE_M = 0.3, 0.2  # at the route's end this near counts as there; left by more, it is driven again


class Arrival:
    """`aligning`: the robot is at its last pose and turns to it, or has."""

    def __init__(self, parameters: ControllerParameters, turns_in_place: bool) -> None:
        self._p, self._turns_in_place = parameters, turns_in_place
        self.aligning = False

    def turn(self, mission: Mission, pose: Array, speed_mps: float) -> float | None:
        """Turn that is left at the goal: 0 arrived, another value while aligning; None while on the way.

        `pose (3,)` in `map`, `speed_mps` forward.
        """
        p, route = self._p, mission.route
        assert route is not None
        s = mission.locate(pose[:2])
        away = float(np.hypot(*(route.goal - pose[:2])))
        at_end = route.length_m - s < p.goal_tolerance_m
        settled = self.aligning or mission.arrived
        if settled and away > LOOSE_GOAL_M + RELEASE_M:
            self.aligning = mission.arrived = settled = False
        stopped = abs(speed_mps) < STANDING_MPS
        near = at_end and (
            away < 0.7 * p.goal_tolerance_m or (away < max(LOOSE_GOAL_M, p.goal_tolerance_m) and stopped)
        )
        if not settled and not near:
            return None
        self.aligning = True
        turns = np.isfinite(route.goal_yaw_rad) and self._turns_in_place
        turn = float(wrap(route.goal_yaw_rad - pose[2])) if turns else 0.0
        if mission.arrived or (stopped and abs(turn) < p.goal_yaw_tolerance_rad):
            mission.arrived = True
            return 0.0
        return turn if turn != 0.0 else 1e-9
