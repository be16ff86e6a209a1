"""The relay's process: `python -m physical_ai_bench.faults.node TOPIC…`; each topic is taken over as `plan.relay` says.

Orders come by standard input, one JSON a line: {"topic", "kind", "amount"}; the end of the input ends it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.signals import SignalHandlerOptions

from physical_ai_bench.faults.plan import Kind, Relay, relay
from physical_ai_bench.faults.spoil import Spoiler, spoilt
from physical_ai_core import graph
from physical_ai_core.ros import mail
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos

LOOK_S: Final = 0.001
DEPTH: Final = 50


class Line:
    """One relayed topic. No executor: what waits is taken every millisecond."""

    def __init__(self, node: Node, at: Relay, seed: int) -> None:
        topic = graph.TOPIC[at.topic]
        message = message_class(topic.ros_type)
        taken = subscription_qos(topic)
        if topic.qos is not graph.Qos.LATCHED:
            taken.depth = DEPTH
        random = np.random.default_rng(seed)

        def rewrite(raw: bytes, kind: Kind) -> bytes:
            data = spoilt(decode(topic.data, deserialize_message(raw, message)), kind, random)
            return bytes(serialize_message(encode(topic.ros_type, data)))

        self._ear = mail.keep(node, message, at.source, taken, raw=True)
        self._mouth = node.create_publisher(message, at.sink, publisher_qos(topic))
        self.spoiler = Spoiler(not topic.ros_type.startswith("std_msgs/"), rewrite, random)

    def carry(self) -> None:
        now_s = time.monotonic()
        for raw, _ in mail.take(self._ear):
            self._say(self.spoiler.carry(bytes(raw), now_s))
        self._say(self.spoiler.due(now_s))

    def _say(self, messages: Iterator[bytes]) -> None:
        for message in messages:
            self._mouth.publish(message)


def main(topics: list[str]) -> None:
    """Relay until the standard input ends."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("fault_relay")
    lines = {topic: Line(node, relay(topic), seed) for seed, topic in enumerate(topics)}
    orders: list[dict[str, Any]] = []
    ended = threading.Event()

    def listen() -> None:
        for text in sys.stdin:
            orders.append(json.loads(text))
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    while not ended.is_set():
        while orders:
            order = orders.pop(0)
            lines[order["topic"]].spoiler.set(Kind(order["kind"]), order["amount"])
        for line in lines.values():
            line.carry()
        time.sleep(LOOK_S)
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
