"""Groups of neighbouring returns that are small enough to be somebody, and stand before what is around them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_safety.looks import View

REACH_M = 9.0  # 1.6 m/s of a walker and 2 m/s of the robot over the longest stop, and some
JOIN_M = 0.25  # returns nearer than this along the sweep are one thing,
JOIN_RAYS = 3  # if no more than the two rays between them say nothing
WIDEST_M = 0.9  # wider things are walls and furniture,
ABREAST_M = 2.0  # or, up to this, some who walk side by side:
BODY_M = 0.3  # each at least so wide,
NOTCH_M = 0.1  # and between them the sweep goes back so much
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
    cuts = np.flatnonzero(gap | (np.diff(rays) > JOIN_RAYS)) + 1
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(rays)]])
    first, last = rays[starts], rays[ends - 1]
    chord = np.hypot(x[first] - x[last], y[first] - y[last])
    beyond = np.where(hit, ranges_m, np.inf)
    begun, ended = closed | (first > 0), closed | (last < len(hit) - 1)  # else the edge of the sweep cuts it there
    before = np.where(begun, beyond[first - 1], np.inf)
    after = np.where(ended, beyond[(last + 1) % len(hit)], np.inf)
    apart = (
        (begun | ended)
        & (ends - starts >= FEWEST_RETURNS)
        & (chord < ABREAST_M)
        & (before > ranges_m[first] + FOREGROUND_M)
        & (after > ranges_m[last] + FOREGROUND_M)
    )
    groups = []
    for i in np.flatnonzero(apart):
        run = rays[starts[i] : ends[i]]
        for mine in [run] if chord[i] < WIDEST_M else side_by_side(run, ranges_m, x, y):
            cx, cy = float(x[mine].mean()), float(y[mine].mean())
            end = None  # not cut by the edge, where the other one is
            if not begun[i] and mine[0] == first[i]:
                end = mine[-1]
            elif not ended[i] and mine[-1] == last[i]:
                end = mine[0]
            free = None if end is None else (float(x[end]), float(y[end]))
            groups.append(Group(cx, cy, float(np.hypot(x[mine] - cx, y[mine] - cy).max()), mine, free))
    return groups


def side_by_side(rays: NDArray[np.intp], ranges_m: Array, x: Array, y: Array) -> list[NDArray[np.intp]]:
    """Those who make up a row that is too wide for one; nobody where one of them is not as wide as somebody is."""
    parts = told_apart(rays, ranges_m)
    for part in parts:
        wide = math.hypot(x[part[0]] - x[part[-1]], y[part[0]] - y[part[-1]])
        if len(part) < FEWEST_RETURNS or not BODY_M <= wide < WIDEST_M:
            return []
    return parts


def told_apart(rays: NDArray[np.intp], ranges_m: Array) -> list[NDArray[np.intp]]:
    """Cut where the sweep goes back between two that are nearer."""
    r = ranges_m[rays]
    back = r - np.maximum(np.minimum.accumulate(r), np.minimum.accumulate(r[::-1])[::-1])
    k = int(back.argmax())
    if back[k] < NOTCH_M:
        return [rays]
    return [*told_apart(rays[:k], ranges_m), *told_apart(rays[k + 1 :], ranges_m)]
