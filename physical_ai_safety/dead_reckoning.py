"""Own motion over the last second from wheel odometry and gyroscope alone: enough to carry a scan to the present."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from typing import NamedTuple

HISTORY_S = 2.0
MAX_GAP_S = 0.5  # a longer silence is not bridged


class PlanarPose(NamedTuple):
    x_m: float
    y_m: float
    yaw_rad: float


class DeadReckoning:
    """Pose in a frame that starts where the gate started and drifts; only differences of it mean something."""

    def __init__(self) -> None:
        self.v_mps = 0.0
        self.w_rps = 0.0
        self._stamps: deque[float] = deque()
        self._poses: deque[PlanarPose] = deque()

    @property
    def now(self) -> PlanarPose:
        return self._poses[-1] if self._poses else PlanarPose(0.0, 0.0, 0.0)

    @property
    def stamp_s(self) -> float:
        """Time of the newest velocity; -inf before the first."""
        return self._stamps[-1] if self._stamps else -math.inf

    def forget(self) -> None:
        """Start anew: the clock jumped."""
        self._stamps.clear()
        self._poses.clear()

    def move(self, stamp_s: float, v_mps: float, w_rps: float) -> None:
        """Take the velocity that held up to `stamp_s`; older stamps than the last are ignored."""
        last = self._stamps[-1] if self._stamps else stamp_s
        if self._stamps and stamp_s <= last:
            return
        dt = stamp_s - last
        pose = _step(self.now, v_mps, w_rps, dt) if dt <= MAX_GAP_S else self.now
        self.v_mps, self.w_rps = v_mps, w_rps
        self._stamps.append(stamp_s)
        self._poses.append(pose)
        while stamp_s - self._stamps[0] > HISTORY_S:
            self._stamps.popleft()
            self._poses.popleft()

    def at(self, stamp_s: float) -> PlanarPose:
        """Pose at a time: interpolated, extrapolated forward by at most MAX_GAP_S, held before the history."""
        if not self._stamps:
            return self.now
        after = bisect_right(self._stamps, stamp_s)
        if after == 0:
            return self._poses[0]
        start_s, start = self._stamps[after - 1], self._poses[after - 1]
        if after == len(self._stamps):
            return _step(start, self.v_mps, self.w_rps, min(stamp_s - start_s, MAX_GAP_S))
        end = self._poses[after]
        share = (stamp_s - start_s) / (self._stamps[after] - start_s)
        return PlanarPose(*(a + share * (b - a) for a, b in zip(start, end, strict=True)))


def _step(pose: PlanarPose, v_mps: float, w_rps: float, dt_s: float) -> PlanarPose:
    """One step at constant velocity, midpoint heading; yaw is not wrapped, so that it can be interpolated."""
    heading = pose.yaw_rad + 0.5 * w_rps * dt_s
    return PlanarPose(
        pose.x_m + v_mps * dt_s * math.cos(heading), pose.y_m + v_mps * dt_s * math.sin(heading),
        pose.yaw_rad + w_rps * dt_s,
    )  # fmt: skip
