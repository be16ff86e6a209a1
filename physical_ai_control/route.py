"""The plan as a curve by arc length: where on it the robot is, how fast it may go, which way it points."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from physical_ai_core.geometry import Array, wrap

SPACING_M = 0.05
SMOOTHING_M = 0.35  # grid routes have corners that a robot should not copy
BACK_M, AHEAD_M = 0.6, 2.5  # how far along the route the robot is looked for around where it was
TIE_M = 0.1  # of two places on the route nearly as close, the earlier one is meant
MOST_POINTS = 20_000


class Route:
    """A polyline of poses (N, 3), N >= 1, in one frame, resampled evenly and smoothed; ends kept."""

    def __init__(self, poses: Array, lateral_mps2: float, yaw_rate_rps: float, slowing_mps2: float) -> None:
        xy = np.asarray(poses, dtype=float)[:, :2]
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
        fresh = np.concatenate([[True], np.diff(along) > 1e-6])
        xy, along = xy[fresh], along[fresh]
        self.spacing_m = max(SPACING_M, float(along[-1]) / MOST_POINTS)
        count = max(2, int(np.ceil(along[-1] / self.spacing_m)) + 1)
        at = np.linspace(0.0, along[-1], count)
        even = np.column_stack([np.interp(at, along, xy[:, 0]), np.interp(at, along, xy[:, 1])])
        size = min(round(SMOOTHING_M / SPACING_M), count)
        smooth = uniform_filter1d(even, size, axis=0, mode="nearest")
        smooth[0], smooth[-1] = xy[0], poses[-1, :2]  # the very goal, even where points that coincide were left out
        self.xy = smooth
        self.s = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(smooth, axis=0).T))])
        self.length_m = float(self.s[-1])
        self.goal = smooth[-1]
        self.goal_yaw_rad = float(poses[-1, 2])  # NaN: any heading will do
        self._yaw = self._tangents(float(poses[0, 2]))
        self._speed = self._speeds(lateral_mps2, yaw_rate_rps, slowing_mps2)
        self.speeds = np.interp(np.arange(0.0, self.length_m + self.spacing_m, self.spacing_m), self.s, self._speed)
        self.speed_table: list[float] = self.speeds.tolist()

    def _tangents(self, alone_rad: float) -> Array:
        if self.length_m < 1e-3:
            return np.full(len(self.s), alone_rad if np.isfinite(alone_rad) else 0.0)
        step = np.diff(self.xy, axis=0)
        heading = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
        return np.asarray(np.interp(self.s, 0.5 * (self.s[1:] + self.s[:-1]), heading))

    def _speeds(self, lateral_mps2: float, yaw_rate_rps: float, slowing_mps2: float) -> Array:
        """Highest speed at each point from which every later bend and the end can be met by gentle braking."""
        turn = np.abs(np.gradient(self._yaw))  # a point; smoothing may have drawn points together, even to one
        bend = turn / np.maximum(np.gradient(self.s), 0.2 * self.spacing_m)
        bend = np.maximum(uniform_filter1d(bend, min(5, len(bend))), 1e-3)
        limit = np.minimum(np.sqrt(lateral_mps2 / bend), 0.8 * yaw_rate_rps / bend)
        limit = np.maximum(limit, 0.25)
        limit[-1] = 0.0
        energy = limit**2 + 2.0 * slowing_mps2 * self.s
        reachable = np.minimum.accumulate(energy[::-1])[::-1] - 2.0 * slowing_mps2 * self.s
        return np.sqrt(np.maximum(0.0, reachable))

    def locate(self, xy: Array, hint_m: float | None) -> float:
        """Arc length of the point nearest to `xy`; around `hint_m` when given, else anywhere."""
        away = np.hypot(*(self.xy - xy).T)
        if hint_m is not None:
            outside = (self.s < hint_m - BACK_M) | (self.s > hint_m + AHEAD_M)
            away = np.where(outside, np.inf, away)
        near = int(np.argmax(away <= away.min() + (TIE_M if hint_m is None else 0.0)))
        while near + 1 < len(away) and away[near + 1] <= away[near]:  # on to the minimum of this stretch
            near += 1
        return float(self.s[near])

    def at(self, s: Array) -> tuple[Array, Array, Array]:
        """Positions (..., 2), tangent headings (...) and left normals (..., 2) at arc lengths (...)."""
        xy = np.stack([np.interp(s, self.s, self.xy[:, 0]), np.interp(s, self.s, self.xy[:, 1])], axis=-1)
        yaw = np.interp(s, self.s, self._yaw)
        return xy, yaw, np.stack([-np.sin(yaw), np.cos(yaw)], axis=-1)

    def heading_error(self, pose: Array, s: float, lookahead_m: float = 0.3) -> float:
        """Turn that would bring the robot's heading onto the route a little ahead, in [-pi, pi)."""
        ahead = min(s + lookahead_m, self.length_m)
        return float(wrap(np.interp(ahead, self.s, self._yaw) - pose[2]))
