"""The gate as a process over real DDS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gate_world import World, twist

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.reports import ApprovalRequest, PersonsAnswer, Takeover, Verdict
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos

pytestmark = pytest.mark.graph


class Rig:
    """Feeds the gate from a small world at true rates, in a thread of its own, and hears what it says."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("rig", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.world = World(y=14.5, noise=0.0)
        self.speed = 0.5
        self.silent: set[str] = set()
        self.heard: list[m.Twist] = []
        self.verdicts: list[Verdict] = []
        self.mouths = {
            name: self.node.create_publisher(
                message_class(graph.TOPIC[name].ros_type), name, publisher_qos(graph.TOPIC[name])
            )
            for name in (
                "scan", "wheel/odometry", "state/odometry", "state/map_to_odom", "cmd_vel_nav", "emergency_stop",
                "safety/request",
            )
        }  # fmt: skip
        self._hear("cmd_vel", self.heard)
        self._hear("safety/verdict", self.verdicts)
        self.node.create_timer(0.02, self._feed)
        self.steps = 0
        self.done = False
        self.thread = threading.Thread(target=self._spin)
        self.thread.start()

    def _hear(self, name: str, into: list[Any]) -> None:
        topic = graph.TOPIC[name]
        self.node.create_subscription(
            message_class(topic.ros_type), name, lambda msg: into.append(decode(topic.data, msg)),
            subscription_qos(topic),
        )  # fmt: skip

    def _spin(self) -> None:
        while not self.done:
            self.executor.spin_once(timeout_sec=0.05)

    def _feed(self) -> None:
        self.world.t = self.node.get_clock().now().nanoseconds * 1e-9
        self.steps += 1
        self.send("wheel/odometry", self.world.wheels())
        self.send("state/odometry", self.world.state())
        self.send("cmd_vel_nav", twist(self.world.t, self.speed))
        if self.steps % 2 == 0:
            self.send("scan", self.world.scan())
        if self.steps % 5 == 0:
            self.send("state/map_to_odom", self.world.link())

    def send(self, name: str, data: Any) -> None:
        if name not in self.silent:
            self.mouths[name].publish(encode(graph.TOPIC[name].ros_type, data))

    def call(self, kind: Any, name: str, request: Any) -> Any:
        client = self.node.create_client(kind, name)
        assert client.wait_for_service(60.0), f"{name} is not there"
        future = client.call_async(request)
        until(future.done)
        return future.result()

    def close(self) -> None:
        self.done = True
        self.thread.join()
        self.node.destroy_node()
        self.context.try_shutdown()


def until(condition: Callable[[], bool], seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def waits(verdict: Verdict) -> bool:
    return verdict.interventions[-1]["rule"] == "start"


@pytest.fixture
def rig(spawn: Any) -> Iterator[Rig]:
    """The gate, running and activated."""
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState
    from std_srvs.srv import Trigger

    spawn("physical_ai_safety.node")
    rig = Rig()
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert rig.call(ChangeState, "safety_gate/change_state", request).success
    until(lambda: bool(rig.verdicts) and rig.verdicts[-1].interventions[-1:] != [] and waits(rig.verdicts[-1]))
    assert rig.heard[-1].linear_x_mps == 0.0, "nothing moves before a person's reset"
    assert rig.call(Trigger, "safety/reset", Trigger.Request()).success
    yield rig
    rig.close()


def test_the_gate_passes_stops_on_silence_latches_the_emergency_stop_and_is_reset(rig: Rig) -> None:
    from std_srvs.srv import SetBool, Trigger

    from physical_ai_cli.node import Operator

    def speed() -> float:
        return rig.heard[-1].linear_x_mps if rig.heard else -1.0

    until(lambda: speed() > 0.45)

    for topic in ("scan", "cmd_vel_nav", "wheel/odometry"):
        rig.silent.add(topic)
        until(lambda: speed() == 0.0 and rig.verdicts[-1].state == "protective_stop")
        count = len(rig.heard)
        until(lambda count=count: len(rig.heard) > count + 10)  # zero, never silence
        rig.silent.clear()
        until(lambda: speed() > 0.45)

    rig.send("emergency_stop", m.Flag(True))
    until(lambda: speed() == 0.0 and rig.verdicts[-1].state == "emergency_stop")
    assert not rig.call(Trigger, "safety/reset", Trigger.Request()).success
    rig.send("emergency_stop", m.Flag(False))
    until(lambda: "latched" in str(rig.verdicts[-1].interventions))
    assert speed() == 0.0
    assert rig.call(Trigger, "safety/reset", Trigger.Request()).success
    until(lambda: speed() > 0.45)
    assert rig.call(SetBool, "safety/approve", SetBool.Request(data=True)).success

    stranger = rig.node.create_publisher(message_class(graph.TOPIC["cmd_vel"].ros_type), "cmd_vel", 1)
    until(lambda: speed() == 0.0 and "intruder" in str(rig.verdicts[-1].interventions))
    assert "/rig on cmd_vel" in rig.verdicts[-1].en
    rig.node.destroy_publisher(stranger)
    until(lambda: speed() > 0.45)

    with Operator() as ann:
        assert [note["what"] for note in ann.say("safety/driver", Takeover("Ann", True), "Ann")] == ["took_over"]
        until(lambda: speed() == 0.0)
        assert not rig.call(Trigger, "safety/hand_back", Trigger.Request()).success, "Ann has it, not the operator"
        assert [note["what"] for note in ann.say("safety/driver", Takeover("Ann", False), "Ann")] == ["handed_back"]
        until(lambda: speed() > 0.45)
        request = ApprovalRequest("mow", "start the blade", "a quiet yard", 20.0, 2)
        rig.mouths["safety/request"].publish(encode(graph.TOPIC["safety/request"].ros_type, request))
        until(lambda: [one["id"] for one in ann.requests()] == ["mow"])
        assert [note["what"] for note in ann.say("safety/answer", PersonsAnswer("mow", "Ann", True), "Ann")] == ["yes"]
        assert rig.call(SetBool, "safety/approve", SetBool.Request(data=True)).message == "Approved: mow."

    rig.world.walls = [(rig.world.x + 0.38, 0.0, rig.world.x + 0.38, 24.0)]
    until(lambda: speed() == 0.0 and rig.verdicts[-1].state == "protective_stop")
    assert rig.verdicts[-1].ja
