"""Node `safety_gate`: the shell around GateCore, with its services and its markers."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

from physical_ai_core import graph
from physical_ai_core.core import Output
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import message_class
from physical_ai_core.ros.node import CoreNode, Tick
from physical_ai_core.ros.spin import run_node
from physical_ai_core.site import load_site
from physical_ai_safety.core import GateCore
from physical_ai_safety.deathwatch import Deathwatch
from physical_ai_safety.intruders import Suspects
from physical_ai_safety.markers import marker_array
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.people_say import OPERATOR

MARKER_PERIOD_S = 0.5
INTRUDER_PERIOD_S = 0.5
BUTTONS: Final = ("emergency_stop", "bumper", "lifted")
MAIL_S: Final = 0.012  # what a tick has read so lately need not be read again before an answer
MOVING: Final = ("cmd_vel", "tool")  # what only the gate may say


class GateNode(CoreNode[GateParameters]):
    """Ticks by the steady clock, so that it speaks and watches even when the graph's clock stands."""

    TICK = Tick.ALWAYS
    core: GateCore | None

    def build(self, parameters: GateParameters) -> GateCore:
        return GateCore(parameters)

    def opened(self) -> None:
        from std_srvs.srv import SetBool, Trigger

        if not hasattr(self, "_person"):
            self._person = [
                self.create_service(Trigger, "safety/reset", partial(self._answer, lambda core, _: core.reset())),
                self.create_service(
                    SetBool, "safety/approve", partial(self._answer, lambda core, said: core.approve(bool(said.data)))
                ),
                self.create_service(
                    Trigger, "safety/takeover", partial(self._answer, lambda core, _: core.drive(OPERATOR, True))
                ),
                self.create_service(
                    Trigger, "safety/hand_back", partial(self._answer, lambda core, _: core.drive(OPERATOR, False))
                ),
            ]
            self._markers = self.create_publisher(
                message_class("visualization_msgs/msg/MarkerArray"), "safety/markers", 1
            )
            self._watch_timer = self.create_timer(INTRUDER_PERIOD_S, self._look_for_intruders, clock=self._steady)
            self._deathwatch = Deathwatch()
        self._suspects = Suspects(f"{self.get_namespace().rstrip('/')}/{self.get_name()}")
        self._site = load_site(self.parameters.site)
        self._marked_s = 0.0

    def _tick(self) -> None:
        if self.core is not None:
            self.core.watch(time.monotonic())
            for name, pid in self._deathwatch.ended():
                self.get_logger().warning(f"The process of '{name}' has ended.")
                self._run(partial(self.core.died, name, pid))
        super()._tick()

    def heard(self, topic: str, data: Any, stamp_s: float) -> None:
        if topic == "heartbeat":
            for status in data.statuses:
                self._deathwatch.watch(status.name, status.values.get("pid", ""), status.values.get("host", ""))

    def close(self) -> None:
        if hasattr(self, "_deathwatch"):
            self._deathwatch.close()

    def _hear(self, topic: graph.Topic, message: Any) -> None:
        """A scan is glanced at before anything else; where the ticks are on time, they alone read the wheels."""
        if topic.name == "scan" and self._active and self.core is not None:
            with suppress(Exception):  # a scan of another form is refused, with its reason, where it is handled
                self._run(partial(self.core.glance, decode(topic.data, message)))
        if time.monotonic() - self._mail_s < MAIL_S:
            self._handle(topic, message)
        else:
            super()._hear(topic, message)

    def _handle(self, topic: graph.Topic, message: Any) -> None:
        """Also asleep: a button pressed between configure and activate is heard; its latched word comes only once."""
        if not self._active and self.core is not None and topic.name in BUTTONS:
            self.core.hear_asleep(topic.name, decode(topic.data, message))
        if self._active and self.core is not None:
            now_s = self.now_s()
            if now_s > 0.0:  # a simulated clock that nobody has heard yet is none
                self.core.arrive(now_s)
        super()._handle(topic, message)
        if self._active and self.core is not None:
            self._run(self.core.settle)

    def say(self, output: Output) -> None:
        """The time from cause to output is measured here, at the last moment."""
        data = output.data
        if output.topic == "safety/verdict" and data.cause_s is not None:
            output = Output(output.topic, replace(data, cause_ms=1e3 * max(0.0, self.now_s() - data.cause_s)))
        super().say(output)

    def said(self, output: Output) -> None:
        if output.topic != "safety/verdict" or self.core is None:
            return
        now = time.monotonic()
        if now - self._marked_s > MARKER_PERIOD_S and self._markers.get_subscription_count():
            self._marked_s = now
            rules = self.core.rules.file.rules
            self._markers.publish(marker_array(output.data, self._site, self.core.robot_body, rules))

    def _look_for_intruders(self) -> None:
        """Nobody else may publish what moves the robot; where someone does, say so loudly and stop."""
        if not self._active or self.core is None:
            return
        seen = [
            (topic, f"{info.node_namespace.rstrip('/')}/{info.node_name}")
            for topic in MOVING
            for info in self.get_publishers_info_by_topic(topic)
        ]
        found = self._suspects.look(seen, time.monotonic())
        for topic, name in found:
            self._report_fault(f"Another publisher on '{topic}' goes around the gate: stop {name}.")
        self.core.intruders(tuple(f"{name} on {topic}" for topic, name in found))

    def _answer(self, ask: Callable[[GateCore, Any], tuple[bool, str]], request: Any, response: Any) -> Any:
        """A person's word by a service; the answer says what came of it."""
        response.success, response.message = (
            ask(self.core, request) if self.core else (False, "The gate is not configured.")
        )
        return response


def main() -> None:
    raise SystemExit(run_node(lambda: GateNode("safety_gate", GateParameters)))


if __name__ == "__main__":
    main()
