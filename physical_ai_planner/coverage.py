"""Driving over the whole of a polygon: parallel lanes, there and back (boustrophedon).

Source: Choset and Pignon, "Coverage path planning: the boustrophedon cellular decomposition", 1997; here without the
decomposition: lanes cut by obstacles are taken in one sweep, and the way between two pieces is left to the route.
"""

from __future__ import annotations

import numpy as np
import shapely
from shapely import affinity

from physical_ai_core.geometry import Array


def lanes(area: shapely.Geometry, width_m: float, start: Array) -> Array:
    """Corner points (N, 2) of the lanes over `area` (already shrunk by the robot), begun at the end nearer to `start`.

    The lanes run along the longer side of the smallest rectangle around the area. Empty where nothing is left of it.
    """
    if area.is_empty or area.area <= 0.0:
        return np.zeros((0, 2))
    corners = np.array(area.minimum_rotated_rectangle.exterior.coords)
    sides = np.diff(corners[:3], axis=0)
    longest = sides[int(np.argmax(np.hypot(*sides.T)))]
    turn = float(np.degrees(np.arctan2(longest[1], longest[0])))
    pivot = area.centroid
    flat = affinity.rotate(area, -turn, origin=pivot)
    x0, y0, x1, y1 = flat.bounds
    count = max(1, int(np.ceil((y1 - y0) / width_m)))
    heights = y0 + (np.arange(count) + 0.5) * (y1 - y0) / count
    rows = []
    for y in heights:
        cut = flat.intersection(shapely.LineString([(x0 - 1.0, y), (x1 + 1.0, y)]))
        pieces = [np.array(piece.coords) for piece in shapely.get_parts(cut) if piece.length > 1e-6]
        if pieces:
            rows.append(sorted((np.array(sorted(p.tolist())) for p in pieces), key=lambda p: float(p[0, 0])))
    if not rows:
        return np.zeros((0, 2))
    near = np.array(affinity.rotate(shapely.Point(*start[:2]), -turn, origin=pivot).coords[0])
    if abs(near[1] - heights[-1]) < abs(near[1] - heights[0]):
        rows.reverse()
    forward = abs(near[0] - x0) <= abs(near[0] - x1)
    points = []
    for row in rows:
        points += [p if forward else p[::-1] for p in (row if forward else row[::-1])]
        forward = not forward
    path = affinity.rotate(shapely.LineString(np.vstack(points)), turn, origin=pivot)
    return np.array(path.coords)
