"""The simulator as a process: it keeps time, says it lives, obeys, refuses what it cannot do, and ends cleanly."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.graph


class Ears:
    """A node that hears /clock, heartbeat and the truth, and can command."""

    def __init__(self) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from geometry_msgs.msg import TwistStamped
        from nav_msgs.msg import Odometry
        from rclpy.qos import qos_profile_sensor_data
        from rosgraph_msgs.msg import Clock

        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("ears", context=self.context)
        self.executor = rclpy.executors.SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.stamps: list[float] = []
        self.beats: list[dict[str, str]] = []
        self.speed_mps = 0.0
        self.twist = TwistStamped
        self.node.create_subscription(Clock, "/clock", self._tick, qos_profile_sensor_data)
        self.node.create_subscription(DiagnosticArray, "heartbeat", self._beat, 10)
        self.node.create_subscription(Odometry, "ground_truth/odometry", self._moved, 10)
        self.mouth = self.node.create_publisher(TwistStamped, "cmd_vel", 1)

    def _tick(self, msg: Any) -> None:
        self.stamps.append(msg.clock.sec + 1e-9 * msg.clock.nanosec)

    def _beat(self, msg: Any) -> None:
        self.beats.append({value.key: value.value for value in msg.status[0].values})

    def _moved(self, msg: Any) -> None:
        self.speed_mps = msg.twist.twist.linear.x

    def command(self, speed_mps: float) -> None:
        twist = self.twist()
        seconds = self.stamps[-1]
        twist.header.stamp.sec, twist.header.stamp.nanosec = int(seconds), int(1e9 * (seconds % 1.0))
        twist.twist.linear.x = speed_mps
        self.mouth.publish(twist)

    def until(self, condition: Callable[[], bool], each: Callable[[], None] = lambda: None) -> None:
        end = time.monotonic() + 60.0
        while not condition():
            assert time.monotonic() < end, "did not happen in time"
            each()
            self.executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_keeps_the_one_clock_in_any_namespace_and_ends_cleanly(
    ros_env: dict[str, str], spawn: Callable[..., subprocess.Popen[str]], stop: signal.Signals
) -> None:
    process = spawn("physical_ai_sim.node", "--ros-args", "-p", "people:=none", "-r", "__ns:=/robot1")
    ears = Ears()
    try:
        ears.until(lambda: len(ears.stamps) > 5)  # the clock is absolute, in whatever namespace the robot is
        assert ears.stamps == sorted(ears.stamps)
    finally:
        ears.close()
    process.send_signal(stop)
    assert process.wait(timeout=20) == 0


def test_a_commander_that_falls_silent_does_not_freeze_the_world(
    ros_env: dict[str, str], spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    spawn("physical_ai_sim.node", "--ros-args", "-p", "people:=none")
    ears = Ears()
    try:
        ears.until(lambda: bool(ears.stamps and ears.beats))
        ears.until(lambda: ears.speed_mps > 0.3, lambda: ears.command(0.5))
        silent_s = ears.stamps[-1]
        ears.until(lambda: ears.stamps[-1] > silent_s + 1.5)
        assert abs(ears.speed_mps) < 0.01
        assert ears.beats[-1]["active"] == "true"
    finally:
        ears.close()


def test_a_scene_that_does_not_exist_is_refused_with_the_choices(
    ros_env: dict[str, str], spawn: Callable[..., subprocess.Popen[str]], tmp_path: Any
) -> None:
    process = spawn("physical_ai_sim.node", "--ros-args", "-p", "people:=dinosaurs")
    assert process.wait(timeout=30) == 2
    log = next(tmp_path.glob("*.log")).read_text()
    assert "dinosaurs" in log
    assert "zara01" in log
