"""Reference consumer over DDS: hears `controller/trajectory`, says `cmd_vel_nav` (remap it) at its own rate.

`python -m physical_ai_control.servo.consume.node --ros-args -r cmd_vel_nav:=my_controller/cmd_vel -p rate_hz:=200.0`
"""

from __future__ import annotations

import sys
import time
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from physical_ai_control.servo import privileges
from physical_ai_control.servo.clock import Cadence, no_garbage_collection
from physical_ai_control.servo.consumer import SILENCE_S, VALIDITY_S, TrajectoryConsumer
from physical_ai_control.servo.stop import StopRequest
from physical_ai_control.servo.tracking import ServoLimits
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.robot import load_robot
from physical_ai_core.ros import mail
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos


def main() -> None:
    """Runs until SIGTERM or SIGINT; then it brakes, and ends at rest."""
    stop = StopRequest()
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    node: Any = Node("trajectory_consumer", start_parameter_services=False)
    rate_hz = float(node.declare_parameter("rate_hz", 100.0).value)
    validity_s = float(node.declare_parameter("validity_s", VALIDITY_S).value)
    silence_s = float(node.declare_parameter("silence_s", SILENCE_S).value)
    priority = int(node.declare_parameter("priority", 0).value)
    own = load_robot(str(node.declare_parameter("robot", "scout").value)).limits
    limits = ServoLimits(own.max_speed_mps, own.max_reverse_mps, own.max_yaw_rate_rps, own.max_deceleration_mps2)
    topic, said = graph.TOPIC["controller/trajectory"], graph.TOPIC["cmd_vel_nav"]
    ear = mail.keep(node, message_class(topic.ros_type), topic.name, subscription_qos(topic))
    mouth = node.create_publisher(message_class(said.ros_type), said.name, publisher_qos(said))
    consumer = TrajectoryConsumer(limits, validity_s=validity_s, silence_s=silence_s)
    privileges.ask(priority)
    with no_garbage_collection():
        cadence = Cadence(rate_hz)
        command = consumer.step(0.0, time.monotonic())
        while not (stop.asked and command[:2] == (0.0, 0.0)):
            monotonic_s = cadence.wait() * 1e-9
            mail.read_clock(node)
            message = mail.take_newest(ear)
            if message is not None:
                consumer.hear(decode(topic.data, message), time.monotonic())
            now_s = node.get_clock().now().nanoseconds * 1e-9
            command = consumer.brake(monotonic_s) if stop.asked else consumer.step(now_s, monotonic_s)
            twist = m.Twist(now_s, "base_link", command.linear_mps, command.angular_rps)
            mouth.publish(encode(said.ros_type, twist))
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
