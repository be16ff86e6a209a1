"""One picture to robot poses: tags of the site tell where the robot stands, other tags where they hang beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_core.site import Site
from physical_ai_perception.camera.calibration import Calibration, CameraMount
from physical_ai_perception.camera.place import PlanarFix, TagPlace, face_turn, planar_fix
from physical_ai_perception.camera.square import Trust
from physical_ai_perception.camera.tags import FAMILIES, Tag, TagFinder
from physical_ai_perception.fusion.samples import Unusable
from physical_ai_perception.parameters import PerceptionParameters

ON_A_WALL: Final = 0.7  # vertical part of where a face looks
ANY_HEIGHT_M: Final = 5.0  # sigma: how high a free tag hangs is not known


@dataclass(frozen=True)
class TagTask:
    """What a reader of tags must know. `places`: id -> where it hangs in `map`; other tags hang upright somewhere and
    are `free_size_m` large (0: they are left out)."""

    family: str
    places: Mapping[int, TagPlace]
    free_size_m: float
    trust: Trust

    def as_json(self) -> dict[str, Any]:
        """Plain values, for another process."""
        places = {
            str(number): [*place.xyz_m.tolist(), *place.turn.ravel().tolist(), place.size_m, place.position_sigma_m,
                          place.yaw_sigma_rad]
            for number, place in self.places.items()
        }  # fmt: skip
        trust = {name: getattr(self.trust, name) for name in Trust.__dataclass_fields__}
        return {"family": self.family, "places": places, "free_size_m": self.free_size_m, "trust": trust}

    @staticmethod
    def of_json(values: Mapping[str, Any]) -> TagTask:
        places = {}
        for number, row in values["places"].items():
            numbers = np.array(row, dtype=float)
            places[int(number)] = TagPlace(numbers[:3], numbers[3:12].reshape(3, 3), *numbers[12:].tolist())
        return TagTask(values["family"], places, float(values["free_size_m"]), Trust(**values["trust"]))


def tag_task(p: PerceptionParameters, site: Site | None) -> TagTask:
    """The task that parameters and site describe."""
    trust = Trust(
        p.tag_pixel_sigma, p.tag_tilt_sigma_rad, p.tag_height_sigma_m, p.camera_mount_sigma_rad, p.camera_scale_sigma,
        p.tag_yaw_sigma_rad,
    )  # fmt: skip
    places = {
        number: TagPlace(
            np.array([tag.pose.x_m, tag.pose.y_m, tag.height_m]),
            face_turn(tag.pose.yaw_rad, tag.tilt_rad, tag.roll_rad),
            tag.size_m,
            tag.position_sigma_m,
            tag.yaw_sigma_rad,
        )
        for number, tag in (site.tags.items() if site is not None else ())
    }
    return TagTask(p.tag_family, places, p.tag_size_m, trust)


@dataclass(frozen=True)
class SeenTag:
    """A tag in a picture. `fix`: pose of the base in `map` where `placed`, else in the frame of the tag (x out of its
    face, on the ground below it); None, with `reason`, where no pose can be told."""

    id: int
    placed: bool
    fix: PlanarFix | None
    reason: str = ""


class TagReader:
    """Raises DependencyError without OpenCV, and ValueError for a family that is not one."""

    def __init__(self, task: TagTask) -> None:
        if task.family not in FAMILIES:
            raise ValueError(f"tag family '{task.family}' is not one of {', '.join(FAMILIES)}")
        self._task = task
        self._finder = TagFinder(task.family)
        self._free = TagPlace(np.zeros(3), np.eye(3), task.free_size_m)
        self._free_trust = replace(task.trust, height_m=ANY_HEIGHT_M)

    def read(self, grey: NDArray[np.uint8], calibration: Calibration, mount: CameraMount) -> list[SeenTag]:
        """Tags of a grey picture (H, W)."""
        seen = []
        for tag in self._finder.find(grey):
            place, trust = self._task.places.get(tag.id), self._task.trust
            placed = place is not None
            if place is None:
                if self._task.free_size_m <= 0.0:
                    continue
                place, trust = self._free, self._free_trust
            seen.append(_seen(tag, placed, place, calibration, mount, trust))
        return seen


def _seen(
    tag: Tag, placed: bool, place: TagPlace, calibration: Calibration, mount: CameraMount, trust: Trust
) -> SeenTag:
    """The AprilTag project prints its families upside down to what OpenCV calls upright. On a wall a wrong guess stands
    the robot on its head, so the right one is found; on floor and ceiling `roll_rad` of the site must say it."""
    on_a_wall = abs(float(place.turn[2, 0])) < ON_A_WALL
    reason = ""
    for turned in (0, 2) if on_a_wall else (0,):
        try:
            corners = np.roll(tag.corners, turned, axis=0)
            return SeenTag(tag.id, placed, planar_fix(corners, place, calibration, mount, trust))
        except (Unusable, np.linalg.LinAlgError) as error:
            reason = reason or str(error)
    return SeenTag(tag.id, placed, None, reason)


def beside_robot(fix: PlanarFix) -> tuple[Array, Array]:
    """Pose (3,) of a free tag's foot in `base_link` and its covariance (3, 3): the inverse of the fix."""
    x, y, yaw = fix.pose.tolist()
    c, s = np.cos(yaw), np.sin(yaw)
    pose = np.array([-(c * x + s * y), s * x - c * y, -yaw])
    by_fix = np.array([[-c, -s, pose[1]], [s, -c, -pose[0]], [0.0, 0.0, -1.0]])
    return pose, np.asarray(by_fix @ fix.covariance @ by_fix.T)
