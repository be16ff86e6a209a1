"""PerceptionCore: sensors in, numeric state out.

Topics: imu/data, wheel/odometry, gps/fix, initialpose, scan, points → state/odometry and state/map_to_odom (by tick),
state/objects and state/occupancy (by scan). Camera and prior map are heard and left alone in this form.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.core import NOTHING, Health, Output, Outputs
from physical_ai_core.graph import TOPIC
from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_perception import health
from physical_ai_perception.fusion.localisation import Kept, Localisation
from physical_ai_perception.fusion.samples import Unusable, imu_sample, wheel_sample
from physical_ai_perception.mounts import Mounts, Placement
from physical_ai_perception.objects import sweep
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_perception.stamps import StampGuard
from physical_ai_perception.surroundings import Surroundings

SENSORS: Final = ("imu/data", "wheel/odometry", "gps/fix", "initialpose", "scan", "points")
MOTION: Final = ("imu/data", "wheel/odometry")
SCAN_HOLD_S: Final = 1.0  # so long after a scan, 3D clouds are not used in its place
RATE_SLACK: Final = 0.95  # a period may come a little early


class PerceptionCore:
    """Driven by `handle` in stamp order as far as may be, and by `tick` with the graph's clock.

    Raises SiteError or RobotError when the files that the parameters name cannot be used.
    """

    def __init__(self, parameters: PerceptionParameters) -> None:
        self._p = parameters
        self._site = load_site(parameters.site) if parameters.site else None
        self.mounts = Mounts(load_robot(parameters.robot), parameters.base_frames)
        self.guard = StampGuard(parameters.max_delay_s, parameters.max_ahead_s)
        self.localisation = Localisation(parameters, self._site)
        self.surroundings = Surroundings(parameters)
        self._map_s = -np.inf
        self._publishing = False

    # --- Core ---

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take one sensor message. What cannot be used is counted under its topic and left out."""
        if topic not in SENSORS:
            return NOTHING
        if topic == "initialpose":  # a person's word: rviz may stamp it with zero or with another clock
            return self._initial_pose(data)
        taken, time_was_set = self.guard.check(topic, stamp_s)
        if not taken:
            return NOTHING
        if time_was_set:
            self._time_was_set(stamp_s)
        try:
            outputs = self._take(topic, data)
            self.guard.used(topic, stamp_s)
            return outputs
        except Unusable as reason:
            self.guard.source(topic).refuse(str(reason), self.guard.clock_s)
            return NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        """Say the own state for `stamp_s`; silence once neither IMU nor wheels have been heard for a while."""
        if self.guard.tick(stamp_s):
            self._time_was_set(stamp_s)
        self.localisation.mend()
        self._publishing = self._motion_age_s() <= self._p.lost_after_s
        odometry = self.localisation.odometry(stamp_s) if self._publishing and np.isfinite(stamp_s) else None
        if odometry is None:
            return NOTHING
        outputs = [Output("state/odometry", odometry)]
        if stamp_s - self._map_s >= RATE_SLACK / TOPIC["state/map_to_odom"].rate_hz:
            pose = self.localisation.map_to_odom(stamp_s)
            if pose is not None:
                self._map_s = stamp_s
                outputs.append(Output("state/map_to_odom", pose))
        return outputs

    def health(self) -> Health:
        return health.judge(self._p, self.guard, self.mounts, self.localisation, self._publishing)

    def checkpoint(self) -> Kept | None:
        """The pose to keep over a restart."""
        return self.localisation.checkpoint()

    def resume(self, kept: Kept) -> None:
        """Start from a kept pose instead of the start pose."""
        self.localisation.resume(kept)

    # --- inside ---

    def _take(self, topic: str, data: Any) -> Outputs:
        if topic == "imu/data":
            self.localisation.imu(imu_sample(data, self._placement(data.frame_id)))
        elif topic == "wheel/odometry":
            self.localisation.wheels(wheel_sample(data, self._placement(data.child_frame_id)))
        elif topic == "gps/fix":
            self.localisation.gnss(data, self._placement(data.frame_id).xyz_m)
        elif topic == "scan":
            placement = self._placement(data.frame_id)
            self._need_pose()
            return self.surroundings.look(sweep.of_scan(data, self.mounts, placement, self.localisation))
        elif topic == "points" and self.guard.age_s("scan") > SCAN_HOLD_S:
            placement = self._placement(data.frame_id)
            self._need_pose()
            return self.surroundings.look(sweep.of_points(data, placement, self.localisation, self._p))
        return NOTHING

    def _initial_pose(self, pose: m.Pose) -> Outputs:
        source = self.guard.source("initialpose")
        try:
            self.localisation.set_pose(pose)
            source.taken += 1
        except Unusable as reason:
            source.refuse(str(reason), self.guard.clock_s)
        return NOTHING

    def _placement(self, frame_id: str) -> Placement:
        placement = self.mounts.of(frame_id)
        if placement is None:
            raise Unusable(f"frame '{frame_id}' has no mount")
        return placement

    def _need_pose(self) -> None:
        if self.localisation.local is None:
            raise Unusable("no motion sensor yet")

    def _motion_age_s(self) -> float:
        return min(self.guard.age_s(topic) for topic in MOTION)

    def _time_was_set(self, stamp_s: float) -> None:
        self.localisation.time_was_set(stamp_s)
        self.surroundings.forget()
        self._map_s = -np.inf
