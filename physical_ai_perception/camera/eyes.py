"""Who turns pictures into numbers: an eye at once in this process (replay, tests), or a worker (`worker.WorkerEye`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.geometry import Array
from physical_ai_perception.camera.bearings import Bearings, bearings
from physical_ai_perception.camera.calibration import Calibration, CameraMount
from physical_ai_perception.camera.detector import Detector, TransformersDetector
from physical_ai_perception.camera.place import PlanarFix
from physical_ai_perception.camera.reading import SeenTag, TagReader, TagTask

MOST_WAITING: Final = 4  # results nobody fetched


@dataclass(frozen=True)
class Look:
    """A picture to look at: `pixels` (H, W) grey for tags, (H, W, 3) RGB for objects."""

    stamp_s: float
    pixels: NDArray[np.uint8]
    calibration: Calibration
    mount: CameraMount


@dataclass(frozen=True)
class Sight:
    """What was seen in the picture of `stamp_s`."""

    stamp_s: float
    tags: tuple[SeenTag, ...] = ()
    objects: Bearings | None = None


class Eye(Protocol):
    """`look` hands over a picture and never waits; `sights` gives what is ready. `problem`: why there is nothing.

    `busy`: the next picture would be dropped, so it need not be copied.
    """

    problem: str

    @property
    def busy(self) -> bool: ...

    def look(self, picture: Look) -> None: ...

    def sights(self) -> list[Sight]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class EyeTask:
    """What an eye looks for: tags, or with a model on disk objects."""

    tags: TagTask | None = None
    model: str = ""
    score: float = 0.5
    threads: int = 1

    def as_json(self) -> dict[str, Any]:
        """Plain values, for another process."""
        return {**asdict(self), "tags": None if self.tags is None else self.tags.as_json()}

    @staticmethod
    def of_json(values: dict[str, Any]) -> EyeTask:
        tags = values["tags"]
        return EyeTask(
            None if tags is None else TagTask.of_json(tags), values["model"], values["score"], values["threads"]
        )


class Seer:
    """The work itself. Raises PhysicalAIError where a library or a model is missing."""

    def __init__(self, task: EyeTask, detector: Detector | None = None) -> None:
        self._reader = TagReader(task.tags) if task.tags is not None else None
        self._detector = detector
        if detector is None and task.model:
            self._detector = TransformersDetector(task.model, task.score, task.threads)

    def see(self, picture: Look) -> Sight:
        """Tags of a grey picture, objects of a coloured one."""
        tags: tuple[SeenTag, ...] = ()
        objects = None
        if self._reader is not None:
            tags = tuple(self._reader.read(picture.pixels, picture.calibration, picture.mount))
        if self._detector is not None:
            objects = bearings(self._detector.find(picture.pixels), picture.calibration, picture.mount)
        return Sight(picture.stamp_s, tags, objects)


class DirectEye:
    """Sees at once: the same pictures give the same numbers in the same order."""

    def __init__(self, task: EyeTask, detector: Detector | None = None) -> None:
        self.problem = ""
        self._task, self._detector = task, detector
        self._seer: Seer | None = None
        self._ready: list[Sight] = []

    @property
    def busy(self) -> bool:
        return bool(self.problem)

    def look(self, picture: Look) -> None:
        if self.problem:
            return
        try:
            if self._seer is None:  # libraries and models are loaded when the first picture comes
                self._seer = Seer(self._task, self._detector)
            self._ready = [*self._ready, self._seer.see(picture)][-MOST_WAITING:]
        except PhysicalAIError as error:
            self.problem = str(error)

    def sights(self) -> list[Sight]:
        ready, self._ready = self._ready, []
        return ready

    def close(self) -> None:
        """Nothing to end."""


# --- plain values, for the pipe of a worker ---


def sight_as_json(sight: Sight) -> dict[str, Any]:
    """A Sight as plain values."""
    tags = [[t.id, t.placed, t.reason, None if t.fix is None else _fix_row(t.fix)] for t in sight.tags]
    seen = sight.objects
    objects = None
    if seen is not None:
        objects = [
            seen.middle_rad.tolist(), seen.half_rad.tolist(), [r if r == r else None for r in seen.range_m.tolist()],
            seen.class_id.tolist(), seen.score.tolist(), seen.eye_m.tolist(),
        ]  # fmt: skip
    return {"stamp_s": sight.stamp_s, "tags": tags, "objects": objects}


def sight_of_json(values: dict[str, Any]) -> Sight:
    """The Sight that `sight_as_json` wrote."""
    tags = tuple(
        SeenTag(int(number), bool(placed), None if row is None else _fix_of_row(row), str(reason))
        for number, placed, reason, row in values["tags"]
    )
    objects = None
    if values["objects"] is not None:
        middle, half, range_m, kinds, score, eye = values["objects"]
        objects = Bearings(
            np.array(middle, dtype=float), np.array(half, dtype=float),
            np.array([np.nan if r is None else r for r in range_m], dtype=float), np.array(kinds, dtype=np.intp),
            np.array(score, dtype=float), np.array(eye, dtype=float),
        )  # fmt: skip
    return Sight(float(values["stamp_s"]), tags, objects)


def _fix_row(fix: PlanarFix) -> list[float]:
    return [*fix.pose.tolist(), *fix.covariance.ravel().tolist(), fix.misfit, fix.alternative]


def _fix_of_row(row: list[float]) -> PlanarFix:
    numbers: Array = np.array(row, dtype=float)
    return PlanarFix(numbers[:3], numbers[3:12].reshape(3, 3), float(numbers[12]), float(numbers[13]))
