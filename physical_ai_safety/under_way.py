"""Commands under way: what was sent and is not obeyed yet still moves the base, and so belongs into the way ahead.

The arc that `first_contact` judges begins where the robot is now, with the new command. A base that acts `actuator_s`
late goes on with the old ones first, and then brakes speed and turn each in its own time: where it turns that is
another way than either arc, and straight on a longer one while it is told ever less. Here it is driven as it will be,
step by step, to the stop that could be sent next.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_safety.footprint import INSIDE_M, STILL, Braking, Hull, Near
from physical_ai_safety.motion import REST, Motion

STEP_S, BRAKING_STEP_S, LEAST_STEP_S = 0.04, 0.08, 1e-3
BRAKING_STEPS = 100  # to rest at most, however slowly it brakes: down a slope that can take long
MOST_POSES = 1000  # no way takes so many; what decides over motion has no loop without an end
NEXT_S = 0.04  # after the new command the next one can be a stop
KEPT = 0.5  # share of the side margin, or of what is left of it, that a stop which follows must keep
SOONER = 2.0  # times: so much better than stated may the base brake a turn, and drive on straighter than expected
SHARES = (1.0, 0.7, 0.4, 0.2)  # of the motion, tried in turn


class Sent(NamedTuple):
    stamp_s: float
    v_mps: float
    w_rps: float


def remember(sent: tuple[Sent, ...], stamp_s: float, v_mps: float, w_rps: float, keep_s: float) -> tuple[Sent, ...]:
    """With the newest, without what the base has obeyed for long; the oldest kept is the one it obeys now."""
    if sent and stamp_s < sent[-1].stamp_s:  # the clock went back
        sent = ()
    if len(sent) > 1 and sent[-1][1:] == (v_mps, w_rps) == sent[-2][1:]:
        return sent
    first = 0
    while first + 1 < len(sent) and sent[first + 1].stamp_s <= stamp_s - keep_s:
        first += 1
    return (*sent[first:], Sent(stamp_s, v_mps, w_rps))


class Base(NamedTuple):
    """The base as it is reckoned with: it obeys `late_s` after the word, slows down by `braking` at least, speeds up by
    `push` or more, and does (v, w) at the moment that the points belong to, `age_s` ago."""

    v_mps: float
    w_rps: float
    late_s: float
    age_s: float
    braking: Braking
    push_mps2: float
    push_rps2: float


class Followed(NamedTuple):
    """`share` of a motion that a stop can follow; how near the nearest return would come to the whole of it."""

    share: float
    left_m: float


ALL = Followed(1.0, math.inf)


class Led:
    """Where a base is led that does what was sent, then a motion, then stops: driven out for each share of the motion
    when it is asked for.

    `sent` reaches back twice as far as what is under way: while the robot turns, what it is told is judged in another
    direction than the one in which it will be done. All poses (x, y, yaw) are seen from where the robot is.
    """

    def __init__(
        self, motion: Motion, base: Base, sent: tuple[Sent, ...], now_s: float, radius_m: float
    ) -> None:  # fmt: skip
        self.motion, self.base, self.sent, self.now_s, self.radius_m = motion, base, sent, now_s, radius_m
        self._ways: dict[float, tuple[list[tuple[float, float, float]], float]] = {}

    @cached_property
    def _greatest(self) -> tuple[float, float]:
        """Speed and turn rate, of all that the base does, was told and is to be told."""
        told = (*self.sent, (0.0, *self.motion), (0.0, self.base.v_mps, self.base.w_rps))
        return max(abs(v) for _, v, _ in told), max(abs(w) for _, _, w in told)

    @property
    def reach_m(self) -> float:
        """From the robot's origin: nothing farther is met before it rests."""
        base, (swiftest, turning) = self.base, self._greatest
        until_s = base.age_s + base.late_s + NEXT_S + 0.5 * base.braking.duration_s(swiftest, turning)
        return self.radius_m + (swiftest + turning * self.radius_m) * until_s

    def way(self, share: float) -> tuple[list[tuple[float, float, float]], float]:
        """All poses on the ways that it may take to rest, and the longest way of any part of the robot."""
        if share not in self._ways:
            self._ways[share] = self._drive(self.motion.scaled(share))
        return self._ways[share]

    def _drive(self, motion: Motion) -> tuple[list[tuple[float, float, float]], float]:
        base, rest = self.base, (self.sent, self.now_s, self.radius_m)
        poses, way_m, behind = _driven(motion, base, *rest, math.inf)
        if behind:  # between a base that speeds up at once and one that does as declared lies this one
            poses += _driven(motion, base, *rest, 1.0)[0]
        straighter = base._replace(braking=base.braking._replace(yaw_rps2=SOONER * base.braking.yaw_rps2))
        other, other_m, _ = _driven(motion, straighter, *rest, math.inf)
        return poses + other, max(way_m, other_m)


def share_that_rests(hull: Hull, near: Near, led: Led) -> Followed:
    """How much of a motion, of `SHARES` or nothing, leaves room for a stop that keeps its distance."""
    if not len(near.inside_x) and not (len(near.r) and near.r[0] < led.reach_m):
        return ALL
    left_m = math.inf
    for share in SHARES:
        spare_m, nearest_m = _spare(hull, near, *led.way(share))
        left_m = nearest_m if share == 1.0 else left_m
        if spare_m >= -INSIDE_M:
            return Followed(share, left_m)
    return Followed(0.0, left_m)


def _spare(hull: Hull, near: Near, poses: list[tuple[float, float, float]], way_m: float) -> tuple[float, float]:
    """Room left beyond what each return must keep, and the least distance of any, on all these poses.

    Infinite where no return lies in the box around them: out of it nothing can be nearer than it must keep.
    """
    count = int(near.r.searchsorted(hull.radius_m + way_m, side="right"))
    if not poses or not (count or len(near.inside_x)):
        return math.inf, math.inf
    x, y = np.concatenate([near.inside_x, near.x[:count]]), np.concatenate([near.inside_y, near.y[:count]])
    at, reach_m = np.array(poses), hull.radius_m + hull.margin_m
    low, high = at.min(axis=0) - reach_m, at.max(axis=0) + reach_m
    met = np.flatnonzero((x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]))
    if not len(met):
        return math.inf, math.inf
    x, y, bare = x[met], y[met], hull.bare
    away = bare.heights(x, y).max(axis=0)
    least = np.minimum(KEPT * hull.margin_m, np.where(away > 0.0, KEPT * away, away))
    left = _heights(bare, at, x, y)
    return float((left - least).min()), float(left.min())


def _heights(hull: Hull, poses: Array, x: Array, y: Array) -> Array:
    """Least distance (N,) of points to the outline over all poses (K, 3), each as `Hull.heights` has it."""
    c, s = np.cos(poses[:, 2])[:, None], np.sin(poses[:, 2])[:, None]
    nx = c * hull.normals[:, 0] - s * hull.normals[:, 1]
    ny = s * hull.normals[:, 0] + c * hull.normals[:, 1]
    offsets = hull.offsets + nx * poses[:, :1] + ny * poses[:, 1:2]
    heights = np.stack([nx.ravel(), ny.ravel()], axis=1) @ np.stack([x, y])
    heights -= offsets.ravel()[:, None]
    found: Array = heights.reshape(*nx.shape, len(x)).max(axis=1).min(axis=0)
    return found


def _driven(
    motion: Motion, base: Base, sent: tuple[Sent, ...], now_s: float, radius_m: float, better: float
) -> tuple[list[tuple[float, float, float]], float, bool]:  # fmt: skip
    """Poses from here to rest, the longest way of any part of the robot, and whether speeding up took more than `push`.

    `better`: how many times better than `push` it speeds up.
    """
    braking, begins_s = base.braking, now_s + base.late_s
    at_s = now_s - base.age_s
    v, w = base.v_mps, base.w_rps
    x = y = yaw = way_m = 0.0
    poses: list[tuple[float, float, float]] = []
    index, behind, braking_step_s = 0, False, 0.0
    ends_s = begins_s + NEXT_S
    while len(poses) < MOST_POSES:
        step_s = STEP_S
        if at_s >= ends_s - 1e-9:
            if v == 0.0 and w == 0.0:
                break
            braking_step_s = braking_step_s or max(BRAKING_STEP_S, braking.duration_s(v, w) / BRAKING_STEPS)
            told, step_s = REST, braking_step_s
        elif at_s >= begins_s - 1e-9:
            told, step_s = motion, min(step_s, ends_s - at_s)
        else:
            while index + 1 < len(sent) and sent[index + 1].stamp_s + base.late_s <= at_s + 1e-9:
                index += 1
            told = Motion(sent[index].v_mps, sent[index].w_rps) if sent else REST
            changes_s = sent[index + 1].stamp_s + base.late_s if index + 1 < len(sent) else begins_s
            step_s = min(step_s, max(changes_s - at_s, LEAST_STEP_S), max(begins_s - at_s, LEAST_STEP_S))
        for speed, wanted, slower in ((v, told.v_mps, braking.linear_mps2), (w, told.w_rps, braking.yaw_rps2)):
            if speed * wanted < 0.0:  # up to rest, and from there on anew
                step_s = min(step_s, max(abs(speed) / slower, LEAST_STEP_S))
        before_v, before_w = v, w
        v = _towards(v, told.v_mps, braking.linear_mps2 * step_s, better * base.push_mps2 * step_s)
        w = _towards(w, told.w_rps, braking.yaw_rps2 * step_s, better * base.push_rps2 * step_s)
        behind = behind or (
            abs(v) - abs(before_v) > base.push_mps2 * step_s + STILL
            or abs(w) - abs(before_w) > base.push_rps2 * step_s + STILL
        )
        ahead = (v if abs(v) > abs(before_v) else 0.5 * (v + before_v)) * step_s
        turn = (w if abs(w) > abs(before_w) else 0.5 * (w + before_w)) * step_s
        heading = yaw + 0.5 * turn
        x, y, yaw = x + ahead * math.cos(heading), y + ahead * math.sin(heading), yaw + turn
        way_m += abs(ahead) + abs(turn) * radius_m
        at_s += step_s
        poses.append((x, y, yaw))
    return poses, way_m, behind


def _towards(value: float, target: float, slower: float, faster: float) -> float:
    """Slows down by `slower` at most, to rest first, and speeds up by `faster`."""
    slows = (target - value) * value < 0.0
    change = min(slower if slows else faster, abs(target - value))
    after = value + math.copysign(change, target - value)
    return 0.0 if after * value < 0.0 else after
