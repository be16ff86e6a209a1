"""Delay compensation: where the robot is now, from odometry that is some milliseconds old.

The world model's own-motion model says it where it was lent and stands by its word (it knows what the ground is like);
else the twist relaxes to the command with the actuator's lag.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core import reports
from physical_ai_core.geometry import Array, compose, gravity_in_base
from physical_ai_core.own_motion import OwnMotionModel


class Given(NamedTuple):
    """The command (2,) that the base is under, and since when."""

    command: Array
    since_s: float

    def checked(self, verdict: reports.Verdict | None, now_s: float, longest_s: float) -> Given:
        """What the gate let pass of it, where it said no other than `longest_s` ago that it did not let all pass."""
        if verdict is None or verdict.state == "clear" or now_s - verdict.stamp_s >= longest_s:
            return self
        allowed = np.asarray(verdict.command_out, dtype=float)
        known = allowed.shape == (2,) and bool(np.isfinite(allowed).all())
        return Given(allowed if known else np.zeros(2), verdict.stamp_s)


class Present:
    """State (5,) `[x, y, yaw, v, w]` in odom at the present moment."""

    def __init__(self, lag_s: float, longest_s: float, model: OwnMotionModel | None) -> None:
        """`longest_s`: an older state is moved on by no more than this."""
        self._lag_s, self._longest_s, self._model = lag_s, longest_s, model
        self._seen_s = -np.inf
        self.reason = "no model of the own motion was lent" if model is None else ""
        self.source = "none" if model is None else model.source

    def clear(self) -> None:
        self._seen_s = -np.inf
        if self._model is not None:
            self._model.clear()

    def state(self, now_s: float, odometry: m.Odometry, command: Array, given_s: float) -> Array:
        """From the newest odometry, and the command (2,) that the base has been under since `given_s`."""
        age_s = float(np.clip(now_s - odometry.stamp_s, 0.0, self._longest_s))
        if self._model is None:
            return moved_on(odometry, command, age_s, self._lag_s)
        if odometry.stamp_s != self._seen_s:
            self._seen_s = odometry.stamp_s
            twist = np.array([odometry.linear_mps[0], odometry.linear_mps[1], odometry.angular_rps[2]])
            pull = gravity_in_base(odometry.orientation_xyzw)
            self._model.observe(odometry.stamp_s, odometry.planar_pose(), twist, pull)
        self._model.command(given_s, float(command[0]), float(command[1]))
        told = self._model.pose_at(odometry.stamp_s + age_s)
        state = np.array([*told.pose, told.twist[0], told.twist[2]])
        self.reason = told.reason or ("" if np.isfinite(state).all() else "the model said what is no number")
        return moved_on(odometry, command, age_s, self._lag_s) if self.reason else state


def moved_on(odometry: m.Odometry, command: Array, age_s: float, lag_s: float) -> Array:
    """State (5,) `age_s` after the odometry, its twist relaxing to `command (2,)` with time constant `lag_s`."""
    twist = np.array([odometry.linear_mps[0], odometry.angular_rps[2]])
    later = twist + (command - twist) * (1.0 - np.exp(-age_s / max(lag_s, 1e-3)))
    travel, turn = 0.5 * (twist + later) * age_s
    step = np.array([travel * np.cos(0.5 * turn), travel * np.sin(0.5 * turn), turn])
    return np.concatenate([compose(odometry.planar_pose(), step), later])
