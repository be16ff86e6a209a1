"""Whether a thing has moved, by the space it left or took: what hops from post to post does neither.

Two sweeps, some tenths of a second apart, are compared along the rays: a thing that moved was where the present sweep
looks through, or is where the earlier one looked through. A track that is handed on between standing things, or whose
middle shifts as another side comes into view, was where something still stands or where nothing could be seen.
Thought of as in C.-C. Wang et al., Simultaneous localization, mapping and moving object tracking, IJRR 2007, 5.2.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_perception.objects.sweep import Sweep

AGES_S: Final = (0.4, 0.8, 1.6)  # sweeps so old are compared with: fast things, and slow ones
EXPLAINED_AGES_S: Final = (0.2, 0.4)
KEPT_S: Final = 1.8
MOST_OPEN: Final = 2  # of the rays towards a place: with so many open, nothing stood there
BEYOND_M: Final = 0.15  # a ray that ends so much farther has passed
ASIDE: Final = (-0.5, 0.0, 0.5)  # of the radius, across the ray: no gap between two posts will do
FRONT: Final = 0.7  # of the radius before the centre: where rays end on a round thing, on average over its width


class Seen(NamedTuple):
    sweep: Sweep
    ids: NDArray[np.uint32]
    centres: Array


class Witness:
    """Remembers the sweeps of the last two seconds, and where the tracks were in them."""

    def __init__(self) -> None:
        self._past: deque[Seen] = deque()

    def forget(self) -> None:
        self._past.clear()

    def remember(self, sweep: Sweep, ids: NDArray[np.uint32], centres: Array) -> None:
        self._past.append(Seen(sweep, ids.copy(), centres.copy()))
        while sweep.stamp_s - self._past[0].sweep.stamp_s > KEPT_S:
            self._past.popleft()

    def moved(self, sweep: Sweep, number: int, centre: Array, radius_m: float) -> bool:
        """Whether track `number`, now at `centre (2,)` in `sweep`, has left or taken open space."""
        for age_s in AGES_S:
            earlier = [seen for seen in self._past if sweep.stamp_s - seen.sweep.stamp_s >= age_s - 1e-3]
            if not earlier:
                return False
            then = earlier[-1]
            if open_at(then.sweep, centre, radius_m):
                return True
            place = np.flatnonzero(then.ids == number)
            if len(place) and open_at(sweep, then.centres[place[0]], radius_m):
                return True
        return False

    def explained(self, sweep: Sweep, number: int, centre: Array, radius_m: float) -> bool:
        """Whether standing things explain track `number`, whatever speed it shows: where it is something stood or
        nothing could be seen before, and where it was something still stands. Rays without an end explain nothing."""
        told = False
        for age_s in EXPLAINED_AGES_S:
            old = (seen for seen in reversed(self._past) if sweep.stamp_s - seen.sweep.stamp_s >= age_s - 1e-3)
            then = next(old, None)
            if then is None:
                break
            told = True
            if _beyond(then.sweep, centre, radius_m, silent=True).sum() >= MOST_OPEN:
                return False
            place = np.flatnonzero(then.ids == number)
            if len(place) and _beyond(sweep, then.centres[place[0]], radius_m, silent=True).sum() >= MOST_OPEN:
                return False
        return told


def open_at(sweep: Sweep, centre: Array, radius_m: float) -> bool:
    """The sweep looks through the near side of a thing's place: every ray towards it ends beyond."""
    return bool(_beyond(sweep, centre, radius_m, silent=False).all())


def _beyond(sweep: Sweep, centre: Array, radius_m: float, silent: bool) -> NDArray[np.bool_]:
    """Which rays (3,) towards the near side of a thing end beyond it; `silent`: what one without a word counts for."""
    away = centre - sweep.origin
    distance = float(np.hypot(*away))
    if distance < radius_m + BEYOND_M:
        return np.full(len(ASIDE), silent)
    across = np.array([-away[1], away[0]]) / distance
    spots = away * (1.0 - FRONT * radius_m / distance) + radius_m * np.outer(ASIDE, across)
    turn = (np.arctan2(spots[:, 1], spots[:, 0]) - sweep.bearing0) % (2.0 * np.pi)
    ray = np.round(turn / sweep.increment).astype(np.intp)
    outside = ray >= len(sweep.ranges)
    ranges = sweep.ranges[np.where(outside, 0, ray)]
    ends_beyond = ranges > np.hypot(spots[:, 0], spots[:, 1]) + BEYOND_M
    if not silent:
        return np.asarray(ends_beyond & ~outside.any())
    return np.asarray((ends_beyond | np.isnan(ranges)) & ~outside)
