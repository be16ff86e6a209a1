"""The tracking law: at any moment, the velocity command that keeps the robot on the last trajectory.

`u = v_ref + lag · dv_ref + K (x - x_ref)`. The correction is bounded, the command is clipped to the robot, and past
the trajectory's validity, off it, or on anything not finite, it brakes and says which. Plain floats: numpy's calls
would cost ten times the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from physical_ai_control.servo.reference import Reference

EARLY_S: Final = 0.1  # a trajectory that begins this much later than now is of another clock
SLOW_MPS: Final = 0.05
TWO_PI: Final = 2.0 * math.pi


class Mode(str, Enum):
    """Why the command is what it is."""

    TRACKING = "tracking"
    DIRECT = "direct"  # the controller gave a command and no trajectory
    NO_TRAJECTORY = "no trajectory"
    EXPIRED = "trajectory expired"
    SILENT = "controller silent"
    TOLD = "told to brake"
    EARLY = "trajectory of another clock"
    OFF = "off the trajectory"
    NOT_FINITE = "not finite"


class Command(NamedTuple):
    """Velocity command of `base_link`."""

    linear_mps: float
    angular_rps: float
    mode: Mode


class ServoLimits(NamedTuple):
    """Magnitudes. `correction_*`: the most that feedback may add; `off_*`: farther away is not tracking any more."""

    top_mps: float = 2.0
    reverse_mps: float = 0.5
    yaw_rate_rps: float = 2.0
    braking_mps2: float = 2.25
    yaw_braking_rps2: float = 4.0
    correction_mps: float = 0.3
    correction_rps: float = 0.6
    off_m: float = 0.5
    off_rad: float = 0.8

    def clip(self, linear_mps: float, angular_rps: float) -> tuple[float, float]:
        return (
            min(max(linear_mps, -self.reverse_mps), self.top_mps),
            min(max(angular_rps, -self.yaw_rate_rps), self.yaw_rate_rps),
        )


def brake(linear_mps: float, angular_rps: float, dt_s: float, limits: ServoLimits) -> tuple[float, float]:
    """The command one cycle later on the way to rest: never larger in magnitude, on the same arc while it is fast."""
    if not (math.isfinite(linear_mps) and math.isfinite(angular_rps)):
        return 0.0, 0.0
    dt_s = dt_s if 0.0 < dt_s < 1.0 else 1.0 if dt_s >= 1.0 else 0.0
    speed, turn = abs(linear_mps), abs(angular_rps)
    left = max(0.0, speed - limits.braking_mps2 * dt_s)
    turn_left = turn * (left / speed) if speed > SLOW_MPS else max(0.0, turn - limits.yaw_braking_rps2 * dt_s)
    return math.copysign(left, linear_mps), math.copysign(turn_left, angular_rps)


class TrackingLaw:
    """Holds one reference and answers with commands; keeps the last command to brake from."""

    def __init__(self, limits: ServoLimits) -> None:
        self.limits = limits
        self.last = (0.0, 0.0)
        self._reference: Reference | None = None
        self._states: list[list[float]] = []
        self._inputs: list[list[float]] = []
        self._gains: list[list[list[float]]] = []
        self._stands = self._forward = False

    @property
    def sequence(self) -> int:
        """Of the reference that is held; -1 without one."""
        return -1 if self._reference is None else self._reference.sequence

    def take(self, reference: Reference | None) -> None:
        """Follow this from now on; None: nothing."""
        self._reference = reference
        if reference is not None:
            self._states, self._inputs = reference.states.tolist(), reference.inputs.tolist()
            self._gains = reference.gains.tolist()
            self._stands = all(abs(state[3]) < SLOW_MPS for state in self._states)
            self._forward = all(state[3] >= 0.0 for state in self._states)

    def command(self, now_s: float, dt_s: float, state: Sequence[float] | None) -> Command:
        """Command for `now_s`, `dt_s` after the last. `state (5,)` in `odom`; None: without feedback."""
        mode = self._trouble(now_s)
        if mode is Mode.TRACKING:
            mode, wanted = self._follow(now_s, state)
            if mode is Mode.TRACKING:
                self.last = self.limits.clip(*wanted)
                return Command(*self.last, mode)
        return self.brake(dt_s, mode)

    def direct(self, linear_mps: float, angular_rps: float, dt_s: float) -> Command:
        """The controller's own command, clipped."""
        if not (math.isfinite(linear_mps) and math.isfinite(angular_rps)):
            return self.brake(dt_s, Mode.NOT_FINITE)
        self.last = self.limits.clip(linear_mps, angular_rps)
        return Command(*self.last, Mode.DIRECT)

    def brake(self, dt_s: float, why: Mode) -> Command:
        """One cycle nearer to rest."""
        self.last = brake(*self.last, dt_s, self.limits)
        return Command(*self.last, why)

    def _trouble(self, now_s: float) -> Mode:
        reference = self._reference
        if reference is None:
            return Mode.NO_TRAJECTORY
        since_s = now_s - reference.begun_s
        if not (math.isfinite(since_s) and math.isfinite(reference.valid_until_s) and reference.dt_s > 0.0):
            return Mode.NOT_FINITE
        if now_s > reference.valid_until_s or since_s > reference.dt_s * len(self._inputs):
            return Mode.EXPIRED
        return Mode.EARLY if since_s < -EARLY_S else Mode.TRACKING

    def _follow(self, now_s: float, state: Sequence[float] | None) -> tuple[Mode, tuple[float, float]]:
        reference = self._reference
        assert reference is not None
        at = max(0.0, now_s - reference.begun_s) / reference.dt_s
        k = min(int(at), len(self._inputs) - 1)
        share = at - k
        low, high, push = self._states[k], self._states[k + 1], self._inputs[k]
        x, y, yaw, v, w = (a + share * (b - a) for a, b in zip(low, high, strict=True))
        linear, angular = v + reference.lag_s * push[0], w + reference.lag_s * push[1]
        if state is not None:
            turn = (state[2] - yaw + math.pi) % TWO_PI - math.pi if math.isfinite(state[2] - yaw) else math.nan
            error = (state[0] - x, state[1] - y, turn, state[3] - v, state[4] - w)
            forth, left = (sum(g * e for g, e in zip(row, error, strict=True)) for row in self._gains[k])
            if not (math.isfinite(forth) and math.isfinite(left) and math.isfinite(sum(error))):
                return Mode.NOT_FINITE, (0.0, 0.0)
            limits = self.limits
            if math.hypot(error[0], error[1]) > limits.off_m or abs(turn) > limits.off_rad:
                return Mode.OFF, (0.0, 0.0)
            linear += min(max(forth, -limits.correction_mps), limits.correction_mps)
            angular += min(max(left, -limits.correction_rps), limits.correction_rps)
            if self._forward:
                linear = max(0.0, linear)  # a trajectory that never reverses is not reversed on
            if self._stands and abs(state[3]) < SLOW_MPS:
                linear = 0.0  # what only turns or waits does not creep
        if not (math.isfinite(linear) and math.isfinite(angular)):
            return Mode.NOT_FINITE, (0.0, 0.0)
        return Mode.TRACKING, (linear, angular)
