"""The reflex: zero at the first sight of a return that the robot is already too near to, before any thought.

What a safety scanner calls its protective field. It says nothing that the decision on the same scan would not say, only
earlier: a motion of which no share at all is left by `first_contact`. Everything else waits for the decision.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Mount
from physical_ai_safety.footprint import INSIDE_M, STILL, Braking, Hull, swept
from physical_ai_safety.motion import REST, Motion

LIKE = 0.05  # 1/m: motions whose curvatures differ by less share a field
SPARE_M = 0.01  # of the stop margin left out of it, more than such a difference moves any part of the robot


class Rays(NamedTuple):
    """Of one sensor's sweep: where it is in `base_link`, `inside` the footprint or not, its directions there (2, N),
    and how far each stays within the stop margin of the footprint (N,), zeros where it looks from beyond that."""

    key: tuple[float, ...]
    x_m: float
    y_m: float
    inside: bool
    ways: Array
    reach_m: Array


class Field(NamedTuple):
    """A return between `inner_m` and `outer_m` (N,) of its ray stops motions like (`ahead`, `curvature`)."""

    ahead: bool
    curvature: float
    inner_m: NDArray[np.float32]
    outer_m: NDArray[np.float32]


class Reflex:
    """Per sensor frame the rays of its last sweep, and the field for what was sent last."""

    def __init__(self, hull: Hull, braking: Braking) -> None:
        self._hull, self._braking = hull, braking
        self._rays: dict[str, Rays] = {}
        self._fields: dict[str, Field] = {}

    def learn(self, scan: m.LaserScan, mount: Mount) -> None:
        """Know the rays of a sweep from now on. `mount`: of the sensor on the robot."""
        known = self._rays.get(scan.frame_id)
        if known is None or known.key != _key(scan):
            self._rays[scan.frame_id] = rays_of(scan, mount, self._hull, self._braking.margin_m)
            self._fields.pop(scan.frame_id, None)

    def prepare(self, motion: Motion) -> None:
        """Work out the fields for a motion, when nobody waits."""
        if motion == REST:
            return
        for frame, rays in self._rays.items():
            field = self._fields.get(frame)
            if rays.inside and (field is None or not like(field, motion)):
                self._fields[frame] = field_of(rays, self._hull, motion, self._braking.margin_m)

    def trips(self, scan: m.LaserScan, motion: Motion) -> bool:
        """Whether a return of this scan leaves nothing of the motion. False where the sweep is not known."""
        rays = self._rays.get(scan.frame_id)
        if rays is None or motion == REST or rays.key != _key(scan):
            return False
        ranges, field = scan.ranges_m, self._fields.get(scan.frame_id)
        if field is not None and like(field, motion):
            return bool(((ranges > field.inner_m) & (ranges <= field.outer_m)).any())  # NaN is no return
        close = (ranges < rays.reach_m).nonzero()[0]
        if not len(close):
            return False
        r = ranges[close].astype(float)
        x, y = rays.x_m + r * rays.ways[0, close], rays.y_m + r * rays.ways[1, close]
        counts = (r >= scan.range_min_m) & (self._hull.heights(x, y).max(axis=0) > INSIDE_M)  # nearer: the decision's
        return swept(self._hull, x[counts], y[counts], *motion, self._braking).factor <= 0.0


def rays_of(scan: m.LaserScan, mount: Mount, hull: Hull, margin_m: float) -> Rays:
    """Where the rays of a sweep go in `base_link`."""
    x, y, yaw = (float(value) for value in mount.planar())
    angles = scan.angles()
    if mount.rotation[2, 2] < 0.0:  # mounted upside down
        angles = -angles
    ways = np.stack([np.cos(angles + yaw), np.sin(angles + yaw)])
    inside = bool((hull.normals @ np.array([x, y]) < hull.offsets).all())
    return Rays(_key(scan), x, y, inside, ways, _exits(hull.normals, hull.offsets + margin_m, x, y, ways))


def field_of(rays: Rays, hull: Hull, motion: Motion, margin_m: float) -> Field:
    """What lies ahead of the footprint that holds the sensor, and within it once the robot has used up its stop margin.

    A part of the robot at ρ from the centre of the turn comes nearer by ρ times the angle: the angle is the one at
    which the farthest part has used up the margin, so that no part has used more.
    """
    v, w = motion
    swiftest = abs(v) + abs(w) * hull.radius_m  # as `swept` has it: the margin is ahead, not around
    left_m = margin_m * abs(v) / max(swiftest, STILL) - SPARE_M
    nothing = np.zeros(rays.ways.shape[1], dtype=np.float32)
    field = Field(v > 0.0, w / v if v else math.inf, nothing, nothing)
    if left_m <= 0.0:
        return field
    turned = field.curvature * hull.corners  # (E, 2): in radii of the turn, whose centre is at (0, 1)
    farthest = max(1.0, float(np.hypot(turned[:, 0], turned[:, 1] - 1.0).max()))
    ahead_m = math.copysign(left_m / farthest, v)
    yaw = field.curvature * ahead_m
    c, s = math.cos(yaw), math.sin(yaw)
    normals = hull.normals @ np.array([[c, s], [-s, c]])
    offsets = hull.offsets + normals @ np.array([ahead_m * math.cos(0.5 * yaw), ahead_m * math.sin(0.5 * yaw)])
    inner = np.maximum(_exits(hull.normals, hull.offsets + INSIDE_M, rays.x_m, rays.y_m, rays.ways), rays.key[3])
    outer = _exits(normals, offsets, rays.x_m, rays.y_m, rays.ways)
    return field._replace(inner_m=inner.astype(np.float32), outer_m=outer.astype(np.float32))


def _exits(normals: Array, offsets: Array, x: float, y: float, ways: Array) -> Array:
    """How far rays (2, N) from (x, y) go within a convex polygon; zeros where they do not begin in it."""
    left = offsets - normals @ np.array([x, y])
    if not bool((left > 0.0).all()):
        return np.zeros(ways.shape[1])
    across = normals @ ways
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(across > 0.0, left[:, None] / across, math.inf).min(axis=0))


def like(field: Field, motion: Motion) -> bool:
    """Whether a field serves a motion: the same way, and nearly the same bend."""
    v, w = motion
    return field.ahead == (v > 0.0) and abs(w - field.curvature * v) <= LIKE * abs(v)


def _key(scan: m.LaserScan) -> tuple[float, ...]:
    return (scan.angle_min_rad, scan.angle_increment_rad, len(scan.ranges_m), scan.range_min_m)
