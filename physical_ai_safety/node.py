"""Node `safety_gate`: the shell around GateCore, with its two services and its markers."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from physical_ai_core.core import Output
from physical_ai_core.ros.encode import message_class
from physical_ai_core.ros.node import CoreNode, Tick
from physical_ai_core.ros.spin import run_node
from physical_ai_core.site import load_site
from physical_ai_safety.core import GateCore
from physical_ai_safety.deathwatch import Deathwatch
from physical_ai_safety.markers import marker_array
from physical_ai_safety.parameters import GateParameters

MARKER_PERIOD_S = 0.5
INTRUDER_PERIOD_S = 1.0


class GateNode(CoreNode[GateParameters]):
    """Ticks by the steady clock, so that it speaks and watches even when the graph's clock stands."""

    TICK = Tick.ALWAYS
    core: GateCore | None

    def build(self, parameters: GateParameters) -> GateCore:
        return GateCore(parameters)

    def opened(self) -> None:
        from std_srvs.srv import SetBool, Trigger

        if not hasattr(self, "_reset"):
            self._reset = self.create_service(Trigger, "safety/reset", self._on_reset)
            self._approve = self.create_service(SetBool, "safety/approve", self._on_approve)
            self._markers = self.create_publisher(
                message_class("visualization_msgs/msg/MarkerArray"), "safety/markers", 1
            )
            self._watch_timer = self.create_timer(INTRUDER_PERIOD_S, self._look_for_intruders, clock=self._steady)
            self._deathwatch = Deathwatch()
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

    def said(self, output: Output) -> None:
        if output.topic != "safety/verdict" or self.core is None:
            return
        now = time.monotonic()
        if now - self._marked_s > MARKER_PERIOD_S and self._markers.get_subscription_count():
            self._marked_s = now
            self._markers.publish(marker_array(output.data, self._site, self.core.robot_body))

    def _look_for_intruders(self) -> None:
        """Nobody else may publish what moves the robot; where someone does, say so loudly."""
        if not self._active:
            return
        for topic in ("cmd_vel", "tool"):
            if self.count_publishers(topic) > 1:
                self._report_fault(f"Another publisher on '{topic}' goes around the gate: stop it.")

    def _on_reset(self, _request: Any, response: Any) -> Any:
        response.success, response.message = self.core.reset() if self.core else (False, "The gate is not configured.")
        return response

    def _on_approve(self, request: Any, response: Any) -> Any:
        response.success, response.message = (
            self.core.approve(bool(request.data)) if self.core else (False, "The gate is not configured.")
        )
        return response


def main() -> None:
    raise SystemExit(run_node(lambda: GateNode("safety_gate", GateParameters)))


if __name__ == "__main__":
    main()
