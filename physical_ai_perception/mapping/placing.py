"""Scans as a sensor of the own state: which of odometry, SLAM or a prior map turns them into poses."""

from __future__ import annotations

from typing import Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.core import OK, WARN, Health
from physical_ai_core.geometry import Array, compose
from physical_ai_perception.mapping.localiser import Localiser, Tracking
from physical_ai_perception.mapping.mapper import Mapper
from physical_ai_perception.mapping.odometry import LidarOdometry
from physical_ai_perception.mapping.parameters import MappingParameters
from physical_ai_perception.mapping.scan import PoseMeasurement, points_in_base

OFF, ODOMETRY, SLAM, MAP = "off", "odometry", "slam", "map"
MODES: Final = (OFF, ODOMETRY, SLAM, MAP)
MOST_KEYFRAMES: Final = 1500  # on a robot; a log at a desk may keep more
NEVER_SURER_M: Final = 0.02  # scans in a row see the same walls: their errors are not white
NEVER_SURER_RAD: Final = 0.005
FLOOR: Final = np.diag([NEVER_SURER_M**2, NEVER_SURER_M**2, NEVER_SURER_RAD**2])


class Placing:
    """`odometry` corrects `odom`; `slam` maps and closes loops, so it corrects `map`; `map` follows the robot in a
    prior map. All are fed with the same scans and bounded in work and memory."""

    def __init__(self, mode: str, rate_hz: float, parameters: MappingParameters | None = None) -> None:
        self.mode = mode
        self._p = parameters or MappingParameters(most_keyframes=MOST_KEYFRAMES)
        self._period_s = 0.95 / rate_hz
        self._localiser: Localiser | None = None
        self._grid: m.OccupancyGrid | None = None
        self.forget()

    def forget(self) -> None:
        """Time began anew: odometry and SLAM begin at the next scan; a prior map stays."""
        self._stamp_s = -np.inf
        self._odometry = LidarOdometry(self._p) if self.mode == ODOMETRY else None
        self._mapper = Mapper(self._p) if self.mode == SLAM else None
        self._map_from_odom: Array | None = None
        self._score = 0.0
        self._fits = True
        if self._localiser is not None and self._grid is not None:
            self._localiser = Localiser(self._grid, self._p)

    def learn(self, grid: m.OccupancyGrid) -> None:
        """A prior map. Raises InputError for one that shows no wall, or one too large."""
        if self.mode == MAP:
            self._localiser, self._grid = Localiser(grid, self._p), grid

    def start(self, pose: Array, covariance: Array) -> None:
        """A person says where the robot is: pose (3,) in `map`, covariance (3, 3)."""
        self._map_from_odom = None
        if self._mapper is not None:
            self._mapper = Mapper(self._p)
        if self._localiser is not None:
            self._localiser.start(pose, covariance)

    def due(self, stamp_s: float) -> bool:
        """Whether this scan is to be used: scans may come faster than they are needed."""
        ready = self.mode in (ODOMETRY, SLAM) or self._localiser is not None
        return ready and not 0.0 <= stamp_s - self._stamp_s < self._period_s

    def scan(
        self, stamp_s: float, base_in_odom: Array, map_from_odom: Array, covariance: Array, points_odom: Array
    ) -> PoseMeasurement | None:
        """The pose that a scan gives, or None. `covariance` (3, 3) is that of the robot in `map`, for a first start."""
        self._stamp_s = stamp_s
        points = points_in_base(points_odom, base_in_odom, self._p)
        found: PoseMeasurement | None = None
        if self._odometry is not None:
            step = self._odometry.step(stamp_s, base_in_odom, points)
            self._score, self._fits, found = step.score, step.believed, step.measurement()
        elif self._mapper is not None:
            if self._map_from_odom is None:  # the map begins where the robot is thought to be
                self._map_from_odom = map_from_odom.copy()
            mapped = self._mapper.step(stamp_s, compose(self._map_from_odom, base_in_odom), points)
            self._score, self._fits = mapped.step.score, mapped.step.believed
            if mapped.step.believed:
                found = PoseMeasurement(stamp_s, "map", mapped.pose, mapped.step.covariance)
        elif self._localiser is not None:
            if self._localiser.state is Tracking.UNKNOWN:
                self._localiser.start(compose(map_from_odom, base_in_odom), covariance)
            at = self._localiser.step(stamp_s, base_in_odom, points)
            self._score, self._fits, found = at.score, at.state is Tracking.TRACKING, at.measurement()
        return None if found is None else found._replace(covariance=found.covariance + FLOOR)

    def took(self, base_in_odom: Array) -> None:
        """The filter has taken the pose of the last scan and now says `base_in_odom` (3,) for it."""
        if self._odometry is not None:
            self._odometry.adopt(base_in_odom)

    def told(self, health: Health) -> Health:
        """The health of perception with what scans say of the place."""
        if self.mode == OFF:
            return health
        values = {**health.values, "lidar_pose": self.mode, "lidar_score": f"{self._score:.2f}"}
        message, level = health.message, health.level
        if self.mode == MAP and self._localiser is None:
            level, trouble = max(level, WARN), "map: not heard yet, so scans are not laid on it"
        elif not self._fits:
            level, trouble = max(level, WARN), "scan: does not fit the map where the robot is thought to be"
        else:
            return Health(level, message, values)
        return Health(level, trouble if health.level == OK else f"{message}; {trouble}", values)


def planar_covariance(covariance: Array) -> Array:
    """x, y, yaw (3, 3) of a pose covariance (6, 6)."""
    return np.asarray(covariance[np.ix_([0, 1, 5], [0, 1, 5])])
