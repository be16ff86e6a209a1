"""The demo's ear and mouth on the graph: decodes the watched topics into a `Watch`, and speaks the instruction."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from physical_ai_cli.watch import WATCHED, Watch
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos
from physical_ai_core.ros.spin import make_executor, spin


class WatchNode:
    """Runs in a thread of its own; `watch` is replaced by nothing and only grows, so reading it needs no lock."""

    def __init__(self, watch: Watch) -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("demo", parameter_overrides=[Parameter("use_sim_time", Parameter.Type.BOOL, True)])
        self._watch = watch
        for name in WATCHED:
            topic = graph.TOPIC[name]
            self._node.create_subscription(
                message_class(topic.ros_type), name, partial(self._hear, topic), subscription_qos(topic)
            )
        self._instruction = self._publisher("instruction")
        self._stopping = False
        self._executor = make_executor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=spin, args=(self._executor, lambda: self._stopping), daemon=True)
        self._thread.start()

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
        self._stopping = True
        self._thread.join(2.0)
        self._node.destroy_node()
        rclpy.try_shutdown()
