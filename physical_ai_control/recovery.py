"""Out of a dead end: where the robot wants to go on and cannot, it turns and shunts its way back onto the route.

The moves come from a search with the true outline (`manoeuvre.py`); each is driven slowly, looked at anew every time,
and not at all while somebody is near. It only goes where the occupancy has seen that nothing stands, but backwards it
sees nothing that comes. The safety gate looks at it as at any other motion.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from physical_ai_control import manoeuvre
from physical_ai_control.body import Body
from physical_ai_control.manoeuvre import Move
from physical_ai_control.people import Forecast
from physical_ai_control.pilot import Drive
from physical_ai_control.route import Route
from physical_ai_control.surroundings import Surroundings
from physical_ai_core.geometry import Array, invert, rotation, transform_points, wrap

TURN_RPS, FORWARD_MPS, BACK_MPS = 1.6, 0.6, 0.2
LEAN, MOST_LEAN_RPS = 2.0, 0.5  # 1/s: how it turns to where a straight stretch ends
SLOWING_RPS2, SLOWING_MPS2 = 1.5, 0.5  # how speed falls towards the end of a move
LEAST_RPS, LEAST_MPS = 0.2, 0.06
THERE_RAD, THERE_M, LAST_M = 0.08, 0.03, 0.15  # a last stretch forward needs no end: the MPC goes on from it
STRAY_M: Final = 0.12  # beside its stretch by more, the moves do not fit any more
TIRED_S, SLOWNESS = 2.0, 2.0  # a move may take so long, and so many times as long as it should
MOST_TRIES: Final = 6  # within ANEW_M
ANEW_M: Final = 1.0
PAUSE_S: Final = 0.5  # to look anew after a try
NEAR_PERSON_M: Final = 2.5
SILENT_S: Final = 0.2  # nobody asked for so long: the try is given up
FROM_M, TO_M, EVERY_M = 0.2, 1.5, 0.1  # of the route ahead, where a try may end
TOUCH_M: Final = 0.03  # the outline comes no nearer to the middle of an occupied cell than this, or than it is


class Recovery:
    """Holds the moves of the present try. `drive` gives a trajectory while one is due."""

    def __init__(self, body: Body, stages_s: Array, patience_s: float, margin_m: float) -> None:
        """`patience_s`: standing so long without a reason of its own begins a try; 0: never."""
        self._body, self._stages_s, self._patience_s = body, stages_s, patience_s
        self._circles_m = (body.front_m, body.rear_m, body.half_radius_m + 0.5 * margin_m)
        self._outline = _outline(body.half_m)
        self.clear()

    def clear(self) -> None:
        self._moves: list[Move] = []
        self._due_s = self._ended_s = -np.inf
        self._places: list[Array] = []  # where the last tries began
        self._asked_s = np.inf

    def drive(
        self, now_s: float, state: Array, stood_s: float, ahead: Array, surroundings: Surroundings, people: Forecast
    ) -> Drive | None:
        """Trajectory (N+1, 5) of the present move from `state (5,)`, or None where none is due or none is possible.

        `ahead (K, 3)`: poses of the route ahead, in odom.
        """
        if self._moves and now_s - self._asked_s > SILENT_S:  # something else was done in between
            self._end(now_s)
        self._asked_s = now_s
        if not self._moves and not self._begin(now_s, state, stood_s, ahead, surroundings):
            return None
        while self._moves and self._left(state) <= self._near():
            self._next(now_s, state)
        if not self._moves:
            self._ended_s = now_s
            return None
        drive, lost = self._drive(state), now_s > self._due_s or not np.isfinite(self._left(state))
        if lost or not self._clear(drive, surroundings) or self._someone(state, people):
            self._end(now_s)
            return None
        return drive

    def _begin(self, now_s: float, state: Array, stood_s: float, ahead: Array, surroundings: Surroundings) -> bool:
        due = 0.0 < self._patience_s < stood_s and now_s - self._ended_s > PAUSE_S
        if not due or not len(ahead):
            return False
        self._places = [place for place in self._places if np.hypot(*(place - state[:2])) < ANEW_M]
        if len(self._places) >= MOST_TRIES:
            return False
        self._places.append(state[:2].copy())
        self._moves = manoeuvre.search(state[:3], ahead, self._body.half_m, self._circles_m, surroundings)
        self._ended_s = now_s
        if self._moves:
            self._due_s = now_s + self._time(state)
        return bool(self._moves)

    def _end(self, now_s: float) -> None:
        self._moves, self._ended_s = [], now_s

    def _next(self, now_s: float, state: Array) -> None:
        del self._moves[0]
        if self._moves:
            self._due_s = now_s + self._time(state)

    def _near(self) -> float:
        """So little left of the present move is the end of it."""
        along = self._moves[0].along
        return LAST_M if along > 0 and len(self._moves) == 1 else THERE_M if along else THERE_RAD

    def _time(self, state: Array) -> float:
        """The most that the present move may take."""
        move = self._moves[0]
        speed = TURN_RPS if not move.along else FORWARD_MPS if move.along > 0 else BACK_MPS
        return TIRED_S + SLOWNESS * self._left(state) / speed

    def _left(self, state: Array) -> float:
        """What is left of the present move: radians, or metres along it; infinite where it is too far beside it."""
        move = self._moves[0]
        if not move.along:
            return abs(float(wrap(move.pose[2] - state[2])))
        to_go = rotation(float(move.pose[2])).T @ (move.pose[:2] - state[:2])
        return float(move.along * to_go[0]) if abs(to_go[1]) < STRAY_M else np.inf

    def _drive(self, state: Array) -> Drive:
        """The present move, simulated as it will be driven; at rest in the end."""
        move, dt = self._moves[0], float(self._stages_s[1] - self._stages_s[0])
        states = np.zeros((len(self._stages_s), 5))
        at = state[:3].copy()
        for k in range(len(states)):
            v, w = self._speeds(move, at) if k < len(states) - 1 else (0.0, 0.0)
            states[k] = *at, v, w
            yaw = at[2] + 0.5 * w * dt
            at += dt * np.array([v * np.cos(yaw), v * np.sin(yaw), w])
        return Drive(states, np.zeros((len(states) - 1, 2)), np.zeros(2), 0.0, 0, True, "")

    @staticmethod
    def _speeds(move: Move, at: Array) -> tuple[float, float]:
        if not move.along:
            error = float(wrap(move.pose[2] - at[2]))
            if abs(error) < 0.3 * THERE_RAD:
                return 0.0, 0.0
            return 0.0, float(np.sign(error) * np.clip(np.sqrt(2.0 * SLOWING_RPS2 * abs(error)), LEAST_RPS, TURN_RPS))
        to_go = rotation(float(move.pose[2])).T @ (move.pose[:2] - at[:2])
        left = move.along * to_go[0]
        if left < 0.3 * THERE_M:
            return 0.0, 0.0
        most = FORWARD_MPS if move.along > 0 else BACK_MPS
        aim = move.pose[2] + move.along * np.arctan2(to_go[1], max(left, 0.3))
        lean = float(np.clip(LEAN * wrap(aim - at[2]), -MOST_LEAN_RPS, MOST_LEAN_RPS))
        return float(move.along * np.clip(np.sqrt(2.0 * SLOWING_MPS2 * left), LEAST_MPS, most)), lean

    def _clear(self, drive: Drive, surroundings: Surroundings) -> bool:
        """The outline comes no nearer to anything within a second than it is, unless there is room."""
        states = drive.states[: int(np.searchsorted(self._stages_s, 1.0)) + 1]
        turned = np.stack([self._outline @ rotation(float(yaw)).T for yaw in states[:, 2]])
        away = surroundings.look(turned + states[:, None, :2])[0].min(axis=1)
        return bool(away.min() >= min(TOUCH_M, float(away[0]) - 0.01))

    def _someone(self, state: Array, people: Forecast) -> bool:
        """Somebody who moves is near."""
        return bool(len(people.near(state[:2], NEAR_PERSON_M).ids))


def ends_on(route: Route, s_m: float, map_from_odom: Array) -> Array:
    """Poses (K, 3) in odom of a route in `map`, a little ahead of arc length `s_m`: where a try may end."""
    xy, yaw, _ = route.at(np.arange(s_m + FROM_M, min(s_m + TO_M, route.length_m), EVERY_M))
    odom_from_map = invert(map_from_odom)
    return np.column_stack([transform_points(odom_from_map, xy), yaw + odom_from_map[2]])


def _outline(half_m: Array) -> Array:
    """Points (n, 2) on the rim of a rectangle, a hand's breadth apart."""
    x, y = half_m
    corners = np.array([(x, y), (-x, y), (-x, -y), (x, -y), (x, y)])
    return np.concatenate([np.linspace(a, b, 6)[:-1] for a, b in pairwise(corners)])
