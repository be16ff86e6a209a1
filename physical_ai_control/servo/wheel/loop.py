"""The allowed velocity and the measured wheel speeds in, wheel commands out; pure."""

from __future__ import annotations

import math

import numpy as np

from physical_ai_control.servo.pid import WheelPid
from physical_ai_control.servo.wheel.parameters import WheelParameters
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array


class WheelLoop:
    """Speeds of the wheels, slowed to rest when the gate or the encoders fall silent. Times of one monotonic clock."""

    def __init__(self, parameters: WheelParameters) -> None:
        self._p, self._mapping = parameters, parameters.mapping()
        self.names = self._mapping.names
        self._pid = WheelPid(parameters.gains(), len(self.names))
        self._wanted: Array = np.zeros(len(self.names))
        self._command: Array | None = None
        self._speeds: Array | None = None
        self._heard_s = self._measured_s = self._last_s = -math.inf
        self.age_s = math.nan  # of the newest command as it arrived
        self.refused: dict[str, int] = {}  # commands, by reason
        self.needs_speeds = parameters.proportional + parameters.integral + parameters.derivative > 0.0

    def hear_command(self, twist: m.Twist, arrived_s: float, graph_s: float) -> None:
        """The velocity that the safety gate allows; `graph_s`: the clock of stamps as it arrived.

        What a command has aged on its way counts. One that is refused leaves the last to age.
        """
        velocity = np.array([twist.linear_x_mps, twist.linear_y_mps, twist.angular_z_rps])
        self.age_s = graph_s - twist.stamp_s
        reason = self._objection(velocity, twist.stamp_s, graph_s)
        if reason:
            self.refused[reason] = self.refused.get(reason, 0) + 1
            return
        late_s = max(0.0, self.age_s - self._p.clock_skew_s)
        self._command, self._heard_s = self._mapping.wheels(velocity, self._p.top_rps), arrived_s - late_s

    def _objection(self, velocity: Array, stamp_s: float, graph_s: float) -> str:
        skew_s = self._p.clock_skew_s
        if not np.isfinite(velocity).all():
            return "not finite"
        if not (stamp_s > 0.0 and graph_s > 0.0):  # NaN too; zero: no stamp, or a simulated clock not heard yet
            return "without a time"
        if self.age_s > self._p.timeout_s + skew_s:
            return "too old"
        return "of a clock ahead" if self.age_s < -skew_s else ""

    def hear_joints(self, joints: m.JointStates, arrived_s: float) -> None:
        """Measured speeds; a message without all of the wheels is not one of them."""
        if len(joints.velocities) == len(joints.names) and set(self.names) <= set(joints.names):
            at = [joints.names.index(name) for name in self.names]
            speeds = np.asarray(joints.velocities, dtype=float)[at]
            if np.isfinite(speeds).all():
                self._speeds, self._measured_s = speeds, arrived_s

    def step(self, now_s: float) -> tuple[Array, str]:
        """Outputs (n,) in the order of `names`, and why it brakes; empty when it does not."""
        dt_s = min(now_s - self._last_s, 0.1)
        self._last_s = now_s
        trouble = self._trouble(now_s)
        if trouble or self._command is None:
            left = np.maximum(0.0, np.abs(self._wanted) - self._p.braking_rps2 * max(0.0, dt_s))
            self._wanted = np.sign(self._wanted) * left
        else:
            self._wanted = self._command
        blind = self._speeds is None or now_s - self._measured_s > self._p.timeout_s
        if blind and self.needs_speeds and not self._wanted.any():
            self._pid.reset()  # at rest as far as it can know: no effort against an encoder that is silent
            return np.zeros(len(self.names)), trouble
        measured = self._wanted if blind or self._speeds is None else self._speeds
        return self._pid.step(self._wanted, measured, max(0.0, dt_s)), trouble or self._pid.trouble

    def _trouble(self, now_s: float) -> str:
        if now_s - self._heard_s > self._p.timeout_s:
            return "no command"
        if self.needs_speeds and now_s - self._measured_s > self._p.timeout_s:
            return "no wheel speeds"
        return ""
