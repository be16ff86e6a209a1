"""A controller in a process of its own, to be killed: `servo_producer.py path` or `servo_producer.py mailbox NAME`."""

from __future__ import annotations

import sys
import time

import numpy as np

STEPS, DT_S, SPEED_MPS = 25, 0.1, 1.0


def straight() -> np.ndarray:
    along = SPEED_MPS * DT_S * np.arange(STEPS + 1)
    zero = np.zeros(STEPS + 1)
    return np.column_stack([along, zero, zero, np.full(STEPS + 1, SPEED_MPS), zero])


def say_paths() -> None:
    import rclpy

    from physical_ai_core import graph
    from physical_ai_core import messages as m
    from physical_ai_core.ros.encode import encode, message_class
    from physical_ai_core.ros.qos import publisher_qos

    rclpy.init()
    node = rclpy.create_node("producer")
    topic = graph.TOPIC["controller/trajectory"]
    mouth = node.create_publisher(message_class(topic.ros_type), topic.name, publisher_qos(topic))
    while True:
        now_s = node.get_clock().now().nanoseconds * 1e-9
        stamps_s = now_s + DT_S * np.arange(STEPS + 1)
        mouth.publish(encode(topic.ros_type, m.Path(now_s, "odom", straight()[:, :3], stamps_s)))
        time.sleep(0.1)


def drive_a_servo(name: str) -> None:
    from physical_ai_control.servo.link import Plan, ServoLink
    from physical_ai_control.servo.settings import ServoSettings
    from physical_ai_control.servo.tracking import ServoLimits

    link = ServoLink(ServoSettings(name, 200.0, 0.15, ServoLimits()), DT_S, 0.5, simulated=False)
    link.start()
    sequence = 0
    while True:
        sequence += 1
        now_s, states = time.time(), straight()
        link.tell(now_s, (0.0, 0.0), Plan(sequence, now_s, states, np.zeros((STEPS, 2))), states[0])
        time.sleep(0.05)


if __name__ == "__main__":
    say_paths() if sys.argv[1] == "path" else drive_a_servo(sys.argv[2])
