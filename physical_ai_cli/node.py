"""The demo's ear and mouth on the graph: decodes the watched topics into a `Watch`, and speaks the instruction."""

from __future__ import annotations

import threading
from typing import Any, Final

import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from physical_ai_cli.watch import WATCHED, Watch
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.ros import mail
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos

LOOK_S: Final = 0.02
DEPTH: Final = 200


class WatchNode:
    """Looks from a thread of its own; `watch` is replaced by nothing and only grows, so reading it needs no lock.

    No executor: nothing is answered, and what waits is taken every 20 ms, so that watching costs the robot little.
    """

    def __init__(self, watch: Watch) -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("demo", parameter_overrides=[Parameter("use_sim_time", Parameter.Type.BOOL, True)])
        self._watch = watch
        self._ears = []
        for name in WATCHED:
            topic, qos = graph.TOPIC[name], subscription_qos(graph.TOPIC[name])
            qos.depth = max(qos.depth, DEPTH if topic.qos is not graph.Qos.LATCHED else qos.depth)
            self._ears.append((topic, mail.keep(self._node, message_class(topic.ros_type), name, qos)))
        self._instruction = self._publisher("instruction")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_S):
            mail.read_clock(self._node)
            for topic, ear in self._ears:
                for message, _ in mail.take(ear):
                    self._hear(topic, message)

    def _publisher(self, name: str) -> Any:
        topic = graph.TOPIC[name]
        return self._node.create_publisher(message_class(topic.ros_type), name, publisher_qos(topic))

    def _hear(self, topic: graph.Topic, message: Any) -> None:
        data = decode(topic.data, message)
        stamp_s = getattr(data, "stamp_s", None)
        if stamp_s is None:
            stamp_s = self._node.get_clock().now().nanoseconds * 1e-9
        self._watch.hear(topic.name, data, float(stamp_s))

    def planner_listens(self) -> bool:
        """True once somebody has subscribed to `instruction`."""
        return bool(self._instruction.get_subscription_count())

    def instruct(self, text: str) -> None:
        """Speak a sentence on `instruction`."""
        self._instruction.publish(encode(graph.TOPIC["instruction"].ros_type, m.Text(text)))

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(2.0)
        self._node.destroy_node()
        rclpy.try_shutdown()
