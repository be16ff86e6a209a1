"""The simulator as a process: `/clock` and every sensor, paced to at most real time, in step with the stack."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, Health
from physical_ai_core.errors import ParameterError
from physical_ai_core.ros import mail
from physical_ai_core.ros.declare import read_parameters
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos
from physical_ai_core.ros.spin import run_node
from physical_ai_sim import physics as p
from physical_ai_sim.core import SimulatorCore
from physical_ai_sim.lockstep import Lockstep
from physical_ai_sim.parameters import SimulatorParameters

POLL_S = 0.002  # how often the stepping timer fires; each firing catches up to the pace
CATCH_UP_S = 0.02  # simulated time one firing may step, so that commands are heard in between
CLOCK_FRAMES = 2  # one /clock for so many frames: every one wakes every node that ticks by it
HEADER_STAMP, CDR_HEADER = struct.Struct("<iI"), 4  # a serialised message begins with the stamp of its header
SEEN_BY_STAMP = ("state/odometry", "controller/trajectory")
STREAMS = ("cmd_vel", "state/odometry", "controller/trajectory")


class SimulatorNode(Node):
    """Steps the core from a steady timer. Needs no activation: a world is there before the robot wakes."""

    def __init__(self) -> None:
        super().__init__("simulator")
        try:
            self._stamped = bool(self.declare_parameter("stamped_cmd_vel", True).value)
            self._parameters = read_parameters(self, SimulatorParameters)
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise ParameterError(f"Node 'simulator': {error}.", "docs/parameters.md lists every parameter.") from error
        self._core = SimulatorCore(self._parameters)
        periods_s = {name: 1.0 / graph.TOPIC[name].rate_hz for name in STREAMS}
        self._lockstep = Lockstep(self._parameters.lockstep_lag_s, periods_s)
        self._mouths = {
            topic.name: self.create_publisher(message_class(topic.ros_type), topic.name, publisher_qos(topic))
            for topic in graph.said_by("simulator")
        }
        self._streams: list[tuple[str, Any]] = []
        for topic in graph.heard_by("simulator"):
            ros_type = topic.ros_type
            if topic.data is m.Twist and not self._stamped:
                ros_type = "geometry_msgs/msg/Twist"
            if topic.name in SEEN_BY_STAMP:
                ear = mail.keep(self, message_class(ros_type), topic.name, subscription_qos(topic), raw=True)
                self._streams.append((topic.name, ear))
            else:
                hear = partial(self._hear, topic)
                self.create_subscription(message_class(ros_type), topic.name, hear, subscription_qos(topic))
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(POLL_S, self._advance, clock=self._steady)
        self.create_timer(1.0 / graph.TOPIC["heartbeat"].rate_hz, self._heartbeat, clock=self._steady)
        self._origin_wall_s = time.monotonic()
        self._origin_stamp_s = self._core.stamp_s
        self._waiting_since_s: float | None = None
        self._fault = ""
        self._waits = self._frames = 0
        self._beat = (time.monotonic(), self._core.stamp_s)

    def _hear(self, topic: graph.Topic, message: Any) -> None:
        stamp = getattr(getattr(message, "header", None), "stamp", None)
        stamp_s = self._core.stamp_s if stamp is None else stamp.sec + 1e-9 * stamp.nanosec
        if topic.name in STREAMS:
            self._lockstep.hear(topic.name, stamp_s, time.monotonic())
        if topic.name in ("cmd_vel", "tool"):
            self._core.handle(topic.name, decode(topic.data, message), stamp_s)

    @property
    def subscriptions(self) -> Iterator[Any]:
        """What the executor serves."""
        yield from (subscription for subscription in super().subscriptions if not mail.is_kept(subscription))

    def _look_at_streams(self, now: float) -> None:
        """How far have they come? Only the stamp of the header is read."""
        for name, ear in self._streams:
            newest = mail.take_newest(ear)
            if newest is not None:
                sec, nanosec = HEADER_STAMP.unpack_from(newest, CDR_HEADER)
                self._lockstep.hear(name, sec + 1e-9 * nanosec, now)

    def _advance(self) -> None:
        now = time.monotonic()
        self._look_at_streams(now)
        target = min(self._paced_stamp(now), self._core.stamp_s + CATCH_UP_S)
        while self._core.stamp_s + 0.5 * p.FRAME_S < target:
            if self._must_wait(now):
                return
            stamp_s = self._core.stamp_s + p.FRAME_S
            try:
                outputs = self._core.advance(stamp_s)
            except Exception as error:  # a renderer that fails must not stop the world
                self._report(f"{type(error).__name__}: {error}")
                return
            for output in outputs:
                self._say(output.topic, output.data)
            self._frames += 1
            if self._frames % CLOCK_FRAMES == 0:  # after the sensors: who ticks by this clock finds their messages
                self._say("/clock", m.Clock(self._core.stamp_s))

    def _paced_stamp(self, now: float) -> float:
        """Where simulated time should be now; time that was lost to waiting is not caught up."""
        factor = self._parameters.real_time_factor
        if factor <= 0.0:
            return self._core.stamp_s + CATCH_UP_S
        target = self._origin_stamp_s + (now - self._origin_wall_s) * factor
        if target - self._core.stamp_s > 2 * CATCH_UP_S:
            self._origin_wall_s, self._origin_stamp_s = now, self._core.stamp_s + CATCH_UP_S
            return self._origin_stamp_s
        return target

    def _must_wait(self, now: float) -> bool:
        if not self._lockstep.behind(self._core.stamp_s + p.FRAME_S, now):
            self._waiting_since_s = None
            return False
        if self._waiting_since_s is None:
            self._waiting_since_s = now
            self._waits += 1
        if now - self._waiting_since_s < self._parameters.lockstep_wait_s:
            return True
        self._waiting_since_s = None  # waited long enough: one frame goes on, then the wait begins anew
        return False

    def _say(self, name: str, data: Any) -> None:
        self._mouths[name].publish(encode(graph.TOPIC[name].ros_type, data))

    def _report(self, text: str) -> None:
        if text != self._fault:
            self._fault = text
            self.get_logger().error(text)

    def _heartbeat(self) -> None:
        health = self._core.health()
        if self._fault:
            health = Health(ERROR, self._fault, health.values)
        (wall_s, stamp_s), self._beat = self._beat, (time.monotonic(), self._core.stamp_s)
        pace = (self._beat[1] - stamp_s) / max(self._beat[0] - wall_s, 1e-6)
        values = {
            "active": "true",
            "cpu_s": f"{time.process_time():.3f}",
            "real_time_factor": f"{pace:.2f}",
            "lockstep_waits": str(self._waits),
            **health.values,
        }
        status = m.Status(health.level, "simulator", health.message, values)
        self._say("heartbeat", m.Diagnostics(self._core.stamp_s, (status,)))


def main() -> None:
    raise SystemExit(run_node(SimulatorNode))


if __name__ == "__main__":
    main()
