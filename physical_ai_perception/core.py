"""PerceptionCore: sensors in, numeric state out.

Own state: the topics of the sensor set (by default imu/data, wheel/odometry, gps/fix) and initialpose → state/odometry
and state/map_to_odom (by tick); scans, too, where `lidar_pose` says so, with `map` as its prior map.
Scan, points → state/objects and state/occupancy (by scan).
camera/image_raw and camera/camera_info → poses by tags, classes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite
from typing import Any, Final

import numpy as np

from physical_ai_core.core import NOTHING, Health, Output, Outputs
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_core.graph import TOPIC
from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_perception import health
from physical_ai_perception.camera.camera import Camera
from physical_ai_perception.camera.eyes import DirectEye, Eye, EyeTask
from physical_ai_perception.fusion.intake import Intake
from physical_ai_perception.fusion.localisation import Kept, Localisation
from physical_ai_perception.fusion.samples import Unusable
from physical_ai_perception.fusion.sensors import Sensor, sensors_of
from physical_ai_perception.mapping.placing import Placing, planar_covariance
from physical_ai_perception.mounts import Mounts, Placement
from physical_ai_perception.objects import sweep
from physical_ai_perception.objects.cloud import Cloud
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_perception.stamps import StampGuard
from physical_ai_perception.surroundings import Surroundings

UNTIMED: Final = ("initialpose", "map")  # rviz and map servers stamp them with zero, or with another clock
SURROUNDINGS: Final = ("scan", "points", "camera/camera_info", "camera/image_raw")
SCAN_HOLD_S: Final = 1.0  # so long after a scan, 3D clouds are not used in its place
RATE_SLACK: Final = 0.95  # a period may come a little early
MAP_PERIOD_S: Final = RATE_SLACK / TOPIC["state/map_to_odom"].rate_hz


class PerceptionCore:
    """Driven by `handle` in stamp order as far as may be, and by `tick` with the graph's clock.

    Raises SiteError, RobotError or SensorsError when the files that the parameters name cannot be used.
    """

    def __init__(self, parameters: PerceptionParameters, make_eye: Callable[[EyeTask], Eye] = DirectEye) -> None:
        self._p = parameters
        self._site = load_site(parameters.site) if parameters.site else None
        self.mounts = Mounts(load_robot(parameters.robot), parameters.base_frames)
        self.guard = StampGuard(parameters.max_delay_s, parameters.max_ahead_s)
        self.sensors = sensors_of(parameters)
        self.intake = Intake(self.sensors, parameters)
        self.localisation = Localisation(parameters, self._site, self.sensors.scales, self.intake.heading_by_imu)
        self.surroundings = Surroundings(parameters)
        self.placing = Placing(parameters.lidar_pose, parameters.lidar_pose_rate_hz)
        self.camera = Camera(parameters, self._site, make_eye)
        self._map_s = -np.inf
        self._publishing = False

    # --- Core ---

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take one sensor message. What cannot be used is counted under its topic and left out."""
        sensor = self.intake.sensors.get(topic)
        if sensor is None and topic not in SURROUNDINGS and topic not in UNTIMED:
            return NOTHING
        if topic in UNTIMED:
            return self._untimed(topic, data)
        taken, time_was_set = self.guard.check(topic, stamp_s)
        if not taken:
            return NOTHING
        if time_was_set:
            self._time_was_set(stamp_s)
        try:
            outputs = self._take(topic, data, sensor)
            self.guard.used(topic, stamp_s)
            return outputs
        except Unusable as reason:
            self.guard.source(topic).refuse(str(reason), self.guard.clock_s)
            return NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        """Say the own state for `stamp_s`; silence once neither IMU nor wheels have been heard for a while."""
        if self.guard.tick(stamp_s):
            self._time_was_set(stamp_s)
        self._take_tags()
        self.localisation.mend()
        self._publishing = self._motion_age_s() <= self._p.lost_after_s
        odometry = self.localisation.odometry(stamp_s) if self._publishing and isfinite(stamp_s) else None
        if odometry is None:
            return NOTHING
        outputs = [Output("state/odometry", odometry)]
        if stamp_s - self._map_s >= MAP_PERIOD_S:
            pose = self.localisation.map_to_odom(stamp_s)
            if pose is not None:
                self._map_s = stamp_s
                outputs.append(Output("state/map_to_odom", pose))
        return outputs

    def health(self) -> Health:
        own = health.judge(
            self._p, self.sensors, self.guard, self.mounts, self.localisation, self._publishing, self.camera
        )
        return self.placing.told(own)

    def refuse(self, topic: str, reason: str) -> None:
        """Count a message that could not even be decoded."""
        self.guard.source(topic).refuse(reason, self.guard.clock_s)

    def checkpoint(self) -> Kept | None:
        """The pose to keep over a restart."""
        return self.localisation.checkpoint()

    def resume(self, kept: Kept) -> None:
        """Start from a kept pose instead of the start pose."""
        self.localisation.resume(kept)

    def take_pose(
        self, stamp_s: float, source: str, pose: Array, covariance: Array, rows: str = "xyt", frame: str = "map"
    ) -> bool:
        """A pose [x, y, yaw] (3,) of `base_link` found by scan matching, a map or a fiducial, covariance (3, 3).

        False when it was refused or rejected; the reason stands in `health` under `source`.
        """
        taken, _ = self.guard.check(source, stamp_s)
        if not taken:
            return False
        try:
            believed = self.localisation.take_pose(stamp_s, source, pose, covariance, rows, frame)
        except Unusable as reason:
            self.guard.source(source).refuse(str(reason), self.guard.clock_s)
            return False
        self.guard.used(source, stamp_s)
        return believed

    # --- inside ---

    def _take(self, topic: str, data: Any, sensor: Sensor | None) -> Outputs:
        if sensor is not None:
            self.intake.take(sensor, data, self._placement, self.localisation)
        elif topic == "scan":
            placement = self._placement(data.frame_id)
            self._need_pose()
            seen = sweep.of_scan(data, self.mounts, placement, self.localisation)
            self._place(seen)
            return self._labelled(self.surroundings.look(seen))
        elif topic == "points" and self.guard.age_s("scan") > SCAN_HOLD_S:
            placement = self._placement(data.frame_id)
            self._need_pose()
            cloud = Cloud(data, self.mounts, placement, self.localisation, self._p)
            return self._labelled(self.surroundings.look_at_cloud(cloud))
        elif topic == "camera/camera_info":
            self.camera.calibrate(data)
        elif topic == "camera/image_raw":
            self.camera.picture(data, self._placement(data.frame_id), self._base_at(data.stamp_s))
            self._take_tags()
        return NOTHING

    def _take_tags(self) -> None:
        """Hand the poses that tags gave to the state; each refused under its own name."""
        for fix in self.camera.collect():
            self.take_pose(fix.stamp_s, fix.source, fix.pose, fix.covariance)

    def _labelled(self, outputs: Outputs) -> Outputs:
        """Tracks with the classes that the camera is sure of."""
        return [
            Output(topic, self.camera.label(data)) if topic == "state/objects" else Output(topic, data)
            for topic, data in outputs
        ]

    def _base_at(self, stamp_s: float) -> Array | None:
        """Planar pose of `base_link` in `odom` at a stamp."""
        if self.localisation.local is None:
            return None
        at = self.localisation.history.at(np.array([stamp_s]), *self.localisation.planar_motion())
        return np.array([float(part[0]) for part in at])

    def _place(self, seen: sweep.Sweep) -> None:
        """Lay the scan on what was seen before, or on a prior map, and give the pose to the state."""
        if not self.placing.due(seen.stamp_s):
            return
        base, link = self._base_at(seen.stamp_s), self.localisation.map_to_odom(seen.stamp_s)
        if base is None or link is None or link.cov is None:
            return
        found = self.placing.scan(seen.stamp_s, base, link.planar(), planar_covariance(link.cov), seen.points)
        if found is not None:
            self.take_pose(found.stamp_s, found.source, found.pose, found.covariance, frame=found.frame_id)
            now = self._base_at(seen.stamp_s)
            self.placing.took(base if now is None else now)

    def _untimed(self, topic: str, data: Any) -> Outputs:
        source = self.guard.source(topic)
        try:
            if topic == "map":
                self.placing.learn(data)
            else:
                self.localisation.set_pose(data)
                link = self.localisation.map_to_odom(self.guard.clock_s)
                doubt = np.eye(3) if link is None or link.cov is None else planar_covariance(link.cov)
                self.placing.start(data.planar(), doubt)
            source.taken += 1
        except (Unusable, InputError) as reason:
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
        youngest_s, age_s = inf, self.guard.age_s
        for topic in self.intake.motion:
            youngest_s = min(youngest_s, age_s(topic))
        return youngest_s

    def _time_was_set(self, stamp_s: float) -> None:
        self.localisation.time_was_set(stamp_s)
        self.surroundings.forget()
        self.placing.forget()
        self.camera.forget()
        self._map_s = -np.inf
