"""Which mission runs, from its goal to its end, by what planner and controller say."""

from __future__ import annotations

from typing import Any, Final

from physical_ai_core.goal import GoalState, Task
from physical_ai_core.reports import ControllerStatus, PlannerReply

MOVING_TASKS: Final = (Task.NAVIGATE, Task.FOLLOW, Task.COVER, Task.INSPECT, Task.DOCK, Task.PATROL)
BEGUN, COMPLETED, STOPPED, CANCELLED = "begun", "completed", "stopped", "cancelled"


class MissionWatch:
    """Feed it events by `hear`, which says what happened to the mission by one of them.

    A mission begins with a new goal that moves. It is completed when the planner says `done` for it, or, where only one
    step has a target, when the controller says `arrived`; it ends too by a goal to stop or cancel, and by the next.
    """

    def __init__(self) -> None:
        self.goal: GoalState | None = None  # of the mission that runs
        self.begun = self.completed = 0
        self._last_goal_id: str | None = None

    @property
    def goal_id(self) -> str:
        """Of the mission that runs; "" while none does, or where the goal carries no id."""
        return self.goal.goal_id if self.goal is not None else ""

    def hear(self, data: Any) -> str:
        """Take a payload of any topic. Returns begun, completed, stopped or cancelled; else ""."""
        if isinstance(data, GoalState):
            return self._hear_goal(data)
        done = isinstance(data, PlannerReply) and data.kind == "done"
        arrived = isinstance(data, ControllerStatus) and data.mode == "arrived" and self._has_single_target()
        if (done or arrived) and self.goal is not None and data.goal_id == self.goal.goal_id:
            self.completed += 1
            self.goal = None
            return COMPLETED
        return ""

    def _hear_goal(self, goal: GoalState) -> str:
        tasks = {step.task for step in goal.steps or ()}
        if tasks & set(MOVING_TASKS):
            if goal.goal_id != self._last_goal_id or not goal.goal_id:
                self.begun += 1
                self.goal, self._last_goal_id = goal, goal.goal_id
                return BEGUN
        elif tasks & {Task.STOP, Task.CANCEL} and self.goal is not None:
            self.goal = None
            return CANCELLED if Task.CANCEL in tasks else STOPPED
        return ""

    def _has_single_target(self) -> bool:
        steps = self.goal.steps if self.goal is not None else None
        return steps is not None and sum(step.target is not None for step in steps) == 1
