"""The demo's ear and mouth on the graph, and an operator's: watched topics into a `Watch`, words to robot and gate."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

from physical_ai_cli.watch import WATCHED, Watch
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.ros import mail
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos
from physical_ai_safety.people_say import who

LOOK_S: Final = 0.02
DEPTH: Final = 200
PATIENCE_S: Final = 5.0  # wall time for discovery and for an answer


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


class Operator:
    """Calls the gate's services and speaks on its topics, with a context of its own, beside any other use of rclpy."""

    def __init__(self, namespace: str = "") -> None:
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context)
        self._node = rclpy.create_node("operator", context=self._context, namespace=namespace or None)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._listens = False
        self._clients: dict[str, Any] = {}
        self.heard: list[Any] = []  # reports on safety/people

    def __enter__(self) -> Operator:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def trigger(self, service: str, patience_s: float = PATIENCE_S) -> tuple[bool, str]:
        """Call a std_srvs/Trigger of the gate: whether it was done, and the gate's words. Raises PhysicalAIError."""
        if not self._client(service).wait_for_service(patience_s):
            raise PhysicalAIError(f"Nobody offers {service}.", "Is the safety gate up, in this ROS domain?")
        future = self._client(service).call_async(Trigger.Request())
        if not self._spin(patience_s, future.done):
            raise PhysicalAIError(f"{service} did not answer.", "Look at the log of the safety gate.")
        answer = future.result()
        return bool(answer.success), str(answer.message)

    def offered(self, service: str) -> bool:
        """Somebody offers the service, as far as discovery has come; the first call begins to look."""
        return bool(self._client(service).service_is_ready())

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._node.create_client(Trigger, service)
        return self._clients[service]

    def listen(self) -> None:
        """Hear safety/people from now on."""
        if self._listens:
            return
        self._listens = True
        topic = graph.TOPIC["safety/people"]
        self._node.create_subscription(
            message_class(topic.ros_type), topic.name, lambda said: self.heard.append(decode(topic.data, said)),
            subscription_qos(topic),
        )  # fmt: skip

    def requests(self) -> list[dict[str, Any]]:
        """What people are asked now; the gate repeats it each second."""
        self.listen()
        self.heard.clear()
        self._spin(PATIENCE_S, lambda: bool(self.heard))
        return list(self.heard[-1].open) if self.heard else []

    def say(self, name: str, data: Any, person: str) -> list[dict[str, Any]]:
        """Speak on a topic of the gate and return the notes that it made of it, empty when it made none in time."""
        topic = graph.TOPIC[name]
        self.listen()
        mouth = self._node.create_publisher(message_class(topic.ros_type), name, publisher_qos(topic))
        if not self._spin(PATIENCE_S, lambda: bool(mouth.get_subscription_count())):
            raise PhysicalAIError(f"Nobody listens to {name}.", "Is the safety gate up, in this ROS domain?")
        self._spin(0.5, lambda: bool(self.heard))  # the way back is discovered too
        self.heard.clear()
        mouth.publish(encode(topic.ros_type, data))

        def mine() -> list[dict[str, Any]]:
            return [note for report in self.heard for note in report.notes if note["person"] == who(person)]

        self._spin(PATIENCE_S, lambda: bool(mine()))
        return mine()

    def _spin(self, seconds: float, done: Any) -> bool:
        end_s = time.monotonic() + seconds
        while not done() and time.monotonic() < end_s:
            self._executor.spin_once(timeout_sec=0.02)
        return bool(done())
