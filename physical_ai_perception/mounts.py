"""Where each sensor frame sits on the robot; a frame that is not known is named once and its sensor ignored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_core.robot import Robot, RobotError
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.rotations import Quaternion


@dataclass(frozen=True)
class Placement:
    """Pose of a sensor frame in `base_link`, in the forms that the cores use."""

    xyz_m: Array
    turn: Array
    quaternion: Quaternion
    yaw_rad: float

    @cached_property
    def rows(self) -> tuple[tuple[float, float, float], ...]:
        """`turn` as plain floats: for single vectors that costs a tenth of numpy."""
        (a, b, c), (d, e, f), (g, h, i) = self.turn.tolist()
        return (a, b, c), (d, e, f), (g, h, i)

    @cached_property
    def straight(self) -> bool:
        """The sensor's axes are those of `base_link`."""
        return bool(np.array_equal(self.turn, np.eye(3)))

    @cached_property
    def arm(self) -> tuple[float, float, float]:
        """`xyz_m` as plain floats."""
        x, y, z = self.xyz_m.tolist()
        return x, y, z


class Mounts:
    """Placements by frame name (a leading slash, as ROS 1 wrote it, is dropped)."""

    def __init__(self, robot: Robot, base_frames: tuple[str, ...]) -> None:
        self._robot = robot
        self._base = frozenset(base_frames) | {"base_link", ""}
        outline = np.array(robot.footprint)
        self.body_low, self.body_high = outline.min(axis=0), outline.max(axis=0)  # (2,) of the box around the footprint
        self._known: dict[str, Placement | None] = {}
        self.unknown: dict[str, str] = {}  # frame -> what is wrong and how to mend it

    def of(self, frame_id: str) -> Placement | None:
        """The placement of a frame; None when the robot file does not know it."""
        if frame_id not in self._known:
            self._known[frame_id] = self._find(frame_id.lstrip("/"))
        return self._known[frame_id]

    def _find(self, frame: str) -> Placement | None:
        name = "base_link" if frame in self._base else frame
        try:
            mount = self._robot.mount(name)
        except RobotError as error:
            self.unknown[frame] = str(error)
            return None
        turn = np.asarray(mount.rotation, dtype=float)
        return Placement(
            np.array(mount.xyz_m, dtype=float),
            turn,
            rotations.of_matrix(turn),
            float(np.arctan2(turn[1, 0], turn[0, 0])),
        )
