"""Recorded pedestrians in `map`: where each is at a time, along a smooth curve through the recorded points.

They avoid neither the robot nor each other more than the real people did. Recordings: ETH (Pellegrini et al. 2009)
and UCY (Lerner et al. 2007); see `data/people/README.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.interpolate import PchipInterpolator

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_sim import physics as p

FOLDER: Final = Path(__file__).parent / "data" / "people"
LIVELY_S: Final = 60.0  # a run starts somewhere in the recording, but this much before its end at least

# Where a recording's own metres lie in the yard's `map`.
PLACEMENT: Final[dict[str, Callable[[Array], Array]]] = {
    "zara01": lambda xy: xy + np.array([14.0, 2.0]),
    "zara02": lambda xy: xy + np.array([14.0, 0.9]),
    "hotel": lambda xy: np.column_stack([-xy[:, 1], xy[:, 0]]) + np.array([18.7, 7.5]),
}


@dataclass(frozen=True)
class Walk:
    """One person's recorded way: `curve(t)` gives (x, y) in `map` for `begin_s <= t <= end_s` of recording time."""

    person: int
    begin_s: float
    end_s: float
    curve: PchipInterpolator
    speed: PchipInterpolator


@dataclass(frozen=True)
class Person:
    id: int
    position_m: Array
    velocity_mps: Array


class People:
    """The people of one run. Time counts from the start of the run; the recording is repeated when it ends."""

    def __init__(self, walks: tuple[Walk, ...], offset_s: float) -> None:
        self._walks = walks
        self._offset_s = offset_s
        self._length_s = max((walk.end_s for walk in walks), default=0.0) + 1.0
        self._present: set[int] = set()
        self._barred: set[int] = set()  # would have appeared beside the robot: left out for this walk
        self.capacity = _most_at_once(walks)

    def at(self, time_s: float, robot_xy: Array) -> list[Person]:
        """Everybody who is there at `time_s`; nobody appears within `SPAWN_DISTANCE_M` of the robot."""
        t = (time_s + self._offset_s) % self._length_s
        found, there = [], set()
        for index, walk in enumerate(self._walks):
            if not walk.begin_s <= t <= walk.end_s:
                continue
            there.add(index)
            if index in self._barred:
                continue
            position = np.asarray(walk.curve(t))
            if index not in self._present and np.hypot(*(position - robot_xy)) < p.SPAWN_DISTANCE_M:
                self._barred.add(index)
                continue
            self._present.add(index)
            found.append(Person(walk.person, position, np.asarray(walk.speed(t))))
        self._present &= there
        self._barred &= there
        return found


def load_people(scene: str, seed: int) -> People:
    """People of a scene: `none`, a recording's name, or `yard` (recording and start chosen by the seed)."""
    if scene == "none":
        return People((), 0.0)
    draw = np.random.default_rng([seed, 7])
    name = sorted(PLACEMENT)[int(draw.integers(len(PLACEMENT)))] if scene == "yard" else scene
    if name not in PLACEMENT:
        raise InputError(f"There is no people scene '{scene}'.", f"Choose none, yard, {', '.join(sorted(PLACEMENT))}.")
    walks = _read(FOLDER / f"{name}.npz", PLACEMENT[name])
    last = max(walk.end_s for walk in walks)
    return People(walks, float(draw.uniform(0.0, max(0.0, last - LIVELY_S))))


def _read(path: Path, place: Callable[[Array], Array]) -> tuple[Walk, ...]:
    with np.load(path) as data:
        person, stamp_s = data["person"], data["stamp_s"].astype(float)
        xy = place(data["xy_m"].astype(float))
    walks = []
    for number in np.unique(person):
        rows = np.flatnonzero(person == number)
        rows = rows[np.argsort(stamp_s[rows])]
        if len(rows) < 3:
            continue
        curve = PchipInterpolator(stamp_s[rows], xy[rows])
        walks.append(Walk(int(number), stamp_s[rows[0]], stamp_s[rows[-1]], curve, curve.derivative()))
    return tuple(walks)


def _most_at_once(walks: tuple[Walk, ...]) -> int:
    """Largest number of walks that overlap in time."""
    edges = sorted([(w.begin_s, 1) for w in walks] + [(w.end_s + 1e-6, -1) for w in walks])
    count = most = 0
    for _, step in edges:
        count += step
        most = max(most, count)
    return most
