"""Every payload of the graph table survives encode → serialise → deserialise → decode."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from physical_ai_core import graph, layouts, reports
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.goal import GoalState, Step
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class

EYE3, EYE6 = np.eye(3), np.diag([1.0, 2, 3, 4, 5, 6])
V, Q = np.array([1.0, -2.0, 3.0]), np.array([0.0, 0.0, np.sin(0.4), np.cos(0.4)])

CELLS = np.array([[-1, 0], [50, 100]], np.int8)


def rows(layout: np.dtype) -> layouts.Rows:
    found = layouts.empty(layout, 3)
    for column, name in enumerate(layout.names or ()):
        found[name] = np.arange(3) + column
    return found


EXAMPLES: dict[type[Any], Any] = {
    m.LaserScan: m.LaserScan(1.5, "lidar", -2.0, 0.25, 0.05, 25.0, np.array([1, np.inf, 2], np.float32)),
    m.PointCloud: m.PointCloud(1.5, "lidar", np.arange(6, dtype=np.float32).reshape(2, 3)),
    m.Imu: m.Imu(1.5, "imu", V, V, None, None, EYE3, EYE3),
    m.GnssFix: m.GnssFix(1.5, "gps", 35.1, 139.2, 40.0, EYE3),
    m.Battery: m.Battery(1.5, "base_link", 0.5, 25.5, -2.25),
    m.Odometry: m.Odometry(1.5, "odom", "base_link", V, Q, V, V, EYE6, EYE6),
    m.Pose: m.Pose(1.5, "map", V, Q, None),
    m.Twist: m.Twist(1.5, "base_link", 1.0, -0.5),
    m.JointStates: m.JointStates(1.5, "", ("left", "right"), np.array([1.0, 2.0]), np.array([3.0, 4.0])),
    m.OccupancyGrid: m.OccupancyGrid(
        1.5, "odom", 0.5, np.array([1.0, 2.0, 0.3]), np.array([[-1, 0], [50, 100]], np.int8)
    ),
    m.Objects: m.Objects(1.5, "odom", rows(layouts.OBJECT)),
    m.Prediction: m.Prediction(1.5, "odom", rows(layouts.PREDICTION)),
    m.Path: m.Path(1.5, "map", np.array([[0.0, 1, 0.1], [1, 1, 0.2]]), np.array([2.0, 2.5])),
    m.Image: m.Image(1.5, "camera", np.arange(12, dtype=np.uint8).reshape(2, 2, 3)),
    m.CameraInfo: m.CameraInfo(1.5, "camera", 4, 2, EYE3, np.zeros(5)),
    m.Diagnostics: m.Diagnostics(1.5, (m.Status(1, "planner", "slow", {"a": "b"}),)),
    m.Clock: m.Clock(1.5),
    m.Text: m.Text("棚の前まで行って"),
    m.Flag: m.Flag(True),
    m.Scalar: m.Scalar(0.7),
    m.Whole: m.Whole(-1),
    GoalState: GoalState(goal_id="g1", steps=(Step(task="stop"),)),
    reports.PlannerReply: reports.PlannerReply(1.5, "refusal", "no", "いいえ"),
    reports.ControllerStatus: reports.ControllerStatus(1.5, "tracking", solve_ms=1.2),
    reports.ApprovalRequest: reports.ApprovalRequest("gate", "enter", "夕方", 30.0, 2),
    reports.PersonsAnswer: reports.PersonsAnswer("gate", "あん", True),
    reports.Takeover: reports.Takeover("ann", True),
    reports.PeopleReport: reports.PeopleReport(1.5, "ann", [{"id": "gate", "yes": ["ann"]}]),
    reports.ImplementOrder: reports.ImplementOrder({"blade": True}),
    reports.ImplementStates: reports.ImplementStates(1.5, {"blade": False}, {"blade": ["person"]}),
    reports.Verdict: reports.Verdict(1.5, "clear", "autonomy", [1.0, 0.0], [0.5, 0.0]),
}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        if a.dtype.names:
            return a.dtype == b.dtype and bool(np.array_equal(a, b))
        return a.shape == b.shape and bool(np.allclose(a, b, rtol=0.0, atol=1e-12, equal_nan=True))
    if hasattr(a, "__dataclass_fields__"):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, float):
        return a == pytest.approx(b)
    return bool(a == b)


@pytest.mark.parametrize("topic", graph.TOPICS, ids=lambda t: t.name)
def test_a_payload_survives_the_wire(topic: graph.Topic) -> None:
    from rclpy.serialization import deserialize_message, serialize_message

    example = EXAMPLES[topic.data]
    if topic.data is m.Pose and "Covariance" in topic.ros_type:
        example = m.Pose(1.5, "map", V, Q, EYE6)
    wire = serialize_message(encode(topic.ros_type, example))
    back = decode(topic.data, deserialize_message(wire, message_class(topic.ros_type)))
    assert same(example, back), back


def test_an_older_fleet_speaks_twist_without_a_stamp() -> None:
    back = decode(m.Twist, encode("geometry_msgs/msg/Twist", m.Twist(1.5, "base_link", 1.0, -0.5)))
    assert (back.linear_x_mps, back.angular_z_rps) == (1.0, -0.5)


def test_a_cloud_that_lacks_a_field_is_refused_by_name() -> None:
    cloud = encode("sensor_msgs/msg/PointCloud2", EXAMPLES[m.PointCloud])
    with pytest.raises(InputError, match="class_id"):
        decode(m.Objects, cloud)


def test_covariances_survive_their_columns() -> None:
    objects = layouts.empty(layouts.OBJECT, 2)
    matrix = np.stack([EYE6[:4, :4], np.arange(16.0).reshape(4, 4) + np.arange(16.0).reshape(4, 4).T])
    layouts.set_covariances(objects, matrix)
    assert np.allclose(layouts.covariances(objects), matrix)
