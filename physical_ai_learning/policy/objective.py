"""Whose objective the policy learns to begin well with."""

from __future__ import annotations

from physical_ai_control.mpc.model import Limits
from physical_ai_control.mpc.models.unicycle import declare
from physical_ai_control.mpc.problem import Ocp
from physical_ai_core.robot import Drivetrain


def problem() -> Ocp:
    """Whose objective is learnt: 20 steps of 0.1 s, tracking weighed as the solvers' benchmark scenario does."""
    model = declare(Limits(1.5, 1.5, 1.5, 3.0), Drivetrain())
    return Ocp(
        steps=20, dt_s=0.1, moving=6, static=4, weight_along=4.0, weight_across=4.0, weight_yaw=0.5, weight_speed=1.0,
        weight_yaw_rate=0.1, weight_acceleration=0.1, weight_yaw_acceleration=0.05, terminal_factor=5.0,
        slack_linear=(500.0, 500.0), slack_quadratic=(5000.0, 5000.0), model=model,
    )  # fmt: skip
