"""What a servo says to the graph: commands, and the state of its loop. Knows publishers, not rclpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from physical_ai_control.servo.tracking import Mode
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import OK, WARN
from physical_ai_core.ros.encode import encode, message_class, set_stamp

STATUS: Final = "controller: servo"
CONTENT: Final = (Mode.TRACKING.value, Mode.DIRECT.value)
UNSTAMPED: Final = "geometry_msgs/msg/Twist"


class Mouth:
    """Publishes commands and diagnostics of a servo; the message is made once and filled anew."""

    def __init__(self, command: Any, diagnostics: Any, stamped: bool) -> None:
        """`command`, `diagnostics`: publishers of `cmd_vel_nav` and `/diagnostics`."""
        self._message = message_class(graph.TOPIC["cmd_vel_nav"].ros_type if stamped else UNSTAMPED)()
        if stamped:
            self._message.header.frame_id = "base_link"
        self._twist = self._message.twist if stamped else self._message
        self._stamp = self._message.header.stamp if stamped else None
        self._command, self._diagnostics, self._now_s = command, diagnostics, 0.0

    def say(self, stamp_s: float, linear_mps: float, angular_rps: float) -> None:
        """One command, stamped on the graph's clock."""
        self._now_s = stamp_s
        if self._stamp is not None:
            set_stamp(self._stamp, stamp_s)
        self._twist.linear.x, self._twist.angular.z = linear_mps, angular_rps
        self._command.publish(self._message)

    def report(self, values: Mapping[str, str]) -> None:
        """The state of the loop on /diagnostics."""
        mode, refused = values.get("mode", ""), values.get("refused", "")
        message = f"{mode}; refused: {refused}" if refused else mode
        level = OK if mode in CONTENT and not refused else WARN
        status = m.Status(level, STATUS, message, dict(values))
        topic = graph.TOPIC["/diagnostics"]
        self._diagnostics.publish(encode(topic.ros_type, m.Diagnostics(self._now_s, (status,))))
