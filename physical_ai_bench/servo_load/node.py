"""`python -m physical_ai_bench.servo_load.node RATE_HZ SECONDS`: an rclpy timer of that rate, as one would write it.

It publishes a velocity command a tenth as often and prints its cadence as one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import rclpy
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.signals import SignalHandlerOptions

from physical_ai_control.servo.attachment import ServoAttachment
from physical_ai_control.servo.clock import Cadence
from physical_ai_control.servo.link import ServoLink
from physical_ai_control.servo.mouth import STATUS
from physical_ai_control.servo.settings import ServoSettings
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.ros import mail
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import subscription_qos
from physical_ai_core.ros.spin import make_executor, spin

STEPS: Final = 25
DT_S: Final = 0.1
VALID_S: Final = 0.5
START_S: Final = 30.0


class DiagnosticsEar:
    """Takes the newest values of one status from /diagnostics. rclpy must be up (the demo's watcher starts it)."""

    def __init__(self, name: str = STATUS) -> None:
        self._name = name
        self._node: Any = rclpy.create_node("servo_bench_ear")
        topic = graph.TOPIC["/diagnostics"]
        qos = subscription_qos(topic)
        qos.depth = 100
        self._data = topic.data
        self._ear = mail.keep(self._node, message_class(topic.ros_type), topic.name, qos)
        self.values: dict[str, str] = {}

    def look(self) -> dict[str, str]:
        """The newest values; empty before the first."""
        for message, _ in mail.take(self._ear):
            for status in decode(self._data, message).statuses:
                if status.name == self._name:
                    self.values = status.values
        return self.values

    def close(self) -> None:
        self._node.destroy_node()


def feed(settings: ServoSettings, seconds: float, in_thread: bool) -> tuple[dict[str, str], dict[str, str]]:
    """First and last report of a servo that nothing runs beside, fed with a straight trajectory 25 times a second."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    ear = DiagnosticsEar()
    link = ServoLink(settings, DT_S, VALID_S, simulated=False)
    attachment = ServoAttachment(Straight(), link, in_thread)
    node: Any = rclpy.create_node("servo_bench_feeder")
    publishers = {
        name: node.create_publisher(message_class(graph.TOPIC[name].ros_type), name, 1)
        for name in ("cmd_vel_nav", "/diagnostics")
    }
    attachment.start("/", publishers)
    first: dict[str, str] = {}
    try:
        deadline_s = time.monotonic() + START_S
        while not (values := dict(ear.look())):
            if time.monotonic() > deadline_s:
                raise InputError("The servo gave no report.", "See the output above.")
            attachment.takes_over(m.Twist(time.time(), "base_link", 0.0, 0.0))
            time.sleep(0.04)
        first = values
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            attachment.takes_over(m.Twist(time.time(), "base_link", 0.0, 0.0))
            time.sleep(0.04)
        return first, dict(ear.look())
    finally:
        attachment.close()
        ear.close()
        node.destroy_node()
        rclpy.try_shutdown()


class Straight:
    """Stands for the controller's core: a new trajectory straight ahead at every look."""

    def __init__(self) -> None:
        self._sequence = 0

    @property
    def following(self) -> Any:
        self._sequence += 1
        along, zero = DT_S * np.arange(STEPS + 1), np.zeros(STEPS + 1)
        states = np.column_stack([along, zero, zero, zero + 1.0, zero])
        drive = SimpleNamespace(states=states, inputs=np.zeros((STEPS, 2)))
        return SimpleNamespace(sequence=self._sequence, begun_s=time.time(), drive=drive, state=states[0])


def main() -> None:
    rate_hz, seconds = float(sys.argv[1]), float(sys.argv[2])
    rclpy.init(args=sys.argv)
    node = rclpy.create_node("plain_timer")
    kind = "geometry_msgs/msg/TwistStamped"
    mouth = node.create_publisher(message_class(kind), "plain_timer/cmd_vel", 1)
    cadence = Cadence(rate_hz, lambda due_ns: None)  # the timer sleeps, this only counts

    def tick() -> None:
        cadence.wait()
        if cadence.cycles % 10 == 0:
            mouth.publish(encode(kind, m.Twist(time.time(), "base_link", 0.0, 0.0)))

    node.create_timer(1.0 / rate_hz, tick, clock=Clock(clock_type=ClockType.STEADY_TIME))
    executor = make_executor()
    executor.add_node(node)
    end_s = time.monotonic() + seconds
    began_s, cpu_s = time.monotonic(), time.process_time()
    cadence.restart()
    spin(executor, lambda: time.monotonic() > end_s)
    share = (time.process_time() - cpu_s) / (time.monotonic() - began_s)
    print(json.dumps({**cadence.values(), "cpu_share": f"{share:.4f}"}))
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
