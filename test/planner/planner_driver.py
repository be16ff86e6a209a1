"""A point robot that obeys `plan` and `speed_limit` exactly: a PlannerCore drives it without a simulator."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from physical_ai_core import layouts
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.goal import GoalState, PlaceTarget, Step, Task
from physical_ai_core.messages import Objects, OccupancyGrid, Odometry, Pose, Text
from physical_ai_core.robot import Robot, load_robot
from physical_ai_core.site import Site, load_site
from physical_ai_planner.core import PlannerCore
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.scripted import ScriptedInterpreter
from physical_ai_planner.site_map import SiteMap

CHARGER = (2.5, 4.0, 0.0)
COARSE = 0.25  # m, grid of most tests: quick
PERIOD_S = 0.2
INSCRIBED_M = 0.21


@lru_cache(maxsize=1)
def yard() -> Site:
    return load_site("yard")


@lru_cache(maxsize=1)
def scout() -> Robot:
    return load_robot("scout")


@lru_cache(maxsize=2)
def yard_map(resolution_m: float = COARSE) -> SiteMap:
    return SiteMap(yard(), scout().radius_m, INSCRIBED_M, resolution_m, 0.8)


def go(name: str, **more: Any) -> Step:
    step = {key: more.pop(key) for key in ("limits", "until") if key in more}
    return Step(task=Task.NAVIGATE, target=PlaceTarget(name=name, **more), **step)


def goal(*steps: Step, **more: Any) -> GoalState:
    return GoalState(steps=steps, **more)


class Drive:
    """Steps the core at its rate; `replies`, `goals` and `path` are what it said."""

    def __init__(
        self,
        commands: dict[str, GoalState] | None = None,
        at: tuple[float, float, float] = CHARGER,
        interpreter: Any = None,
        start_s: float = 100.0,
        localised: bool = True,
        **parameters: Any,
    ) -> None:
        self.interpreter = interpreter or ScriptedInterpreter(commands or {"home": goal(go("charger"))})
        self.core = PlannerCore(PlannerParameters(**{"resolution_m": COARSE, **parameters}), self.interpreter)
        self.pose = np.array(at)
        self.now_s, self.speed, self.localised = start_s, 0.0, localised
        self.path, self.limit = np.zeros((0, 3)), 0.0
        self.paths: list[np.ndarray] = []
        self.limits: list[float] = []
        self.limit_at: list[float] = []
        self.replies: list[Any] = []
        self.goals: list[GoalState] = []
        self.track = [self.pose.copy()]
        self.obstacles: list[tuple[float, float]] = []
        self.people: list[tuple[int, float, float, float, float]] = []
        self.sense()

    def say(self, text: Any) -> Drive:
        self.hear("instruction", Text(text))
        return self

    def hear(self, topic: str, data: Any) -> None:
        self._take(self.core.handle(topic, data, self.now_s))

    def sense(self) -> None:
        if not self.localised:
            return
        xyz = np.array([*self.pose[:2], 0.0])
        turn, velocity = quaternion_of_yaw(self.pose[2]), np.array([self.speed, 0.0, 0.0])
        self.hear("state/odometry", Odometry(self.now_s, "odom", "base_link", xyz, turn, velocity, np.zeros(3)))
        still = quaternion_of_yaw(0.0)
        self.hear("state/map_to_odom", Pose(self.now_s, "map", np.zeros(3), still, np.eye(6) * 0.02**2))
        rows = layouts.empty(layouts.OBJECT, len(self.people))
        for row, (number, x, y, vx, vy) in zip(rows, self.people, strict=True):
            row["id"], row["x"], row["y"], row["vx"], row["vy"] = number, x, y, vx, vy
            row["class_id"], row["radius"], row["existence"] = 2, 0.3, 1.0
        self.hear("state/objects", Objects(self.now_s, "odom", rows))
        self.hear("state/occupancy", self._grid())

    def _grid(self) -> OccupancyGrid:
        corner = self.pose[:2] - 5.0
        cells = np.zeros((50, 50), dtype=np.int8)
        for x, y in [*self.obstacles, *((p[1], p[2]) for p in self.people)]:
            column, row = np.floor((np.array([x, y]) - corner) / 0.2).astype(int)
            if 0 <= row < 50 and 0 <= column < 50:
                cells[row, column] = 100
        return OccupancyGrid(self.now_s, "odom", 0.2, np.array([*corner, 0.0]), cells)

    def step(self) -> None:
        self.now_s += PERIOD_S
        self._move()
        self.sense()
        self._take(self.core.tick(self.now_s))
        self.track.append(self.pose.copy())
        self.limit_at.append(self.limit)

    def run(self, seconds: float, until: str | None = None) -> Drive:
        """Go on for a while, or until a reply of kind `until`."""
        for _ in range(round(seconds / PERIOD_S)):
            self.step()
            if until is not None and self.replies and self.replies[-1].kind == until:
                break
        return self

    @property
    def kinds(self) -> list[str]:
        return [reply.kind for reply in self.replies]

    @property
    def last(self) -> Any:
        return self.replies[-1]

    def _take(self, outputs: Any) -> None:
        for topic, data in outputs:
            if topic == "plan":
                self.path = data.poses
                self.paths.append(data.poses)
            elif topic == "speed_limit":
                self.limit = data.data
                self.limits.append(data.data)
            elif topic == "planner/reply":
                self.replies.append(data)
            elif topic == "goal_state":
                self.goals.append(data)

    def _move(self) -> None:
        self.speed = 0.0
        if not len(self.path):
            return
        left = self.limit * PERIOD_S
        nearest = int(np.argmin(np.hypot(*(self.path[:, :2] - self.pose[:2]).T)))
        start = min(nearest + 1, len(self.path) - 1)
        for x, y, yaw in self.path[start:]:
            gap = np.array([x, y]) - self.pose[:2]
            length = float(np.hypot(*gap))
            if length > left:
                self.pose[:2] += gap * left / length
                self.pose[2] = np.arctan2(gap[1], gap[0])
                self.speed = self.limit
                return
            left -= length
            self.pose[:] = x, y, yaw
