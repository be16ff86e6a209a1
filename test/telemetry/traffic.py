"""Speaks on every recorded topic of the graph at its rate in the table, with content of the demo's size.

Run as a program: `python traffic.py SECONDS [FACTOR]`; prints how many messages it published on each topic, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from physical_ai_core import graph, layouts, reports
from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState, Step, Task
from physical_ai_core.reports import ControllerStatus, PlannerReply, Verdict

ON_EVENT_HZ = 0.5  # rate of topics that the table calls "on event"
UNIT = np.array([0.0, 0.0, 0.0, 1.0])


def poses(count: int) -> np.ndarray:
    return np.column_stack([np.linspace(0.0, 4.0, count), np.zeros(count), np.zeros(count)])


def payload(topic: graph.Topic, t: float) -> Any:
    """A payload of the topic's kind and of usual size at time `t`."""
    kinds: dict[type, Callable[[], Any]] = {
        m.LaserScan: lambda: m.LaserScan(
            t, "lidar", -2.356, 0.00654, 0.05, 25.0, np.random.default_rng(0).uniform(1, 20, 720).astype(np.float32)
        ),
        m.PointCloud: lambda: m.PointCloud(t, "lidar", np.zeros((100, 3), np.float32)),
        m.Imu: lambda: m.Imu(t, "imu", np.zeros(3), np.array([0.0, 0.0, 9.81])),
        m.GnssFix: lambda: m.GnssFix(t, "gnss", 35.0, 139.0, 40.0, np.eye(3)),
        m.Odometry: lambda: m.Odometry(
            t, "odom", "base_link", np.array([t, 0.0, 0.0]), UNIT, np.array([1.0, 0.0, 0.0]), np.zeros(3)
        ),
        m.Pose: lambda: m.Pose(t, "map", np.zeros(3), UNIT, np.eye(6)),
        m.JointStates: lambda: m.JointStates(t, "", ("left", "right"), np.zeros(2), np.zeros(2)),
        m.Twist: lambda: m.Twist(t, "base_link", 1.0, 0.1),
        m.OccupancyGrid: lambda: m.OccupancyGrid(t, "odom", 0.1, np.zeros(3), np.zeros((200, 200), np.int8)),
        m.Objects: lambda: m.Objects(t, "odom", layouts.empty(layouts.OBJECT, 10)),
        m.Prediction: lambda: m.Prediction(t, "odom", layouts.empty(layouts.PREDICTION, 300)),
        m.Path: lambda: m.Path(t, "odom", poses(31), t + np.arange(31) * 0.1),
        m.Battery: lambda: m.Battery(t, "base_link", 0.8),
        m.Text: lambda: m.Text("{}"),
        m.Flag: lambda: m.Flag(False),
        m.Scalar: lambda: m.Scalar(0.5),
        m.Whole: lambda: m.Whole(-1),
        m.Diagnostics: lambda: m.Diagnostics(t, (m.Status(0, "perception", "ok", {"active": "true", "cpu_s": "1.0"}),)),
        m.CameraInfo: lambda: m.CameraInfo(t, "camera", 320, 240, np.eye(3), np.zeros(5)),
        GoalState: lambda: GoalState(goal_id="g", steps=(Step(task=Task.WAIT),)),
        PlannerReply: lambda: PlannerReply(t, "info", "Going.", "向かいます。"),
        ControllerStatus: lambda: ControllerStatus(t, "tracking", "g", 3.0, 1.2, 3),
        reports.ApprovalRequest: lambda: reports.ApprovalRequest("gate", "enter"),
        reports.PersonsAnswer: lambda: reports.PersonsAnswer("gate", "ann", True),
        reports.Takeover: lambda: reports.Takeover("ann", True),
        reports.PeopleReport: lambda: reports.PeopleReport(t, "ann"),
        reports.ImplementOrder: lambda: reports.ImplementOrder({"blade": True}),
        reports.ImplementStates: lambda: reports.ImplementStates(t, {"blade": False}),
        Verdict: lambda: Verdict(t, "clear", "autonomy", [1.0, 0.0], [1.0, 0.0]),
    }
    return kinds[topic.data]()


def speak(seconds: float, factor: float) -> dict[str, int]:
    import rclpy
    from rclpy.serialization import serialize_message

    from physical_ai_core.ros.encode import encode, message_class
    from physical_ai_core.ros.qos import publisher_qos

    rclpy.init()
    node = rclpy.create_node("traffic")
    mouths = []
    for topic in graph.TOPICS:
        if topic.recorded and topic.name != "points" and not topic.name.startswith("camera"):
            # Heartbeats and diagnostics come from every node.
            voices = len(topic.says) if len(topic.says) > 1 else 1
            rate_hz = factor * voices * (topic.rate_hz or ON_EVENT_HZ)
            publisher = node.create_publisher(message_class(topic.ros_type), topic.name, publisher_qos(topic))
            mouths.append((topic, rate_hz, publisher))
    deadline = time.monotonic() + 30.0
    while any(not publisher.get_subscription_count() for *_, publisher in mouths) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    raw = [bytes(serialize_message(encode(t.ros_type, payload(t, 1.0 + k)))) for k, (t, *_) in enumerate(mouths)]
    counts = [0] * len(mouths)
    start = time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        for index, (_, rate_hz, publisher) in enumerate(mouths):
            while counts[index] < now * rate_hz:
                publisher.publish(raw[index])
                counts[index] += 1
        time.sleep(0.004)
    time.sleep(1.0)
    return {topic.name: counts[index] for index, (topic, *_) in enumerate(mouths)}


if __name__ == "__main__":
    print(json.dumps(speak(float(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)))
