"""Tells the graph what the servo's loop decides: reads the mailbox, publishes, and is allowed to wait."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Final

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from physical_ai_control.servo.clock import Cadence, no_garbage_collection
from physical_ai_control.servo.mailbox import Mailbox, mailbox_path
from physical_ai_control.servo.mouth import UNSTAMPED, Mouth
from physical_ai_control.servo.settings import ServoSettings
from physical_ai_control.servo.stop import StopRequest
from physical_ai_core import graph
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.ros.encode import message_class
from physical_ai_core.ros.qos import publisher_qos

QUIET_S: Final = 0.5  # an orphan ends when the loop has said nothing for so long


def main(arguments: list[str] | None = None) -> None:
    """`python -m physical_ai_control.servo.node SETTINGS_JSON [--ros-args …]`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    settings = ServoSettings.from_json(arguments[0])
    parent, stop = os.getppid(), StopRequest(interrupt=False)
    try:
        mailbox = Mailbox(mailbox_path(settings.mailbox))
    except PhysicalAIError as error:
        raise SystemExit(f"error: {error}") from error
    rclpy.init(args=["servo", *arguments[1:]], signal_handler_options=SignalHandlerOptions.NO)
    node: Any = Node("controller_servo", enable_rosout=False, start_parameter_services=False)
    command, diagnostics = graph.TOPIC["cmd_vel_nav"], graph.TOPIC["/diagnostics"]
    kind = message_class(command.ros_type if settings.stamped else UNSTAMPED)
    mouth = Mouth(
        node.create_publisher(kind, command.name, publisher_qos(command)),
        node.create_publisher(message_class(diagnostics.ros_type), diagnostics.name, publisher_qos(diagnostics)),
        settings.stamped,
    )
    heard_s = time.monotonic()
    going = True
    with no_garbage_collection():
        cadence = Cadence(settings.say_hz or settings.rate_hz)
        while going:
            cadence.wait()
            going = not stop.asked  # what the loop said last is told before the end
            reply = mailbox.reply.read_new()
            if reply is not None and reply[0] > 0.0:  # a command is told once: silence of the loop is silence here
                heard_s = time.monotonic()
                mouth.say(*reply[:3])
                mailbox.voice.write(np.array(reply[:1]))
            report = mailbox.report.read_new_text()
            if report is not None:
                mouth.report(json.loads(report))
            if os.getppid() != parent and time.monotonic() - heard_s > QUIET_S:
                mailbox.remove()
                break
    mailbox.close()
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
