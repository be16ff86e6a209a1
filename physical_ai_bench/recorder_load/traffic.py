"""Payloads of the demo's size for every topic of the graph table, and how often each is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import graph, layouts, reports
from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState, Step, Task
from physical_ai_core.reports import ControllerStatus, PlannerReply, Verdict

ON_EVENT_HZ: Final = 0.5  # rate of topics that the table calls "on event"
CAMERA: Final = "camera/image_raw"
BY_HAND: Final = "cmd_vel_teleop"
UNSAID: Final = ("points",)  # the demo's robot has a planar LiDAR
UNIT: Final = np.array([0.0, 0.0, 0.0, 1.0])
VARIANTS: Final = 4  # of each message, so that a compressor does not meet the same bytes again and again


class Voice(NamedTuple):
    """A topic, how often it is said, and variants of its payload."""

    topic: graph.Topic
    rate_hz: float
    payloads: tuple[Any, ...]


def poses(count: int) -> NDArray[np.float64]:
    return np.column_stack([np.linspace(0.0, 4.0, count), np.zeros(count), np.zeros(count)]).astype(np.float64)


def payload(topic: graph.Topic, t: float, seed: int = 0) -> Any:
    """A payload of the topic's kind and of usual size at time `t`."""
    rng = np.random.default_rng(seed)
    cells = np.where(rng.random((200, 200)) < 0.03, 100, 0).astype(np.int8)
    kinds: dict[type, Callable[[], Any]] = {
        m.LaserScan: lambda: m.LaserScan(
            t, "lidar", -2.356, 0.00654, 0.05, 25.0, rng.uniform(1, 20, 720).astype(np.float32)
        ),
        m.PointCloud: lambda: m.PointCloud(t, "lidar", rng.random((100, 3)).astype(np.float32)),
        m.Imu: lambda: m.Imu(t, "imu", rng.normal(size=3), np.array([0.0, 0.0, 9.81])),
        m.GnssFix: lambda: m.GnssFix(t, "gnss", 35.0, 139.0, 40.0, np.eye(3)),
        m.Odometry: lambda: m.Odometry(
            t, "odom", "base_link", np.array([t, 0.0, 0.0]), UNIT, np.array([1.0, 0.0, 0.0]), np.zeros(3)
        ),
        m.Pose: lambda: m.Pose(t, "map", np.zeros(3), UNIT, np.eye(6)),
        m.JointStates: lambda: m.JointStates(t, "", ("left", "right"), np.zeros(2), np.zeros(2)),
        m.Twist: lambda: m.Twist(t, "base_link", 1.0, 0.1),
        m.OccupancyGrid: lambda: m.OccupancyGrid(t, "odom", 0.1, np.zeros(3), cells),
        m.Objects: lambda: m.Objects(t, "odom", layouts.empty(layouts.OBJECT, 10)),
        m.Prediction: lambda: m.Prediction(t, "odom", layouts.empty(layouts.PREDICTION, 300)),
        m.Path: lambda: m.Path(t, "odom", poses(31), t + poses(31)[:, 0]),
        m.Battery: lambda: m.Battery(t, "base_link", 0.8),
        m.Text: lambda: m.Text("{}"),
        m.Flag: lambda: m.Flag(False),
        m.Scalar: lambda: m.Scalar(0.5),
        m.Whole: lambda: m.Whole(-1),
        m.Diagnostics: lambda: m.Diagnostics(t, (m.Status(0, "perception", "ok", {"active": "true", "cpu_s": "1.0"}),)),
        m.CameraInfo: lambda: m.CameraInfo(t, "camera", 320, 240, np.eye(3), np.zeros(5)),
        m.Image: lambda: m.Image(t, "camera", rng.integers(0, 256, (480, 694, 3), dtype=np.uint8)),  # 1 MB
        GoalState: lambda: GoalState(goal_id="g", steps=(Step(task=Task.WAIT),)),
        PlannerReply: lambda: PlannerReply(t, "info", "Going.", "向かいます。"),
        ControllerStatus: lambda: ControllerStatus(t, "tracking", "g", 3.0, 1.2, 3),
        reports.ApprovalRequest: lambda: reports.ApprovalRequest("gate", "enter"),
        reports.PersonsAnswer: lambda: reports.PersonsAnswer("gate", "ann", True),
        reports.Takeover: lambda: reports.Takeover("ann", False),
        reports.PeopleReport: lambda: reports.PeopleReport(t),
        reports.ImplementOrder: lambda: reports.ImplementOrder({"blade": True}),
        reports.ImplementStates: lambda: reports.ImplementStates(t, {"blade": False}),
        Verdict: lambda: Verdict(t, "clear", "autonomy", [1.0, 0.0], [1.0, 0.0]),
    }
    return kinds[topic.data]()


def voices(factor: float = 1.0, camera_mbps: float = 0.0, by_hand: bool = False) -> list[Voice]:
    """Every recorded topic at its rate in the table times `factor`, and a camera of so many MB/s.

    `by_hand`: somebody drives by teleoperation now and then, which is an incident each time.
    """
    found = []
    for topic in graph.TOPICS:
        if topic.recorded and topic.name not in UNSAID and (by_hand or topic.name != BY_HAND):
            speakers = len(topic.says) if len(topic.says) > 1 else 1  # heartbeats and diagnostics come from every node
            rate_hz = factor * speakers * (topic.rate_hz or ON_EVENT_HZ)
            found.append(Voice(topic, rate_hz, tuple(payload(topic, 1.0 + k, k) for k in range(VARIANTS))))
    if camera_mbps > 0.0:
        topic = graph.TOPIC[CAMERA]
        images = tuple(payload(topic, 1.0 + k, k) for k in range(VARIANTS))
        found.append(Voice(topic, camera_mbps * 1e6 / images[0].pixels.nbytes, images))
    return found


def wire_bytes(topic: graph.Topic) -> int:
    """Size of a message of this topic as it is said here; from the payload, headers of the wire left out."""
    data = payload(topic, 1.0)
    if isinstance(data, m.Image):
        return int(data.pixels.nbytes)
    if isinstance(data, m.LaserScan):
        return int(data.ranges_m.nbytes)
    if isinstance(data, m.OccupancyGrid):
        return int(data.cells.nbytes)
    if isinstance(data, (m.Objects, m.Prediction)):
        return int(data.rows.nbytes)
    if isinstance(data, m.Odometry):
        return 2 * 36 * 8 + 100
    return 120
