"""The node as its own process over DDS: configured, activated and fed, it says its four topics and keeps its pose."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flat_world import World, imu, room, scan, wheels

from physical_ai_core import graph
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos

SAYS = ("state/odometry", "state/map_to_odom", "state/objects", "state/occupancy", "heartbeat")


@pytest.mark.graph
def test_the_node_fed_with_sensors_says_its_state_and_keeps_its_pose(spawn: Callable[..., Any], tmp_path: Path) -> None:
    import rclpy
    from lifecycle_msgs.srv import ChangeState

    keep = tmp_path / "pose.json"
    process = spawn("physical_ai_perception.node", "--ros-args", "-p", f"resume_file:={keep}")
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("perception_listener", context=context)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        client = node.create_client(ChangeState, "perception/change_state")
        assert client.wait_for_service(30.0)
        for transition in (1, 3):  # configure, activate
            request = ChangeState.Request()
            request.transition.id = transition
            answer = client.call_async(request)
            executor.spin_until_future_complete(answer, timeout_sec=20.0)
            assert answer.result().success
        mouths = {
            name: node.create_publisher(
                message_class(graph.TOPIC[name].ros_type), name, publisher_qos(graph.TOPIC[name])
            )
            for name in ("imu/data", "wheel/odometry", "scan")
        }
        heard: dict[str, Any] = {}
        for name in SAYS:
            node.create_subscription(
                message_class(graph.TOPIC[name].ros_type), name, lambda msg, name=name: heard.update({name: msg}),
                subscription_qos(graph.TOPIC[name]),
            )  # fmt: skip
        world, deadline, turn = World(np.array([[4.0, 0.5, 0.2]]), room()), time.monotonic() + 30.0, 0
        while time.monotonic() < deadline and not (set(SAYS) <= set(heard) and keep.exists()):
            now_s = node.get_clock().now().nanoseconds * 1e-9
            mouths["imu/data"].publish(encode("sensor_msgs/msg/Imu", imu(now_s)))
            mouths["wheel/odometry"].publish(encode("nav_msgs/msg/Odometry", wheels(now_s)))
            if turn % 5 == 0:
                mouths["scan"].publish(encode("sensor_msgs/msg/LaserScan", scan(world, np.zeros(3), now_s)))
            turn += 1
            until = time.monotonic() + 0.01
            while time.monotonic() < until:
                executor.spin_once(timeout_sec=0.005)
        assert set(SAYS) <= set(heard)
        assert heard["state/odometry"].child_frame_id == "base_link"
        assert heard["state/map_to_odom"].header.frame_id == "map"
        assert set(json.loads(keep.read_text())) == {"stamp_s", "odom", "map_to_odom", "variances", "speed_mps"}
        assert process.poll() is None
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
