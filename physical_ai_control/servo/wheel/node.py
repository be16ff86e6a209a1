"""Wheel commands for ros2_control behind the safety gate: hears `cmd_vel`, `joint_states`; says `wheel_commands`, and
how it goes on `/diagnostics`.

`python -m physical_ai_control.servo.wheel.node --ros-args -r wheel_commands:=forward_velocity_controller/commands`
"""

from __future__ import annotations

import math
import sys
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from physical_ai_control.servo import privileges
from physical_ai_control.servo.clock import Cadence, no_garbage_collection
from physical_ai_control.servo.loop import REPORT_S
from physical_ai_control.servo.stop import StopRequest
from physical_ai_control.servo.wheel.loop import WheelLoop
from physical_ai_control.servo.wheel.parameters import WheelParameters
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import OK, WARN
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.ros import mail
from physical_ai_core.ros.declare import read_parameters
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class, set_stamp
from physical_ai_core.ros.qos import publisher_qos, subscription_qos

COMMANDS = "wheel_commands"
STATUS = "controller: wheels"


def main() -> None:
    """Runs until SIGTERM or SIGINT; the last word is a stand."""
    stop = StopRequest()
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    node: Any = Node("wheels", start_parameter_services=False)
    try:
        parameters = read_parameters(node, WheelParameters)
        loop = WheelLoop(parameters)
    except PhysicalAIError as error:
        raise SystemExit(f"error: {error}") from error
    allowed, joints = graph.TOPIC["cmd_vel"], graph.TOPIC["joint_states"]
    command_ear, joints_ear = (
        mail.keep(node, message_class(topic.ros_type), topic.name, subscription_qos(topic))
        for topic in (allowed, joints)
    )
    array = parameters.form == "array"
    kind = message_class("std_msgs/msg/Float64MultiArray" if array else "sensor_msgs/msg/JointState")
    message, mouth = kind(), node.create_publisher(kind, COMMANDS, 1)
    told = graph.TOPIC["/diagnostics"]
    reporter = node.create_publisher(message_class(told.ros_type), told.name, publisher_qos(told))
    granted = privileges.ask(parameters.priority)
    refused = dict(loop.refused)

    def say(outputs: list[float]) -> None:
        if array:
            message.data = outputs
        else:
            set_stamp(message.header.stamp, node.get_clock().now().nanoseconds * 1e-9)
            message.name = list(loop.names)
            setattr(message, parameters.output, outputs)
        mouth.publish(message)

    def report(trouble: str, values: dict[str, str]) -> None:
        news = [name for name, count in loop.refused.items() if count > refused.get(name, 0)]
        refused.update(loop.refused)
        text = "; ".join([*filter(None, [trouble]), *(f"commands refused: {name}" for name in news)])
        text = "; ".join(filter(None, [text, granted.values()["refused"]]))
        values = {**values, **granted.values(), **{f"refused_{name}": str(n) for name, n in refused.items()}}
        if math.isfinite(loop.age_s):
            values["command_age_s"] = f"{loop.age_s:.4f}"
        status = m.Status(WARN if text else OK, STATUS, text or "turning by cmd_vel", values)
        reporter.publish(encode(told.ros_type, m.Diagnostics(now_of_graph(), (status,))))

    def now_of_graph() -> float:
        return float(node.get_clock().now().nanoseconds) * 1e-9

    with no_garbage_collection():
        cadence = Cadence(parameters.rate_hz)
        report_every = max(1, round(parameters.rate_hz * REPORT_S))
        while not stop.asked:
            now_s = cadence.wait() * 1e-9
            mail.read_clock(node)
            command, speeds = mail.take_newest(command_ear), mail.take_newest(joints_ear)
            if command is not None:
                loop.hear_command(decode(allowed.data, command), now_s, now_of_graph())
            if speeds is not None:
                loop.hear_joints(decode(joints.data, speeds), now_s)
            outputs, trouble = loop.step(now_s)
            say(outputs.tolist())
            if cadence.cycles % report_every == 0:
                report(trouble, cadence.values())
    say([0.0] * len(loop.names))
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
