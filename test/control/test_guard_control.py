"""The last look inside the controller: a robot that turns on the spot counts as moving, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from physical_ai_control.body import body_of
from physical_ai_control.guard import Guard
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.people import Forecast
from physical_ai_control.pilot import Drive
from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.robot import load_robot

STAGES = np.arange(26) * 0.1


def forecast(x: float, vx: float) -> Forecast:
    """One person on the x axis, who keeps the velocity."""
    rows = layouts.empty(layouts.PREDICTION, 16)
    rows["t_s"] = np.arange(16) * 0.2
    rows["id"], rows["weight"], rows["radius"] = 1, 1.0, 0.25
    rows["x"] = x + vx * rows["t_s"]
    rows["vx"] = vx
    rows["sxx"] = rows["syy"] = 1e-4
    return Forecast(m.Prediction(10.0, "odom", rows))


def standing(yaw_rate_rps: float) -> Drive:
    states = np.zeros((26, 5))
    states[:, 4] = yaw_rate_rps
    return Drive(states, np.zeros((25, 2)), np.zeros(2), 0.0, 1, True, "")


@pytest.mark.parametrize(
    ("x", "vx", "yaw_rate", "refused"),
    [
        (-1.6, 1.2, 0.6, True),  # comes from behind while the robot turns
        (-1.6, 1.2, 0.0, False),  # the robot is at rest already
        (-1.6, -1.2, 0.6, False),  # walks away
        (4.0, -1.2, 0.6, False),  # still far
    ],
)
def test_the_robot_does_not_turn_where_somebody_comes_within_reach(
    x: float, vx: float, yaw_rate: float, refused: bool
) -> None:
    guard = Guard(ControllerParameters(), body_of(load_robot("scout")), 1.5, STAGES)
    surroundings: Any = None  # not looked at while the robot stands
    reason = guard.refuse(10.0, standing(yaw_rate), forecast(x, vx), surroundings)
    assert bool(reason) is refused
