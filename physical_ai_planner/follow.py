"""Behind a tracked object: in the open on the straight line, round a corner on the way that it took.

The object's own track is kept as breadcrumbs. While it is in sight the robot stands off on the line between them;
where something solid is in between it goes along the crumbs, so that it comes to see it again where it went. Once lost
behind something, the robot goes on to where it was last, then to where it was heading, and takes up what of its class
appears about there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_core.goal import ObjectTarget
from physical_ai_planner.aim import Waypoint
from physical_ai_planner.grounding import choose
from physical_ai_planner.localisation import Thing
from physical_ai_planner.parameters import PlannerParameters

CRUMB_M = 0.3
TRACK_M = 30.0  # of the object's way that is remembered
MOVED_M = 0.5  # an object that moved less gives no new path
BAND_M = 0.3  # nearer than the distance kept: stand; farther by this: go again
BLINK_S = 0.5  # a tracker that loses it for so long changes nothing
STRAIGHT_S = 2.0  # for so long something that walks is expected to walk straight on
REACHED_M = 0.5
LOOK_SHARE = 4.0  # of the time it is waited for, it is looked for at most
MOST_M = 8.0  # from where it was last, it is not the same

Sight = Callable[[Array, Array], bool]  # two points in `map`: nothing solid of the site in between


class Follower:
    """Follows one object. `point`: where to go now, None: stand; `lost_s`: how long it has not been seen."""

    @property
    def gone(self) -> bool:
        """Waited for long enough, or looked for very long."""
        return self.waited_s >= self.p.follow_lost_s or self.lost_s >= LOOK_SHARE * self.p.follow_lost_s

    def __init__(self, parameters: PlannerParameters, chosen: int | None = None) -> None:
        self.p = parameters
        self.id = chosen
        self.point: Waypoint | None = None
        self.lost_s = 0.0
        self.waited_s = 0.0  # so long of that standing still
        self.distance_m = np.inf
        self._spots: list[Array] | None = None  # spots where it is still to be looked for
        self._last = np.zeros(2)
        self._track: list[Array] = []
        self._velocity = np.zeros(2)

    def update(self, target: ObjectTarget, things: Sequence[Thing], pose: Array, dt_s: float, sight: Sight) -> bool:
        """Take what is seen now. False: the object is not seen."""
        thing = self._find(target, things, pose)
        if thing is None:
            self.lost_s += dt_s
            self._search(pose, sight, dt_s)
            return False
        self.lost_s, self.waited_s, self._spots, self.id = 0.0, 0.0, None, thing.id
        self._last = at = np.array([thing.x_m, thing.y_m])
        self._velocity = np.array([thing.vx_mps, thing.vy_mps])
        self._remember(at)
        self.distance_m = float(np.hypot(*(at - pose[:2])))
        clear = sight(pose[:2], at)
        keep = self.p.follow_distance_m
        if clear and self.distance_m <= (keep if self.point is not None else keep + BAND_M):
            self.point = None  # near enough: stand, and do not creep with every small step of the person
            return True
        wanted = self._on_line(at, pose) if clear else self._on_track(pose, at)
        old = self.point
        if old is None or np.hypot(*(old.xy - [wanted.x_m, wanted.y_m])) > MOVED_M:
            self.point = wanted
        return True

    def _find(self, target: ObjectTarget, things: Sequence[Thing], pose: Array) -> Thing | None:
        if self.id is None:
            return choose(things, target, pose)
        for thing in things:
            if thing.id == self.id:
                return thing
        if target.id is not None or not self._track:
            return None
        within = min(MOST_M, self.p.follow_reacquire_m + float(np.hypot(*self._velocity)) * self.lost_s)
        again = choose(things, target, self._expected())
        return again if again is not None and again.distance_m(self._last) <= within else None

    def _remember(self, at: Array) -> None:
        if not self._track or np.hypot(*(at - self._track[-1])) >= CRUMB_M:
            self._track.append(at)
            del self._track[: max(0, len(self._track) - int(TRACK_M / CRUMB_M))]

    def _on_line(self, at: Array, pose: Array) -> Waypoint:
        toward = (at - pose[:2]) / max(self.distance_m, 1e-6)
        xy = at - self.p.follow_distance_m * toward
        return Waypoint(float(xy[0]), float(xy[1]), float(np.arctan2(toward[1], toward[0])))

    def _on_track(self, pose: Array, at: Array) -> Waypoint:
        """Point of the object's way that is the distance kept behind it; looking along the way."""
        line = np.vstack([*self._track, at])
        back = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line[::-1], axis=0).T))])
        behind = int(np.searchsorted(back, self.p.follow_distance_m))
        i = max(0, len(line) - 1 - behind)
        xy, ahead = line[i], line[min(i + 1, len(line) - 1)] - line[i]
        yaw = float(np.arctan2(ahead[1], ahead[0])) if np.hypot(*ahead) > 1e-3 else float(pose[2])
        return Waypoint(float(xy[0]), float(xy[1]), yaw)

    def _search(self, pose: Array, sight: Sight, dt_s: float) -> None:
        """Behind something: on to where it was last, and on. In the open it should be seen, so that is waited for."""
        if not self._track or self.lost_s <= BLINK_S:
            return
        if self._spots is None:
            hidden = not sight(pose[:2], self._expected())
            self._spots = [self._last, self._last + STRAIGHT_S * self._velocity] if hidden else []
        while self._spots and np.hypot(*(self._spots[0] - pose[:2])) <= REACHED_M:
            self._spots.pop(0)
        if not self._spots:
            self.point = None
            self.waited_s += dt_s
        elif self.point is None or np.hypot(*(self.point.xy - self._spots[0])) > 1e-6:
            spot = self._spots[0]
            ahead = self._velocity if np.hypot(*self._velocity) > 0.1 else spot - pose[:2]
            self.point = Waypoint(float(spot[0]), float(spot[1]), float(np.arctan2(ahead[1], ahead[0])))

    def _expected(self) -> Array:
        """Where it is if it walks straight on, for a while."""
        return np.asarray(self._last + self._velocity * min(self.lost_s, STRAIGHT_S))
