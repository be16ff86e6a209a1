"""Zones of the site against the robot's way until it could rest: keep-out, geofence, speed and work zones, in `map`.

Zones grow by three standard deviations of the localisation: a footprint is in a zone when it is nearer than that.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import shapely

from physical_ai_core.geometry import Array
from physical_ai_core.site import Site, ZoneKind
from physical_ai_safety.footprint import Braking, Hull, factor_within
from physical_ai_safety.rules import ZoneRule

WORLD_M = 1.0e5
STEPS = 16
LOOK_M = 0.1  # how far ahead "leaving a zone" is judged
SIGMAS = 3.0
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


class ZoneMap:
    """The zones of a site as prepared shapes."""

    def __init__(self, site: Site, tighter: dict[str, ZoneRule], hull: Hull) -> None:
        self._hull = hull
        self.forbidden: dict[str, Any] = {n: z.shape for n, z in site.zones_of(ZoneKind.KEEP_OUT).items()}
        fences = site.zones_of(ZoneKind.GEOFENCE)
        if fences:
            allowed = shapely.unary_union([z.shape for z in fences.values()])
            everything = shapely.box(-WORLD_M, -WORLD_M, WORLD_M, WORLD_M)
            self.forbidden["+".join(sorted(fences))] = everything.difference(allowed)
        self.slow: dict[str, tuple[Any, float]] = {}
        for name, zone in site.zones.items():
            rule = tighter.get(name)
            limits = [v for v in (zone.max_speed_mps, rule.max_speed_mps if rule else None) if v is not None]
            if limits and zone.kind in (ZoneKind.SPEED, ZoneKind.WORK):
                self.slow[name] = (zone.shape, min(limits))
        self._work = [z.shape for z in site.zones_of(ZoneKind.WORK).values()]
        self._shapes = [*self.forbidden.values(), *(shape for shape, _ in self.slow.values())]
        for shape in (*self._shapes, *self._work):
            shapely.prepare(shape)
        self._all = np.array(self._shapes, dtype=object)
        self._anchor: tuple[float, float, list[float]] = (math.inf, math.inf, [])

    @property
    def needs_pose(self) -> bool:
        """Zones that bind the motion exist, so the pose must be known."""
        return bool(self._shapes)

    def in_work_zone(self, pose: MapPose | None) -> bool:
        """The robot is surely inside a work zone."""
        if pose is None:
            return False
        point, margin = shapely.Point(pose.x_m, pose.y_m), SIGMAS * pose.sigma_m
        return any(shape.contains(point) and shape.exterior.distance(point) >= margin for shape in self._work)

    def limit(self, pose: MapPose, v_mps: float, w_rps: float, braking: Braking, escape_mps: float) -> ZoneLimit | None:
        """The strictest of all zones for the motion (v, w) from `pose`, or None."""
        if not self._shapes or (v_mps == 0.0 and w_rps == 0.0):
            return None
        braking_s = braking.duration_s(v_mps, w_rps)
        horizon_s = braking.reaction_s + braking_s
        margin = SIGMAS * pose.sigma_m
        reach = abs(v_mps) * horizon_s + self._hull.radius_m + margin + LOOK_M
        close = self._within(pose.x_m, pose.y_m, reach)
        if not any(close):
            return None
        times = np.linspace(0.0, horizon_s, STEPS)
        bodies = self._bodies(pose, v_mps, w_rps, times)
        strictest: ZoneLimit | None = None
        for (name, shape), near in zip(self.forbidden.items(), close[: len(self.forbidden)], strict=True):
            found = (
                self._forbidden(name, shape, pose, v_mps, w_rps, braking, escape_mps, times, bodies) if near else None
            )
            strictest = _stricter(strictest, found)
        for (name, (shape, speed)), near in zip(self.slow.items(), close[len(self.forbidden) :], strict=True):
            found = self._slow(name, shape, margin, v_mps, speed, braking, times, bodies) if near else None
            strictest = _stricter(strictest, found)
        return strictest

    def _within(self, x_m: float, y_m: float, reach_m: float) -> list[bool]:
        """Which zones may be nearer than that: distances of a point close by, less the way from there."""
        ax, ay, distances = self._anchor
        moved = math.hypot(x_m - ax, y_m - ay)
        if not moved < ANCHOR_M:
            distances, moved = shapely.distance(self._all, shapely.Point(x_m, y_m)).tolist(), 0.0
            self._anchor = (x_m, y_m, distances)
        return [distance - moved < reach_m for distance in distances]

    def _bodies(self, pose: MapPose, v_mps: float, w_rps: float, times: Array) -> Any:
        """Footprints (K,) as shapely polygons in `map` along the motion."""
        yaw = w_rps * times
        x = v_mps * times * np.sinc(yaw / math.pi)
        y = v_mps * times * np.sinc(0.5 * yaw / math.pi) * np.sin(0.5 * yaw)
        c, s = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
        px, py = pose.x_m + c * x - s * y, pose.y_m + s * x + c * y
        heading = pose.yaw_rad + yaw
        ch, sh = np.cos(heading)[:, None], np.sin(heading)[:, None]
        bx, by = self._hull.corners[:, 0], self._hull.corners[:, 1]
        corners = np.stack([px[:, None] + ch * bx - sh * by, py[:, None] + sh * bx + ch * by], axis=-1)
        return shapely.polygons(np.concatenate([corners, corners[:, :1]], axis=1))

    def _forbidden(
        self, name: str, shape: Any, pose: MapPose, v_mps: float, w_rps: float, braking: Braking, escape_mps: float,
        times: Array, bodies: Any,
    ) -> ZoneLimit | None:  # fmt: skip
        entered = shapely.dwithin(shape, bodies, SIGMAS * pose.sigma_m)
        if not entered.any():
            return None
        first = int(entered.argmax())
        if first == 0:
            return self._escape(name, shape, pose, v_mps, w_rps, escape_mps)
        free_s = float(times[first - 1])
        factor = factor_within(free_s, braking.reaction_s, braking.duration_s(v_mps, w_rps))
        return ZoneLimit(factor, name, "forbidden", abs(v_mps) * free_s, abs(v_mps) * factor)

    def _escape(
        self, name: str, shape: Any, pose: MapPose, v_mps: float, w_rps: float, escape_mps: float
    ) -> ZoneLimit | None:
        """Already in a forbidden zone: out of it slowly, no other way; turning on the spot to face out is free."""
        if abs(v_mps) < 1e-6:
            return None
        ahead = LOOK_M / abs(v_mps)
        heading = pose.yaw_rad + 0.5 * w_rps * ahead
        here = _outward(shape, pose.x_m, pose.y_m)
        there = _outward(
            shape, pose.x_m + v_mps * ahead * math.cos(heading), pose.y_m + v_mps * ahead * math.sin(heading)
        )
        leaving = there > here + 1e-6
        factor = min(1.0, escape_mps / abs(v_mps)) if leaving else 0.0
        return ZoneLimit(factor, name, "escape" if leaving else "forbidden", 0.0, escape_mps if leaving else 0.0)

    def _slow(
        self, name: str, shape: Any, margin_m: float, v_mps: float, limit_mps: float, braking: Braking, times: Array,
        bodies: Any,
    ) -> ZoneLimit | None:  # fmt: skip
        entered = shapely.dwithin(shape, bodies, margin_m)
        if abs(v_mps) <= limit_mps or not entered.any():
            return None
        way = abs(v_mps) * float(times[max(0, int(entered.argmax()) - 1)])
        room = max(0.0, way - abs(v_mps) * braking.reaction_s)
        allowed = math.sqrt(limit_mps * limit_mps + 2.0 * braking.linear_mps2 * room)
        return ZoneLimit(allowed / abs(v_mps), name, "slow", way, limit_mps) if allowed < abs(v_mps) else None


def _outward(shape: Any, x_m: float, y_m: float) -> float:
    """Distance from a shape; negative inside: how deep."""
    point = shapely.Point(x_m, y_m)
    depth = float(shape.boundary.distance(point))
    return -depth if shape.contains(point) else depth


def _stricter(one: ZoneLimit | None, other: ZoneLimit | None) -> ZoneLimit | None:
    if one is None or other is None:
        return one or other
    return one if one.factor <= other.factor else other
