"""The footprint swept along a motion: how far each range point is from being touched, and how fast one may then go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPoint
from shapely.geometry.polygon import orient

from physical_ai_core.geometry import Array

STRAIGHT = 1e-4  # 1/m: a straight line is driven as an arc of 10 km radius, 0.5 mm off after 3 m
INSIDE_M = 1e-6
STILL = 1e-6  # m/s: no motion, and too small to divide by


class Hull:
    """A convex polygon in `base_link` as half-planes `normal · p <= offset`, one an edge, widened by `margin_m`.

    A concave footprint is replaced by its hull.
    """

    def __init__(self, corners: Sequence[tuple[float, float]], margin_m: float = 0.0) -> None:
        shape = MultiPoint([tuple(c) for c in corners]).convex_hull.buffer(margin_m, join_style="mitre")
        ring = np.array(orient(shape).exterior.coords)
        along = np.diff(ring, axis=0)
        keep = np.hypot(along[:, 0], along[:, 1]) > 1e-9
        start, along = ring[:-1][keep], along[keep]
        self.corners: Array = start
        self.tangents: Array = along / np.hypot(along[:, 0], along[:, 1])[:, None]
        self.normals: Array = np.column_stack([self.tangents[:, 1], -self.tangents[:, 0]])
        self.offsets: Array = np.einsum("ej,ej->e", self.normals, start)
        self.starts: Array = np.einsum("ej,ej->e", self.tangents, start)
        self.ends: Array = np.einsum("ej,ej->e", self.tangents, start + along)
        self.angles: Array = np.arctan2(self.normals[:, 1], self.normals[:, 0])
        self.radius_m = float(np.hypot(ring[:, 0], ring[:, 1]).max())
        self.margin_m = margin_m

    def heights(self, x: Array, y: Array) -> Array:
        """Signed distance of points to each edge line (E, …); inside where all are negative."""
        flat = self.normals @ np.vstack([x.ravel(), y.ravel()]) - self.offsets[:, None]
        return flat.reshape(len(self.offsets), *x.shape)


class Contact(NamedTuple):
    """What limits a motion: multiply it by `factor`; `free_m` is the way left of the footprint's touching part."""

    factor: float
    free_m: float
    x_m: float
    y_m: float


FREE = Contact(math.inf, math.inf, math.nan, math.nan)


class Near(NamedTuple):
    """Range points around the robot, in `base_link`: those outside the widened footprint, and those already in it.

    `x, y` (N,) with their distance `r`, nearest first; `inside_x, inside_y` (M,) with the nearest edge `inside_edge`
    and `inside_m`, the distance left to the bare footprint (negative: touching).
    """

    x: Array
    y: Array
    r: Array
    inside_x: Array
    inside_y: Array
    inside_edge: NDArray[np.intp]
    inside_m: Array


def sort_points(hull: Hull, x: Array, y: Array) -> Near:
    """Prepare points once a scan, so that each command is cheap."""
    r = np.hypot(x, y)
    order = np.argsort(r, kind="stable")
    x, y, r = x[order], y[order], r[order]
    close = int(r.searchsorted(hull.radius_m, side="right"))
    heights = hull.heights(x[:close], y[:close])
    within = heights.max(axis=0) <= INSIDE_M
    if not within.any():
        return Near(x, y, r, _NONE, _NONE, _NO_EDGE, _NONE)
    inside = np.flatnonzero(within)
    edge = heights[:, inside].argmax(axis=0)
    left = heights[edge, inside] + hull.margin_m
    outside = np.ones(len(x), dtype=bool)
    outside[inside] = False
    return Near(x[outside], y[outside], r[outside], x[inside], y[inside], edge, left)


_NONE: Array = np.empty(0)
_NO_EDGE: NDArray[np.intp] = np.empty(0, dtype=np.intp)


class Braking(NamedTuple):
    """How the robot stops: after `reaction_s`, at constant decelerations; `margin_m` is left ahead of it."""

    reaction_s: float
    linear_mps2: float
    yaw_rps2: float
    margin_m: float

    def duration_s(self, v_mps: float, w_rps: float) -> float:
        """From the start of braking to rest."""
        return max(abs(v_mps) / self.linear_mps2, abs(w_rps) / self.yaw_rps2, 1e-6)


def factor_within(free_s: float, reaction_s: float, braking_s: float) -> float:
    """Largest factor k on a motion that still comes to rest within `free_s` seconds of that motion's way.

    The way of the motion scaled by k is `k reaction + k² braking / 2`.
    """
    if free_s <= 0.0:
        return 0.0
    return (math.sqrt(reaction_s * reaction_s + 2.0 * free_s * braking_s) - reaction_s) / braking_s


def first_contact(hull: Hull, near: Near, v_mps: float, w_rps: float, braking: Braking) -> Contact:
    """Greatest factor on (v, w) at which the robot still rests before the widened footprint touches a point.

    In the frame of the robot every point turns about the centre of the motion (0, v/w). Its circle enters the
    polygon through an edge at the angle `β = ν - sign(w) acos(h/ρ)`: ν the direction of the edge's normal, h the
    distance of the edge from the centre, ρ the point's. The way left is ρ times the angle up to there.
    """
    contact = _leaving(hull, near, v_mps, w_rps)
    swiftest = abs(v_mps) + abs(w_rps) * hull.radius_m  # of any part of the hull
    if swiftest < STILL:
        return contact
    braking_s = braking.duration_s(v_mps, w_rps)
    margin_m = braking.margin_m * abs(v_mps) / swiftest  # ahead, not around: the side margin does for turning
    reach = swiftest * (braking.reaction_s + 0.5 * braking_s) + margin_m + hull.radius_m
    count = int(near.r.searchsorted(reach, side="right"))
    if not count:
        return contact
    if abs(w_rps) < STRAIGHT * abs(v_mps):
        w_rps = math.copysign(STRAIGHT * abs(v_mps), w_rps)
    turn = math.copysign(1.0, w_rps)
    centre = v_mps / w_rps
    near_x, dy = near.x[:count], near.y[:count] - centre
    rho2 = near_x * near_x + dy * dy
    h = hull.offsets - hull.normals[:, 1] * centre
    swept = _annulus(hull, h, centre, rho2)
    if not len(swept):
        return contact
    rho2, dy, near_x = rho2[swept], dy[swept], near_x[swept]
    square = rho2 - (h * h)[:, None]
    root = np.sqrt(np.maximum(square, 0.0))
    root *= -turn
    root += (hull.tangents[:, 1] * centre)[:, None]  # now: where along the edge the circle enters
    edge, point = np.nonzero((square >= 0.0) & (root >= hull.starts[:, None]) & (root <= hull.ends[:, None]))
    if not len(edge):
        return contact
    rho = np.sqrt(rho2[point])
    entry = hull.angles[edge] - turn * np.arccos(np.clip(h[edge] / np.maximum(rho, 1e-9), -1.0, 1.0))
    angle = (turn * (np.arctan2(dy[point], near_x[point]) - entry)) % (2.0 * math.pi)
    free_m = rho * angle
    free_s = (free_m - margin_m) / (rho * abs(w_rps))
    first = int(free_s.argmin())
    factor = factor_within(float(free_s[first]), braking.reaction_s, braking_s)
    if factor >= contact.factor:
        return contact
    hit = swept[point[first]]
    return Contact(factor, float(free_m[first]), float(near.x[hit]), float(near.y[hit]))


def _annulus(hull: Hull, h: Array, centre: float, rho2: Array) -> NDArray[np.intp]:
    """Points that the hull can meet at all: between its nearest and farthest distance from the centre of motion."""
    along = hull.tangents[:, 1] * centre
    beside = np.clip(along, hull.starts, hull.ends) - along
    nearest2 = 0.0 if h.min() >= 0.0 else float((h * h + beside * beside).min())
    farthest2 = float((hull.corners[:, 0] ** 2 + (hull.corners[:, 1] - centre) ** 2).max())
    return np.flatnonzero((rho2 >= nearest2) & (rho2 <= farthest2))


CLOSING_GAIN = 1.0  # 1/s: a point at h from the footprint may come nearer by h a second (a barrier condition)


def _leaving(hull: Hull, near: Near, v_mps: float, w_rps: float) -> Contact:
    """Limit from points already within the side margin: leaving them is free, closing on them dies out with the gap."""
    if not len(near.inside_x):
        return FREE
    normal = hull.normals[near.inside_edge]
    closing = normal[:, 0] * (v_mps - w_rps * near.inside_y) + normal[:, 1] * w_rps * near.inside_x
    approaching = closing > 1e-6
    if not approaching.any():
        return FREE
    left = np.maximum(near.inside_m, 0.0)
    factors = np.where(approaching, CLOSING_GAIN * left / np.maximum(closing, 1e-6), np.inf)
    first = int(factors.argmin())
    return Contact(float(factors[first]), float(left[first]), float(near.inside_x[first]), float(near.inside_y[first]))
