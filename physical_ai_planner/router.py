"""When to search: for a new target, a blocked way, a robot off its path; else the present path is kept.

The path runs through the next few points of the course and is cut behind the robot as it goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physical_ai_core.geometry import Array, path_length
from physical_ai_planner.grounding import Waypoint
from physical_ai_planner.live import LiveLayer
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.route import Leg, clear_until, cost_of, plan_leg, prices, with_yaw
from physical_ai_planner.site_map import SiteMap, Terrain

AHEAD_POINTS = {False: 2, True: 6}  # points of the course that the path runs through; straight lanes are cheap
AHEAD_M, MOST_POINTS = 8.0, 60  # of a straight course so far, that the robot need not slow down before its next corner
WINDOW_M = 3.0  # how far the robot may have come along its path since the last look
WORSE, BETTER = 1.3, 0.85  # a path this much dearer than planned is searched anew; a new one must be this much cheaper
FAR_SHARE, FAR_M, FAR_WAIT_S = 1.4, 2.0, 1.5  # a way this much longer than the straight line is a long detour
SLOW_PERIODS = 5.0  # without need, a search only after so many periods


@dataclass(frozen=True)
class Way:
    """The path (N, 3) in `map` from where the robot is; `cut`: it ends before something in the way."""

    poses: Array
    cut: bool = False
    found: bool = True

    @property
    def length_m(self) -> float:
        return path_length(self.poses) if len(self.poses) else 0.0


NO_WAY = Way(np.zeros((0, 3)), found=False)


class Router:
    """Keeps one path."""

    def __init__(self, site_map: SiteMap, live: LiveLayer, parameters: PlannerParameters) -> None:
        self.site_map, self.live, self.p = site_map, live, parameters
        self.searches = 0
        self.clear()

    def clear(self) -> None:
        """Forget the path: there is no target."""
        self._targets: tuple[Waypoint, ...] = ()
        self._legs: list[Leg] = []
        self._terrain: Terrain | None = None
        self._searched_s: float | None = None
        self._looked_s: float | None = None
        self._live_version = -1
        self._blocked_since_s: float | None = None
        self._dead_ends: set[tuple[Waypoint, Waypoint]] = set()

    def update(self, now_s: float, pose: Array, targets: Sequence[Waypoint], straight: bool, terrain: Terrain) -> Way:
        """Path from `pose` through the next of `targets` (at least one)."""
        wanted = _next_of(targets, straight, pose)
        if self._terrain is not terrain:
            self.clear()
            self._terrain = terrain
        self._shift(wanted)
        if not self._targets or self._targets[0] != wanted[0]:
            self._replace(now_s, pose, wanted[0], straight)
        elif self._should_search(now_s, pose):
            self._search_again(now_s, pose, wanted[0], straight)
        self._targets = wanted
        self._extend(wanted, straight)
        self._trim(pose)
        return self._way(pose, wanted)

    def _shift(self, wanted: tuple[Waypoint, ...]) -> None:
        """The first point was passed: what is left of its leg leads into the next."""
        if len(self._legs) > 1 and len(self._targets) > 1 and self._targets[1] == wanted[0] != self._targets[0]:
            first, second = self._legs[0], self._legs[1]
            if not first.cut:
                joined = Leg(np.vstack([first.points, second.points[1:]]), first.cost + second.cost, second.cut)
                self._legs, self._targets = [joined, *self._legs[2:]], self._targets[1:]

    def _replace(self, now_s: float, pose: Array, target: Waypoint, straight: bool) -> None:
        leg = self._plan(pose, target, straight)
        self._legs = [] if leg is None else [leg]
        self._searched_s = self._looked_s = now_s
        self._live_version = self.live.version

    def _plan(self, start: Array, target: Waypoint, straight: bool) -> Leg | None:
        assert self._terrain is not None
        self.searches += 1
        return plan_leg(
            self.site_map, self._terrain, self.live, start, target.xy, self.p.spacing_m,
            free_goal=target.named, straight=straight or target.straight,
        )  # fmt: skip

    def _should_search(self, now_s: float, pose: Array) -> bool:
        if self._looked_s is not None and abs(now_s - self._looked_s) < self.p.research_period_s:
            return False
        self._looked_s = now_s
        elapsed = abs(now_s - self._searched_s) if self._searched_s is not None else np.inf
        if not self._legs:
            return True
        leg = self._legs[0]
        if not len(leg.points) or self._off_path(pose) > self.p.off_path_m:
            return True
        if self._live_version == self.live.version:
            return False
        if leg.cut or clear_until(self.site_map, self.live, leg.points) is not None:
            return True
        return elapsed >= SLOW_PERIODS * self.p.research_period_s or self._cost_now(pose, leg) > WORSE * leg.cost

    def _off_path(self, pose: Array) -> float:
        return float(np.hypot(*(self._legs[0].points - pose[:2]).T).min())

    def _cost_now(self, pose: Array, leg: Leg) -> float:
        assert self._terrain is not None
        goal = self._targets[0]
        price = prices(self.site_map, self._terrain, self.live, pose, goal.xy, goal.named)
        return cost_of(self.site_map, price, leg.points)

    def _search_again(self, now_s: float, pose: Array, target: Waypoint, straight: bool) -> None:
        self._searched_s, self._live_version = now_s, self.live.version
        new = self._plan(pose, target, straight)
        if new is None:
            return
        if not self._legs:
            self._legs = [new]
            return
        old = self._legs[0]
        if self._wait_for(now_s, pose, old, new, target):
            return
        keep_old = (
            not old.cut
            and len(old.points) > 0
            and self._off_path(pose) <= self.p.off_path_m
            and clear_until(self.site_map, self.live, old.points) is None
            and new.cost > BETTER * self._cost_now(pose, old)
        )
        if not keep_old:
            self._legs = [new, *self._legs[1:]]

    def _wait_for(self, now_s: float, pose: Array, old: Leg, new: Leg, target: Waypoint) -> bool:
        """A long detour around something just seen can wait a moment: a closer look often shows the way through."""
        blocked = old.cut or clear_until(self.site_map, self.live, old.points) is not None
        if not blocked:
            self._blocked_since_s = None
            return False
        if self._blocked_since_s is None or self._blocked_since_s > now_s:
            self._blocked_since_s = now_s
        straight_m = float(np.hypot(*(target.xy - pose[:2])))
        far = new.length_m > FAR_SHARE * straight_m + FAR_M
        return far and not new.cut and len(old.points) > 1 and now_s - self._blocked_since_s < FAR_WAIT_S

    def _extend(self, wanted: tuple[Waypoint, ...], straight: bool) -> None:
        """Legs from each wanted point to the next, as far as the way is clear."""
        del self._legs[len(wanted) :]
        while self._legs and not self._legs[-1].cut and len(self._legs) < len(wanted):
            pair = (wanted[len(self._legs) - 1], wanted[len(self._legs)])
            leg = None if pair in self._dead_ends else self._plan(pair[0].xy, pair[1], straight)
            if leg is None:
                self._dead_ends.add(pair)
                return
            self._legs.append(leg)

    def _trim(self, pose: Array) -> None:
        """Drop what lies behind the robot; looked for only a little ahead, so that a crossing path is not cut short."""
        if not self._legs or len(self._legs[0].points) < 2:
            return
        leg = self._legs[0]
        steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(leg.points, axis=0).T))])
        window = leg.points[: int(np.searchsorted(steps, WINDOW_M)) + 1]
        nearest = int(np.argmin(np.hypot(*(window - pose[:2]).T)))
        nearest = min(nearest, len(leg.points) - 2)
        if nearest > 0:
            share = 1.0 - steps[nearest] / steps[-1] if steps[-1] > 0.0 else 1.0
            self._legs[0] = Leg(leg.points[nearest:], leg.cost * float(share), leg.cut)

    def _way(self, pose: Array, wanted: tuple[Waypoint, ...]) -> Way:
        if not self._legs:
            return NO_WAY
        parts, cut = [self._legs[0].points], self._legs[0].cut
        for leg in self._legs[1:]:
            if cut:
                break
            cut = leg.cut
            parts.append(leg.points[1:])
        points = np.vstack(parts)
        if not cut:
            blocked = clear_until(self.site_map, self.live, points)
            if blocked is not None:
                points, cut = points[:blocked], True
        if len(points) < 2 and cut:
            return Way(np.zeros((0, 3)), cut=True)
        last = wanted[min(len(parts), len(wanted)) - 1].yaw_rad if not cut else None
        return Way(with_yaw(points, float(pose[2]), last), cut)


def _next_of(targets: Sequence[Waypoint], straight: bool, pose: Array) -> tuple[Waypoint, ...]:
    """The points that the path runs through now."""
    count = AHEAD_POINTS[straight]
    if straight and len(targets) > count:
        line = np.array([pose[:2], *(target.xy for target in targets[:MOST_POINTS])])
        along = np.cumsum(np.hypot(*np.diff(line, axis=0).T))
        count = max(count, int(np.searchsorted(along, AHEAD_M)) + 1)
    return tuple(targets[:count])
