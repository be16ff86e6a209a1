"""Who walks around the robot, told from consecutive raw scans, and how much of a motion their approach leaves.

Small foreground groups of returns are followed in the dead-reckoned frame; what moves at walking speed counts.
Nothing here knows of perception: a fault there cannot blind the gate.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_safety.footprint import Braking, Hull
from physical_ai_safety.looks import FULL_HALF_RAD, Look, View

REACH_M = 9.0  # 1.6 m/s of a walker and 2 m/s of the robot over the longest stop, and some
JOIN_M = 0.25  # returns nearer than this along the sweep are one thing
WIDEST_M = 0.9  # wider things are walls and furniture
FOREGROUND_M = 0.25  # neighbours along the sweep are so much farther, else the thing is cut off by another
GATE_M = 0.6  # a thing moves no farther than this from where it was expected
HITS_TO_BELIEVE = 5
MISSES_TO_FORGET = 6
MOST_TRACKS = 48
SKIN_M = 0.10  # added to the radius: arms, and the far side that the LiDAR does not see
RESEEN_AGES_S = (1.0, 0.4, 0.2)  # who walks slowly takes the longest to leave its place
MOST_NEW = 0.4  # of a thing's returns, where nothing was: more, and it has moved
MOST_LEFT = 0.6  # of the returns where it was, that are looked through now: the same
FEWEST_RETURNS = 3
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

    __slots__ = ("hits", "misses", "radius", "stamp_s", "standing", "vx", "vy", "x", "y")

    def __init__(self, x: float, y: float, radius: float, stamp_s: float) -> None:
        self.x, self.y, self.vx, self.vy = x, y, 0.0, 0.0
        self.radius, self.stamp_s = radius, stamp_s
        self.hits, self.misses = 1, 0
        self.standing = True

    def walks(self) -> bool:
        return self.hits >= HITS_TO_BELIEVE and not self.standing

    def take(self, x: float, y: float, radius: float, stamp_s: float) -> None:
        dt = stamp_s - self.stamp_s
        k = self.hits
        alpha = max(0.4, 2.0 * (2 * k + 1) / ((k + 1) * (k + 2)))
        beta = max(0.1, 6.0 / ((k + 1) * (k + 2)))
        self.x += self.vx * dt
        self.y += self.vy * dt
        ex, ey = x - self.x, y - self.y
        self.x += alpha * ex
        self.y += alpha * ey
        self.vx += beta * ex / dt
        self.vy += beta * ey / dt
        self.radius = max(radius, 0.9 * self.radius)
        self.stamp_s, self.misses, self.hits = stamp_s, 0, k + 1


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
        self._associate(stamp_s, groups, x, y, view)

    def _associate(self, stamp_s: float, groups: list[Group], x: Array, y: Array, view: View) -> None:
        free = set(range(len(groups)))
        if groups and self.tracks:
            at = np.array([[g.x, g.y] for g in groups])
            expected = np.array(
                [[t.x + t.vx * (stamp_s - t.stamp_s), t.y + t.vy * (stamp_s - t.stamp_s)] for t in self.tracks]
            )
            distance = np.hypot(*(expected[:, None, :] - at[None, :, :]).transpose(2, 0, 1))
            taken: set[int] = set()
            rows, columns = np.nonzero(distance < GATE_M)
            for pair in np.argsort(distance[rows, columns], kind="stable"):
                track, group = int(rows[pair]), int(columns[pair])
                if track in taken or group not in free:
                    continue
                taken.add(track)
                free.discard(group)
                self._update(self.tracks[track], groups[group], stamp_s, x, y)
        for t in self.tracks:
            age = stamp_s - t.stamp_s
            if age > 0.0 and not (t.walks() and age < HIDDEN_S and view.hides(t.x + t.vx * age, t.y + t.vy * age)):
                t.misses += 1
        self.tracks = [t for t in self.tracks if t.misses <= MISSES_TO_FORGET]
        fresh = [Track(groups[g].x, groups[g].y, groups[g].radius, stamp_s) for g in sorted(free)]
        self.tracks = (self.tracks + fresh)[:MOST_TRACKS]

    def _update(self, track: Track, group: Group, stamp_s: float, x: Array, y: Array) -> None:
        track.take(group.x, group.y, group.radius, stamp_s)
        if track.hits >= HITS_TO_BELIEVE and track.vx * track.vx + track.vy * track.vy > 0.01:
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
        """Rows `x y vx vy radius` (M, 5) of believed walkers at `stamp_s`, in the dead-reckoned frame."""
        rows = []
        for t in self.tracks:
            speed = math.hypot(t.vx, t.vy)
            if t.walks() and slowest_mps <= speed <= fastest_mps:
                dt = stamp_s - t.stamp_s
                rows.append((t.x + t.vx * dt, t.y + t.vy * dt, t.vx, t.vy, t.radius + SKIN_M + DOUBT_MPS * dt))
        return np.array(rows).reshape(-1, 5)


class Group(NamedTuple):
    x: float
    y: float
    radius: float
    rays: NDArray[np.intp]


def foreground_groups(ranges_m: Array, hit: NDArray[np.bool_], x: Array, y: Array, closed: bool = False) -> list[Group]:
    """Runs of neighbouring returns, small, and nearer than what lies on either side of them.

    `closed`: a full circle that begins at no thing, so that its last ray has the first for its neighbour.
    """
    rays = np.flatnonzero(hit & (ranges_m < REACH_M))
    if not len(rays):
        return []
    gap = np.hypot(np.diff(x[rays]), np.diff(y[rays])) > JOIN_M
    cuts = np.flatnonzero(gap | (np.diff(rays) > 3)) + 1
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(rays)]])
    first, last = rays[starts], rays[ends - 1]
    chord = np.hypot(x[first] - x[last], y[first] - y[last])
    beyond = np.where(hit, ranges_m, np.inf)
    before, after = beyond[first - 1], beyond[(last + 1) % len(hit)]
    whole = closed | ((first > 0) & (last < len(hit) - 1))  # what the edge of the sweep cuts has its middle elsewhere
    good = (
        whole
        & (ends - starts >= FEWEST_RETURNS)
        & (chord < WIDEST_M)
        & (before > ranges_m[first] + FOREGROUND_M)
        & (after > ranges_m[last] + FOREGROUND_M)
    )
    groups = []
    for i in np.flatnonzero(good):
        mine = rays[starts[i] : ends[i]]
        cx, cy = float(x[mine].mean()), float(y[mine].mean())
        groups.append(Group(cx, cy, float(np.hypot(x[mine] - cx, y[mine] - cy).max()), mine))
    return groups


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
