"""What a demo learns from the graph: readiness, progress, contacts, and how fast a stop came after a fault.

Pure: fed with (topic, payload, stamp); no rclpy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState
from physical_ai_core.reports import ControllerStatus, PlannerReply, Verdict

STANDING_MPS = 0.02
WATCHED = (
    "cmd_vel", "controller/status", "safety/verdict", "planner/reply", "goal_state", "heartbeat",
    "ground_truth/odometry", "ground_truth/events",
)  # fmt: skip


@dataclass
class Watch:
    """The demo's view of the run; stamps are of the graph's clock."""

    stamp_s: float = 0.0
    active: dict[str, bool] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)  # node -> its heartbeat text
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    status: ControllerStatus | None = None
    verdict: Verdict | None = None
    reply: PlannerReply | None = None
    replies: list[PlannerReply] = field(default_factory=list)
    goal: GoalState | None = None
    person: list[str] = field(default_factory=list)  # what the person of the run did
    true_pose: Array | None = None  # in map
    true_speed_mps: float = 0.0
    distance_m: float = 0.0
    command: tuple[float, float] = (0.0, 0.0)
    command_s: float = 0.0
    collisions: list[dict[str, Any]] = field(default_factory=list)
    bumps: list[dict[str, Any]] = field(default_factory=list)
    interventions: dict[str, int] = field(default_factory=dict)
    zero_since_s: float | None = None  # stamp since which the command has been zero
    stands_since_s: float | None = None

    def hear(self, topic: str, data: Any, stamp_s: float) -> None:
        """Take one payload."""
        self.stamp_s = max(self.stamp_s, stamp_s)
        if topic == "cmd_vel":
            self._hear_command(data, stamp_s)
        elif topic == "controller/status":
            self.status = data
        elif topic == "safety/verdict":
            if self.verdict is None or data.state != self.verdict.state:
                for rule in {entry["rule"] for entry in data.interventions}:
                    self.interventions[rule] = self.interventions.get(rule, 0) + 1
            self.verdict = data
        elif topic == "planner/reply":
            self.reply = data
            self.replies.append(data)
        elif topic == "goal_state":
            self.goal = data
        elif topic == "heartbeat":
            for status in data.statuses:
                self.active[status.name] = status.values.get("active") == "true"
                self.messages[status.name] = status.message
                self.values[status.name] = status.values
        elif topic == "ground_truth/odometry":
            self._hear_truth(data, stamp_s)
        elif topic == "ground_truth/events":
            event = json.loads(data.data)
            if event.get("kind") == "bump":
                self.bumps.append(event)
            elif event.get("kind") == "collision":
                self.collisions.append(event)

    def _hear_command(self, data: m.Twist, stamp_s: float) -> None:
        self.command, self.command_s = (data.linear_x_mps, data.angular_z_rps), stamp_s
        if self.command == (0.0, 0.0):
            self.zero_since_s = stamp_s if self.zero_since_s is None else self.zero_since_s
        else:
            self.zero_since_s = None

    def _hear_truth(self, data: m.Odometry, stamp_s: float) -> None:
        pose = data.planar_pose()
        if self.true_pose is not None:
            self.distance_m += float(np.hypot(*(pose - self.true_pose)[:2]))
        self.true_pose = pose
        self.true_speed_mps = float(np.hypot(data.linear_mps[0], data.linear_mps[1]))
        if self.true_speed_mps < STANDING_MPS and abs(float(data.angular_rps[2])) < 0.05:
            self.stands_since_s = stamp_s if self.stands_since_s is None else self.stands_since_s
        else:
            self.stands_since_s = None

    def all_active(self, nodes: tuple[str, ...]) -> bool:
        return all(self.active.get(name, False) for name in nodes)
