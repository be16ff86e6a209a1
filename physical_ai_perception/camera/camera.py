"""The camera's room: calibrations and pictures in; robot poses by tags, tags to dock at, and classes of tracks out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import WARN
from physical_ai_core.geometry import Array
from physical_ai_core.site import Site
from physical_ai_perception.camera.calibration import Calibration, CameraMount, calibration_of, camera_mount
from physical_ai_perception.camera.eyes import DirectEye, Eye, EyeTask, Look, Sight
from physical_ai_perception.camera.labeller import Labeller
from physical_ai_perception.camera.reading import SeenTag, beside_robot, tag_task
from physical_ai_perception.fusion.samples import Unusable
from physical_ai_perception.mounts import Placement
from physical_ai_perception.parameters import PerceptionParameters

RATE_SLACK: Final = 0.95  # a period may come a little early
MOST_CAMERAS: Final = 8
RECENT_S: Final = 2.0
SWEEPS_KEPT: Final = 64  # a slow model answers about a picture of some seconds ago
LONGEST_APART_S: Final = 0.2  # between a picture and the sweep whose tracks it is laid on
MOST_TAGS: Final = 64  # remembered for health


@dataclass(frozen=True)
class TagFix:
    """A measurement of the robot's pose in `map`: `pose` (3,) `[x_m, y_m, yaw_rad]`, `covariance` (3, 3)."""

    stamp_s: float
    source: str  # "tag N"
    pose: Array
    covariance: Array


@dataclass(frozen=True)
class DockingTag:
    """A tag that the site does not place: pose (3,) of its foot in `base_link`, yaw where its face looks; (3, 3)."""

    stamp_s: float
    id: int
    pose: Array
    covariance: Array


@dataclass
class _Book:
    """What became of one tag: for health."""

    taken: int = 0
    refused: int = 0
    reason: str = ""
    refused_s: float = -np.inf
    fix_s: float = -np.inf


class Camera:
    """Driven by stamps alone; `make_eye` decides whether pictures are seen at once (replay) or in a worker (node)."""

    def __init__(
        self, parameters: PerceptionParameters, site: Site | None, make_eye: Callable[[EyeTask], Eye] = DirectEye
    ) -> None:
        self._p = p = parameters
        self._tags = make_eye(EyeTask(tags=tag_task(p, site)))
        self._model = (
            make_eye(EyeTask(model=p.camera_model, score=p.camera_model_score, threads=p.camera_model_threads))
            if p.camera_model
            else None
        )
        self.labeller = Labeller()
        self._calibrations: dict[str, Calibration] = {}
        self._mounts: dict[str, CameraMount] = {}
        self._books: dict[int, _Book] = {}
        self._boxes = 0
        self.forget()

    def forget(self) -> None:
        """The clock was set: nothing known about time holds any more."""
        self._looked_s = {"tags": -np.inf, "objects": -np.inf}
        self._base: dict[float, Array] = {}
        self._sweeps: deque[tuple[float, layouts.Rows]] = deque(maxlen=SWEEPS_KEPT)
        self._docking: dict[int, DockingTag] = {}
        self._books.clear()
        self.labeller.clear()

    def calibrate(self, info: m.CameraInfo) -> None:
        """Take `camera/camera_info`. Raises Unusable."""
        if not self._p.camera:
            return
        calibration = calibration_of(info)
        if len(self._calibrations) >= MOST_CAMERAS and info.frame_id not in self._calibrations:
            raise Unusable(f"more than {MOST_CAMERAS} cameras on one topic")
        self._calibrations[info.frame_id] = calibration

    def picture(self, image: m.Image, placement: Placement, base: Array | None) -> None:
        """Take `camera/image_raw`; `base` (3,): pose of `base_link` in `odom` at its stamp, where known. Raises
        Unusable. Never waits for what it shows."""
        if not self._p.camera:
            return
        pixels = image.pixels
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise Unusable("pixels are not (H, W, 3) bytes")
        calibration = self._calibrations.get(image.frame_id)
        if calibration is None:
            raise Unusable(f"no camera/camera_info of frame '{image.frame_id}' yet")
        height, width = pixels.shape[:2]
        if (width, height) != (calibration.width, calibration.height):
            raise Unusable(
                f"picture is {width} x {height}, camera_info says {calibration.width} x {calibration.height}"
            )
        if image.frame_id not in self._mounts:
            self._mounts[image.frame_id] = camera_mount(placement, image.frame_id, self._p.camera_frame)
        mount = self._mounts[image.frame_id]
        if self._due("tags", image.stamp_s, self._p.tag_rate_hz) and not self._tags.busy:
            # Green is the same channel in RGB and BGR, and bright enough for black on white.
            self._tags.look(Look(image.stamp_s, pixels[..., 1], calibration, mount))
            self._looked_s["tags"] = image.stamp_s
        model = self._model
        if model is None or base is None or not self._due("objects", image.stamp_s, self._p.camera_model_rate_hz):
            return
        if not model.busy:
            self._base = {image.stamp_s: base}
            model.look(Look(image.stamp_s, pixels, calibration, mount))
            self._looked_s["objects"] = image.stamp_s

    def collect(self) -> list[TagFix]:
        """Poses of the robot by what was seen since the last call; never waits."""
        fixes = []
        for sight in self._tags.sights():
            fixes += [fix for tag in sight.tags if (fix := self._take_tag(sight.stamp_s, tag)) is not None]
        for sight in self._model.sights() if self._model is not None else ():
            self._take_objects(sight)
        return fixes

    def docking(self, stamp_s: float) -> tuple[DockingTag, ...]:
        """Tags without a place in the site that were seen within the last seconds, by id."""
        recent = (tag for tag in self._docking.values() if 0.0 <= stamp_s - tag.stamp_s <= RECENT_S)
        return tuple(sorted(recent, key=lambda tag: tag.id))

    def label(self, objects: m.Objects) -> m.Objects:
        """The tracks of a sweep with the classes the camera is sure of; remembered for boxes still to come."""
        if self._model is None:
            return objects
        self._sweeps.append((objects.stamp_s, objects.rows))
        return m.Objects(objects.stamp_s, objects.frame_id, self.labeller.apply(objects.stamp_s, objects.rows))

    def complaints(self, now_s: float) -> list[tuple[int, str]]:
        """What is missing or wrong, as (level, text)."""
        found = [
            (WARN, f"camera: {eye.problem}") for eye in (self._tags, self._model) if eye is not None and eye.problem
        ]
        for number, book in sorted(self._books.items()):
            if "do not fit" in book.reason and now_s - book.refused_s <= RECENT_S:
                found.append((WARN, f"tag {number}: {book.reason} ({book.refused} refused)"))
        return found

    def values(self) -> dict[str, str]:
        """Counters for diagnostics."""
        if not self._p.camera:
            return {"camera": "off"}
        values = {}
        for number, book in sorted(self._books.items()):
            last = f", {book.refused} refused: {book.reason}" if book.refused else ""
            values[f"tag {number}"] = f"{book.taken} taken{last}"
        if self._model is None:
            values["camera objects"] = "no model (camera_model is empty): classes by LiDAR alone"
        else:
            values["camera objects"] = self._model.problem or f"{self._boxes} boxes laid on tracks"
        return values

    def close(self) -> None:
        """End the workers."""
        for eye in (self._tags, self._model):
            if eye is not None:
                eye.close()

    # --- inside ---

    def _due(self, what: str, stamp_s: float, rate_hz: float) -> bool:
        return not 0.0 <= stamp_s - self._looked_s[what] < RATE_SLACK / rate_hz

    def _take_tag(self, stamp_s: float, tag: SeenTag) -> TagFix | None:
        if tag.id not in self._books and len(self._books) >= MOST_TAGS:
            return None
        book = self._books.setdefault(tag.id, _Book())
        if tag.fix is None:
            book.refused, book.reason, book.refused_s = book.refused + 1, tag.reason, stamp_s
            return None
        book.taken += 1
        if not tag.placed:
            self._docking[tag.id] = DockingTag(stamp_s, tag.id, *beside_robot(tag.fix))
            return None
        if 0.0 <= stamp_s - book.fix_s < RATE_SLACK * self._p.tag_fix_every_s:
            return None
        book.fix_s = stamp_s
        return TagFix(stamp_s, f"tag {tag.id}", tag.fix.pose, tag.fix.covariance)

    def _take_objects(self, sight: Sight) -> None:
        base = self._base.get(sight.stamp_s)
        if base is None or sight.objects is None or not self._sweeps:
            return
        stamp_s, rows = min(self._sweeps, key=lambda sweep: abs(sweep[0] - sight.stamp_s))
        if abs(stamp_s - sight.stamp_s) > LONGEST_APART_S:
            return
        moved = rows.copy()
        for place, speed in (("x", "vx"), ("y", "vy")):
            moved[place] += rows[speed] * np.float32(sight.stamp_s - stamp_s)
        owner = self.labeller.observe(sight.stamp_s, sight.objects, moved, base)
        self._boxes += int(np.count_nonzero(owner >= 0))
