"""The learnt side of the world model: which objects it speaks for, and why it keeps silent about the others."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.geometry import Array
from physical_ai_core.layouts import OBJECT_CLASSES, Rows
from physical_ai_core.models.slots import PACKAGE, Slots, models_folder
from physical_ai_world_model.ids import first_rows
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.shadow import Shadow
from physical_ai_world_model.ssm.crowd import ROBOT, Crowd, PeopleModel, Plan
from physical_ai_world_model.ssm.decoder import PATH_SHARES, REFERENCE_S, Fans
from physical_ai_world_model.ssm.weights import PeopleWeights, default_folder, load
from physical_ai_world_model.surprise import moments, planar_covariances
from physical_ai_world_model.trust import Trust

MODEL: Final = "people"  # its name among models that come as updates
INSTALLED: Final = "installed"
WALKERS: Final = tuple(OBJECT_CLASSES.index(name) for name in ("unknown", "person"))
LEAST_AGE_S: Final = 0.35  # younger tracks have no way yet
JUMP_M: Final = 0.6  # more than this and what a runner covers, and the track is somebody else's
RUN_MPS: Final = 8.0


class People:
    """State-space forecasts for those who walk. Without weights it speaks for nobody, and says why."""

    def __init__(self, p: WorldModelParameters) -> None:
        self._p = p
        self.silent_because, self.sha256, self.backend = "", "", ""
        self._origin = ""
        self.warning = ""  # why other weights speak than were asked for
        self.trust = Trust(p.trust_window_s)
        self._at: dict[int, tuple[float, float, float]] = {}  # id: (x, y, stamp)
        self._crowd: Crowd | None = None
        self.shadow: Shadow | None = None
        self.shadow_missing = ""  # why there is none though one was asked for
        if not p.people_model:
            self.silent_because = "switched off"
            return
        try:
            model = PeopleModel(self._weights())
            self._crowd = Crowd(model)
            self.sha256, self.backend = model.sha256, str(model.recurrence.backend)
        except PhysicalAIError as error:
            self.silent_because = str(error)
            return
        self._begin_shadow()

    def _begin_shadow(self) -> None:
        """The candidate beside: whatever is wrong with it, only it is missing."""
        p = self._p
        if not p.shadow_model:
            return
        folder = Path(p.shadow_model)
        if p.shadow_model == INSTALLED:
            slots = Slots(MODEL, models_folder(p.models_folder))
            waiting = slots.candidate()
            if waiting is None:
                self.shadow_missing = "no candidate waits in a slot"
                return
            folder = slots.folder / waiting[0]
        try:
            self.shadow = Shadow(load(folder), p.shadow_period_s, p.modes)
        except PhysicalAIError as error:
            self.shadow_missing = error.cause

    def _weights(self) -> PeopleWeights:
        """As the parameter says. What is installed and cannot be loaded gives way to what is packaged."""
        self._origin = self._p.people_model
        if self._origin not in (PACKAGE, INSTALLED):
            return load(Path(self._origin))
        if self._origin == INSTALLED:
            installed = Slots(MODEL, models_folder(self._p.models_folder)).chosen()
            self.warning = installed.warning
            if installed.folder is not None:
                try:
                    return load(installed.folder)
                except PhysicalAIError as error:
                    self.warning = f"{error.cause} The packaged weights speak. 同梱モデルで動作します。"
        self._origin = PACKAGE
        return load(default_folder())

    @property
    def speaks(self) -> bool:
        return self._crowd is not None

    @property
    def source(self) -> str:
        """Whose weights speak, and the beginning of their hash: for heartbeat and diagnostics."""
        if self._crowd is None:
            return "none"
        return f"{self._origin} {self.sha256[:12]}"

    def heed(self) -> None:
        """Where an installed model was rolled back since it was loaded, it keeps silent at once; what was there before
        comes with the next activation. Reads one small file."""
        if self._origin != INSTALLED or self._crowd is None:
            return
        try:
            pointer = Slots(MODEL, models_folder(self._p.models_folder)).pointer()
        except PhysicalAIError:
            return
        if self.sha256 in pointer.refused:
            self.silence(
                f"{self.sha256[:12]} was rolled back: {pointer.reason} 再起動まで予測はカルマンフィルタのみです。"
            )

    def silence(self, because: str) -> None:
        """The learnt forecast keeps silent from now on: the Kalman filter speaks for all."""
        self.clear()
        self._crowd, self.silent_because = None, because

    def clear(self) -> None:
        if self._crowd is not None:
            self._crowd.clear()
            self.trust.clear()
            self._at.clear()
            if self.shadow is not None:
                self.shadow.clear()

    def observe(self, rows: Rows, stamp_s: float, known: NDArray[np.uint32]) -> None:
        """Rows of `state/objects` (finite ones of objects in `known` count)."""
        if self._crowd is None:
            return
        xy = np.column_stack([rows["x"], rows["y"]]).astype(float)
        tracked = set(known.tolist())
        finite, kind, numbers = np.isfinite(xy).all(axis=1).tolist(), rows["class_id"].tolist(), rows["id"].tolist()
        chosen = [k for k in first_rows(rows["id"]) if finite[k] and kind[k] in WALKERS and numbers[k] in tracked]
        ids, xy = rows["id"][chosen].astype(np.int64), xy[chosen]
        places = list(zip(ids.tolist(), *xy.T.tolist(), strict=True))
        keep = tracked | {ROBOT}
        keep.difference_update([i for i, x, y in places if self._jumps(i, x, y, stamp_s)])
        if not keep.issuperset(self._crowd.ids.tolist()):
            kept = np.array(sorted(keep), dtype=np.int64)
            self._crowd.keep(kept)
            self.trust.keep(kept)
            self._at = {i: value for i, value in self._at.items() if i in self._crowd}
        self._crowd.observe(ids, xy, stamp_s)
        if self.shadow is not None:
            self.shadow.observe(ids, xy, stamp_s, self._crowd.ids)
        self._at.update({i: (x, y, stamp_s) for i, x, y in places})
        spread = planar_covariances(rows[chosen])
        self.trust.observe(stamp_s, ids, xy, np.where(np.isfinite(spread), spread, 0.0))

    def observe_robot(self, xy_m: Array, stamp_s: float) -> None:
        """Where the robot is: the others walk around it, too."""
        if self._crowd is not None:
            self._crowd.observe(np.array([ROBOT]), xy_m[None], stamp_s)

    def forecast(
        self, ids: NDArray[np.uint32], times_s: Array, stamp_s: float, lead: int, plan: Plan | None
    ) -> tuple[NDArray[np.bool_], Fans | None]:
        """Of objects (n,): who is spoken for (n,), and their mixtures at `times_s` after `stamp_s`, at most
        `modes` each."""
        nobody = np.zeros(len(ids), dtype=np.bool_)
        if self._crowd is None or not len(ids):
            return nobody, None
        wide = ids.astype(np.int64)
        old: NDArray[np.bool_] = np.asarray(self._crowd.age_s(wide) >= LEAST_AGE_S, dtype=np.bool_)
        if not old.any():
            return nobody, None
        fans = self._crowd.predict(wide[old], times_s, stamp_s, plan, modes=self._p.modes)
        if self.shadow is not None:
            self.shadow.forecast(self._crowd, wide[old], stamp_s)
        sound = np.isfinite(fans.mean_m).all(axis=(1, 2, 3)) & np.isfinite(fans.covariance).all(axis=(1, 2, 3))
        fans = Fans(*(value[sound] for value in fans))
        spoken = wide[old][sound]
        mean, spread = moments(fans.mean_m[:, :, lead], square(fans.covariance[:, :, lead]), fans.weight)
        self.trust.expect(stamp_s + float(times_s[lead]), spoken, mean, spread)
        believed = self.trust.believed(spoken)
        said = nobody.copy()
        said[np.flatnonzero(old)[sound][believed]] = True
        fans = Fans(*(value[believed] for value in fans))
        return said, fans

    def _jumps(self, number: int, x: float, y: float, stamp_s: float) -> bool:
        before = self._at.get(number)
        if before is None:
            return False
        way = math.hypot(x - before[0], y - before[1])
        return way > JUMP_M + RUN_MPS * max(stamp_s - before[2], 0.0)


def square(covariance: Array) -> Array:
    """[xx, xy, yy] (…, 3) → (…, 2, 2)."""
    xx, xy, yy = np.moveaxis(covariance, -1, 0)
    return np.stack([np.stack([xx, xy], axis=-1), np.stack([xy, yy], axis=-1)], axis=-2)


def plan_of(trajectory: m.Path | None, stamp_s: float) -> Plan | None:
    """The controller's trajectory as the others will meet it; held at its end."""
    if trajectory is None or trajectory.stamps_s is None:
        return None
    at_s = stamp_s + np.array(PATH_SHARES) * REFERENCE_S
    columns = [np.interp(at_s, trajectory.stamps_s, trajectory.poses[:, k]) for k in (0, 1)]
    return Plan(np.column_stack(columns))
