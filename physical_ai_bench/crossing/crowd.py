"""Who crosses: recorded people, at their own times and speeds, whose walks cross the robot's line about when it comes.

A recording is turned so that its main stream runs across the route, and laid side by side (each time from another
moment on) until the route is covered. Of all who cross the route, those `COUNT` are taken whose crossing is nearest in
time to when a robot that nobody hinders would be there, and a little later.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from physical_ai_core.geometry import Array
from physical_ai_sim import physics as p
from physical_ai_sim.people import EMPTY, STEP_S, Crowd, read_points

COUNT: Final = 20
RECORDINGS: Final = ("zara01", "zara02", "hotel", "students")
FOLDS: Final = {"zara01": "zara1", "zara02": "zara2", "hotel": "hotel", "students": "univ"}  # weights that never saw it
FROM, TO = (4.0, 15.0), (34.0, 15.0)  # the route, in map
SPEED_MPS: Final = 1.2  # of a robot that nobody hinders
LATER_S: Final = 3.0  # the robot is hindered: those who cross a little later meet it, too
EDGE_M: Final = 2.0  # of the route's ends, where nobody crosses
TRIES: Final = 100


class Walk(NamedTuple):
    """`begin_s` since the start of the run, uniform cubic pieces `curve (4, intervals, 2)` of `STEP_S`, in map."""

    number: int
    begin_s: float
    curve: Array
    lateness_s: float  # crossing after the free robot would be there


class Crossers:
    """The people of one run, by slot. To be asked with times that do not go back."""

    def __init__(self, walks: list[Walk]) -> None:
        self.walks = walks
        self.capacity = len(walks)
        longest = max(walk.curve.shape[1] for walk in walks)
        self._curves = np.zeros((len(walks), longest, 4, 2))
        for slot, walk in enumerate(walks):
            self._curves[slot, : walk.curve.shape[1]] = walk.curve.transpose(1, 0, 2)
        self._begin = np.array([walk.begin_s for walk in walks])
        self._pieces = np.array([walk.curve.shape[1] for walk in walks])
        self._seen = np.zeros(len(walks), dtype=bool)
        self.barred = np.zeros(len(walks), dtype=bool)  # would have appeared beside the robot: left out

    def at(self, time_s: float, robot_xy: Array) -> Crowd:
        """Everybody who is there at `time_s`; nobody appears within `SPAWN_DISTANCE_M` of the robot."""
        since = time_s - self._begin
        piece = np.floor(since / STEP_S).astype(int)
        there = (piece >= 0) & (piece < self._pieces) & ~self.barred
        slots = np.flatnonzero(there)
        if not len(slots):
            return EMPTY
        x = (since[slots] - piece[slots] * STEP_S)[:, None]
        c = self._curves[slots, piece[slots]]
        position = ((c[:, 0] * x + c[:, 1]) * x + c[:, 2]) * x + c[:, 3]
        fresh = ~self._seen[slots]
        if fresh.any():
            self._seen[slots] = True
            beside = fresh & (np.hypot(*(position - robot_xy).T) < p.SPAWN_DISTANCE_M)
            self.barred[slots[beside]] = True
            slots, position, c, x = slots[~beside], position[~beside], c[~beside], x[~beside]
        velocity = (3.0 * c[:, 0] * x + 2.0 * c[:, 1]) * x + c[:, 2]
        return Crowd(slots.astype(np.int64), position, velocity)


def recording_of(seed: int) -> str:
    """The recordings take turns."""
    return RECORDINGS[seed % len(RECORDINGS)]


def crossers(seed: int, set_off_s: float, count: int = COUNT) -> Crossers:
    """The people of a run: recording, moments and who crosses, all by the seed. `set_off_s`: when the robot may go."""
    name = recording_of(seed)
    walks, width_m = across(name)
    draw = np.random.default_rng([seed, 23])
    length = TO[0] - FROM[0]
    tiles = max(1, round((length - 2.0 * EDGE_M) / width_m))
    last_s = max(begin + STEP_S * (len(xy) - 1) for begin, xy in walks)
    for _ in range(TRIES):
        found: list[Walk] = []
        for tile in range(tiles):
            centre = FROM[0] + EDGE_M + (tile + 0.5) * (length - 2.0 * EDGE_M) / tiles
            passes_s = set_off_s + (centre - FROM[0]) / SPEED_MPS
            moment_s = float(draw.uniform(5.0, max(6.0, last_s - 15.0)))  # of the recording, when the robot passes
            found += _crossing(walks, moment_s - passes_s, np.array([centre, FROM[1]]), set_off_s, 1000 * tile)
        if len(found) >= count:
            found.sort(key=lambda walk: abs(walk.lateness_s - LATER_S))
            return Crossers(found[:count])
    raise ValueError(f"fewer than {count} people of the recording {name} cross")


def across(name: str) -> tuple[list[tuple[float, Array]], float]:
    """Walks (begin s, (n, 2) points each `STEP_S`) about the middle, stream along y; and the recording's width in x."""
    person, step, xy = read_points(name)
    turned = np.column_stack([-xy[:, 1], xy[:, 0]])  # the yard lays the streams along x
    low, high = np.quantile(turned, [0.02, 0.98], axis=0)
    turned = turned - 0.5 * (low + high)
    walks = []
    for number in np.unique(person):
        rows = np.flatnonzero(person == number)
        rows = rows[np.argsort(step[rows])]
        if len(rows) >= 5:
            even = np.arange(step[rows[0]], step[rows[-1]] + 1)
            walks.append((float(even[0] * STEP_S), CubicSpline(step[rows], turned[rows])(even)))
    return walks, float(high[0] - low[0])


def _crossing(
    walks: list[tuple[float, Array]], start_s: float, middle: Array, set_off_s: float, first_number: int
) -> list[Walk]:
    """Those who cross the route between its ends, with how late."""
    found = []
    for number, (begin_s, points) in enumerate(walks):
        xy = points + middle
        sides: NDArray[np.bool_] = xy[:, 1] > FROM[1]
        flips = np.flatnonzero(sides[1:] != sides[:-1])
        lateness = []
        for k in flips:
            share = (FROM[1] - xy[k, 1]) / (xy[k + 1, 1] - xy[k, 1])
            x = xy[k, 0] + share * (xy[k + 1, 0] - xy[k, 0])
            if FROM[0] + EDGE_M <= x <= TO[0] - EDGE_M:
                crossing_s = begin_s + (k + share) * STEP_S - start_s
                lateness.append(crossing_s - set_off_s - (x - FROM[0]) / SPEED_MPS)
        if lateness:
            late = min(lateness, key=lambda value: abs(value - LATER_S))
            times = np.arange(len(xy)) * STEP_S
            found.append(Walk(first_number + number, begin_s - start_s, CubicSpline(times, xy).c, float(late)))
    return found
