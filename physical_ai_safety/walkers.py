"""Who walks around the robot, told from consecutive raw scans, and how much of a motion their approach leaves.

Small foreground groups of returns are followed in the dead-reckoned frame; what moves at walking speed counts.
Nothing here knows of perception: a fault there cannot blind the gate.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_safety.footprint import Braking, Hull
from physical_ai_safety.groups import FEWEST_RETURNS, JOIN_RAYS, Group, foreground_groups
from physical_ai_safety.looks import FULL_HALF_RAD, Look, View

GATE_M = 0.6  # a thing moves no farther than this from where it was expected
HITS_TO_BELIEVE = 5
MISSES_TO_FORGET = 6
AMONG_M = 0.1  # beyond its radius: so near to where it is expected lie the returns of who is not told from others
BEFORE_M = 0.1  # so much nearer is what hides some of them
MOST_TRACKS = 48
SKIN_M = 0.10  # added to the radius: arms, and the far side that the LiDAR does not see
RESEEN_AGES_S = (1.0, 0.4, 0.2)  # who walks slowly takes the longest to leave its place
MOST_NEW = 0.4  # of a thing's returns, where nothing was: more, and it has moved
MOST_LEFT = 0.6  # of the returns where it was, that are looked through now: the same
SLOWER = 0.5  # of the slowest speed that counts ends a walk: who comes close shows less of him, and seems to slow down
HIDDEN_S = 4.0  # who walked out of sight is thought to walk on so long
DOUBT_MPS = 0.1  # and how fast that thought grows less sure


class Walkers(NamedTuple):
    """Rows (M,) of what walks: position, velocity over ground, radius; in `base_link` at one instant."""

    x: Array
    y: Array
    vx: Array
    vy: Array
    radius: Array


_EMPTY: Array = np.empty(0)
NOBODY = Walkers(_EMPTY, _EMPTY, _EMPTY, _EMPTY, _EMPTY)


class Track:
    """One thing followed: position (m), velocity (m/s), by a filter whose memory grows to a fixed length."""

    __slots__ = ("counted", "hidden", "hits", "misses", "radius", "stamp_s", "standing", "vx", "vy", "waits", "x", "y")

    def __init__(self, x: float, y: float, radius: float, stamp_s: float) -> None:
        self.x, self.y, self.vx, self.vy = x, y, 0.0, 0.0
        self.radius, self.stamp_s = radius, stamp_s
        self.hits, self.misses = 1, 0
        self.standing = True
        self.counted = False  # among those who walk, when last asked
        self.hidden = False  # walked out of sight
        self.waits: tuple[float, float] | None = None  # there, where it has not come back as soon as expected

    def expected(self, stamp_s: float) -> tuple[float, float]:
        """Where it is thought to be."""
        dt = stamp_s - self.stamp_s
        return self.waits or (self.x + self.vx * dt, self.y + self.vy * dt)

    def missed(self, stamp_s: float, view: View, others: Sequence[Track]) -> None:
        """It was not met by a sweep. Who walked out of sight, or behind another thing that is followed, is believed to
        be there for a while, and to come back later than thought rather than to be gone."""
        self.waits = None
        x, y = self.expected(stamp_s)
        if self.walks() and stamp_s - self.stamp_s < HIDDEN_S:
            if any(other.stamp_s == stamp_s and other.shades(x, y, self.radius, view) for other in others):
                return
            self.hidden = self.hidden or view.hides(x, y)
            if view.hides(x, y):
                return
            if self.hidden:
                self.waits = view.hideout(x, y, GATE_M)
        if self.waits is None:
            self.misses += 1

    def shades(self, x: float, y: float, radius: float, view: View) -> bool:
        """Whether it stands in the line of sight to a thing of that radius."""
        dx, dy, mx, my = x - view.x, y - view.y, self.x - view.x, self.y - view.y
        away = math.hypot(dx, dy)
        return 0.0 < dx * mx + dy * my < away * away and abs(dx * my - dy * mx) < away * (radius + self.radius)

    def walks(self) -> bool:
        return self.hits >= HITS_TO_BELIEVE and not self.standing

    def take(self, x: float, y: float, radius: float, stamp_s: float) -> None:
        dt = stamp_s - self.stamp_s
        k = self.hits
        alpha = max(0.4, 2.0 * (2 * k + 1) / ((k + 1) * (k + 2)))
        beta = max(0.1, 6.0 / ((k + 1) * (k + 2)))
        self.x, self.y = self.expected(stamp_s)
        ex, ey = x - self.x, y - self.y
        self.x += alpha * ex
        self.y += alpha * ey
        self.vx += beta * ex / dt
        self.vy += beta * ey / dt
        self.radius = max(radius, 0.9 * self.radius)
        self.stamp_s, self.misses, self.hits = stamp_s, 0, k + 1
        self.hidden, self.waits = False, None


class WalkerTracker:
    """Follows small foreground groups from scan to scan."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._past: deque[Look] = deque()
        self._stamp_s = -math.inf

    def sweep(
        self, stamp_s: float, ranges_m: Array, hit: NDArray[np.bool_], x: Array, y: Array, view: View
    ) -> None:  # fmt: skip
        """Take one scan: ranges (N,), which rays hit, and the hits' positions in the dead-reckoned frame (N,)."""
        if stamp_s - self._stamp_s > 1.0 or stamp_s <= self._stamp_s:
            self.tracks = []
            self._past.clear()
        self._stamp_s = stamp_s
        self._past.append(Look.of(stamp_s, np.column_stack([x[hit], y[hit]]), view))
        while len(self._past) > 1 and stamp_s - self._past[1].stamp_s >= RESEEN_AGES_S[0]:
            self._past.popleft()
        closed = view.half_rad >= FULL_HALF_RAD
        if closed:  # a full circle: begin where nothing near is cut by the seam
            start = -int(np.argmax(np.where(hit, ranges_m, np.inf)))
            ranges_m, x, y = np.roll(ranges_m, start), np.roll(x, start), np.roll(y, start)
            hit = np.roll(hit, start)
        groups = foreground_groups(ranges_m, hit, x, y, closed)
        self._associate(stamp_s, groups, hit, x, y, view)

    def _associate(
        self, stamp_s: float, groups: list[Group], hit: NDArray[np.bool_], x: Array, y: Array, view: View
    ) -> None:  # fmt: skip
        free, left = set(range(len(groups))), hit.copy()
        if groups and self.tracks:
            at = np.array([[g.x, g.y] for g in groups])
            expected = np.array([t.expected(stamp_s) for t in self.tracks])
            distance = np.hypot(*(expected[:, None, :] - at[None, :, :]).transpose(2, 0, 1))
            taken: set[int] = set()
            rows, columns = np.nonzero(distance < GATE_M)
            for pair in np.argsort(distance[rows, columns], kind="stable"):
                track, group = int(rows[pair]), int(columns[pair])
                if track in taken or group not in free:
                    continue
                taken.add(track)
                free.discard(group)
                left[groups[group].rays] = False
                self._update(self.tracks[track], groups[group], stamp_s, x, y, view)
        for t in self.tracks:
            if t.stamp_s < stamp_s:
                among = among_others(t, stamp_s, left, hit, x, y, view)
                if among is not None:
                    self._update(t, among, stamp_s, x, y, view, among=True)
                else:
                    t.missed(stamp_s, view, self.tracks)
        self.tracks = [t for t in self.tracks if t.misses <= MISSES_TO_FORGET]
        new = [groups[g] for g in sorted(free)]
        fresh = [Track(*one.middle(one.radius, view), one.radius, stamp_s) for one in new]
        self.tracks = (self.tracks + fresh)[:MOST_TRACKS]

    def _update(
        self, track: Track, group: Group, stamp_s: float, x: Array, y: Array, view: View, among: bool = False
    ) -> None:  # fmt: skip
        radius = group.radius if group.free is None else max(group.radius, track.radius)
        track.take(*group.middle(track.radius, view), radius, stamp_s)
        judged = among or (group.free is None and track.hits >= HITS_TO_BELIEVE)
        if judged and track.vx * track.vx + track.vy * track.vy > 0.01:
            track.standing = self._stood_here(track, group, x, y)

    def _stood_here(self, track: Track, group: Group, x: Array, y: Array) -> bool:
        """It neither took room that some tenths of a second ago was seen empty nor left room that is seen empty now:
        a new view of a thing that stood there all the time."""
        rays, present = group.rays[:: max(1, len(group.rays) // 12)], self._past[-1]
        for age_s in RESEEN_AGES_S:
            past = next((p for p in reversed(self._past) if self._stamp_s - p.stamp_s >= age_s - 1e-3), self._past[0])
            if past.fresh(x[rays], y[rays]).mean() >= MOST_NEW:
                return False
            ago_s = self._stamp_s - past.stamp_s
            left = past.around(track.x - track.vx * ago_s, track.y - track.vy * ago_s, track.radius)
            if len(left) >= FEWEST_RETURNS and present.through(left[:, 0], left[:, 1]).mean() >= MOST_LEFT:
                return False
        return True

    def walking(self, stamp_s: float, slowest_mps: float, fastest_mps: float) -> Array:
        """Rows `x y vx vy radius` (M, 5) of believed walkers at `stamp_s`, in the dead-reckoned frame; who is among
        them counts the next time down to a lower speed."""
        rows = []
        for t in self.tracks:
            least_mps = SLOWER * slowest_mps if t.counted else slowest_mps
            t.counted = t.walks() and least_mps <= math.hypot(t.vx, t.vy) <= fastest_mps
            if t.counted:
                doubt_m = SKIN_M + DOUBT_MPS * (stamp_s - t.stamp_s)
                rows.append((*t.expected(stamp_s), t.vx, t.vy, t.radius + doubt_m))
        return np.array(rows).reshape(-1, 5)


def among_others(
    track: Track, stamp_s: float, left: NDArray[np.bool_], hit: NDArray[np.bool_], x: Array, y: Array, view: View
) -> Group | None:  # fmt: skip
    """Who walks so close to another, or to a thing, that they look like one: the returns where it is expected, of those
    that are `left`. If they stood there all the time they tell that nobody walks there. Where what stands before it
    hides one side, the other one tells where it is: the mean of what is left of it would seem to turn aside."""
    if not track.walks():
        return None
    ex, ey = track.expected(stamp_s)
    rays = np.flatnonzero(left & ((x - ex) ** 2 + (y - ey) ** 2 < (track.radius + AMONG_M) ** 2))
    if len(rays) < FEWEST_RETURNS:
        return None
    cx, cy = float(x[rays].mean()), float(y[rays].mean())
    first, last = _covered(rays[0], -1, hit, x, y, view), _covered(rays[-1], 1, hit, x, y, view)
    free = None
    if first != last:
        end = rays[-1] if first else rays[0]
        free = (float(x[end]), float(y[end]))
    return Group(cx, cy, min(track.radius, float(np.hypot(x[rays] - cx, y[rays] - cy).max())), rays, free)


def _covered(ray: int, step: int, hit: NDArray[np.bool_], x: Array, y: Array, view: View) -> bool:
    """Whether what the next rays that way meet stands before what this one meets, and so may hide some of it."""
    away = math.hypot(x[ray] - view.x, y[ray] - view.y)
    for k in range(ray + step, ray + (JOIN_RAYS + 1) * step, step):
        if 0 <= k < len(hit) and hit[k]:
            return math.hypot(x[k] - view.x, y[k] - view.y) < away - BEFORE_M
    return False


class Meeting(NamedTuple):
    """Greatest safe factor on the motion, and of the walker who limits it: distance, speed, time until contact."""

    factor: float
    distance_m: float = math.inf
    speed_mps: float = 0.0
    contact_s: float = math.inf


FACTORS = (0.95, 0.85, 0.7, 0.5, 0.3, 0.15)
STEPS = 12


def meeting(
    hull: Hull, walkers: Walkers, v_mps: float, w_rps: float, braking: Braking, rest_s: float, spread_mps: float
) -> Meeting:
    """Could a walker touch the robot before it has stood for `rest_s`, if it went on and then stopped?

    The robot keeps (v, w) for the reaction time, brakes along its arc, and stands; the walker keeps its velocity
    and its circle grows by `spread_mps`. Tried at once for the whole motion, then for smaller shares of it.
    """
    if not len(walkers.x) or (v_mps == 0.0 and w_rps == 0.0):
        return Meeting(1.0)
    longest_s = braking.reaction_s + braking.duration_s(v_mps, w_rps) + rest_s
    pace = np.hypot(walkers.vx, walkers.vy) + abs(v_mps) + spread_mps
    near = np.hypot(walkers.x, walkers.y) < hull.radius_m + walkers.radius + pace * longest_s
    if not near.any():
        return Meeting(1.0)
    walkers = Walkers(*(part[near] for part in walkers))
    clearance, times = _clearance(hull, walkers, v_mps, w_rps, braking, np.ones(1), rest_s, spread_mps)
    if clearance.min() >= 0.0:
        return Meeting(1.0)
    when, who = divmod(int((clearance[0] < 0.0).argmax()), len(walkers.x))
    tried = np.array(FACTORS)
    slower, _ = _clearance(hull, walkers, v_mps, w_rps, braking, tried, rest_s, spread_mps)
    safe = np.flatnonzero(slower.reshape(len(tried), -1).min(axis=1) >= 0.0)
    factor = float(tried[safe[0]]) if len(safe) else 0.0
    return Meeting(
        factor,
        math.hypot(walkers.x[who], walkers.y[who]),
        math.hypot(walkers.vx[who], walkers.vy[who]),
        float(times[0, when]),
    )


def _clearance(
    hull: Hull, walkers: Walkers, v_mps: float, w_rps: float, braking: Braking, factors: Array, rest_s: float,
    spread_mps: float,
) -> tuple[Array, Array]:  # fmt: skip
    """Distance footprint to walker (L, K, M) at times (L, K) for the motion scaled by each of `factors` (L,)."""
    k = factors[:, None]
    braking_s = k * braking.duration_s(v_mps, w_rps)
    until = braking.reaction_s + braking_s + rest_s
    t = until * np.linspace(0.0, 1.0, STEPS)
    slowed = np.clip(t - braking.reaction_s, 0.0, braking_s)
    way = k * (np.minimum(t, braking.reaction_s) + slowed - 0.5 * slowed * slowed / braking_s)  # seconds of (v, w)
    yaw = w_rps * way
    x = v_mps * way * np.sinc(yaw / math.pi)
    y = v_mps * way * np.sinc(0.5 * yaw / math.pi) * np.sin(0.5 * yaw)
    dx = walkers.x + walkers.vx * t[:, :, None] - x[:, :, None]
    dy = walkers.y + walkers.vy * t[:, :, None] - y[:, :, None]
    c, s = np.cos(yaw)[:, :, None], np.sin(yaw)[:, :, None]
    gap: Array = hull.heights(c * dx + s * dy, c * dy - s * dx).max(axis=0)
    return gap - walkers.radius - spread_mps * t[:, :, None], t
