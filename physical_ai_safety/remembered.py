"""What stood there and no sensor can see now: behind the robot, and where a thin thing slips off the edge of a sweep.

A file of its own, because it decides the other way round than all else: what is not looked at is not gone. It is kept
where it was seen last until it is looked at again, is far away, or its time is over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_safety.dead_reckoning import PlanarPose
from physical_ai_safety.looks import View

FULL_CIRCLE_RAD = math.radians(350.0)
BLIND_REACH_M = 1.5  # what passed out of sight is remembered this near
MOST_REMEMBERED = 512  # rows: of each thing its front and its back
THIN_M = 0.015  # apart are the returns that are kept, far below the side margin
SAME_M, SAME_RAD = 0.005, 1e-6  # nearer than this it is remembered already; farther out than this it is another piece
THICK_M = 0.04  # what passes out of sight has a back that was never seen: a post, a leg of a chair


class Sight(NamedTuple):
    """A sweep: when, from where (the robot in the dead-reckoned frame), what it sees, from one ray to the next."""

    stamp_s: float
    pose: PlanarPose
    view: View
    step_rad: float


class OutOfSight:
    """What one sensor has seen and neither it nor another can see now."""

    def __init__(self, memory_s: float) -> None:
        self._memory_s = memory_s
        self.forget()

    def forget(self) -> None:
        self.rows: Array = np.empty((0, 3))  # x, y in the dead-reckoned frame, and when it was met

    def sweep(self, stood: Array, points: Array, sight: Sight, last: View, others: Sequence[View]) -> None:
        """Keep of what stood there (N, 3) what neither a new sweep with its returns (M, 2) nor `others` can see now.

        At the edge of the sweep, where what is left of a thing may lie between the last ray and the next return that
        is kept, only what is met again is in sight. `last`: from where it was seen; a back is added to each.
        """
        stamp_s, pose, view, step_rad = sight
        if 2.0 * view.half_rad >= FULL_CIRCLE_RAD:  # nothing is out of sight
            self.forget()
            return
        known = np.concatenate([self.rows, stood])
        if not len(known):
            return
        away = np.hypot(known[:, 0] - pose.x_m, known[:, 1] - pose.y_m)
        kept = (stamp_s - known[:, 2] < self._memory_s) & (away < BLIND_REACH_M)
        for other in others:
            kept &= _turn(other, known) > other.half_rad
        turn = _turn(view, known)
        kept &= turn > view.half_rad - _edge_rad(view, known, step_rad)
        edge = np.flatnonzero(kept & (turn <= view.half_rad))
        if len(edge):
            kept[edge] = ~_met(known[edge], points, view)
        count = len(self.rows)
        old, new = known[:count][kept[:count]], known[count:][kept[count:]]
        new = new[~_beside(new, old, SAME_M).any(axis=1)]
        self.rows = np.concatenate([old, _backs(new, last), new])[-MOST_REMEMBERED:]  # no back outlasts its front


def _turn(view: View, points: Array) -> Array:
    """Angles (N,) of rows (N, 2 or more) from the middle of a sweep, whichever way."""
    bearing = np.arctan2(points[:, 1] - view.y, points[:, 0] - view.x) - view.middle_rad
    return np.asarray(np.abs((bearing + math.pi) % (2.0 * math.pi) - math.pi))


def _edge_rad(view: View, known: Array, step_rad: float) -> Array:
    """So near to the edge of a sweep its rays may miss what stood there (N,)."""
    away = np.hypot(known[:, 0] - view.x, known[:, 1] - view.y)
    return np.asarray(step_rad + THIN_M / np.maximum(away, THIN_M))


def _met(known: Array, points: Array, view: View) -> NDArray[np.bool_]:
    """Which rows (N, 3) have a return (M, 2) of this sweep beside them, and none nearer to its middle than they are: of
    what slips off the edge slowly, the last ray always meets the next piece, and never the one that has gone."""
    outward = _turn(view, points) >= _turn(view, known)[:, None] - SAME_RAD
    return np.asarray((_beside(known, points, 2.0 * THIN_M) & outward).any(axis=1))


def _beside(one: Array, other: Array, within_m: float) -> NDArray[np.bool_]:
    """Which rows (N, 2 or more) and (M, 2 or more) are so near to each other (N, M)."""
    d2 = (one[:, :1] - other[:, 0]) ** 2 + (one[:, 1:2] - other[:, 1]) ** 2
    return np.asarray(d2 < within_m * within_m)


def _backs(known: Array, view: View) -> Array:
    """The rows (N, 3) once more, as far behind as a thin thing is thick, seen from there."""
    dx, dy = known[:, 0] - view.x, known[:, 1] - view.y
    share = THICK_M / np.maximum(np.hypot(dx, dy), THICK_M)
    return np.column_stack([known[:, 0] + share * dx, known[:, 1] + share * dy, known[:, 2]])
