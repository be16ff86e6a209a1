"""How the controller would drive a route, lent to whoever has to judge one beforehand."""

from __future__ import annotations

import numpy as np

from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.route import Route
from physical_ai_core.forecast import Driven
from physical_ai_core.geometry import Array


class ControllerDrive:
    """The controller's own idea of a route, lent to the planner's check: smoothed, with its speeds in bends."""

    def __init__(self, parameters: ControllerParameters) -> None:
        self.p = parameters

    def drive(self, poses: Array, most_mps: Array, speed_mps: float) -> Driven:
        """As `physical_ai_core.forecast.DriveForecast` has it."""
        p, xy = self.p, np.asarray(poses, dtype=float)[:, :2]
        if len(xy) < 2:
            return Driven(np.zeros(len(xy)), xy, np.zeros(len(xy)))
        route = Route(poses, p.lateral_acceleration_mps2, p.yaw_rate_rps, p.arrival_deceleration_mps2)
        table = np.asarray(route.speed_table)
        s = np.minimum(np.arange(len(table)) * route.spacing_m, route.length_m)
        share = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
        speed = np.minimum(table, np.interp(s / max(route.length_m, 1e-6) * share[-1], share, most_mps))
        speed[0] = min(speed[0], max(0.0, speed_mps))
        for i in range(1, len(speed)):
            reached = (speed[i - 1] ** 2 + 2.0 * p.acceleration_mps2 * (s[i] - s[i - 1])) ** 0.5
            speed[i] = min(speed[i], reached)
        mean = np.maximum(0.5 * (speed[:-1] + speed[1:]), 1e-2)
        times = np.concatenate([[0.0], np.cumsum(np.diff(s) / mean)])
        return Driven(times, route.at(s)[0], speed)
