"""The approach to a dock: a pose before it, from which the rest is straight and slow, along the dock's own axis."""

from __future__ import annotations

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_core.goal import Step
from physical_ai_planner.aim import Aim, Waypoint
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.phrases import Spot
from physical_ai_planner.site_map import SiteMap, Terrain

LEAST_M, STEP_M = 0.5, 0.1  # a shorter approach is none
LEAD_M = 0.4  # the last bit, on the axis
BACK_M = 1.5  # how far behind the pose before the dock a new try begins


def docking_aim(
    step: Step, spot: Spot, dock: Waypoint, site_map: SiteMap, terrain: Terrain, parameters: PlannerParameters
) -> Aim:
    """Course onto a dock. The pose before it is as far off as `dock_approach_m` and the free space on its axis allow.

    Where there is no room before the dock, it is driven to as to any place.
    """
    yaw = 0.0 if dock.yaw_rad is None else dock.yaw_rad
    axis = np.array([np.cos(yaw), np.sin(yaw)])

    def before(distance_m: float, align: bool, straight: bool) -> Waypoint:
        x, y = dock.xy - distance_m * axis
        return Waypoint(float(x), float(y), yaw if align else None, 0.15, dock.named, True, straight, align)

    for distance in np.arange(parameters.dock_approach_m, LEAST_M - 1e-9, -STEP_M):
        ready = before(float(distance), True, False)
        if not _is_free(site_map, terrain, ready.xy) or not _fits(site_map, terrain, ready.xy, dock):
            continue
        lead = before(min(LEAD_M, 0.5 * float(distance)), False, True)
        back = [
            d
            for d in np.arange(distance + BACK_M, distance + LEAST_M - 1e-9, -STEP_M)
            if _back(site_map, terrain, dock, axis, d)
        ]
        retreat = before(float(back[0]), False, False) if back else None
        last = Waypoint(dock.x_m, dock.y_m, dock.yaw_rad, dock.tolerance_m, dock.named, True, straight=True)
        return Aim(step, spot, (ready, lead, last), docks=True, retreat=retreat)
    return Aim(step, spot, (dock,))


def _is_free(site_map: SiteMap, terrain: Terrain, point: Array) -> bool:
    return bool(site_map.is_free(terrain.free, point)[0])


def _back(site_map: SiteMap, terrain: Terrain, dock: Waypoint, axis: Array, distance_m: float) -> bool:
    return _is_free(site_map, terrain, dock.xy - distance_m * axis)


def _fits(site_map: SiteMap, terrain: Terrain, ready: Array, dock: Waypoint) -> bool:
    """Whether the straight line onto the dock is free, but for the nearness that the dock itself asks for."""
    points = site_map.along(np.vstack([ready, dock.xy]))
    cells, on_grid = site_map.cells_of(points)
    rows, columns = cells.T
    room = site_map.to_structure_m[rows, columns] >= site_map.inscribed_m + site_map.half_diagonal_m
    near_dock = dock.named & room & terrain.zone_free[rows, columns]
    return bool(np.all(on_grid & (terrain.free[rows, columns] | near_dock)))
