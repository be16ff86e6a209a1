"""Whether a robot that may not reverse gets out of an area again: by turning round, or straight through."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely

DIRECTIONS = 36  # besides those of the area's own sides
STEP = 0.25  # of half of the robot's width: so far apart are the lanes that are tried in each direction
SPARE_M = 1e-3  # a lane that is as wide as the robot is wide enough


def way_through(room: Any, closed: Any, fixed: Any, half_width_m: float, radius_m: float) -> bool:
    """`room`: the area less what is shut; `closed`: what is shut; `fixed`: where turning is forbidden as well.

    True where somewhere in the room a circle of the robot's radius is free to turn in, or where a straight lane of the
    robot's width leads across the room from open ground to open ground.
    """
    turning = room.difference(fixed)
    if not turning.is_empty and not turning.difference(closed.buffer(radius_m)).is_empty:
        return True
    frame = room.minimum_rotated_rectangle
    a, b, c = list(frame.exterior.coords)[:3]
    reach, step = math.dist(a, c) + radius_m, STEP * half_width_m
    count = math.ceil(reach / step)
    offsets = step * np.arange(-count, count)  # one goes through the middle
    angles = np.append(np.arange(DIRECTIONS) * math.pi / DIRECTIONS, [_bearing(a, b), _bearing(b, c)])
    along = reach * np.column_stack([np.cos(angles), np.sin(angles)])
    across = np.column_stack([-np.sin(angles), np.cos(angles)])
    middle = (frame.centroid.x, frame.centroid.y) + offsets[:, None, None] * across
    lanes = shapely.linestrings(np.stack([middle - along, middle + along], axis=2))
    barred = closed.buffer(half_width_m - SPARE_M, join_style="mitre")
    pieces = shapely.get_parts(shapely.difference(lanes[shapely.intersects(lanes, room)], barred))
    pieces = pieces[shapely.intersects(pieces, room)]  # each free, and in the room between its ends
    begins, ends = (shapely.distance(shapely.get_point(pieces, end), room) > radius_m for end in (0, 1))
    return bool((begins & ends).any())


def _bearing(start: tuple[float, ...], end: tuple[float, ...]) -> float:
    return math.atan2(end[1] - start[1], end[0] - start[0])
