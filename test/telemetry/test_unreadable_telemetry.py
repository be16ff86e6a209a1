"""Bytes that are no message do not end the recording."""

from __future__ import annotations

from rclpy.serialization import serialize_message

from physical_ai_core import messages as m
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_telemetry.node import readable

TWIST = "geometry_msgs/msg/TwistStamped"


def test_what_can_be_read_is_read_and_what_cannot_is_none() -> None:
    sound = serialize_message(encode(TWIST, m.Twist(1.0, "base_link", 0.5, 0.0)))
    assert readable(sound, message_class(TWIST)).twist.linear.x == 0.5
    longer_than_it_is = sound[:12] + b"\xff\xff\xff\x7f" + sound[16:]
    assert readable(longer_than_it_is, message_class(TWIST)) is None
    assert readable(b"", message_class(TWIST)) is None
