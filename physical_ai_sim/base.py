"""The base controller: ramps the commanded twist into wheel speeds, and brakes when the commands fall silent."""

from __future__ import annotations

import math

from physical_ai_core.robot import MotionLimits
from physical_ai_sim import physics as p


class Base:
    """What a real base's firmware does between `cmd_vel` and the motors."""

    def __init__(self, limits: MotionLimits) -> None:
        self._limits = limits
        self._command = (0.0, 0.0)
        self._heard_s = -math.inf
        self.speed_mps = 0.0  # ramped set points
        self.yaw_rate_rps = 0.0

    def hear(self, linear_x_mps: float, angular_z_rps: float, stamp_s: float) -> None:
        """A command arrived at `stamp_s` of simulated time; one that is not a number is a stop."""
        self._heard_s = stamp_s
        if not (math.isfinite(linear_x_mps) and math.isfinite(angular_z_rps)):
            self._command = (0.0, 0.0)
            return
        top, turn = self._limits.max_speed_mps, self._limits.max_yaw_rate_rps
        # The motors' own ceiling is symmetric; slower reverse is a rule of the layers above, not of the motors.
        self._command = (min(max(linear_x_mps, -top), top), min(max(angular_z_rps, -turn), turn))

    def silent(self, stamp_s: float) -> bool:
        """Whether the base brakes by itself at `stamp_s`."""
        return stamp_s - self._heard_s > p.BASE_WATCHDOG_S

    def wheel_speeds(self, stamp_s: float, dt_s: float) -> tuple[float, float]:
        """Set points of the left and right wheel, rad/s, for the next `dt_s`."""
        speed, yaw_rate = (0.0, 0.0) if self.silent(stamp_s) else self._command
        step, turn = p.BASE_ACCELERATION_MPS2 * dt_s, p.BASE_YAW_ACCELERATION_RPS2 * dt_s
        self.speed_mps += min(max(speed - self.speed_mps, -step), step)
        self.yaw_rate_rps += min(max(yaw_rate - self.yaw_rate_rps, -turn), turn)
        difference = self.yaw_rate_rps * p.HALF_TRACK_M
        return (self.speed_mps - difference) / p.WHEEL_RADIUS_M, (self.speed_mps + difference) / p.WHEEL_RADIUS_M
