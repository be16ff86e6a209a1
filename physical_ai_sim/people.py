"""Recorded pedestrians in `map`: where each is at a time, along a smooth curve through the recorded points.

They avoid neither the robot nor each other more than the real people did. Recordings: ETH (Pellegrini et al. 2009)
and UCY (Lerner et al. 2007); see `data/people/README.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_sim import physics as p

FOLDER: Final = Path(__file__).parent / "data" / "people"
STEP_S: Final = 0.4  # between the recorded points of a person, in all recordings
NOBODY: Final = -1

# Where a recording's own metres lie in the yard's `map`: a turn and a shift, no scale, so that speeds stay true.
PLACEMENT: Final[dict[str, Callable[[Array], Array]]] = {
    "zara01": lambda xy: xy + np.array([14.0, 2.0]),
    "zara02": lambda xy: xy + np.array([14.0, 0.9]),
    "hotel": lambda xy: np.column_stack([-xy[:, 1], xy[:, 0]]) + np.array([18.7, 7.5]),
    "students": lambda xy: xy + np.array([14.1, 2.0]),
}
YARD: Final = ("hotel", "zara01", "zara02")  # what scene `yard` draws from; the dense `students` is asked for by name


@dataclass(frozen=True)
class Crowd:
    """Everybody who is there: `ids` (N,), `position_m` and `velocity_mps` (N, 2) in `map`."""

    ids: NDArray[np.int64]
    position_m: Array
    velocity_mps: Array

    def __len__(self) -> int:
        return len(self.ids)


class Walkers(Protocol):
    """Whoever walks in a run: `capacity` people at most, asked with times that do not go back."""

    capacity: int

    def at(self, time_s: float, robot_xy: Array) -> Crowd: ...


EMPTY: Final = Crowd(np.empty(0, dtype=np.int64), np.empty((0, 2)), np.empty((0, 2)))


@dataclass(frozen=True)
class Recording:
    """A recording as cubic curves over intervals of `STEP_S`, people packed into slots that are reused.

    `ids` (intervals, slots): who walks in the slot, or NOBODY. `curves` (intervals, slots, 4, 2): coefficients of
    (x, y) in powers 3 … 0 of the time since the interval began.
    """

    ids: NDArray[np.int64]
    curves: Array

    @property
    def length_s(self) -> float:
        return len(self.ids) * STEP_S

    def crowd_size(self) -> NDArray[np.int64]:
        """People in each interval."""
        return np.asarray((self.ids != NOBODY).sum(axis=1))


class People:
    """The people of one run. Time counts from the start of the run; the recording is repeated when it ends."""

    def __init__(self, recording: Recording | None, start_s: float = 0.0, at_once: int = 0) -> None:
        """`at_once`: most people at a time, 0 for as recorded."""
        self._start_s = start_s
        self.capacity = 0
        if recording is None:
            return
        slots = recording.ids.shape[1] if at_once == 0 else min(at_once, recording.ids.shape[1])
        self.capacity = slots
        self._recording = Recording(recording.ids[:, :slots], recording.curves[:, :slots])
        self._seen = np.full(slots, NOBODY, dtype=np.int64)
        self._barred = np.zeros(slots, dtype=bool)  # would have appeared beside the robot: left out for this walk

    def at(self, time_s: float, robot_xy: Array) -> Crowd:
        """Everybody who is there at `time_s`; nobody appears within `SPAWN_DISTANCE_M` of the robot.

        To be called with times that do not go back.
        """
        if not self.capacity:
            return EMPTY
        recording = self._recording
        interval, since_s = divmod((time_s + self._start_s) % recording.length_s, STEP_S)
        row = min(int(interval), len(recording.ids) - 1)
        ids, c = recording.ids[row], recording.curves[row]
        position = ((c[:, 0] * since_s + c[:, 1]) * since_s + c[:, 2]) * since_s + c[:, 3]
        fresh = ids != self._seen
        if fresh.any():
            beside = np.hypot(*(position - robot_xy).T) < p.SPAWN_DISTANCE_M
            self._barred = np.where(fresh, beside, self._barred)
            self._seen = ids
        there = (ids != NOBODY) & ~self._barred
        velocity = (3.0 * c[there, 0] * since_s + 2.0 * c[there, 1]) * since_s + c[there, 2]
        return Crowd(ids[there], position[there], velocity)


def load_people(scene: str, seed: int, start_s: float = -1.0, at_once: int = 0) -> People:
    """People of a scene: `none`, a recording's name, or `yard` (recording chosen by the seed).

    `start_s`: where in the recording the run begins; negative: a lively moment chosen by the seed. Raises InputError.
    """
    if scene == "none":
        return People(None)
    draw = np.random.default_rng([seed, 7])
    name = YARD[int(draw.integers(len(YARD)))] if scene == "yard" else scene
    if name not in PLACEMENT:
        raise InputError(f"There is no people scene '{scene}'.", f"Choose none, yard, {', '.join(sorted(PLACEMENT))}.")
    recording = read_recording(name)
    if start_s < 0.0:
        start_s = float(draw.choice(lively_moments(recording)))
    return People(recording, start_s, at_once)


def lively_moments(recording: Recording) -> Array:
    """Times from which on `LIVELY_PEOPLE` are about, on average over `LIVELY_S`; all times of a denser recording."""
    window = round(p.LIVELY_S / STEP_S)
    cycle = np.concatenate([recording.crowd_size(), recording.crowd_size()[:window]])
    mean = np.convolve(cycle, np.full(window, 1.0 / window), mode="valid")[: len(recording.ids)]
    fewest, most = p.LIVELY_PEOPLE
    lively = np.flatnonzero((mean >= fewest) & (mean <= most))
    return np.asarray((lively if len(lively) else np.arange(len(mean))) * STEP_S)


def read_points(name: str) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Recorded points of a scene: person (M,), step (M,) of `STEP_S`, and (x, y) (M, 2) in the yard's `map`."""
    with np.load(FOLDER / f"{name}.npz") as data:
        steps = np.rint(data["stamp_s"].astype(float) / STEP_S).astype(np.int64)
        return data["person"].astype(np.int64), steps, PLACEMENT[name](data["xy_m"].astype(float))


def read_recording(name: str) -> Recording:
    """The curves of a scene. Cubic splines: the speed of a person has no jump."""
    person, step, xy = read_points(name)
    walks = []
    for number in np.unique(person):
        rows = np.flatnonzero(person == number)
        rows = rows[np.argsort(step[rows])]
        if len(rows) >= 3:
            walks.append((int(number), int(step[rows[0]]), CubicSpline(step[rows] * STEP_S, xy[rows]).c))
    walks.sort(key=lambda walk: (walk[1], walk[0]))
    free_from: list[int] = []  # slot -> first interval in which it is free
    placed = []
    for number, begin, curve in walks:
        slot = next((s for s, free in enumerate(free_from) if free <= begin), len(free_from))
        if slot == len(free_from):
            free_from.append(0)
        free_from[slot] = begin + curve.shape[1]
        placed.append((number, begin, slot, curve))
    ids = np.full((max(free_from), len(free_from)), NOBODY, dtype=np.int64)
    curves = np.zeros((*ids.shape, 4, 2))
    for number, begin, slot, curve in placed:
        span = slice(begin, begin + curve.shape[1])
        ids[span, slot] = number
        curves[span, slot] = curve.transpose(1, 0, 2)
    return Recording(ids, curves)
