"""Wheel commands for ros2_control behind the safety gate: hears `cmd_vel`, `joint_states`; says `wheel_commands`.

`python -m physical_ai_control.servo.wheel.node --ros-args -r wheel_commands:=forward_velocity_controller/commands`
"""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from physical_ai_control.servo import privileges
from physical_ai_control.servo.clock import Cadence, no_garbage_collection
from physical_ai_control.servo.wheel.loop import WheelLoop
from physical_ai_control.servo.wheel.parameters import WheelParameters
from physical_ai_core import graph
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.ros import mail
from physical_ai_core.ros.declare import read_parameters
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import message_class, set_stamp
from physical_ai_core.ros.qos import subscription_qos

COMMANDS = "wheel_commands"


def main() -> None:
    """Runs until SIGTERM or SIGINT; the last word is a stand."""
    going = True

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal going
        going = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    node: Any = Node("wheels", start_parameter_services=False)
    try:
        parameters = read_parameters(node, WheelParameters)
        loop = WheelLoop(parameters)
    except PhysicalAIError as error:
        raise SystemExit(f"error: {error}") from error
    ears = [
        (graph.TOPIC[name], mail.keep(node, message_class(graph.TOPIC[name].ros_type), name,
                                      subscription_qos(graph.TOPIC[name])), hear)
        for name, hear in (("cmd_vel", loop.hear_command), ("joint_states", loop.hear_joints))
    ]  # fmt: skip
    array = parameters.form == "array"
    kind = message_class("std_msgs/msg/Float64MultiArray" if array else "sensor_msgs/msg/JointState")
    message, mouth = kind(), node.create_publisher(kind, COMMANDS, 1)
    privileges.ask(parameters.priority)

    def say(outputs: list[float]) -> None:
        if array:
            message.data = outputs
        else:
            set_stamp(message.header.stamp, node.get_clock().now().nanoseconds * 1e-9)
            message.name = list(loop.names)
            setattr(message, parameters.output, outputs)
        mouth.publish(message)

    with no_garbage_collection():
        cadence = Cadence(parameters.rate_hz)
        while going:
            now_s = cadence.wait() * 1e-9
            for topic, ear, hear in ears:
                heard = mail.take_newest(ear)
                if heard is not None:
                    hear(decode(topic.data, heard), now_s)
            say(loop.step(now_s)[0].tolist())
    say([0.0] * len(loop.names))
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
