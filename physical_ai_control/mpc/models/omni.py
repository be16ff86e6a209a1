"""Base that moves in all directions (mecanum or omni wheels), each speed following its command with a lag.

As with the unicycle, accelerations are the inputs and are asked for by the command `v + tau * dv`.
"""

from __future__ import annotations

from typing import Any

import casadi as ca

from physical_ai_control.mpc.model import Input, Limits, Model, State
from physical_ai_core.robot import Drivetrain


def declare(limits: Limits, drivetrain: Drivetrain) -> Model:
    """Forward speed, speed to the left and yaw rate, each with its acceleration."""
    faster, slower, turn = limits.acceleration_mps2, limits.deceleration_mps2, limits.yaw_acceleration_rps2
    return Model(
        "omni",
        (
            State("forward speed", "m/s", "speed", driven_by=0, rests=True),
            State("speed to the left", "m/s", "sideways", driven_by=1, limit=drivetrain.max_lateral_mps, rests=True),
            State("yaw rate", "rad/s", "yaw_rate", driven_by=2, limit=limits.yaw_rate_rps),
        ),
        (
            Input("forward acceleration", "m/s^2", "acceleration", -slower, faster),
            Input("acceleration to the left", "m/s^2", "acceleration", -faster, faster),
            Input("yaw acceleration", "rad/s^2", "yaw_acceleration", -turn, turn),
        ),
        rate,
        lambda x: (x[3], x[4], x[5]),
        lambda vx, vy, w, _before: (vx, vy, w),
    )


def rate(x: Any, u: Any) -> Any:
    """Of `[x, y, yaw, vx, vy, w]` under `[dvx, dvy, dw]`."""
    c, s = ca.cos(x[2]), ca.sin(x[2])
    return ca.vertcat(x[3] * c - x[4] * s, x[3] * s + x[4] * c, x[5], u[0], u[1], u[2])
