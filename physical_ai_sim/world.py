"""The MuJoCo model: ground, structures, people, robot. Frame of the model: `map`.

Geometry groups: 0 what the LiDAR sees, 3 the robot. Collision bits: 1 ground and wheels, 2 chassis and structures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Mount, Robot
from physical_ai_core.site import Site, Structure
from physical_ai_sim import physics as p

HIDDEN_Z_M = -10.0  # where people wait who are not there
NO_CAMERA = Mount(xyz_m=(0.2, 0.0, 0.25))
BARN_FOLDER = Path(__file__).parent / "data" / "barn"


def build_model(site: Site, robot: Robot, people: int, barn_world: str = "") -> Any:
    """Compile the model. Raises InputError when the BARN file cannot be read."""
    solids = _barn_solids(_barn_file(barn_world)) if barn_world else _site_solids(site)
    walkers = "".join(
        f'<body name="person{i}" mocap="true" pos="0 {i} {HIDDEN_Z_M}"><geom type="cylinder" rgba=".8 .5 .3 1" '
        f'size="{p.PERSON_RADIUS_M} {p.PERSON_HEIGHT_M / 2}" contype="0" conaffinity="0" group="0"/></body>'
        for i in range(people)
    )
    return mujoco.MjModel.from_xml_string(
        f"""<mujoco>
<option timestep="{p.TIME_STEP_S}" integrator="implicitfast" cone="elliptic" impratio="5"/>
<visual><global offwidth="{p.CAMERA_SIZE[0]}" offheight="{p.CAMERA_SIZE[1]}"/><headlight ambient=".4 .4 .4"/></visual>
<default><geom solref="0.01 1"/></default>
<worldbody>
<light pos="20 12 20" dir="0 0 -1"/>
<geom name="ground" type="plane" size="0 0 1" friction="{p.GROUND_FRICTION} 0.005 0.0001" group="1"
  rgba=".35 .4 .35 1"/>
{solids}{walkers}{_robot_body(robot)}
</worldbody>
<actuator>{"".join(_wheel_servo(side) for side in ("left", "right"))}</actuator>
</mujoco>"""
    )


def _robot_body(robot: Robot) -> str:
    outline = np.array(robot.footprint)
    half_x, half_y = (float(v) for v in np.abs(outline).max(axis=0))
    wheels = "".join(
        f'<body pos="0 {y} {p.WHEEL_RADIUS_M}"><joint name="{side}" axis="0 1 0" armature="{p.WHEEL_ARMATURE_KGM2}" '
        f'damping="0.02"/><geom name="{side}_wheel" type="sphere" size="{p.WHEEL_RADIUS_M}" mass="{p.WHEEL_MASS_KG}" '
        f'friction="{p.WHEEL_FRICTION} 0.005 0.0001" group="3"/></body>'
        for side, y in (("left", p.HALF_TRACK_M), ("right", -p.HALF_TRACK_M))
    )
    casters = "".join(
        f'<geom type="sphere" size=".03" pos="{x} 0 .0305" condim="1" priority="1" solref="0.03 1" group="3"/>'
        for x in (0.2, -0.2)
    )
    inertia = " ".join(str(v) for v in p.BODY_INERTIA_KGM2)
    return (
        f'<body name="base"><freejoint/><inertial pos="0 0 {p.CENTRE_OF_MASS_HEIGHT_M}" mass="{p.BODY_MASS_KG}" '
        f'diaginertia="{inertia}"/>{_eye(robot.mounts.get("camera", NO_CAMERA))}'
        f'<geom name="chassis" type="box" size="{half_x} {half_y} .08" pos="0 0 .15" contype="2" conaffinity="2" '
        f'group="3"/>{casters}{wheels}</body>'
    )


def _eye(mount: Mount) -> str:
    """The camera of MuJoCo looks along -z with +y up; the mount's x looks ahead with z up."""
    ahead_up = mount.rotation @ np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    x, y, z, w = Rotation.from_matrix(ahead_up).as_quat()
    xyz = " ".join(str(v) for v in mount.xyz_m)
    return f'<camera name="front" pos="{xyz}" quat="{w} {x} {y} {z}" fovy="{np.degrees(p.CAMERA_FIELD_RAD):.3f}"/>'


def _wheel_servo(joint: str) -> str:
    return (
        f'<general name="{joint}" joint="{joint}" dyntype="filter" dynprm="{p.ACTUATOR_LAG_S}" '
        f'gainprm="{p.WHEEL_GAIN_NMS}" biastype="affine" biasprm="0 0 -{p.WHEEL_GAIN_NMS}" '
        f'forcerange="-{p.WHEEL_TORQUE_LIMIT_NM} {p.WHEEL_TORQUE_LIMIT_NM}"/>'
    )


def _site_solids(site: Site) -> str:
    return "".join(_solid(name, structure) for name, structure in site.structures.items())


def _solid(name: str, structure: Structure) -> str:
    pose, half_height = structure.pose, 0.5 * structure.height_m
    if structure.radius_m is not None:
        shape = f'type="cylinder" size="{structure.radius_m} {half_height}"'
    else:
        assert structure.length_m is not None
        assert structure.width_m is not None
        shape = f'type="box" size="{structure.length_m / 2} {structure.width_m / 2} {half_height}"'
    c, s = np.cos(pose.yaw_rad / 2), np.sin(pose.yaw_rad / 2)
    return (
        f'<geom name={quoteattr(name)} {shape} pos="{pose.x_m} {pose.y_m} {half_height}" quat="{c} 0 0 {s}" '
        'contype="2" conaffinity="2" group="0" rgba=".5 .5 .55 1"/>'
    )


def read_points(path: Path) -> Array:
    """Points (N, 2) of a BARN file with header `x_m,y_m`. Raises InputError."""
    try:
        return np.atleast_2d(np.loadtxt(path, delimiter=",", skiprows=1))[:, :2]
    except (OSError, ValueError, IndexError) as error:
        raise InputError(
            f"The BARN file {path} cannot be read: {error}.", "Give a CSV with the columns x_m and y_m."
        ) from error


def _barn_file(name: str) -> Path:
    """A path as given, else one of the worlds that come with the package."""
    path = Path(name)
    return path if path.exists() else BARN_FOLDER / path.name


def _barn_solids(path: Path) -> str:
    return "".join(
        f'<geom name="cylinder{i}" type="cylinder" size="{p.BARN_CYLINDER_RADIUS_M} 0.5" pos="{x} {y} 0.5" '
        'contype="2" conaffinity="2" group="0"/>'
        for i, (x, y) in enumerate(read_points(path))
    )
