"""What a servo says to the graph: commands, and the state of its loop. Knows publishers, not rclpy."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from physical_ai_control.servo import privileges
from physical_ai_control.servo.mailbox import Mailbox
from physical_ai_control.servo.tracking import Command, Mode
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import OK, WARN
from physical_ai_core.ros.encode import encode, message_class, set_stamp

STATUS: Final = "controller: servo"
CONTENT: Final = (Mode.TRACKING.value, Mode.DIRECT.value)
UNSTAMPED: Final = "geometry_msgs/msg/Twist"


class Mouth:
    """Publishes commands and diagnostics of a servo; the message is made once and filled anew."""

    def __init__(
        self, command: Any, diagnostics: Any, stamped: bool, granted: privileges.Granted, mailbox: Mailbox
    ) -> None:
        """`command`, `diagnostics`: publishers of `cmd_vel_nav` and `/diagnostics`."""
        self._message = message_class(graph.TOPIC["cmd_vel_nav"].ros_type if stamped else UNSTAMPED)()
        if stamped:
            self._message.header.frame_id = "base_link"
        self._twist = self._message.twist if stamped else self._message
        self._stamp = self._message.header.stamp if stamped else None
        self._command, self._diagnostics = command, diagnostics
        self._granted, self._mailbox, self._now_s = granted, mailbox, 0.0
        self._reply = np.zeros(3)

    def say(self, command: Command, stamp_s: float) -> None:
        """One command, stamped on the graph's clock."""
        if stamp_s <= 0.0:  # nothing heard yet
            return
        self._now_s = stamp_s
        if self._stamp is not None:
            set_stamp(self._stamp, stamp_s)
        self._twist.linear.x, self._twist.angular.z = command.linear_mps, command.angular_rps
        self._command.publish(self._message)
        self._reply[:] = stamp_s, command.linear_mps, command.angular_rps
        self._mailbox.reply.write(self._reply)

    def report(self, values: dict[str, str]) -> None:
        """The state of the loop on /diagnostics."""
        mode = values.get("mode", "")
        level = OK if mode in CONTENT and not self._granted.refused else WARN
        message = mode if not self._granted.refused else f"{mode}; refused: {'; '.join(self._granted.refused)}"
        status = m.Status(level, STATUS, message, {**values, **self._granted.values()})
        topic = graph.TOPIC["/diagnostics"]
        self._diagnostics.publish(encode(topic.ros_type, m.Diagnostics(self._now_s, (status,))))
