"""How fast the robot may go: the least of robot, site, zones on the way, and the step's limit."""

from __future__ import annotations

import numpy as np
import shapely

from physical_ai_core.geometry import Array
from physical_ai_core.robot import Robot
from physical_ai_core.site import Site, ZoneKind
from physical_ai_planner.grounding import Waypoint
from physical_ai_planner.parameters import PlannerParameters


class SpeedRule:
    """`limit` gives `speed_limit`; nothing in it can raise what robot and site allow."""

    def __init__(self, site: Site, robot: Robot, parameters: PlannerParameters) -> None:
        self.p = parameters
        self.most_mps = min(robot.limits.max_speed_mps, site.max_speed_mps)
        self._zones = [
            (zone.shape, zone.max_speed_mps)
            for zone in site.zones.values()
            if zone.max_speed_mps is not None and zone.kind is not ZoneKind.KEEP_OUT
        ]

    def limit(
        self,
        path: Array,
        here_xy: Array,
        sigma_margin_m: float,
        step_limit_mps: float | None,
        dock: Waypoint | None,
    ) -> float:
        """m/s for a robot at `here_xy` on `path` (N, 3) in `map`. `dock`: the target, where it is approached slowly."""
        speed = self.most_mps if step_limit_mps is None else min(self.most_mps, step_limit_mps)
        points = np.vstack([here_xy[:2], path[:, :2]]) if len(path) else here_xy[None, :2]
        ahead = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        reach = ahead <= 0.5 * self.most_mps**2 / self.p.slowdown_mps2 + 1.0
        spots = shapely.points(points[reach])
        for shape, zone_mps in self._zones:
            inside = shapely.distance(spots, shape) <= sigma_margin_m
            if inside.any():
                speed = min(speed, self._slowing(zone_mps, float(ahead[reach][inside][0])))
        if dock is not None:
            to_go = float(np.hypot(*(dock.xy - here_xy[:2])))
            speed = min(speed, self._slowing(self.p.dock_speed_mps, max(0.0, to_go - self.p.dock_approach_m)))
        return float(speed)

    def _slowing(self, to_mps: float, within_m: float) -> float:
        """Speed from which the robot is down to `to_mps` after `within_m`."""
        return float(np.sqrt(to_mps**2 + 2.0 * self.p.slowdown_mps2 * within_m))
