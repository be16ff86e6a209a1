"""What is believed of `odom` in `map` before and between absolute measurements, and how a map filter starts from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan2, hypot, sqrt
from typing import Final

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.model import Layout
from physical_ai_perception.fusion.state import ATTITUDE, POSE, POSITION, VELOCITY, State

HEADING_UNKNOWN_RAD: Final = 0.5  # a worse heading is found from the track, not by linearised updates
HEADING_FOUND_RAD: Final = 0.2
LEAST_TRACK_M: Final = 2.0
MOST_PAIRS: Final = 256


@dataclass(frozen=True)
class Anchor:
    """Pose of `odom` in `map`: both are level, so position and yaw.

    `position_cov` (3, 3) is the uncertainty of where `pivot` (3,), a point of `map`, is; `yaw_sigma_rad` turns
    about it.
    """

    position: Array
    yaw_rad: float
    position_cov: Array
    yaw_sigma_rad: float
    pivot: Array

    @property
    def heading_known(self) -> bool:
        return self.yaw_sigma_rad <= HEADING_UNKNOWN_RAD

    def apply(self, point_odom: Array) -> Array:
        """A point (3,) of `odom`, in `map`."""
        return turn_about_up(self.yaw_rad, point_odom) + self.position

    def start(self, local: State, doubt: ScaleDoubt) -> State:
        """The state of a map filter: the local state moved into `map`, the anchor's doubt and that of the scale added.

        What is known in `map` can tell the scale of the wheels, so there it is part of the state.
        """
        state = doubt.widened(local)
        turn = rotations.matrix(rotations.of_yaw(self.yaw_rad))
        state.position[:] = turn @ local.position + self.position
        state.velocity[:] = turn @ local.velocity
        state.set_attitude(rotations.multiply(rotations.of_yaw(self.yaw_rad), local.attitude))
        before = state.covariance
        change = np.eye(len(before))
        for part in (POSITION, VELOCITY, ATTITUDE):
            change[part, part] = turn
        covariance = change @ before @ change.T
        covariance[POSITION, POSITION] += self.position_cov
        arm_x, arm_y = (state.position - self.pivot)[:2].tolist()
        swing = np.zeros(len(before))
        swing[0], swing[1] = -arm_y, arm_x
        swing[8] = 1.0
        state.covariance = covariance + np.outer(swing, swing) * self.yaw_sigma_rad**2
        state.bound()
        return state

    def pose_covariance(self, local: State, doubt: ScaleDoubt) -> Array:
        """That of position and attitude (6, 6) in the state that `start` would give, without making it."""
        turn = np.zeros((6, 6))
        turn[:3, :3] = turn[3:, 3:] = rotations.matrix(rotations.of_yaw(self.yaw_rad))
        way = np.zeros(6)
        if doubt.scales:
            way[:3] = np.array(doubt.origin) - local.position
        inner = local.covariance_of(POSE) + np.outer(way, way) * doubt.sigma**2
        covariance = turn @ inner @ turn.T
        covariance[:3, :3] += self.position_cov
        arm_x, arm_y = (self.apply(local.position) - self.pivot)[:2].tolist()
        swing = np.array([-arm_y, arm_x, 0.0, 0.0, 0.0, 1.0])
        return np.asarray(covariance + np.outer(swing, swing) * self.yaw_sigma_rad**2)

    def moved_to(self, point_odom: Array, point_map: Array, cov: Array) -> Anchor:
        """The same heading, with `point_odom` at `point_map`."""
        position = point_map - turn_about_up(self.yaw_rad, point_odom)
        return replace(self, position=position, position_cov=cov, pivot=point_map)


def turn_about_up(yaw_rad: float, vector: Array) -> Array:
    """A vector (3,) turned about the vertical."""
    x, y, z = vector.tolist()
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([c * x - s * y, s * x + c * y, z])


@dataclass(frozen=True)
class ScaleDoubt:
    """What an unknown, constant wheel scale (`sigma`) does to dead reckoning that began at `origin` (3) in `odom`:
    position and velocity are wrong by the same share. `scales` wheel odometries have one in a map filter's state.

    In `odom` the scale is not estimated: there only the accelerometer could tell it, and it knows less.
    """

    sigma: float
    scales: int
    origin: tuple[float, float, float]

    def widened(self, local: State) -> State:
        """The local state with the scales in it."""
        layout = Layout(self.scales)
        state = State(local.stamp_s, layout)
        state.full[:16] = local.full[:16]
        size = local.layout.error
        covariance = np.zeros((layout.error, layout.error))
        covariance[:size, :size] = local.covariance
        if self.scales:
            lever = np.zeros(layout.error)
            lever[:3], lever[15] = np.array(self.origin) - local.position, 1.0  # the velocity's part is in its error
            covariance += np.outer(lever, lever) * self.sigma**2
            rest = np.arange(16, layout.error)
            covariance[rest, rest] = self.sigma**2
        state.covariance = covariance
        return state


class Track:
    """Pairs of antenna positions in `odom` and in `map`: where the two tracks lie on each other gives the heading."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Array, Array, float]] = []

    def __len__(self) -> int:
        return len(self._pairs)

    def clear(self) -> None:
        self._pairs.clear()

    def add(self, odom: Array, map_: Array, sigma_m: float) -> None:
        """Take one fix; every second one is dropped when there are many."""
        self._pairs.append((odom, map_, sigma_m))
        if len(self._pairs) > MOST_PAIRS:
            del self._pairs[1::2]

    def fit(self) -> Anchor | None:
        """Least-squares anchor (Umeyama 1991, in the plane), or None while the track is too short for a heading."""
        if len(self._pairs) < 4:
            return None
        odom, map_ = np.array([p[0] for p in self._pairs]), np.array([p[1] for p in self._pairs])
        sigma = sqrt(float(np.mean([p[2] ** 2 for p in self._pairs])))
        a, b = odom - odom.mean(axis=0), map_ - map_.mean(axis=0)
        reach = float(np.hypot(a[:, 0], a[:, 1]).max())
        # GNSS errors last longer than this track, so more fixes do not average them out.
        yaw_sigma = sigma / max(reach, 1e-9)
        if reach < LEAST_TRACK_M or yaw_sigma > HEADING_FOUND_RAD:
            return None
        cosine = float((a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1]).sum())
        sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum())
        if hypot(cosine, sine) < 0.5 * float((a[:, :2] ** 2).sum()):  # tracks of different length: not the same motion
            return None
        yaw = atan2(sine, cosine)
        pivot = map_.mean(axis=0)
        position = pivot - turn_about_up(yaw, odom.mean(axis=0))
        return Anchor(position, yaw, np.eye(3) * sigma**2, max(yaw_sigma, 0.01), pivot)
