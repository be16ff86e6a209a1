"""The robot's body: footprint, limits and where its sensors sit; from one YAML file and the URDF it names.

Frames: `base_link` on the ground between the drive wheels, x forward (REP-103, REP-105).
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.spatial.transform import Rotation

from physical_ai_core.errors import InputError
from physical_ai_core.share import share_path


class RobotError(InputError):
    """The robot file or its URDF cannot be used."""


class Mount(BaseModel):
    """Pose of a sensor frame in `base_link`."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))
    xyz_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rpy_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @cached_property
    def rotation(self) -> NDArray[np.float64]:
        """3x3 matrix that turns a vector of the sensor frame into `base_link`."""
        return np.asarray(Rotation.from_euler("xyz", self.rpy_rad).as_matrix())

    def planar(self) -> NDArray[np.float64]:
        """`[x_m, y_m, yaw_rad]` of the sensor in `base_link`."""
        return np.array([self.xyz_m[0], self.xyz_m[1], np.arctan2(self.rotation[1, 0], self.rotation[0, 0])])


class MotionLimits(BaseModel):
    """What the base can do; every layer stays inside, the gate enforces it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    max_speed_mps: float = Field(2.0, gt=0.0)
    max_reverse_mps: float = Field(0.5, ge=0.0)
    max_yaw_rate_rps: float = Field(2.0, gt=0.0)
    max_acceleration_mps2: float = Field(1.5, gt=0.0)
    max_deceleration_mps2: float = Field(2.5, gt=0.0)
    max_yaw_acceleration_rps2: float = Field(4.0, gt=0.0)
    max_jerk_mps3: float = Field(math.inf, gt=0.0)  # of speeding up; braking is never made gentler
    max_lateral_mps2: float = Field(math.inf, gt=0.0)  # in a bend: speed times yaw rate


class Drivetrain(BaseModel):
    """How the base moves. `model`: a model of motion that the controller has a file for; the rest is what some need."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str = "unicycle"
    wheelbase_m: float | None = Field(None, gt=0.0)  # ackermann: between the axles; base_link is on the rear one
    max_steering_rad: float | None = Field(None, gt=0.0, lt=1.5)
    max_steering_rate_rps: float | None = Field(None, gt=0.0)
    max_lateral_mps: float = Field(0.0, ge=0.0)  # omni: speed to the side


class Design(BaseModel):
    """What the machine was built for, as its maker says it; None: not known. Read by the planner's experts."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    mass_kg: float | None = Field(None, gt=0.0)
    max_payload_kg: float | None = Field(None, ge=0.0)
    max_slope_rad: float | None = Field(None, ge=0.0, le=1.0)
    ground_clearance_m: float | None = Field(None, ge=0.0, le=2.0)
    com_height_m: float | None = Field(None, gt=0.0)  # centre of mass over the ground, empty
    half_track_m: float | None = Field(None, gt=0.0)  # from the centre of mass out to where it would tip: to the side
    half_base_m: float | None = Field(None, gt=0.0)  # the same to the front or back, whichever is nearer

    @model_validator(mode="after")
    def _support_of_a_centre_of_mass(self) -> Design:
        if self.com_height_m is not None and (self.half_track_m is None or self.half_base_m is None):
            raise ValueError("com_height_m says nothing without half_track_m and half_base_m")
        return self


class Robot(BaseModel):
    """One kind of robot."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))
    schema_version: int = 1
    name: str
    footprint: tuple[tuple[float, float], ...] = Field(min_length=3)  # m, in base_link, counter-clockwise
    circles: tuple[tuple[float, float], ...] = ()  # (x, radius) in m, on the x axis, that hold the footprint; or chosen
    limits: MotionLimits = MotionLimits()
    drivetrain: Drivetrain = Drivetrain()
    design: Design = Design()
    urdf: str | None = None  # relative to the robot file; its fixed joints give the mounts
    mounts: dict[str, Mount] = {}  # win over the URDF

    @property
    def radius_m(self) -> float:
        """Radius of the circle around `base_link` that holds the footprint."""
        return float(np.hypot(*np.array(self.footprint).T).max())

    def mount(self, frame_id: str) -> Mount:
        """Mount of a sensor frame. Raises RobotError when it is not known."""
        if frame_id == "base_link":
            return Mount()
        try:
            return self.mounts[frame_id]
        except KeyError:
            raise RobotError(
                f"The frame '{frame_id}' has no mount on robot '{self.name}' (known: {sorted(self.mounts)}).",
                "Add a fixed joint to the URDF, or an entry under `mounts` in the robot file.",
            ) from None


def robot_file(name_or_path: str) -> Path:
    """Path of a robot: a file as given, else `config/robots/NAME.yaml` of this package."""
    path = Path(name_or_path)
    return path if path.suffix in {".yaml", ".yml"} else share_path("config/robots") / f"{name_or_path}.yaml"


def load_robot(name_or_path: str) -> Robot:
    """Read a robot file and the URDF it names. Raises RobotError."""
    path = robot_file(name_or_path)
    try:
        robot = Robot.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise RobotError(f"The robot file {path} cannot be used: {error}.", "docs/robot.md shows its form.") from error
    if robot.urdf is None:
        return robot
    return robot.model_copy(update={"mounts": {**_urdf_mounts(path.parent / robot.urdf), **robot.mounts}})


def _urdf_mounts(path: Path) -> dict[str, Mount]:
    """Frames that hang on `base_link` by fixed joints, chains followed."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise RobotError(f"The URDF {path} cannot be read: {error}.", "Check `urdf` in the robot file.") from error
    parent: dict[str, tuple[str, NDArray[np.float64], Rotation]] = {}
    for joint in root.iter("joint"):
        base, tip, origin = joint.find("parent"), joint.find("child"), joint.find("origin")
        if joint.get("type") != "fixed" or base is None or tip is None:
            continue
        attributes = {} if origin is None else origin.attrib
        xyz = np.array([float(v) for v in attributes.get("xyz", "0 0 0").split()])
        turn = Rotation.from_euler("xyz", [float(v) for v in attributes.get("rpy", "0 0 0").split()])
        parent[tip.attrib["link"]] = (base.attrib["link"], xyz, turn)
    mounts = {}
    for frame in parent:
        xyz, turn, link = np.zeros(3), Rotation.identity(), frame
        while link in parent:
            link, offset, step = parent[link]
            xyz, turn = offset + step.apply(xyz), step * turn
        if link == "base_link":
            x, y, z = (float(v) for v in xyz)
            roll, pitch, yaw = (float(v) for v in turn.as_euler("xyz"))
            mounts[frame] = Mount(xyz_m=(x, y, z), rpy_rad=(roll, pitch, yaw))
    return mounts
