"""Out of a dead end: where the robot wants to go on and cannot, it backs off along the way it came, and tries anew.

Backwards it sees nothing, so it only goes where its own body has just been and the occupancy knows of nothing, slowly,
a little at a time, and not at all while somebody is near. The safety gate looks at it as at any other motion.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from physical_ai_control.body import Body
from physical_ai_control.people import Forecast
from physical_ai_control.pilot import Drive
from physical_ai_control.surroundings import Surroundings
from physical_ai_core.geometry import Array

SPEED_MPS: Final = 0.2
STEP_M: Final = 0.35  # a try
MOST_M: Final = 1.4  # without having come on since
TIRED_S: Final = 6.0  # a try that takes longer has failed
PAUSE_S: Final = 1.0  # to look anew after a try
TRACK_M, TRACK_POINTS = 0.05, 60  # spacing and number of the places remembered
NEAR_PERSON_M: Final = 2.5
PROGRESS_M: Final = 0.5  # coming on by so much, everything is forgotten
STRAY_M, STRAY_RAD = 0.3, 0.3  # farther from its track, or turned away from it, it does not know the ground behind
SILENT_S: Final = 0.2  # nobody asked for so long: the try is given up
LEAN: Final = 1.5  # 1/s: how it turns back onto its own track


class Recovery:
    """Remembers the robot's own track in `odom`. `drive` gives a reverse trajectory while one is due."""

    def __init__(self, body: Body, stages_s: Array, patience_s: float, margin_m: float) -> None:
        """`patience_s`: standing so long without a reason of its own begins a try; 0: never."""
        self._body, self._stages_s, self._patience_s, self._margin_m = body, stages_s, patience_s, margin_m
        self.clear()

    def clear(self) -> None:
        self._track: deque[Array] = deque(maxlen=TRACK_POINTS)
        self._from: Array | None = None  # where the present try began
        self._began_s = self._ended_s = -np.inf
        self._spent_m = 0.0
        self._farthest_to_go_m = self._asked_s = np.inf

    def notice(self, state: Array, to_go_m: float) -> None:
        """Learn the track (5,) and how far it still is along the route."""
        if self._from is None and (not self._track or np.hypot(*(state[:2] - self._track[-1][:2])) > TRACK_M):
            self._track.append(state[:3].copy())
        if to_go_m < self._farthest_to_go_m - PROGRESS_M or not np.isfinite(self._farthest_to_go_m):
            self._farthest_to_go_m, self._spent_m = to_go_m, 0.0

    def drive(
        self, now_s: float, state: Array, stood_s: float, surroundings: Surroundings, people: Forecast
    ) -> Drive | None:
        """Trajectory (N+1, 5) backwards from `state (5,)`, or None where none is due or none is possible."""
        if self._from is not None and now_s - self._asked_s > SILENT_S:  # something else was done in between
            self._from, self._ended_s = None, now_s
        self._asked_s = now_s
        if self._from is None:
            due = 0.0 < self._patience_s < stood_s and now_s - self._ended_s > PAUSE_S
            if not due or self._spent_m >= MOST_M:
                return None
            self._from, self._began_s = state[:2].copy(), now_s
        gone = float(np.hypot(*(state[:2] - self._from)))
        drive = self._backwards(state, STEP_M - gone) if gone < STEP_M and now_s - self._began_s < TIRED_S else None
        if drive is None or not self._clear(drive, surroundings) or self._someone(state, people):
            self._spent_m += max(gone, 0.1)
            self._from, self._ended_s = None, now_s
            return None
        return drive

    def _backwards(self, state: Array, left_m: float) -> Drive | None:
        """Straight back, turned a little towards the track behind; at rest in the end."""
        while self._track and self._ahead(state, self._track[-1]) > -TRACK_M:
            self._track.pop()
        if not self._track:
            return None
        behind = self._track[-1]
        bearing = np.arctan2(state[1] - behind[1], state[0] - behind[0])
        error = (bearing - state[2] + np.pi) % (2.0 * np.pi) - np.pi
        if np.hypot(*(state[:2] - behind[:2])) > STRAY_M or abs(error) > STRAY_RAD:
            return None
        rate = float(np.clip(LEAN * error, -0.5, 0.5))
        length = min(left_m, SPEED_MPS * float(self._stages_s[-1]))
        way = np.minimum(SPEED_MPS * self._stages_s, length)
        moving = way < length
        yaw = state[2] + rate * np.minimum(self._stages_s, length / SPEED_MPS)
        step = np.diff(way, prepend=0.0)
        states = np.zeros((len(way), 5))
        states[:, 0] = state[0] - np.cumsum(step * np.cos(yaw))
        states[:, 1] = state[1] - np.cumsum(step * np.sin(yaw))
        states[:, 2] = yaw
        states[:, 3], states[:, 4] = -SPEED_MPS * moving, rate * moving
        return Drive(states, np.zeros((len(way) - 1, 2)), np.zeros(2), 0.0, 0, True, "")

    @staticmethod
    def _ahead(state: Array, place: Array) -> float:
        """How far a place lies before the robot, along its heading."""
        return float((place[0] - state[0]) * np.cos(state[2]) + (place[1] - state[1]) * np.sin(state[2]))

    def _clear(self, drive: Drive, surroundings: Surroundings) -> bool:
        """Neither circle of the body comes nearer to anything than it is, unless there is room."""
        states = drive.states
        ahead = np.column_stack([np.cos(states[:, 2]), np.sin(states[:, 2])])
        rear = surroundings.look(states[:, :2] + self._body.rear_m * ahead)[0]
        return bool(rear.min() >= min(self._body.half_radius_m, float(rear[0])) - self._margin_m)

    def _someone(self, state: Array, people: Forecast) -> bool:
        """Somebody who moves is near."""
        return bool(len(people.near(state[:2], NEAR_PERSON_M).ids))
