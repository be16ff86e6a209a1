"""Whether a robot that may not reverse gets out of an area again: by turning round, or straight through."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely

DIRECTIONS = 36  # besides those of the area's own sides
MOST_LANES = 200  # parallel lines that are tried in each direction, a quarter of the robot's width apart


def way_through(room: Any, closed: Any, fixed: Any, half_width_m: float, radius_m: float) -> bool:
    """`room`: the area less what is shut; `closed`: what is shut; `fixed`: where turning is forbidden as well.

    True where somewhere in the room a circle of the robot's radius is free to turn in, or where a straight lane of the
    robot's width leads across the room from open ground to open ground.
    """
    turning = room.difference(fixed)
    if not turning.is_empty and not turning.difference(closed.buffer(radius_m)).is_empty:
        return True
    x, y = room.centroid.x, room.centroid.y
    x0, y0, x1, y1 = room.bounds
    reach = math.hypot(x1 - x0, y1 - y0) + 2.0 * radius_m
    barred = closed.buffer(half_width_m - 1e-3, join_style="mitre")
    angles = np.append(np.arange(DIRECTIONS) * math.pi / DIRECTIONS, _sides(room))
    lanes_ = min(MOST_LANES, math.ceil(4.0 * reach / half_width_m)) | 1  # odd: one goes through the middle
    offsets = np.linspace(-0.5 * reach, 0.5 * reach, lanes_)
    c, s = np.cos(angles)[:, None], np.sin(angles)[:, None]
    middle_x, middle_y = x - s * offsets, y + c * offsets
    ends = [
        np.stack([middle_x + side * reach * c, middle_y + side * reach * s], axis=-1).reshape(-1, 2)
        for side in (-1.0, 1.0)
    ]
    lanes = shapely.linestrings(np.stack(ends, axis=1))
    return any(_crosses(lane, room, barred, radius_m) for lane in lanes[shapely.intersects(lanes, room)])


def _sides(room: Any) -> list[float]:
    """Directions of the two sides of the tightest rectangle around the room."""
    corners = list(room.minimum_rotated_rectangle.exterior.coords)
    (ax, ay), (bx, by), (cx, cy) = corners[:3]
    return [math.atan2(by - ay, bx - ax), math.atan2(cy - by, cx - bx)]


def _crosses(lane: Any, room: Any, barred: Any, radius_m: float) -> bool:
    """A free piece of the lane begins and ends outside of the room, and is in it between."""
    free = lane.difference(barred)
    for piece in getattr(free, "geoms", [free]):
        inside = piece.intersection(room)
        if inside.is_empty:
            continue
        ends = [shapely.Point(piece.coords[0]), shapely.Point(piece.coords[-1])]
        if all(room.distance(end) > radius_m for end in ends):
            return True
    return False
