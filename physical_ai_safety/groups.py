"""Groups of neighbouring returns that are small enough to be somebody, and stand before what is around them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_safety.looks import View

REACH_M = 9.0  # 1.6 m/s of a walker and 2 m/s of the robot over the longest stop, and some
JOIN_M = 0.25  # returns nearer than this along the sweep are one thing
WIDEST_M = 0.9  # wider things are walls and furniture
FOREGROUND_M = 0.25  # neighbours along the sweep are so much farther, else the thing is cut off by another
FEWEST_RETURNS = 3
GRAZED = 0.5  # of its radius the mean of a round thing's returns is nearer than where the outermost rays graze it


class Group(NamedTuple):
    """Neighbouring returns: their mean (m), the farthest of them from it, the rays, and where the sweep's edge cuts
    them the return at their other end."""

    x: float
    y: float
    radius: float
    rays: NDArray[np.intp]
    free: tuple[float, float] | None = None

    def middle(self, radius: float, view: View) -> tuple[float, float]:
        """The mean if all of a thing of that radius were in sight: so far from its free end, across the line of sight,
        and somewhat nearer than where the ray grazes it."""
        if self.free is None:
            return self.x, self.y
        px, py = self.free
        away = math.hypot(px - view.x, py - view.y)
        ux, uy = (px - view.x) / away, (py - view.y) / away
        side = math.copysign(radius, ux * (self.y - py) - uy * (self.x - px))
        return px - side * uy - GRAZED * radius * ux, py + side * ux - GRAZED * radius * uy


def foreground_groups(ranges_m: Array, hit: NDArray[np.bool_], x: Array, y: Array, closed: bool = False) -> list[Group]:
    """Runs of neighbouring returns, small, and nearer than what lies on either side of them in the sweep.

    `closed`: a full circle that begins at no thing, so that its last ray has the first for its neighbour.
    """
    rays = np.flatnonzero(hit & (ranges_m < REACH_M))
    if not len(rays):
        return []
    gap = np.hypot(np.diff(x[rays]), np.diff(y[rays])) > JOIN_M
    cuts = np.flatnonzero(gap | (np.diff(rays) > 3)) + 1
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(rays)]])
    first, last = rays[starts], rays[ends - 1]
    chord = np.hypot(x[first] - x[last], y[first] - y[last])
    beyond = np.where(hit, ranges_m, np.inf)
    begun, ended = closed | (first > 0), closed | (last < len(hit) - 1)  # else the edge of the sweep cuts it there
    before = np.where(begun, beyond[first - 1], np.inf)
    after = np.where(ended, beyond[(last + 1) % len(hit)], np.inf)
    good = (
        (begun | ended)
        & (ends - starts >= FEWEST_RETURNS)
        & (chord < WIDEST_M)
        & (before > ranges_m[first] + FOREGROUND_M)
        & (after > ranges_m[last] + FOREGROUND_M)
    )
    groups = []
    for i in np.flatnonzero(good):
        mine = rays[starts[i] : ends[i]]
        cx, cy = float(x[mine].mean()), float(y[mine].mean())
        end = None if begun[i] and ended[i] else first[i] if begun[i] else last[i]
        free = None if end is None else (float(x[end]), float(y[end]))
        groups.append(Group(cx, cy, float(np.hypot(x[mine] - cx, y[mine] - cy).max()), mine, free))
    return groups
