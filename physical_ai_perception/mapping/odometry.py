"""LiDAR odometry: each scan is matched against a rolling map of the last keyframes, all in a frame that never jumps."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_perception.mapping import field as fields
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.correlative import Window, search, thin
from physical_ai_perception.mapping.matching import Prior, Refined, refine
from physical_ai_perception.mapping.parameters import MappingParameters
from physical_ai_perception.mapping.scan import PoseMeasurement, check, surfaces

MARGIN_M: Final = 4.0  # around a rolling map, so that most new keyframes fit in


@dataclass(frozen=True, slots=True)
class Keyframe:
    """`pose` (3,) in the odometry's frame; `points` (N, 2) of returns and `surface` (M, 2) to draw, in `base_link`."""

    number: int
    stamp_s: float
    pose: Array
    points: Array
    surface: Array


class Step(NamedTuple):
    """What one scan gave. `covariance` (3, 3) is of `pose` against the rolling map; `moved` against the last step.

    `believed`: the surfaces agree; otherwise the pose is the odometry's and the covariance grows with each such step.
    `keyframe` is there when this scan became one.
    """

    stamp_s: float
    pose: Array
    covariance: Array
    score: float
    believed: bool
    keyframe: Keyframe | None

    def measurement(self) -> PoseMeasurement | None:
        """The pose as a measurement in `odom`; None when the scan did not fit."""
        return PoseMeasurement(self.stamp_s, "odom", self.pose, self.covariance) if self.believed else None


class LidarOdometry:
    """Fed with scans and odometry poses in the order they come; bounded in memory and work.

    It begins at the first odometry pose, so its frame is the odometry's, less the odometry's drift.
    """

    def __init__(self, parameters: MappingParameters | None = None) -> None:
        self._p = p = parameters or MappingParameters()
        self._recent: deque[Keyframe] = deque(maxlen=p.rolling_keyframes)
        self._pose = np.zeros(3)
        self._covariance = np.zeros((3, 3))
        self._unmatched = np.zeros((3, 3))  # doubt about the way since the last match
        self._missed = 0  # scans in a row that did not fit
        self._odometry: Array | None = None
        self._count = 0
        self._fine = self._coarse = fields.build(np.zeros((0, 2)), p.fine_cell_m, p.fine_sigma_m)
        self._fine_weight = 2.0 * (p.fine_sigma_m / p.point_sigma_m) ** 2
        self._coarse_weight = 2.0 * (p.coarse_sigma_m / p.point_sigma_m) ** 2

    def step(self, stamp_s: float, odometry: Array, points: Array) -> Step:
        """One scan: `odometry` (3,) is the wheels' (or filter's) pose at its stamp, in any frame that drifts slowly.

        `points` (N, 2) are its returns in `base_link`, in the rays' order. Raises InputError, and changes nothing, for
        numbers that are not finite.
        """
        check(odometry, points)
        if self._odometry is None:
            self._odometry, self._pose = odometry.copy(), odometry.copy()
            return self._result(stamp_s, points, 1.0, True, True)
        increment = se2.between(self._odometry, odometry)
        self._odometry = odometry.copy()
        predicted, doubt = se2.compose(self._pose, increment), self._doubt(increment)
        self._unmatched = _grown(self._unmatched, predicted - self._pose) + doubt
        score, believed = 0.0, False
        every = points  # a keyframe keeps all, a match needs no more than `most_points`
        points = points[:: max(1, -(-len(points) // self._p.most_points))]
        if len(points) >= self._p.least_points:
            prior = Prior(predicted, se2.inverse(self._unmatched))
            found = self._match(points, prior)
            score, believed = found.score, found.score >= self._p.least_score
        if believed:
            self._pose = found.pose
            self._covariance = se2.inverse(found.information + prior.information)
            self._unmatched, self._missed = np.zeros((3, 3)), 0
        else:
            self._missed += 1
            self._pose = predicted
            self._covariance = self._covariance + doubt
        return self._result(stamp_s, every, score, believed, self._moved_on())

    def adopt(self, odometry: Array) -> None:
        """The filter whose odometry is fed has taken the last pose and now says `odometry` (3,) for the last scan.

        Without this its correction would look like motion in the next increment.
        """
        self._odometry = odometry.copy()

    def _match(self, points: Array, prior: Prior) -> Refined:
        """The pose of points (N, 2) in the rolling map: refined from the predicted one, and where that does not fit
        well looked for in all that the doubt since the last match leaves open."""
        p, start = self._p, prior.pose
        if self._fine.sample(se2.place(start, points))[0].mean() < p.near_score:
            start = refine(self._coarse, points, start, self._coarse_weight, prior).pose
        found = refine(self._fine, points, start, self._fine_weight, prior)
        if found.score >= p.near_score:
            return found
        sigma = np.sqrt(self._unmatched.diagonal())
        reach_m = min(p.window_sigmas * float(sigma[:2].max()), p.follow_most_m)
        if reach_m < p.odometry_search_from_m or self._missed % p.odometry_search_every:
            return found
        window = Window(prior.pose, reach_m, min(p.window_sigmas * float(sigma[2]), p.window_most_rad))
        seen = search(self._coarse, thin(points, p.search_cell_m), window, p.least_score)
        if seen is None:
            return found
        other = refine(self._fine, points, seen.pose, self._fine_weight, prior)
        return min(found, other, key=lambda one: self._cost(one, len(points), prior))

    def _cost(self, found: Refined, points: int, prior: Prior) -> float:
        """What `refine` makes small."""
        off = found.pose - prior.pose
        off[2] = math.remainder(off[2], 2.0 * math.pi)
        return self._fine_weight * points * (1.0 - found.score) + float(off @ prior.information @ off)

    def _doubt(self, increment: Array) -> Array:
        """Covariance (3, 3) of the odometry's increment, axes of the odometry's frame."""
        p, moved, turned = self._p, math.hypot(increment[0], increment[1]), abs(float(increment[2]))
        along = p.odometry_still_m + p.odometry_m_per_m * moved
        around = p.odometry_still_rad + p.odometry_rad_per_rad * turned + p.odometry_rad_per_m * moved
        return np.diag([along**2, along**2, around**2])

    def _moved_on(self) -> bool:
        moved = se2.between(self._recent[-1].pose, self._pose)
        return math.hypot(moved[0], moved[1]) > self._p.keyframe_m or abs(moved[2]) > self._p.keyframe_rad

    def _result(self, stamp_s: float, points: Array, score: float, believed: bool, is_keyframe: bool) -> Step:
        keyframe = None
        if is_keyframe:
            keyframe = Keyframe(self._count, stamp_s, self._pose.copy(), points, surfaces(points, self._p))
            self._count += 1
            self._recent.append(keyframe)
            self._draw(keyframe)
        return Step(stamp_s, self._pose.copy(), self._covariance.copy(), score, believed, keyframe)

    def _draw(self, newest: Keyframe) -> None:
        """The newest keyframe goes into the rolling map; now and then the map is drawn anew without the oldest."""
        p = self._p
        if newest.number % p.redraw_keyframes:
            points = se2.place(newest.pose, newest.surface)
            if fields.add(self._fine, points) and fields.add(self._coarse, points):
                return
        points = np.vstack([se2.place(keyframe.pose, keyframe.surface) for keyframe in self._recent])
        self._fine = fields.build(points, p.fine_cell_m, p.fine_sigma_m, MARGIN_M)
        self._coarse = fields.build(points, p.coarse_cell_m, p.coarse_sigma_m, MARGIN_M)


def _grown(covariance: Array, way: Array) -> Array:
    """Covariance (3, 3) of a pose after a further way [x, y, ...] from it: a wrong heading led it astray."""
    swing = np.eye(3)
    swing[0, 2], swing[1, 2] = -way[1], way[0]
    return np.asarray(swing @ covariance @ swing.T)
