"""A mission tried out before it is begun: its way, length, time, energy, stopping distance, and the people on it.

The way is searched on a coarse grid (a millisecond a leg), since it only serves to compare readings of one sentence:
whether a goal may be reached at all is decided by `checks` on the fine one. Its cells are free where any fine cell is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from physical_ai_core.forecast import DriveForecast, Driven, PeopleForecast
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Robot
from physical_ai_core.site import Site, ZoneKind
from physical_ai_planner.aim import Aim
from physical_ai_planner.estimate import CourseLimits, estimate
from physical_ai_planner.people_ahead import conflict
from physical_ai_planner.search import Field
from physical_ai_planner.site_map import SiteMap, Terrain

COARSE_M = 0.4
MOST_SEARCHES = 10  # legs of a mission that are searched; the rest count as straight lines
SAMPLE_M = 0.5
AHEAD_S = np.arange(0.0, 6.01, 0.25)  # times at which people are looked at
REACTION_S = 0.3  # until brakes act


class RollOut(NamedTuple):
    """What a mission would take. `conflict`: probability of coming too near to a person within the next seconds,
    NaN where nobody is predicted."""

    length_m: float
    time_s: float
    energy_j: float
    top_mps: float
    stopping_m: float
    conflict: float


class LimitsDrive:
    """A `DriveForecast` of a robot that speeds up, cruises and brakes at constant rates."""

    def __init__(self, limits: CourseLimits) -> None:
        self.limits = limits

    def drive(self, poses: Array, most_mps: Array, speed_mps: float) -> Driven:
        xy = np.asarray(poses, dtype=float)[:, :2]
        if len(xy) < 2:
            return Driven(np.zeros(len(xy)), xy, np.zeros(len(xy)))
        length = np.hypot(*np.diff(xy, axis=0).T)
        speed = np.minimum(np.asarray(most_mps, dtype=float), self.limits.speed_mps).tolist()
        speed[0], speed[-1] = min(speed[0], max(speed_mps, 0.0)), 0.0
        for i, metres in enumerate(length.tolist()):
            speed[i + 1] = min(speed[i + 1], (speed[i] ** 2 + 2.0 * self.limits.acceleration_mps2 * metres) ** 0.5)
        for i in range(len(length) - 1, -1, -1):
            speed[i] = min(speed[i], (speed[i + 1] ** 2 + 2.0 * self.limits.deceleration_mps2 * length[i]) ** 0.5)
        mean = np.maximum(0.5 * (np.array(speed[:-1]) + np.array(speed[1:])), 1e-2)
        return Driven(np.concatenate([[0.0], np.cumsum(length / mean)]), xy, np.array(speed))


@dataclass(frozen=True)
class _Coarse:
    """A terrain in coarse cells."""

    terrain: Terrain
    cost: Array  # inf where no fine cell is free
    cells: NDArray[np.intp]  # (N, 2) of those that are free


class Rehearsal:
    """Tries missions out on one site with one robot."""

    def __init__(
        self,
        site: Site,
        robot: Robot,
        site_map: SiteMap,
        deceleration_mps2: float,
        people: PeopleForecast | None = None,
        driver: DriveForecast | None = None,
    ) -> None:
        self.site, self.site_map, self.people = site, site_map, people
        self.limits = CourseLimits.of(robot, min(robot.limits.max_speed_mps, site.max_speed_mps))
        self.driver = driver or LimitsDrive(self.limits)
        self.deceleration_mps2 = deceleration_mps2
        self._factor = max(1, round(COARSE_M / site_map.resolution_m))
        self._cell_m = self._factor * site_map.resolution_m
        self._slow = [
            (zone.shape, zone.max_speed_mps)
            for zone in site.zones.values()
            if zone.max_speed_mps is not None and zone.kind is not ZoneKind.KEEP_OUT
        ]
        self._known: list[_Coarse] = []

    def run(
        self, aims: Sequence[Aim], terrains: Sequence[Terrain], start: Array, now_s: float, speed_mps: float = 0.0
    ) -> RollOut:
        """Raises ValueError where the mission holds numbers that are none."""
        at, searches = np.asarray(start, dtype=float), 0
        length = time = energy = 0.0
        first: tuple[Array, Array] | None = None
        top = 0.0
        for aim, terrain in zip(aims, terrains, strict=True):
            if not aim.course:
                time += _standing_s(aim)
                continue
            points = np.array([w.xy for w in aim.course])
            if aim.closed:
                points = np.vstack([points, points[:1]])
            allowed = MOST_SEARCHES - searches if not aim.straight else min(1, MOST_SEARCHES - searches)
            way = self._way(at[:2], points, terrain, allowed)
            searches += min(len(points), max(allowed, 0))
            xy = _sampled(way, SAMPLE_M)
            most = self._speeds(xy, aim)
            found = estimate(xy, self.limits, np.minimum(most[:-1], most[1:]) if len(xy) > 1 else None)
            laps = aim.step.until.laps if aim.step.until is not None and aim.step.until.laps else 1
            length += laps * found.length_m
            time += laps * found.time_s + _standing_s(aim)
            energy += laps * found.energy_j
            top = max(top, float(most.max(initial=0.0)))
            if first is None and len(xy) > 1:
                first = (xy, most)
            at = points[-1]
        stopping = top * REACTION_S + top**2 / (2.0 * self.deceleration_mps2)
        return RollOut(length, time, energy, top, stopping, self._conflict(first, now_s, speed_mps))

    def _speeds(self, xy: Array, aim: Aim) -> Array:
        """Most (n,) that site, zones and the step allow at each point."""
        asked = aim.step.limits.max_speed_mps
        most = np.full(len(xy), self.limits.speed_mps if asked is None else min(asked, self.limits.speed_mps))
        spots = shapely.points(xy)
        for shape, zone_mps in self._slow:
            most = np.where(shapely.intersects(shape, spots), np.minimum(most, zone_mps), most)
        return most

    def _conflict(self, first: tuple[Array, Array] | None, now_s: float, speed_mps: float) -> float:
        """NaN where nobody is predicted, and where a model that was lent breaks: it must not cost the goal."""
        if self.people is None or first is None:
            return float("nan")
        try:
            crowd = self.people.at(now_s, AHEAD_S)
            if crowd is None:
                return float("nan")
            driven = self._driven(*first, speed_mps)
            finite = all(np.isfinite(part).all() for part in driven)
            return conflict(driven, AHEAD_S, crowd, self.site_map.radius_m) if finite else float("nan")
        except Exception:
            return float("nan")

    def _driven(self, xy: Array, most: Array, speed_mps: float) -> Driven:
        """The beginning of a way, as far as people are looked at."""
        near = int(self.limits.speed_mps * AHEAD_S[-1] / SAMPLE_M) + 2
        xy, most = xy[:near], most[:near]
        heading = np.arctan2(*np.diff(xy, axis=0).T[::-1])
        return self.driver.drive(np.column_stack([xy, np.append(heading, heading[-1])]), most, speed_mps)

    # --- the way ---

    def _way(self, start: Array, points: Array, terrain: Terrain, searches: int) -> Array:
        """Polyline (n, 2) from `start` through `points`."""
        coarse, parts, at = self._coarse(terrain), [start[None, :]], start
        for index, target in enumerate(points):
            parts.append(self._leg(coarse, at, target) if index < searches else target[None, :])
            at = target
        return np.vstack(parts)

    def _leg(self, coarse: _Coarse, start: Array, target: Array) -> Array:
        if not len(coarse.cells):
            return np.array([target])
        goal, begin = self._cell(coarse, target), self._cell(coarse, start)
        cells = Field(coarse.cost, goal).way(begin)
        if cells is None:
            return np.array([target])
        middle = (cells[1:-1, ::-1] + 0.5) * self._cell_m + self.site_map.origin
        line = shapely.LineString([start, *middle, target]).simplify(0.6 * self._cell_m)
        return self._pulled(coarse, np.array(line.coords))[1:]

    def _pulled(self, coarse: _Coarse, line: Array) -> Array:
        """The polyline without the corners that a straight line through free cells makes needless."""
        kept, at = [0], 0
        while at < len(line) - 1:
            at = next((j for j in range(len(line) - 1, at + 1, -1) if self._open(coarse, line[at], line[j])), at + 1)
            kept.append(at)
        return np.asarray(line[kept])

    def _open(self, coarse: _Coarse, one: Array, other: Array) -> bool:
        count = int(np.ceil(2.0 * np.hypot(*(other - one)) / self._cell_m)) + 1
        points = one + np.linspace(0.0, 1.0, count)[1:-1, None] * (other - one)
        cells = ((points - self.site_map.origin) / self._cell_m).astype(int)
        shape = coarse.cost.shape
        inside = (cells >= 0).all() and (cells[:, 1] < shape[0]).all() and (cells[:, 0] < shape[1]).all()
        return bool(inside and np.isfinite(coarse.cost[cells[:, 1], cells[:, 0]]).all())

    def _cell(self, coarse: _Coarse, point: Array) -> tuple[int, int]:
        """The free cell nearest to a point."""
        away = coarse.cells - ((point - self.site_map.origin) / self._cell_m - 0.5)[::-1]
        row, column = coarse.cells[int(np.argmin((away**2).sum(axis=1)))]
        return int(row), int(column)

    def _coarse(self, terrain: Terrain) -> _Coarse:
        for known in self._known:
            if known.terrain is terrain:
                return known
        factor, (rows, columns) = self._factor, terrain.free.shape
        padded = np.zeros((-(-rows // factor) * factor, -(-columns // factor) * factor), dtype=bool)
        padded[:rows, :columns] = terrain.free
        free = padded.reshape(padded.shape[0] // factor, factor, -1, factor).any(axis=(1, 3))
        made = _Coarse(terrain, np.where(free, 1.0, np.inf), np.argwhere(free))
        self._known = [*self._known, made][-4:]
        return made


def _standing_s(aim: Aim) -> float:
    until = aim.step.until
    return 0.0 if until is None or until.duration_s is None else until.duration_s


def _sampled(way: Array, spacing_m: float) -> Array:
    """The polyline with points at most `spacing_m` apart, at most 4000 of them."""
    legs = np.hypot(*np.diff(way, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(legs)])
    if at[-1] <= 0.0:
        return way[:1]
    count = min(4000, int(np.ceil(at[-1] / spacing_m)) + 1)
    s = np.union1d(np.linspace(0.0, at[-1], count), at)
    return np.column_stack([np.interp(s, at, way[:, 0]), np.interp(s, at, way[:, 1])])
