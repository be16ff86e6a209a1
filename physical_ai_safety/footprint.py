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

    A concave footprint is replaced by its hull. `bare`: the same without the margin.
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
        self.lines = [
            (float(ny), float(offset), float(ty), float(begin), float(end), float(x), float(y))
            for (_, ny), offset, (_, ty), begin, end, (x, y) in zip(
                self.normals, self.offsets, self.tangents, self.starts, self.ends, start, strict=True
            )
        ]  # the same as plain numbers: for a handful of edges they are faster than arrays
        self.columns = (
            self.normals[:, 1].copy(), self.tangents[:, 1:].copy(), self.starts[:, None], self.ends[:, None],
        )  # fmt: skip
        self.radius_m = float(np.hypot(ring[:, 0], ring[:, 1]).max())
        self.margin_m = margin_m
        self.bare: Hull = Hull(corners) if margin_m else self

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
    inside = np.flatnonzero(heights.max(axis=0) <= INSIDE_M)
    if not len(inside):
        return Near(x, y, r, _NONE, _NONE, inside, _NONE)
    edge = heights[:, inside].argmax(axis=0)
    left = heights[edge, inside] + hull.margin_m
    outside = np.ones(len(x), dtype=bool)
    outside[inside] = False
    return Near(x[outside], y[outside], r[outside], x[inside], y[inside], edge, left)


_NONE: Array = np.empty(0)


class Braking(NamedTuple):
    """How the robot stops: after `reaction_s`, at constant decelerations; `margin_m` is left ahead of it."""

    reaction_s: float
    linear_mps2: float
    yaw_rps2: float
    margin_m: float

    def duration_s(self, v_mps: float, w_rps: float) -> float:
        """From the start of braking to rest."""
        return max(abs(v_mps) / self.linear_mps2, abs(w_rps) / self.yaw_rps2, 1e-6)

    def way_m(self, v_mps: float) -> float:
        """From the cause to rest."""
        return abs(v_mps) * self.reaction_s + 0.5 * v_mps * v_mps / self.linear_mps2

    def speed_within_mps(self, way_m: float) -> float:
        """The speed from which it comes to rest within a way."""
        late_mps = self.linear_mps2 * self.reaction_s
        return math.sqrt(late_mps * late_mps + 2.0 * self.linear_mps2 * way_m) - late_mps

    def reach_m(self, hull: Hull, v_mps: float, w_rps: float) -> float:
        """Beyond this distance from `base_link` nothing can be met before the robot rests."""
        swiftest = abs(v_mps) + abs(w_rps) * hull.radius_m
        return swiftest * (self.reaction_s + 0.5 * self.duration_s(v_mps, w_rps)) + self.margin_m + hull.radius_m


def factor_within(free_s: float, reaction_s: float, braking_s: float) -> float:
    """Largest factor k on a motion that still comes to rest within `free_s` seconds of that motion's way.

    The way of the motion scaled by k is `k reaction + k² braking / 2`.
    """
    if free_s <= 0.0:
        return 0.0
    return (math.sqrt(reaction_s * reaction_s + 2.0 * free_s * braking_s) - reaction_s) / braking_s


def first_contact(hull: Hull, near: Near, v_mps: float, w_rps: float, braking: Braking) -> Contact:
    """Greatest factor on (v, w) at which the robot still rests before the widened footprint touches a point.

    For points within the margin already, two bounds: they come nearer only as fast as the gap dies out, and along the
    arc the robot still rests before the bare footprint touches them. The first alone is blind to a turn: beside the
    middle of a side nothing comes nearer at first, and then faster than braking can follow.
    """
    contact = FREE
    if len(near.inside_x):
        contact = _stricter(
            _leaving(hull, near, v_mps, w_rps),
            swept(hull.bare, near.inside_x, near.inside_y, v_mps, w_rps, braking._replace(margin_m=0.0)),
        )
    reach_m = braking.reach_m(hull, v_mps, w_rps)
    count = int(near.r.searchsorted(reach_m, side="right"))
    return _stricter(contact, swept(hull, near.x[:count], near.y[:count], v_mps, w_rps, braking)) if count else contact


def _stricter(one: Contact, other: Contact) -> Contact:
    return one if one.factor <= other.factor else other


def swept(hull: Hull, x: Array, y: Array, v_mps: float, w_rps: float, braking: Braking) -> Contact:
    """Factor on (v, w) for points (N,) outside `hull`, of which the one met first decides.

    In the frame of the robot every point turns about the centre of the motion (0, v/w). Its circle enters the
    polygon through an edge at the angle `β = ν - sign(w) acos(h/ρ)`: ν the direction of the edge's normal, h the
    distance of the edge from the centre, ρ the point's. The way left is ρ times the angle up to there.
    """
    swiftest = abs(v_mps) + abs(w_rps) * hull.radius_m  # of any part of the hull
    if swiftest < STILL:
        return FREE
    margin_m = braking.margin_m * abs(v_mps) / swiftest  # ahead, not around: the side margin does for turning
    braking_s = braking.duration_s(v_mps, w_rps)
    if abs(w_rps) < STRAIGHT * abs(v_mps):
        w_rps = math.copysign(STRAIGHT * abs(v_mps), w_rps)
    turn = math.copysign(1.0, w_rps)
    centre = v_mps / w_rps
    dy = y - centre
    rho2 = x * x
    rho2 += dy * dy
    nearest2, farthest2 = _annulus(hull, centre)
    ring = ((rho2 >= nearest2) & (rho2 <= farthest2)).nonzero()[0]
    if not len(ring):
        return FREE
    rho2 = rho2[ring]
    normal_y, tangent_y, begins, ends = hull.columns
    h = hull.offsets - normal_y * centre
    square = rho2 - (h * h)[:, None]
    with np.errstate(invalid="ignore"):
        root = np.sqrt(square)  # NaN where the circle stays off the line, and so in no comparison
    along = root * -turn
    along += tangent_y * centre  # where along the edge the circle enters
    edge, point = ((along >= begins) & (along <= ends)).nonzero()
    if not len(edge):
        return FREE
    hit = ring[point]
    rho = np.sqrt(rho2[point])
    entry = np.arctan2(root[edge, point], h[edge])
    entry *= turn
    angle = np.arctan2(dy[hit], x[hit])
    angle -= hull.angles[edge]
    angle += entry
    angle *= turn
    angle %= 2.0 * math.pi
    first = int((angle - margin_m / rho).argmin())
    free_m = float(rho[first] * angle[first])
    free_s = (free_m - margin_m) / (float(rho[first]) * abs(w_rps))
    factor = factor_within(free_s, braking.reaction_s, braking_s)
    return Contact(factor, free_m, float(x[hit[first]]), float(y[hit[first]]))


def _annulus(hull: Hull, centre: float) -> tuple[float, float]:
    """Squares of the least and greatest distance of its edges from (0, centre): what they can meet lies between."""
    nearest2, farthest2 = math.inf, 0.0
    for ny, offset, ty, begin, end, x, y in hull.lines:
        h, along = offset - ny * centre, ty * centre
        beside = min(max(along, begin), end) - along
        nearest2 = min(nearest2, h * h + beside * beside)
        farthest2 = max(farthest2, x * x + (y - centre) * (y - centre))
    return nearest2, farthest2


CLOSING_GAIN = 1.0  # 1/s: a point at h from the footprint may come nearer by h a second (a barrier condition)


def _leaving(hull: Hull, near: Near, v_mps: float, w_rps: float) -> Contact:
    """Limit from points already within the side margin: leaving them is free, closing on them dies out with the gap."""
    normal = hull.normals[near.inside_edge]
    closing = normal[:, 0] * (v_mps - w_rps * near.inside_y) + normal[:, 1] * w_rps * near.inside_x
    approaching = closing > 1e-6
    if not approaching.any():
        return FREE
    left = np.maximum(near.inside_m, 0.0)
    factors = np.where(approaching, CLOSING_GAIN * left / np.maximum(closing, 1e-6), np.inf)
    first = int(factors.argmin())
    return Contact(float(factors[first]), float(left[first]), float(near.inside_x[first]), float(near.inside_y[first]))
