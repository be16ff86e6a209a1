"""What is asked: the present step of the goal, the route, the speed allowed; and where on the route the robot is."""

from __future__ import annotations

from typing import Any

import numpy as np

from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.route import Route
from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState, Step, Task

HALT = (Task.STOP, Task.CANCEL)
REACH_M = 2e5  # a point of a route beyond is none
SAME_GOAL_M, SAME_GOAL_RAD = 0.05, 0.05


class Mission:
    """The goal as the controller needs it. The first step of `goal_state` is the present one."""

    def __init__(self, parameters: ControllerParameters, yaw_rate_rps: float) -> None:
        self._p, self._yaw_rate_rps = parameters, yaw_rate_rps
        self.goal: GoalState | None = None
        self.route: Route | None = None
        self.s_m: float | None = None
        self.speed_limit_mps = parameters.cruise_speed_mps
        self.arrived = False
        self._goal_stamp_s = -np.inf
        self._plan_stamp_s = -np.inf
        self._poses: Array = np.zeros((0, 3))

    def handle(self, topic: str, data: Any, stamp_s: float) -> None:
        """Take `goal_state`, `plan` or `speed_limit`."""
        if topic == "goal_state":
            if data.steps is not None:  # a question or a refusal changes nothing for the wheels
                self.goal, self._goal_stamp_s = data, stamp_s
        elif topic == "speed_limit":
            value = float(data.data)
            self.speed_limit_mps = max(0.0, value) if np.isfinite(value) else 0.0
        elif topic == "plan":
            self._plan(np.asarray(data.poses, dtype=float), stamp_s)

    @property
    def step(self) -> Step | None:
        return self.goal.steps[0] if self.goal is not None and self.goal.steps else None

    @property
    def stand(self) -> bool:
        """Nothing to drive: no route, or a step that says so. A route newer than a `wait` ends the waiting."""
        step = self.step
        if self.route is None or (step is not None and step.task in HALT):
            return True
        return step is not None and step.task is Task.WAIT and self._plan_stamp_s <= self._goal_stamp_s

    @property
    def tool(self) -> bool:
        return self.step is not None and self.step.tool is True and not self.stand

    @property
    def speed_mps(self) -> float:
        """Speed allowed by parameters, site and step."""
        step = self.step
        own = step.limits.max_speed_mps if step is not None else None
        return min(self._p.cruise_speed_mps, self.speed_limit_mps, np.inf if own is None else own)

    def locate(self, xy: Array) -> float:
        """Arc length of the robot (2,) on the route, followed from tick to tick."""
        assert self.route is not None
        self.s_m = self.route.locate(xy, self.s_m)
        return self.s_m

    def _plan(self, poses: Array, stamp_s: float) -> None:
        self._plan_stamp_s = stamp_s
        if len(poses) == 0 or not (np.abs(poses[:, :2]) <= REACH_M).all():
            self.route, self.s_m, self.arrived, self._poses = None, None, False, np.zeros((0, 3))
            return
        if np.array_equal(poses, self._poses, equal_nan=True):
            return
        p = self._p
        route = Route(poses, p.lateral_acceleration_mps2, self._yaw_rate_rps, p.arrival_deceleration_mps2)
        old = self.route
        turned = 0.0 if old is None else abs(np.nan_to_num(route.goal_yaw_rad - old.goal_yaw_rad))
        same = old is not None and np.hypot(*(route.goal - old.goal)) < SAME_GOAL_M and turned < SAME_GOAL_RAD
        self.arrived = self.arrived and bool(same)
        self.route, self.s_m, self._poses = route, None, poses
