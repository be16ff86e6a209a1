"""Unicycle with acceleration inputs: differential and skid-steered bases.

The base follows its velocity command with a first-order lag `tau`: `dv = (v_command - v) / tau`; so an acceleration
`dv` is asked for by the command `v + tau * dv`.
"""

from __future__ import annotations

from typing import Any

import casadi as ca

from physical_ai_control.mpc.model import Input, Limits, Model, State
from physical_ai_core.robot import Drivetrain


def declare(limits: Limits, _drivetrain: Drivetrain) -> Model:
    """Forward speed and yaw rate, each with its acceleration."""
    return Model(
        "unicycle",
        (
            State("forward speed", "m/s", "speed", driven_by=0, rests=True),
            State("yaw rate", "rad/s", "yaw_rate", driven_by=1, limit=limits.yaw_rate_rps),
        ),
        (
            Input("forward acceleration", "m/s^2", "acceleration", -limits.deceleration_mps2, limits.acceleration_mps2),
            Input("yaw acceleration", "rad/s^2", "yaw_acceleration",
                  -limits.yaw_acceleration_rps2, limits.yaw_acceleration_rps2),
        ),
        rate,
        lambda x: (x[3], 0.0, x[4]),
        lambda vx, _vy, w, _before: (vx, w),
    )  # fmt: skip


def rate(x: Any, u: Any) -> Any:
    """Of `[x, y, yaw, v, w]` under `[dv, dw]`."""
    return ca.vertcat(x[3] * ca.cos(x[2]), x[3] * ca.sin(x[2]), x[4], u[0], u[1])
