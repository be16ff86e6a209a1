"""The supervisor with two real nodes over DDS: one is killed and comes back, the other never notices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.graph


class Listener:
    """Collects heartbeats (name -> active at each beat) and the messages of /diagnostics."""

    def __init__(self) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray

        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("listener", context=self.context)
        self.executor = rclpy.executors.SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.beats: dict[str, list[bool]] = {}
        self.lines: dict[str, str] = {}
        self.node.create_subscription(DiagnosticArray, "heartbeat", self._beat, 50)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._line, 10)

    def _beat(self, msg: Any) -> None:
        for status in msg.status:
            active = next((v.value for v in status.values if v.key == "active"), "")
            self.beats.setdefault(status.name, []).append(active == "true")

    def _line(self, msg: Any) -> None:
        self.lines.update({status.name: status.message for status in msg.status})

    def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"did not happen in time: {self.lines}"
            self.executor.spin_once(timeout_sec=0.05)

    def active(self, name: str) -> bool:
        return bool(self.beats.get(name)) and self.beats[name][-1]

    def close(self) -> None:
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def listener(ros_env: dict[str, str]) -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def test_a_killed_node_is_brought_back_while_the_other_never_leaves_active(
    listener: Listener, spawn: Any, tmp_path: Path
) -> None:
    spawn("physical_ai_supervisor.node", "--ros-args", "-p", "nodes:=['safety_gate','world_model']")
    spawn("physical_ai_world_model.node")
    gate = spawn("physical_ai_safety.node")
    listener.until(lambda: listener.active("safety_gate") and listener.active("world_model"))
    listener.until(lambda: listener.lines.get("physical_ai/stack", "").startswith("active: all 2"))

    gate.kill()
    gate.wait()
    listener.beats["safety_gate"].clear()
    listener.beats["world_model"].clear()
    spawn("physical_ai_safety.node")
    listener.until(lambda: listener.active("safety_gate"))
    assert listener.beats["world_model"] and all(listener.beats["world_model"])


def test_a_node_that_refuses_its_configuration_is_shown_with_its_reason(
    listener: Listener, spawn: Any, tmp_path: Path
) -> None:
    spawn("physical_ai_supervisor.node", "--ros-args", "-p", "nodes:=['safety_gate']")
    spawn("physical_ai_safety.node", "--ros-args", "-p", f"rules:={tmp_path}/absent.yaml")
    listener.until(lambda: "absent.yaml" in listener.lines.get("physical_ai/safety_gate", ""))
    assert not listener.active("safety_gate")
