"""The controller as a lifecycle node."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from physical_ai_control.core import ControllerCore
from physical_ai_control.pace import PACE, PaceMeter
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.servo import privileges
from physical_ai_control.servo.attachment import ServoAttachment, attach
from physical_ai_control.words import TrajectoryMessage
from physical_ai_core import messages as m
from physical_ai_core.core import OK, WARN, Output
from physical_ai_core.ros.node import CoreNode
from physical_ai_core.ros.spin import run_node
from physical_ai_world_model.own_motion import own_motion_of

PACE_PERIOD_S = 1.0


class ControllerNode(CoreNode[ControllerParameters]):
    """Thin shell around `ControllerCore`; lends it a clock to report solve times with, and the world model's
    model of the own motion to make up for the age of its state. Where a servo is asked for, it says the commands."""

    _servo: ServoAttachment | None = None
    _pace: PaceMeter | None = None
    _granted: Mapping[str, str] = {}
    _told_s = 0.0

    def build(self, parameters: ControllerParameters) -> ControllerCore:
        self._trajectory = TrajectoryMessage()
        self.spec = replace(self.spec, rate_hz=parameters.tick_hz)
        self._pace = PaceMeter(parameters.tick_hz)
        p = parameters
        own_motion = own_motion_of(p.own_motion_model, p.models_folder, p.actuator_lag_s)
        if own_motion.warning:
            self.get_logger().warning(own_motion.warning)
        return ControllerCore(parameters, time.perf_counter, own_motion, self._pace.around)

    def opened(self) -> None:
        self._let_go()
        self._granted = privileges.ask_process(self.parameters.priority).values()
        assert isinstance(self.core, ControllerCore)
        simulated = bool(self.get_parameter("use_sim_time").value)
        namespace, domain = self.get_namespace(), self.context.get_domain_id()
        self._servo = attach(self.core, self.parameters, simulated, self.stamped_cmd_vel, namespace, domain)
        if self._servo is not None:
            self._servo.start(namespace, self._mouths)

    def _tick(self) -> None:
        if self._pace is None:
            return
        with self._pace.tick():
            super()._tick()
        if time.monotonic() - self._told_s > PACE_PERIOD_S:
            self._told_s = time.monotonic()
            refused = self._granted["refused"]
            text = f"refused: {refused}" if refused else "ok"
            status = m.Status(WARN if refused else OK, PACE, text, {**self._pace.values(), **self._granted})
            super().say(Output("/diagnostics", m.Diagnostics(self.now_s(), (status,))))

    def say(self, output: Output) -> None:
        servo: Any = self._servo
        if servo is not None and output.topic == "cmd_vel_nav" and servo.takes_over(output.data):
            self.said(output)
            return
        mouth = self._mouths.get(output.topic)
        if output.topic == "controller/trajectory" and mouth is not None:
            mouth.publish(self._trajectory.of(output.data))
            self.said(output)
            return
        super().say(output)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self._servo is not None:
            self._servo.brake()
        if self._pace is not None:
            self._pace.pause()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._let_go()
        return super().on_cleanup(state)

    def close(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        if self._servo is not None:
            self._servo.close()
            self._servo = None


def main() -> None:
    raise SystemExit(run_node(lambda: ControllerNode("controller", ControllerParameters)))


if __name__ == "__main__":
    main()
