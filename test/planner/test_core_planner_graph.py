"""The planner's node over DDS: a pose and a word come in as messages, a goal, a path and replies go out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.graph


def test_a_goal_pose_becomes_a_path_and_stop_an_empty_one(ros_env: dict[str, str], spawn: Any) -> None:
    import rclpy
    from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
    from lifecycle_msgs.srv import ChangeState
    from nav_msgs.msg import Odometry, Path
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from std_msgs.msg import String

    from physical_ai_core.goal import GoalState, Task

    spawn("physical_ai_planner.node", "--ros-args", "-p", "language_enabled:=false")
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("person", context=context)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    paths: list[Any] = []
    goals: list[GoalState] = []
    node.create_subscription(Path, "plan", paths.append, latched)
    node.create_subscription(String, "goal_state", lambda msg: goals.append(GoalState.from_json(msg.data)), latched)
    odometry = node.create_publisher(Odometry, "state/odometry", 5)
    joint = node.create_publisher(PoseWithCovarianceStamped, "state/map_to_odom", 5)
    instruction = node.create_publisher(String, "instruction", 5)
    goal_pose = node.create_publisher(PoseStamped, "goal_pose", 5)

    def sense() -> None:
        state = Odometry()
        state.header.stamp, state.header.frame_id, state.child_frame_id = (
            node.get_clock().now().to_msg(),
            "odom",
            "base_link",
        )
        state.pose.pose.position.x, state.pose.pose.position.y, state.pose.pose.orientation.w = 2.5, 4.0, 1.0
        odometry.publish(state)
        map_to_odom = PoseWithCovarianceStamped()
        map_to_odom.header.stamp, map_to_odom.header.frame_id = state.header.stamp, "map"
        map_to_odom.pose.pose.orientation.w = 1.0
        joint.publish(map_to_odom)

    def until(condition: Callable[[], bool], again: Callable[[], None] = lambda: None, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "did not happen in time"
            sense()
            again()
            executor.spin_once(timeout_sec=0.1)

    change = node.create_client(ChangeState, "planner/change_state")
    try:
        until(change.service_is_ready)
        for transition in (1, 3):  # configure, activate
            request = ChangeState.Request()
            request.transition.id = transition
            future = change.call_async(request)
            until(future.done)
            assert future.result().success

        wanted = PoseStamped()
        wanted.header.frame_id = "map"
        wanted.pose.position.x, wanted.pose.position.y, wanted.pose.orientation.w = 10.0, 3.0, 1.0
        until(lambda: goal_pose.get_subscription_count() > 0)
        until(lambda: bool(goals and paths and paths[-1].poses), lambda: goal_pose.publish(wanted))
        assert paths[-1].header.frame_id == "map"
        assert paths[-1].poses[-1].pose.position.x == pytest.approx(10.0)

        until(lambda: goals[-1].steps is not None and goals[-1].steps[0].task is Task.STOP,
              lambda: instruction.publish(String(data="止まれ")))  # fmt: skip
        until(lambda: not paths[-1].poses)
    finally:
        node.destroy_node()
        context.try_shutdown()
