"""Where the robot is in `map`: state/odometry placed by state/map_to_odom, with the standard deviation of the place."""

from __future__ import annotations

import math

from physical_ai_core import messages as m
from physical_ai_safety.zones import MapPose


class Place:
    """Joins the two halves of the pose; says why when there is none.

    The covariance that comes with the link is that of the robot's own place, so no lever arm is added to it.
    """

    def __init__(self, min_sigma_m: float, max_sigma_m: float) -> None:
        self._min_sigma_m, self._max_sigma_m = min_sigma_m, max_sigma_m
        self._odometry: tuple[float, float, float] | None = None
        self._link: tuple[float, float, float, tuple[float, float, float]] | None = None
        self.pose: MapPose | None = None
        self.fault = "never located"

    def odometry(self, data: m.Odometry) -> bool:
        """Take the pose in `odom`. False: it has numbers that are none."""
        x, y = float(data.position_m[0]), float(data.position_m[1])
        yaw = data.yaw_rad
        if not all(map(math.isfinite, (x, y, yaw))):
            return False
        self._odometry = (x, y, yaw)
        self._join()
        return True

    def map_to_odom(self, data: m.Pose) -> bool:
        """Take the pose of `odom` in `map`. False: NaN, another frame, or no covariance."""
        if data.frame_id != "map" or data.cov is None:
            return False
        x, y, yaw = (float(value) for value in data.planar())
        c = data.cov
        spread = (float(c[0, 0]), float(c[0, 1]), float(c[1, 1]))
        if not all(map(math.isfinite, (x, y, yaw, *spread))):
            return False
        self._link = (x, y, yaw, spread)
        self._join()
        return True

    def forget(self) -> None:
        self._odometry = self._link = self.pose = None
        self.fault = "never located"

    def _join(self) -> None:
        if self._odometry is None or self._link is None:
            return
        ox, oy, oyaw = self._odometry
        lx, ly, lyaw, (xx, xy, yy) = self._link
        c, s = math.cos(lyaw), math.sin(lyaw)
        dx, dy = c * ox - s * oy, s * ox + c * oy
        largest = 0.5 * (xx + yy) + math.hypot(0.5 * (xx - yy), xy)
        sigma = max(math.sqrt(max(largest, 0.0)), self._min_sigma_m)
        if sigma > self._max_sigma_m:
            self.pose, self.fault = None, f"standard deviation {sigma:.2f} m"
            return
        self.pose, self.fault = MapPose(lx + dx, ly + dy, lyaw + oyaw, sigma), ""


def tilt_of(imu: m.Imu, vertical: tuple[float, float, float]) -> float | None:
    """Angle between the robot's vertical and the world's, from the IMU's orientation; None where it gives none.

    `vertical`: the robot's vertical written in the sensor's frame (row 3 of the rotation sensor to base).
    """
    if imu.orientation_xyzw is None:
        return None
    x, y, z, w = imu.orientation_xyzw.tolist()
    norm = x * x + y * y + z * z + w * w
    if not math.isfinite(norm) or norm < 0.5:
        return None
    a, b, c = vertical
    up = a * 2.0 * (x * z - w * y) + b * 2.0 * (y * z + w * x) + c * (w * w - x * x - y * y + z * z)
    return math.acos(max(-1.0, min(1.0, up / norm)))
