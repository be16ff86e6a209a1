"""From a message of a declared sensor to what the filters take: one way for each kind."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_perception.fusion.gnss import GnssTrust
from physical_ai_perception.fusion.localisation import Localisation
from physical_ai_perception.fusion.motion import ImuTrust, WheelTrust
from physical_ai_perception.fusion.samples import (
    MOST_RATE_RPS,
    MOST_SPEED_MPS,
    Unusable,
    WheelSample,
    finite,
    imu_sample,
    wheel_sample,
)
from physical_ai_perception.fusion.sensors import Kind, Sensor, SensorSet, Wheels, imu_trust, wheel_trust
from physical_ai_perception.mounts import Placement
from physical_ai_perception.parameters import PerceptionParameters

POSE_SIGMA: Final = {"x": 0.1, "y": 0.1, "z": 0.2, "yaw": 0.05}  # m and rad, where neither message nor file has one
RATE_SLACK: Final = 0.95

Find = Callable[[str], Placement]


class Intake:
    """`take` raises Unusable with the reason when a message cannot be used."""

    def __init__(self, declared: SensorSet, parameters: PerceptionParameters) -> None:
        self.sensors = declared.by_topic
        self.motion = tuple(sensor.topic for sensor in declared.sensors if sensor.moves)
        self._imu: dict[str, ImuTrust] = {}
        self._wheel: dict[str, WheelTrust] = {}
        self._gnss: dict[str, GnssTrust] = {}
        self._last_s: dict[str, float] = {}
        for topic, sensor in self.sensors.items():
            if sensor.kind is Kind.IMU:
                self._imu[topic] = imu_trust(sensor, parameters)
            elif sensor.kind in (Kind.ODOMETRY, Kind.JOINT_STATES):
                self._wheel[topic] = wheel_trust(sensor, parameters, declared.scales)
            elif sensor.kind is Kind.GNSS:
                self._gnss[topic] = _gnss_trust(sensor, parameters)

    @property
    def heading_by_imu(self) -> bool:
        """Some IMU's own heading is taken into `odom`."""
        return any(trust.orientation == "full" for trust in self._imu.values())

    def take(self, sensor: Sensor, data: Any, find: Find, localisation: Localisation) -> None:
        """Hand one message of `sensor` to the filters; `find` gives the placement of a frame."""
        topic, kind = sensor.topic, sensor.kind
        if kind is Kind.IMU:
            localisation.imu(imu_sample(data, find(sensor.frame or data.frame_id)), self._imu[topic])
            return
        if sensor.most_rate_hz is not None and self._too_soon(sensor, data.stamp_s):
            return
        if kind is Kind.ODOMETRY:
            placement = find(sensor.frame or data.child_frame_id)
            localisation.wheels(wheel_sample(data, placement), self._wheel[topic])
        elif kind is Kind.JOINT_STATES and sensor.wheels is not None:
            localisation.wheels(joint_sample(data, sensor.wheels), self._wheel[topic])
        elif kind is Kind.GNSS:
            localisation.gnss(data, find(sensor.frame or data.frame_id).xyz_m, self._gnss[topic])
        elif kind is Kind.POSE:
            _take_pose(sensor, data, localisation)

    def _too_soon(self, sensor: Sensor, stamp_s: float) -> bool:
        since_s = stamp_s - self._last_s.get(sensor.topic, -inf)
        if 0.0 <= since_s < RATE_SLACK / (sensor.most_rate_hz or inf):
            return True
        self._last_s[sensor.topic] = stamp_s
        return False


def joint_sample(data: m.JointStates, wheels: Wheels) -> WheelSample:
    """Body twist of a robot with wheels on its left and right, from their angular velocities. Raises Unusable."""
    if len(data.velocities) != len(data.names):
        raise Unusable("no velocities of the joints")
    speeds = dict(zip(data.names, np.asarray(data.velocities, dtype=float).tolist(), strict=True))
    missing = sorted({*wheels.left, *wheels.right} - speeds.keys())
    if missing:
        raise Unusable(f"no joint named {', '.join(missing)}")
    left = wheels.radius_m * sum(speeds[name] for name in wheels.left) / len(wheels.left)
    right = wheels.radius_m * sum(speeds[name] for name in wheels.right) / len(wheels.right)
    speed, turn = 0.5 * (left + right), (right - left) / wheels.track_m
    if not abs(speed) < inf or not abs(turn) < inf:
        raise Unusable("content is not finite")
    if abs(speed) > MOST_SPEED_MPS or abs(turn) > MOST_RATE_RPS:
        raise Unusable("speed implausible")
    return WheelSample(data.stamp_s, [speed, 0.0, 0.0], turn, [0.0, 0.0, 0.0])


def _gnss_trust(sensor: Sensor, p: PerceptionParameters) -> GnssTrust:
    sigma = max((v for k, v in sensor.sigma.items() if k != "z"), default=p.gnss_position_sigma_m)
    floor = max((v for k, v in sensor.floor.items() if k != "z"), default=p.gnss_floor_sigma_m)
    message = sensor.covariance == "message"
    return GnssTrust(sensor.topic, "z" in sensor.components, sigma, floor, sensor.gate_probability, message)


def _take_pose(sensor: Sensor, data: m.Pose, localisation: Localisation) -> None:
    if not (finite(data.position_m) and finite(data.orientation_xyzw)):
        raise Unusable("content is not finite")
    if not 0.9 < float(data.orientation_xyzw @ data.orientation_xyzw) < 1.1:
        raise Unusable("orientation is not a unit quaternion")
    taken = sensor.components
    rows = "".join(row for row, name in (("x", "x"), ("y", "y"), ("t", "yaw")) if name in taken)
    sigma = POSE_SIGMA | {str(name): value for name, value in sensor.sigma.items()}
    floor = {str(name): value for name, value in sensor.floor.items()}
    usual = np.diag([sigma["x"] ** 2, sigma["y"] ** 2, sigma["yaw"] ** 2])
    given = None if data.cov is None or sensor.covariance == "fixed" else data.cov
    height = sigma["z"]
    covariance = usual
    if given is not None and finite(given) and float(given.diagonal()[[0, 1, 5]].min()) > 0.0:
        covariance = given[np.ix_((0, 1, 5), (0, 1, 5))]
        height = float(np.sqrt(given[2, 2])) if given[2, 2] > 0.0 else height
    least = np.array([floor.get("x", 0.0), floor.get("y", 0.0), floor.get("yaw", 0.0)]) ** 2
    covariance = covariance + np.diag(np.maximum(least - covariance.diagonal(), 0.0))
    frame = data.frame_id.lstrip("/")
    if rows:
        gate = sensor.gate_probability
        localisation.take_pose(data.stamp_s, sensor.topic, data.planar(), covariance, rows, frame, gate)
    if "z" in taken and frame == "map":
        height = max(height, floor.get("z", 0.0))
        localisation.take_height(data.stamp_s, sensor.topic, float(data.position_m[2]), height)
