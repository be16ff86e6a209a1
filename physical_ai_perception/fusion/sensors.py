"""What is fused, as data: every sensor with its topic, its kind, which components are taken, and how far it is trusted.

One YAML file (parameter `sensors`; `config/sensors/NAME.yaml` or a path), checked before anything runs. Without one the
set is the IMU, the wheel odometry and the GNSS receiver of the graph, trusted as the node's parameters say.

Example:
    sensors:
      - {topic: imu/data, kind: imu, takes: [roll, pitch], timeout_s: 0.5}
      - {topic: wheel/odometry, kind: odometry, takes: [vx, vy, vz], sigma: {vx: 0.03, vy: 0.05, vz: 0.05}}
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.share import share_path
from physical_ai_perception.fusion.motion import ImuTrust, WheelTrust
from physical_ai_perception.parameters import PerceptionParameters

Component = Literal["x", "y", "z", "roll", "pitch", "yaw", "vx", "vy", "vz", "vyaw"]


class SensorsError(InputError):
    """A sensor file is unreadable or contradicts itself."""


class Kind(str, Enum):
    IMU = "imu"
    ODOMETRY = "odometry"
    JOINT_STATES = "joint_states"
    GNSS = "gnss"
    POSE = "pose"


ALLOWED: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.IMU: ("roll", "pitch", "yaw"),
    Kind.ODOMETRY: ("vx", "vy", "vz", "vyaw"),
    Kind.JOINT_STATES: ("vx", "vy", "vz", "vyaw"),
    Kind.GNSS: ("x", "y", "z"),
    Kind.POSE: ("x", "y", "z", "yaw"),
}
USUAL: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.IMU: ("roll", "pitch"),
    Kind.ODOMETRY: ("vx", "vy", "vz"),
    Kind.JOINT_STATES: ("vx", "vy", "vz"),
    Kind.GNSS: ("x", "y", "z"),
    Kind.POSE: ("x", "y", "yaw"),
}
WIRE: Final[dict[str, tuple[str, type[Any]]]] = {
    "imu": ("sensor_msgs/msg/Imu", m.Imu),
    "odometry": ("nav_msgs/msg/Odometry", m.Odometry),
    "joint_states": ("sensor_msgs/msg/JointState", m.JointStates),
    "gnss": ("sensor_msgs/msg/NavSatFix", m.GnssFix),
    "pose": ("geometry_msgs/msg/PoseWithCovarianceStamped", m.Pose),
}


class Wheels(BaseModel):
    """Drive wheels of a `joint_states` sensor: joint names, radius, and distance between left and right."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    left: tuple[str, ...] = Field(min_length=1)
    right: tuple[str, ...] = Field(min_length=1)
    radius_m: float = Field(gt=0.0, lt=5.0)
    track_m: float = Field(gt=0.0, lt=20.0)


class Sensor(BaseModel):
    """One sensor. `sigma` stands where a message gives none (or where `covariance` is fixed); `floor` is the least that
    is believed. Units: m, rad, m/s, rad/s."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    topic: str = Field(min_length=1, pattern=r"^[A-Za-z~/][A-Za-z0-9_/]*$")
    kind: Kind
    takes: tuple[Component, ...] | None = None
    sigma: dict[Component, float] = {}
    floor: dict[Component, float] = {}
    covariance: Literal["message", "fixed"] = "message"
    gate_probability: float = Field(0.999, gt=0.5, lt=1.0)
    timeout_s: float | None = Field(None, gt=0.0)  # silence for longer is a fault; none: silence is no fault
    frame: str | None = None  # mount frame, where the message's is wrong or empty
    most_rate_hz: float | None = Field(None, gt=0.0)  # more often than this it is not taken
    learn_scale: bool = False  # wheels: the scale of the forward speed is part of the state
    wheels: Wheels | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Sensor:
        for name in (*self.components, *self.sigma, *self.floor):
            if name not in ALLOWED[self.kind]:
                raise ValueError(f"{self.topic}: a sensor of kind {self.kind.value} does not give '{name}'"
                                 f" (it gives {', '.join(ALLOWED[self.kind])})")  # fmt: skip
        if any(not 0.0 < value < 1e4 for value in (*self.sigma.values(), *self.floor.values())):
            raise ValueError(f"{self.topic}: every sigma and floor must lie above 0 and below 1e4")
        if (self.wheels is None) == (self.kind is Kind.JOINT_STATES):
            raise ValueError(f"{self.topic}: `wheels` belongs to kind joint_states, and only to it")
        if self.learn_scale and self.kind not in (Kind.ODOMETRY, Kind.JOINT_STATES):
            raise ValueError(f"{self.topic}: only wheels have a scale to learn")
        given = graph.TOPIC.get(self.topic)
        if given is not None and given.data is not self.data:
            raise ValueError(f"{self.topic} is {given.ros_type} in the graph, which is no sensor of kind "
                             f"{self.kind.value}")  # fmt: skip
        return self

    @property
    def components(self) -> tuple[str, ...]:
        return USUAL[self.kind] if self.takes is None else self.takes

    @property
    def ros_type(self) -> str:
        return WIRE[self.kind.value][0]

    @property
    def data(self) -> type[Any]:
        return WIRE[self.kind.value][1]

    @property
    def moves(self) -> bool:
        """Tells of motion: without any such sensor there is no state."""
        return self.kind in (Kind.IMU, Kind.ODOMETRY, Kind.JOINT_STATES)

    @property
    def rows(self) -> str:
        """Velocity components as letters."""
        return "".join(axis for axis in "xyz" if f"v{axis}" in self.components)


class SensorSet(BaseModel):
    """The sensors of one robot, the first IMU driving while it is heard."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = 1
    about: str = ""
    sensors: tuple[Sensor, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_a_set(self) -> SensorSet:
        topics = [sensor.topic for sensor in self.sensors]
        doubled = sorted({topic for topic in topics if topics.count(topic) > 1})
        if doubled:
            raise ValueError(f"named twice: {', '.join(doubled)}")
        if not any(sensor.moves for sensor in self.sensors):
            raise ValueError("no IMU and no wheels: own motion cannot be known")
        return self

    @property
    def by_topic(self) -> dict[str, Sensor]:
        return {sensor.topic: sensor for sensor in self.sensors}

    @property
    def scales(self) -> tuple[str, ...]:
        """Topics whose wheel scale is part of the state, in the order of the state."""
        return tuple(sensor.topic for sensor in self.sensors if sensor.learn_scale)


def load_sensors(name_or_path: str) -> SensorSet:
    """Read `config/sensors/NAME.yaml` or a path. Raises SensorsError."""
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        path = share_path("config/sensors") / f"{name_or_path}.yaml"
    try:
        return SensorSet.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        reasons = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SensorsError(f"The sensor file {path} cannot be used: {reasons}.", _mend()) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SensorsError(f"The sensor file {path} cannot be read: {error}.", _mend()) from error


def _mend() -> str:
    known = sorted(p.stem for p in share_path("config/sensors").glob("*.yaml"))
    return f"Give a YAML file or one of {', '.join(known)}; those show the form."


def sensors_of(p: PerceptionParameters) -> SensorSet:
    """The set that the parameters name, or the usual one, trusted as the parameters say. Raises SensorsError."""
    if p.sensors:
        return load_sensors(p.sensors)
    orientation = {"none": (), "level": ("roll", "pitch"), "full": ("roll", "pitch", "yaw")}[p.imu_orientation]
    side, yaw = p.wheel_side_sigma_mps, p.wheel_yaw_rate_sigma_rps
    sigma = {"vx": p.wheel_speed_sigma_mps, "vy": side, "vz": side, **({"vyaw": yaw} if yaw > 0.0 else {})}

    def timeout_s(topic: str) -> float | None:
        return p.silent_after_s if topic in p.expected_sensors else None

    usual: list[dict[str, Any]] = [
        {"topic": "imu/data", "kind": "imu", "takes": orientation, "most_rate_hz": p.imu_orientation_rate_hz,
         "sigma": dict.fromkeys(orientation, p.imu_orientation_sigma_rad)},
        {"topic": "wheel/odometry", "kind": "odometry", "takes": tuple(sigma), "sigma": sigma,
         "learn_scale": p.wheel_scale_sigma > 0.0},
        {"topic": "gps/fix", "kind": "gnss", "takes": ("x", "y", "z") if p.gnss_altitude else ("x", "y"),
         "sigma": {"x": p.gnss_position_sigma_m}, "floor": {"x": p.gnss_floor_sigma_m}},
    ]  # fmt: skip
    for entry in usual:
        entry |= {"timeout_s": timeout_s(str(entry["topic"])), "gate_probability": p.gate_probability}
    return SensorSet.model_validate({"sensors": usual})


def imu_trust(sensor: Sensor, p: PerceptionParameters) -> ImuTrust:
    """How an IMU's orientation is taken."""
    taken = set(sensor.components)
    orientation = "full" if "yaw" in taken else "level" if taken else "none"
    sigma = max(sensor.sigma.values(), default=p.imu_orientation_sigma_rad)
    rate_hz = sensor.most_rate_hz or p.imu_orientation_rate_hz
    fixed = sensor.covariance == "fixed"
    return ImuTrust(sensor.topic, orientation, sigma, rate_hz, sensor.gate_probability, not fixed)


def wheel_trust(sensor: Sensor, p: PerceptionParameters, scales: tuple[str, ...]) -> WheelTrust:
    """How a wheel odometry is taken."""
    usual = {"x": p.wheel_speed_sigma_mps, "y": p.wheel_side_sigma_mps, "z": p.wheel_side_sigma_mps}

    def least(axis: str) -> float:
        name: Any = f"v{axis}"
        return max(sensor.sigma.get(name, usual[axis]), sensor.floor.get(name, 0.0))

    yaw = max(sensor.sigma.get("vyaw", p.wheel_yaw_rate_sigma_rps or 0.1), sensor.floor.get("vyaw", 0.0))
    return WheelTrust(
        sensor.topic, sensor.rows, (least("x"), least("y"), least("z")),
        scales.index(sensor.topic) if sensor.topic in scales else -1, yaw if "vyaw" in sensor.components else 0.0,
        sensor.gate_probability, sensor.covariance == "message",
    )  # fmt: skip
