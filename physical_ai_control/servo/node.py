"""The servo as a process of its own: no executor, no subscription, one thread that wakes at absolute deadlines."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from physical_ai_control.servo import privileges
from physical_ai_control.servo.clock import no_garbage_collection
from physical_ai_control.servo.loop import Rates, run_loop
from physical_ai_control.servo.mailbox import Mailbox, mailbox_path
from physical_ai_control.servo.mouth import UNSTAMPED, Mouth
from physical_ai_control.servo.servo import Servo
from physical_ai_control.servo.settings import ServoSettings
from physical_ai_core import graph
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.ros.encode import message_class
from physical_ai_core.ros.qos import publisher_qos


def main(arguments: list[str] | None = None) -> None:
    """`python -m physical_ai_control.servo.node SETTINGS_JSON [--ros-args …]`; ends with the process that started it,
    after it has braked."""
    arguments = sys.argv[1:] if arguments is None else arguments
    settings = ServoSettings.from_json(arguments[0])
    parent, stopping = os.getppid(), False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the controller says when
    try:
        mailbox = Mailbox(mailbox_path(settings.mailbox))
    except PhysicalAIError as error:
        raise SystemExit(f"error: {error}") from error
    rclpy.init(args=["servo", *arguments[1:]], signal_handler_options=SignalHandlerOptions.NO)
    node: Any = Node("controller_servo", enable_rosout=False, start_parameter_services=False)
    granted = privileges.ask(settings.priority, settings.cpu, settings.lock_memory)
    command, diagnostics = graph.TOPIC["cmd_vel_nav"], graph.TOPIC["/diagnostics"]
    kind = message_class(command.ros_type if settings.stamped else UNSTAMPED)
    mouth = Mouth(
        node.create_publisher(kind, command.name, publisher_qos(command)),
        node.create_publisher(message_class(diagnostics.ros_type), diagnostics.name, publisher_qos(diagnostics)),
        settings.stamped, granted, mailbox,
    )  # fmt: skip
    servo = Servo(settings.limits, settings.lag_s)

    def going() -> bool:
        orphan = os.getppid() != parent
        return not stopping and not (orphan and servo.law.last == (0.0, 0.0))

    with no_garbage_collection():
        run_loop(servo, mailbox, Rates(settings.rate_hz, settings.say_hz), mouth.say, mouth.report, going)
    orphan = os.getppid() != parent
    mailbox.close()
    if orphan:
        mailbox.path.unlink(missing_ok=True)
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
