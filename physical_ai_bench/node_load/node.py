"""The processes of a node's load: `feed` publishes a recording at its pace, `relay` is the least a node can do.

Both are started as `python -m physical_ai_bench.node_load.node …`; `Ear` lives in the benchmark's own process.
"""

from __future__ import annotations

import pickle
import struct
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import rclpy
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions

from physical_ai_bench.node_load.recording import Event
from physical_ai_core import graph
from physical_ai_core.geometry import Array
from physical_ai_core.ros import mail
from physical_ai_core.ros.encode import encode, message_class, set_stamp
from physical_ai_core.ros.qos import publisher_qos, subscription_qos
from physical_ai_core.ros.spin import run_node

STAMP: Final = struct.Struct("<iI")  # of a std_msgs/Header, first in its message
STAMP_AT: Final = 4  # after the encapsulation's four bytes
RELAYED: Final = "relay/odometry"
RELAY: Final = "relay"
CONFIGURE, ACTIVATE = 1, 3  # lifecycle_msgs/Transition
DEPTH: Final = 5000
STRETCH: Final = 1.003  # a little slower than the ticks, so that all phases between them come about


def write_wire(events: Iterable[Event], path: Path) -> None:
    """Serialise a recording once: what is fed are bytes, in which only the stamp is changed."""
    rows = [
        (event.at_s, event.topic, serialize_message(encode(graph.TOPIC[event.topic].ros_type, event.data)))
        for event in events
    ]
    path.write_bytes(pickle.dumps(rows))


def feed(wire: Path, stamps: Path, seconds: float) -> int:
    """Publish for so long, over and over; the wall times at which IMU messages left go to `stamps` (.npy)."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = Node("feed")
    rows = [(at_s, topic, bytearray(data)) for at_s, topic, data in pickle.loads(wire.read_bytes())]
    mouths = {
        name: node.create_publisher(message_class(graph.TOPIC[name].ros_type), name, publisher_qos(graph.TOPIC[name]))
        for name in {topic for _, topic, _ in rows}
    }
    length_s = rows[-1][0] + 0.005
    left: list[float] = []
    begun, end, turn = time.monotonic(), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for at_s, topic, data in rows:
            wait_s = begun + STRETCH * (turn * length_s + at_s) - time.monotonic()
            if wait_s > 0.0:
                time.sleep(wait_s)
            now_ns = time.time_ns()
            STAMP.pack_into(data, STAMP_AT, *divmod(now_ns, 1_000_000_000))
            mouths[topic].publish(bytes(data))
            if topic == "imu/data":
                left.append(now_ns * 1e-9)
            if time.monotonic() > end:
                break
        turn += 1
    np.save(stamps, np.array(left))
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


class Relay(LifecycleNode):
    """Hears `imu/data`, says an Odometry with its rates at 100 Hz: the floor of what a node can cost."""

    def __init__(self) -> None:
        super().__init__(RELAY)
        self._newest: Any = None

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._odometry = message_class("nav_msgs/msg/Odometry")
        topic = graph.TOPIC["imu/data"]
        self._mouth = self.create_publisher(self._odometry, RELAYED, publisher_qos(graph.TOPIC["state/odometry"]))
        self._ear = self.create_subscription(
            message_class(topic.ros_type), topic.name, self._hear, subscription_qos(topic)
        )
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._ticker = self.create_timer(1.0 / graph.TOPIC["state/odometry"].rate_hz, self._tick)
        return super().on_activate(state)

    def _hear(self, message: Any) -> None:
        self._newest = message

    def _tick(self) -> None:
        if self._newest is None:
            return
        said = self._odometry()
        set_stamp(said.header.stamp, self.get_clock().now().nanoseconds * 1e-9)
        said.twist.twist.angular = self._newest.angular_velocity
        self._mouth.publish(said)


class Ear:
    """Keeps the stamps of topics and the times at which the middleware received them; wakes nobody."""

    def __init__(self, topics: dict[str, graph.Topic]) -> None:
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("ear", context=self._context)
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._heard: dict[str, list[tuple[float, float]]] = {name: [] for name in topics}
        self._ears = {}
        for name, topic in topics.items():
            qos = subscription_qos(topic)
            qos.depth = DEPTH
            self._ears[name] = mail.keep(self._node, message_class(topic.ros_type), name, qos, raw=True)

    def bring_up(self, name: str, patience_s: float) -> bool:
        """Configure and activate a lifecycle node; False when it did not come or refused."""
        from lifecycle_msgs.srv import ChangeState

        client = self._node.create_client(ChangeState, f"{name}/change_state")
        if not client.wait_for_service(patience_s):
            return False
        for transition in (CONFIGURE, ACTIVATE):
            request = ChangeState.Request()
            request.transition.id = transition
            answer = client.call_async(request)
            self._executor.spin_until_future_complete(answer, timeout_sec=patience_s)
            if answer.result() is None or not answer.result().success:
                return False
        return True

    def listen(self) -> None:
        """Take what waits."""
        for name, ear in self._ears.items():
            for data, about in mail.take(ear):
                sec, nanosec = STAMP.unpack_from(data, STAMP_AT)
                self._heard[name].append((sec + 1e-9 * nanosec, about["received_timestamp"] * 1e-9))

    def stamps(self, name: str) -> Array:
        """(N, 2): stamp and time of arrival (s) of what was heard until now, in the order of the stamps."""
        rows = np.array(self._heard[name], dtype=float).reshape(-1, 2)
        return np.asarray(rows[np.argsort(rows[:, 0])])

    def close(self) -> None:
        self._executor.remove_node(self._node)
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)


def main(arguments: list[str]) -> int:
    if arguments[0] == "feed":
        return feed(Path(arguments[1]), Path(arguments[2]), float(arguments[3]))
    return run_node(Relay, [])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
