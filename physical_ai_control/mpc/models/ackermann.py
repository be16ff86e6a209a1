"""Kinematic car with steered front wheels, base_link on the rear axle (LaValle 2006, section 13.1.2.1).

The yaw rate is `v tan(steering) / wheelbase`: standing, it cannot turn, and no turn is tighter than
`wheelbase / tan(largest steering)`. The command is a twist; a base that takes one derives its steering from
`wheelbase * yaw rate / v` (as ros2_control's ackermann_steering_controller does). Where the base does not move, its
twist says nothing of the steering: the planned one is taken.
"""

from __future__ import annotations

import math
from typing import Any, Final

import casadi as ca
import numpy as np

from physical_ai_control.mpc.model import Input, Limits, Model, State
from physical_ai_core.errors import ParameterError
from physical_ai_core.robot import Drivetrain

TELLING_MPS: Final = 0.1  # slower than this the yaw rate says little of the steering


def declare(limits: Limits, drivetrain: Drivetrain) -> Model:
    """Forward speed and steering angle; acceleration and steering rate. Raises ParameterError."""
    wheelbase, most, fastest = drivetrain.wheelbase_m, drivetrain.max_steering_rad, drivetrain.max_steering_rate_rps
    if wheelbase is None or most is None or fastest is None:
        raise ParameterError(
            "The model 'ackermann' needs the robot's wheelbase and steering.",
            "Give wheelbase_m, max_steering_rad and max_steering_rate_rps under `drivetrain` in the robot file.",
        )

    def rate(x: Any, u: Any) -> Any:
        """Of `[x, y, yaw, v, steering]` under `[dv, steering rate]`."""
        turn = x[3] * ca.tan(x[4]) / wheelbase
        return ca.vertcat(x[3] * ca.cos(x[2]), x[3] * ca.sin(x[2]), turn, u[0], u[1])

    def after_pose(vx: Any, _vy: Any, w: Any, before: tuple[Any, ...]) -> tuple[Any, ...]:
        fast = np.abs(vx) > TELLING_MPS
        told = np.arctan(wheelbase * w / np.where(fast, vx, 1.0))
        return vx, np.clip(np.where(fast, told, before[1]), -most, most)

    return Model(
        "ackermann",
        (
            State("forward speed", "m/s", "speed", driven_by=0, rests=True),
            State("steering angle", "rad", "steering", driven_by=1, limit=most),
        ),
        (
            Input("forward acceleration", "m/s^2", "acceleration", -limits.deceleration_mps2, limits.acceleration_mps2),
            Input("steering rate", "rad/s", "steering_rate", -fastest, fastest),
        ),
        rate,
        lambda x: (x[3], 0.0, x[3] * ca.tan(x[4]) / wheelbase),
        after_pose,
        least_radius_m=wheelbase / math.tan(most),
    )
