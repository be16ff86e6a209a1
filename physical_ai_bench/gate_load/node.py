"""The bare relays that stand beside the gate (`python -m physical_ai_bench.gate_load.node relay|busy`), and the rig.

`relay` hears a command or a scan on topics of its own and says the command, or a zero, at once: the least that a node
of this kind (lifecycle node, same executor, same QoS) can do. `busy` does the same, and besides wakes for what wakes
the gate and speaks at the gate's rate, without thinking about any of it. `Rig` lives in the benchmark's own process: a
world that moves with the wall clock at the other end of the gate's topics, and every answer with its time.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, Protocol

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from physical_ai_core import graph
from physical_ai_core.core import Output
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.ros import mail
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos
from physical_ai_core.ros.spin import run_node

KINDS: Final = ("relay", "busy")
HEARD: Final = ("scan", "wheel/odometry")  # what wakes the gate beside commands


class Relay(LifecycleNode):
    """Topics `KIND/cmd_vel_nav` and `KIND/scan` in, `KIND/cmd_vel` and `KIND/zero` out."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self._kind = kind
        self._last: Any = None

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        kind, command, scan = self._kind, graph.TOPIC["cmd_vel_nav"], graph.TOPIC["scan"]
        self._twist = message_class(command.ros_type)
        self._mouth = self.create_publisher(self._twist, f"{kind}/cmd_vel", publisher_qos(command))
        self._zero = self.create_publisher(self._twist, f"{kind}/zero", publisher_qos(command))
        self._ears = [
            self.create_subscription(self._twist, f"{kind}/cmd_vel_nav", self._command, subscription_qos(command)),
            self.create_subscription(message_class(scan.ros_type), f"{kind}/scan", self._scan, subscription_qos(scan)),
        ]
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self._kind == "busy":
            for name in HEARD:
                topic = graph.TOPIC[name]
                self._ears.append(
                    self.create_subscription(
                        message_class(topic.ros_type), name, lambda _: self._speak(), subscription_qos(topic)
                    )
                )
            self._timer = self.create_timer(1.0 / graph.NODE["safety_gate"].rate_hz, self._speak)
        return super().on_activate(state)

    def _command(self, message: Any) -> None:
        self._last = message
        self._mouth.publish(message)

    def _scan(self, message: Any) -> None:
        said = self._twist()
        said.header.stamp = message.header.stamp
        self._zero.publish(said)

    def _speak(self) -> None:
        if self._last is not None:
            self._mouth.publish(self._last)


CONFIGURE, ACTIVATE = 1, 3  # lifecycle_msgs/Transition
DEPTH: Final = 500
LOOK_S: Final = 0.002
START_PATIENCE_S: Final = 90.0
ANSWER_S: Final = 4.0
MATCH_S: Final = 1.0


class World(Protocol):
    """What the sensors say, stamped with the wall clock."""

    def advance(self, now_s: float) -> Iterable[Output]: ...

    def hear(self, v_mps: float, w_rps: float) -> None: ...


class Answer:
    """One command that arrived: speed and the wall time (ns) at which the middleware received it."""

    __slots__ = ("received_ns", "v_mps", "w_rps")

    def __init__(self, v_mps: float, w_rps: float, received_ns: int) -> None:
        self.v_mps, self.w_rps, self.received_ns = v_mps, w_rps, received_ns


class Rig:
    """Publishes the world, keeps what is heard on `ears`. `other`: topics beside the graph's -> one they are like."""

    def __init__(self, world: World, ears: Iterable[str] = ("cmd_vel",), other: dict[str, str] | None = None) -> None:
        self.world, self._other = world, dict(other or {})
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("rig", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._mouths: dict[str, Any] = {}
        self._ears = {}
        for name in ears:
            topic = graph.TOPIC[self._other.get(name, name)]
            qos = subscription_qos(topic)
            qos.depth = DEPTH
            self._ears[name] = mail.keep(self._node, message_class(topic.ros_type), name, qos)
        self.heard: dict[str, list[Answer]] = defaultdict(list)

    def say(self, topic: str, data: Any) -> int:
        """Publish a payload; the wall time (ns) just before the middleware took it."""
        spec = graph.TOPIC[self._other.get(topic, topic)]
        mouth = self._mouths.get(topic)
        if mouth is None:
            mouth = self._mouths[topic] = self._node.create_publisher(
                message_class(spec.ros_type), topic, publisher_qos(spec)
            )
        message = encode(spec.ros_type, data)
        left_ns = time.time_ns()
        mouth.publish(message)
        return left_ns

    def look(self) -> None:
        """Move the world to now, say what it saw, take what was answered."""
        for output in self.world.advance(time.time()):
            self.say(output.topic, output.data)
        for name, ear in self._ears.items():
            for message, about in mail.take(ear):
                twist = message.twist
                answer = Answer(twist.linear.x, twist.angular.z, about["received_timestamp"])
                self.heard[name].append(answer)
                if name == "cmd_vel":
                    self.world.hear(answer.v_mps, answer.w_rps)

    def run(self, seconds: float, each: Callable[[float], None] | None = None) -> None:
        """For so long; `each(now_s)` is called every 2 ms."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            if each is not None:
                each(time.time())
            time.sleep(LOOK_S)

    def await_(self, done: Callable[[], bool], patience_s: float, each: Callable[[float], None] | None = None) -> bool:
        """Until `done()`; False when that did not come about in time."""
        end = time.monotonic() + patience_s
        while not done():
            if time.monotonic() > end:
                return False
            self.run(0.01, each)
            self._executor.spin_once(timeout_sec=0.0)
        return True

    def connected(self, topic: str, count: int = 1) -> bool:
        """So many listen to a topic that was said before."""
        return topic in self._mouths and self._mouths[topic].get_subscription_count() >= count

    def call(self, kind: Any, service: str, request: Any, each: Callable[[float], None] | None = None) -> Any:
        """The answer of a service, while the world goes on. Raises PhysicalAIError."""
        client = self._node.create_client(kind, service)
        try:
            if not self.await_(client.service_is_ready, START_PATIENCE_S, each):
                raise PhysicalAIError(f"Nobody offers {service}.", "Look at the log of the node.")
            end = time.monotonic() + START_PATIENCE_S
            while time.monotonic() < end:
                self.run(MATCH_S, each)  # a server that knows nobody to answer yet loses the answer
                future = client.call_async(request)  # and a killed one is believed to be there for some time
                if self.await_(future.done, ANSWER_S, each):
                    return future.result()
            raise PhysicalAIError(f"{service} did not answer.", "Look at the log of the node.")
        finally:
            self._node.destroy_client(client)

    def bring_up(self, name: str, each: Callable[[float], None] | None = None) -> None:
        """Configure and activate a lifecycle node. Raises PhysicalAIError."""
        from lifecycle_msgs.srv import ChangeState

        for transition in (CONFIGURE, ACTIVATE):
            request = ChangeState.Request()
            request.transition.id = transition
            if not self.call(ChangeState, f"{name}/change_state", request, each).success:
                raise PhysicalAIError(f"The node '{name}' refused transition {transition}.", "Look at its log.")

    def reset(self, each: Callable[[float], None] | None = None) -> None:
        """A person's word after the start: tried until it is taken. Raises PhysicalAIError."""
        from std_srvs.srv import Trigger

        for _ in range(50):
            answer = self.call(Trigger, "safety/reset", Trigger.Request(), each)
            if answer.success:
                return
            self.run(0.1, each)
        raise PhysicalAIError(f"safety/reset was refused: {answer.message}.", "Look at the log of the gate.")

    def close(self) -> None:
        self._executor.remove_node(self._node)
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)


def raise_priority(priority: int, pids: Iterable[int]) -> str:
    """SCHED_FIFO for every thread of the processes, where the kernel grants it; what it granted, in words."""
    if priority <= 0:
        return "ordinary priority"
    try:
        for pid in pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with suppress(ProcessLookupError):
                    os.sched_setscheduler(int(thread), os.SCHED_FIFO, os.sched_param(priority))
    except (PermissionError, OSError):
        return f"ordinary priority (SCHED_FIFO {priority} was not granted)"
    return f"SCHED_FIFO {priority}"


def ordinary_priority() -> None:
    """This process's threads back to what they were."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(OSError):
            os.sched_setscheduler(int(thread), os.SCHED_OTHER, os.sched_param(0))


if __name__ == "__main__":
    raise SystemExit(run_node(lambda: Relay(sys.argv[1]), []))
