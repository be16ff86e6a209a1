"""Zones of the site against the robot's way until it could rest: keep-out, geofence, speed and work zones, in `map`.

Zones grow by three standard deviations of the localisation: a footprint is in a zone when it is nearer than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import shapely

from physical_ai_core.geometry import Array
from physical_ai_core.site import Site, ZoneKind
from physical_ai_safety.footprint import Braking, Hull, factor_within
from physical_ai_safety.schema import ZoneRule
from physical_ai_safety.under_way import SHARES, Led

WORLD_M = 1.0e5
STEPS = 16
LOOK_M = 0.1  # how far ahead "leaving a zone" is judged
SIGMAS = 3.0
NO_NEARER_M = 1e-4  # rounding
ANCHOR_M = 0.25  # distances to zones are measured anew after so much way


class ZoneLimit(NamedTuple):
    """What the zones leave of a motion: `factor` on it, by which zone, and its distance along the way in metres."""

    factor: float
    zone: str
    clause: str  # forbidden, escape, slow
    way_m: float
    limit_mps: float


class MapPose(NamedTuple):
    """Where the robot is in `map`, and the standard deviation of it."""

    x_m: float
    y_m: float
    yaw_rad: float
    sigma_m: float


class Anchor(NamedTuple):
    """Distances of all shapes from a place close by: what is far from there needs no second look for a while."""

    x_m: float
    y_m: float
    distances_m: list[float]


class ZoneMap:
    """The zones of a site, and areas of the rules beside them, as prepared shapes.

    `areas`: shapes in `map` by name, which bind only where a clause asks `Way` for them.
    """

    def __init__(
        self, site: Site, tighter: Mapping[str, ZoneRule], hull: Hull, areas: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self._hull = hull
        self.forbidden: dict[str, Any] = {n: z.shape for n, z in site.zones_of(ZoneKind.KEEP_OUT).items()}
        fences = site.zones_of(ZoneKind.GEOFENCE)
        if fences:
            self.forbidden["+".join(sorted(fences))] = outside(shapely.unary_union([z.shape for z in fences.values()]))
        self.slow: dict[str, tuple[Any, float]] = {}
        for name, zone in site.zones.items():
            rule = tighter.get(name)
            limits = [v for v in (zone.max_speed_mps, rule.max_speed_mps if rule else None) if v is not None]
            if limits and zone.kind in (ZoneKind.SPEED, ZoneKind.WORK):
                self.slow[name] = (zone.shape, min(limits))
        self._work = [z.shape for z in site.zones_of(ZoneKind.WORK).values()]
        self.shapes = [*self.forbidden.values(), *(shape for shape, _ in self.slow.values()), *areas.values()]
        self.of_site: list[tuple[str, float | None]] = [
            *((name, None) for name in self.forbidden), *((name, speed) for name, (_, speed) in self.slow.items())
        ]  # fmt: skip
        self.number = {name: len(self.forbidden) + len(self.slow) + k for k, name in enumerate(areas)}
        self.exits = [ways_out(shape, self.forbidden.values()) for shape in self.shapes]
        for shape in (*self.shapes, *self._work):
            shapely.prepare(shape)
        self._all = np.array(self.shapes, dtype=object)

    @property
    def needs_pose(self) -> bool:
        """Zones that bind the motion exist, so the pose must be known."""
        return bool(self.shapes)

    def in_work_zone(self, pose: MapPose | None) -> bool:
        """The robot is surely inside a work zone."""
        if pose is None:
            return False
        point, margin = shapely.Point(pose.x_m, pose.y_m), SIGMAS * pose.sigma_m
        return any(shape.contains(point) and shape.exterior.distance(point) >= margin for shape in self._work)

    def limit(self, pose: MapPose, v_mps: float, w_rps: float, braking: Braking, escape_mps: float) -> ZoneLimit | None:
        """The strictest of the site's own zones for the motion (v, w) from `pose`, or None."""
        return self.way(pose, v_mps, w_rps, braking, escape_mps, self.anchor(pose, None)).site()

    def anchor(self, pose: MapPose, last: Anchor | None) -> Anchor:
        """`last` where the robot is still close to it, else a new one."""
        if last is not None and math.hypot(pose.x_m - last.x_m, pose.y_m - last.y_m) < ANCHOR_M:
            return last
        distances = shapely.distance(self._all, shapely.Point(pose.x_m, pose.y_m)).tolist()
        return Anchor(pose.x_m, pose.y_m, distances)

    def way(
        self, pose: MapPose, v_mps: float, w_rps: float, braking: Braking, escape_mps: float, anchor: Anchor,
        led: Led | None = None,
    ) -> Way:  # fmt: skip
        """The way of a motion that is not rest, until the robot could stand, to be held against the shapes.

        `led`: where what was sent before leads it first.
        """
        return Way(self, self._hull, pose, v_mps, w_rps, braking, escape_mps, anchor, led)


class Way:
    """The robot's bodies along one motion until it could rest; worked out only where a shape is near enough."""

    def __init__(
        self, zones: ZoneMap, hull: Hull, pose: MapPose, v_mps: float, w_rps: float, braking: Braking,
        escape_mps: float, anchor: Anchor, led: Led | None = None,
    ) -> None:  # fmt: skip
        self._zones, self._hull, self._pose, self._braking = zones, hull, pose, braking
        self._led = led
        self._v_mps, self._w_rps, self._escape_mps = v_mps, w_rps, escape_mps
        self._braking_s = braking.duration_s(v_mps, w_rps)
        self._horizon_s = (
            braking.reaction_s + 0.5 * self._braking_s
        )  # at full speed: as far as it comes while it brakes
        self._margin_m = SIGMAS * pose.sigma_m
        moved_m = math.hypot(pose.x_m - anchor.x_m, pose.y_m - anchor.y_m)
        led_m = self._led.reach_m - hull.radius_m if self._led is not None else 0.0
        self._reach_m = max(abs(v_mps) * self._horizon_s, led_m) + hull.radius_m + self._margin_m + LOOK_M + moved_m
        self._distances_m = anchor.distances_m
        self._bodies: Any = None
        self._led_bodies: dict[float, Any] = {}

    def site(self) -> ZoneLimit | None:
        """The strictest of the site's own zones."""
        strictest: ZoneLimit | None = None
        for k, (distance_m, (name, speed)) in enumerate(zip(self._distances_m, self._zones.of_site, strict=False)):
            if distance_m < self._reach_m:
                found = self._forbidden(k, name, True) if speed is None else self._slow(k, name, speed)
                strictest = _stricter(strictest, found)
        return strictest

    def forbidden(self, name: str, escape: bool = True) -> ZoneLimit | None:
        """Stay out of an area of the rules; `escape`: inside it the way out is open."""
        return self._forbidden(self._zones.number[name], name, escape)

    def slow(self, name: str, limit_mps: float) -> ZoneLimit | None:
        """Enter an area of the rules at most at that speed."""
        return self._slow(self._zones.number[name], name, limit_mps)

    def near(self, name: str) -> bool:
        """An area of the rules may be met at all: asked first, since it costs least."""
        return self._distances_m[self._zones.number[name]] < self._reach_m

    def enters(self, name: str) -> bool:
        """The robot is in an area of the rules, or would be before it rests."""
        return self._first(self._zones.number[name]) is not None

    def _first(self, k: int) -> int | None:
        """First of the sampled bodies that is in shape `k`, or nearer than the margin; None: none."""
        if self._distances_m[k] >= self._reach_m:
            return None
        if self._bodies is None:
            self._times = np.linspace(0.0, self._horizon_s, STEPS)
            self._bodies = self._along(self._times)
        entered = shapely.dwithin(self._zones.shapes[k], self._bodies, self._margin_m)
        first = int(entered.argmax())
        return first if entered[first] else None

    def _along(self, times: Array) -> Any:
        """Footprints (K,) as shapely polygons in `map` along the motion."""
        yaw = self._w_rps * times
        x = self._v_mps * times * np.sinc(yaw / math.pi)
        y = self._v_mps * times * np.sinc(0.5 * yaw / math.pi) * np.sin(0.5 * yaw)
        return self._placed(x, y, yaw)

    def _placed(self, x: Array, y: Array, yaw: Array) -> Any:
        """Footprints (K,) as shapely polygons in `map` at places seen from the robot."""
        pose = self._pose
        c, s = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
        px, py = pose.x_m + c * x - s * y, pose.y_m + s * x + c * y
        heading = pose.yaw_rad + yaw
        ch, sh = np.cos(heading)[:, None], np.sin(heading)[:, None]
        bx, by = self._hull.corners[:, 0], self._hull.corners[:, 1]
        corners = np.stack([px[:, None] + ch * bx - sh * by, py[:, None] + sh * bx + ch * by], axis=-1)
        return shapely.polygons(corners)  # each ring is closed by itself

    def _share_led(self, k: int) -> float:
        """Largest share of the motion with which a robot that is outside stays outside on the way it is led."""
        if self._led is None or self._distances_m[k] >= self._reach_m:
            return 1.0
        for share in SHARES:
            if not shapely.dwithin(self._zones.shapes[k], self._body_led(share), self._margin_m).any():
                return share
        return 0.0

    def _body_led(self, share: float) -> Any:
        if share not in self._led_bodies:
            assert self._led is not None
            self._led_bodies[share] = self._placed(*np.array(self._led.way(share)[0]).T)
        return self._led_bodies[share]

    def _forbidden(self, k: int, name: str, escape: bool) -> ZoneLimit | None:
        first, speed = self._first(k), abs(self._v_mps)
        if first == 0:
            return self._escape(k, name) if escape else ZoneLimit(0.0, name, "forbidden", 0.0, 0.0)
        share, free_s = self._share_led(k), self._horizon_s
        if first is not None:
            free_s = float(self._times[first - 1])
            share = min(share, factor_within(free_s, self._braking.reaction_s, self._braking_s))
        return ZoneLimit(share, name, "forbidden", speed * free_s, speed * share) if share < 1.0 else None

    def _escape(self, k: int, name: str) -> ZoneLimit | None:
        """Already in a forbidden zone: out of it slowly, no other way; turning on the spot to face out is free. Within
        its margin only: slowly on, and nowhere nearer to it, not by a corner that swings either."""
        v_mps, shape = self._v_mps, self._zones.shapes[k]
        here_m = float(shapely.distance(shape, self._bodies[0]))
        if here_m > 0.0:
            free = float(shapely.distance(shape, self._on_the_way()).min()) >= here_m - NO_NEARER_M
        elif abs(v_mps) < 1e-6:
            return None
        else:
            free = self._leaves(k, LOOK_M / abs(v_mps))
        if free and abs(v_mps) < 1e-6:
            return None
        factor = min(1.0, self._escape_mps / abs(v_mps)) if free else 0.0
        return ZoneLimit(factor, name, "escape" if free else "forbidden", 0.0, self._escape_mps if free else 0.0)

    def _on_the_way(self) -> Any:
        """All bodies from here to rest, along the arc and as the robot is led."""
        if self._led is None:
            return self._bodies
        return np.concatenate([self._bodies, self._body_led(1.0)])

    def _leaves(self, k: int, ahead_s: float) -> bool:
        """Whether the robot's middle is farther out, or nearer to the way out, a little later."""
        pose, shape, out = self._pose, self._zones.shapes[k], self._zones.exits[k]
        heading, way_m = pose.yaw_rad + 0.5 * self._w_rps * ahead_s, self._v_mps * ahead_s
        there = _outward(shape, out, pose.x_m + way_m * math.cos(heading), pose.y_m + way_m * math.sin(heading))
        return there > _outward(shape, out, pose.x_m, pose.y_m) + 1e-6

    def _slow(self, k: int, name: str, limit_mps: float) -> ZoneLimit | None:
        speed = abs(self._v_mps)
        first = None if speed <= limit_mps else self._first(k)
        if first is None:
            return None
        way = speed * float(self._times[max(0, first - 1)])
        room = max(0.0, way - speed * self._braking.reaction_s)
        allowed = math.sqrt(limit_mps * limit_mps + 2.0 * self._braking.linear_mps2 * room)
        return ZoneLimit(allowed / speed, name, "slow", way, limit_mps) if allowed < speed else None


def outside(fence: Any) -> Any:
    """All of the world but the inside of a fence."""
    return shapely.box(-WORLD_M, -WORLD_M, WORLD_M, WORLD_M).difference(fence)


def ways_out(shape: Any, closed: Iterable[Any]) -> Any:
    """The part of the boundary over which a shape can be left: not into another forbidden zone of the site."""
    edge = shape.boundary
    for other in closed:
        if other is not shape:
            edge = edge.difference(other)
    return edge


def _outward(shape: Any, out: Any, x_m: float, y_m: float) -> float:
    """Distance from a shape; negative inside: how far it is to the way out."""
    point = shapely.Point(x_m, y_m)
    return -float(out.distance(point)) if shape.contains(point) else float(shape.boundary.distance(point))


def _stricter(one: ZoneLimit | None, other: ZoneLimit | None) -> ZoneLimit | None:
    if one is None or other is None:
        return one or other
    return one if one.factor <= other.factor else other
