"""The objects that the world model believes in: their mixture, when they were last seen, and how they vanish."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_core.layouts import COVARIANCE_FIELDS, OBJECT_CLASSES, Rows, covariances
from physical_ai_world_model.ids import common, first_rows
from physical_ai_world_model.kalman import imm
from physical_ai_world_model.kalman.motion import MotionModel

TELEPORT_NIS = 60.0  # squared Mahalanobis distance (4 degrees of freedom) beyond which a track is begun anew
VARIANCE_RANGE = (1e-4, 25.0)  # m^2 and (m/s)^2: what a report of a tracker may claim
REACH_M, SPEED_MPS, RADIUS_M = 1e5, 30.0, (0.02, 5.0)  # outside this a row is not an object of a yard
STATIC_CLASS = OBJECT_CLASSES.index("static")
STATIC = (MotionModel("static", 4.0, 1e-3),)


class Tracks:
    """Interacting multiple models over every object of `state/objects`, keyed by its id."""

    def __init__(self, models: tuple[MotionModel, ...], dwell_s: float, coast_s: float, inflation: float) -> None:
        """`coast_s`: how long an unseen object is still believed in. `inflation`: of the reported covariance, since
        a tracker's reports are correlated in time and a filter over them must not count each as new."""
        self._models, self._dwell_s, self._coast_s, self._inflation = models, dwell_s, coast_s, inflation
        self.clear()

    def clear(self) -> None:
        modes = len(self._models)
        self.stamp_s = -np.inf
        self.ids: NDArray[np.uint32] = np.zeros(0, dtype=np.uint32)
        self.seen_s = np.zeros(0)
        self.radius_m = np.zeros(0)
        self.static = np.zeros(0, dtype=bool)
        self.belief = imm.Belief(np.zeros((0, modes, 4)), np.zeros((0, modes, 4, 4)), np.zeros((0, modes)))

    def __len__(self) -> int:
        return len(self.ids)

    def observe(self, rows: Rows, stamp_s: float) -> int:
        """Take one message of objects. Returns how many rows had to be refused.

        A stamp not after the last one is ignored; one more than `coast_s` before it means that the clock was set
        back, and everything is forgotten.
        """
        if stamp_s < self.stamp_s - self._coast_s or stamp_s > self.stamp_s + 10.0 * self._coast_s:
            self.clear()
        if stamp_s <= self.stamp_s:
            return 0
        good = _usable(rows)
        refused = int(len(rows) - good.sum())
        rows = rows[good]
        rows = rows[first_rows(rows["id"])]
        self._advance(stamp_s)
        seen = np.column_stack([rows[name].astype(float) for name in ("x", "y", "vx", "vy")])
        seen_cov = _believable(rows) * self._inflation
        mine, theirs = common(self.ids, rows["id"])
        if len(mine):
            part, distance = imm.update(imm.Belief(*(a[mine] for a in self.belief)), seen[theirs], seen_cov[theirs])
            broken = ~np.isfinite(part.mean).all(axis=(1, 2)) | ~np.isfinite(part.cov).all(axis=(1, 2, 3))
            again = (distance > TELEPORT_NIS) | broken
            fresh = self._begin(seen[theirs], seen_cov[theirs])
            for whole, value, anew in zip(self.belief, part, fresh, strict=True):
                whole[mine] = np.where(again.reshape(-1, *[1] * (value.ndim - 1)), anew, value)
            self._note(mine, rows[theirs], stamp_s)
        fresh_rows = np.ones(len(rows), dtype=bool)
        fresh_rows[theirs] = False
        new = np.flatnonzero(fresh_rows)
        if len(new):
            begun = self._begin(seen[new], seen_cov[new])
            self.belief = imm.Belief(*(np.concatenate([a, b]) for a, b in zip(self.belief, begun, strict=True)))
            self.ids = np.concatenate([self.ids, rows["id"][new]])
            pad = len(new)
            self.seen_s = np.concatenate([self.seen_s, np.zeros(pad)])
            self.radius_m = np.concatenate([self.radius_m, np.zeros(pad)])
            self.static = np.concatenate([self.static, np.zeros(pad, dtype=bool)])
            self._note(np.arange(len(self.ids) - pad, len(self.ids)), rows[new], stamp_s)
        self._forget(stamp_s)
        return refused

    def at(self, stamp_s: float) -> imm.Belief:
        """Belief of every object at a moment not before the last observation; the tracks themselves stay."""
        ahead = float(np.clip(stamp_s - self.stamp_s, 0.0, 2.0 * self._coast_s)) if len(self) else 0.0
        return self._moved(self.belief, ahead)

    def present(self, stamp_s: float) -> NDArray[np.bool_]:
        """Objects (n,) seen within the coasting time before `stamp_s`."""
        return np.asarray(stamp_s - self.seen_s <= self._coast_s, dtype=np.bool_)

    def _advance(self, stamp_s: float) -> None:
        dt = stamp_s - self.stamp_s
        if len(self) and np.isfinite(dt):
            mixed = imm.mix(self.belief, imm.switching(len(self._models), dt, self._dwell_s))
            self.belief = self._moved(mixed, dt)
        self.stamp_s = stamp_s

    def _moved(self, belief: imm.Belief, dt_s: float) -> imm.Belief:
        moved = imm.predict(belief, self._models, dt_s)
        if not self.static.any():
            return moved
        stood = imm.predict(belief, STATIC * len(self._models), dt_s)
        at_rest = self.static
        return imm.Belief(
            np.where(at_rest[:, None, None], stood.mean, moved.mean),
            np.where(at_rest[:, None, None, None], stood.cov, moved.cov),
            belief.weight,
        )

    def _begin(self, seen: Array, seen_cov: Array) -> imm.Belief:
        modes = len(self._models)
        weight = np.full((len(seen), modes), 0.2 / max(1, modes - 1))
        weight[:, 0] = 0.8 if modes > 1 else 1.0
        return imm.Belief(np.repeat(seen[:, None], modes, axis=1), np.repeat(seen_cov[:, None], modes, axis=1), weight)

    def _note(self, where: NDArray[np.intp], rows: Rows, stamp_s: float) -> None:
        self.seen_s[where] = stamp_s
        self.radius_m[where] = np.clip(rows["radius"], *RADIUS_M)
        self.static[where] = rows["class_id"] == STATIC_CLASS

    def _forget(self, stamp_s: float) -> None:
        keep: NDArray[np.bool_] = self.present(stamp_s)
        if not keep.all():
            self.ids, self.seen_s, self.radius_m = self.ids[keep], self.seen_s[keep], self.radius_m[keep]
            self.static = self.static[keep]
            self.belief = imm.Belief(*(a[keep] for a in self.belief))


def _usable(rows: Rows) -> NDArray[np.bool_]:
    """Rows (n,) that can be an object: finite, on this earth, no faster than a vehicle."""
    numbers = np.column_stack([rows[name] for name in ("x", "y", "vx", "vy", "radius")]).astype(float)
    with np.errstate(invalid="ignore"):
        near = (np.abs(numbers[:, :2]) < REACH_M).all(axis=1) & (np.abs(numbers[:, 2:4]) < SPEED_MPS).all(axis=1)
    return np.asarray(np.isfinite(numbers).all(axis=1) & near)


def _believable(rows: Rows) -> Array:
    """Covariances (n, 4, 4) of the rows, made symmetric positive definite within `VARIANCE_RANGE`."""
    finite = np.column_stack([np.isfinite(rows[name]) for name in COVARIANCE_FIELDS]).all(axis=1)
    matrix = np.where(np.asarray(finite)[:, None, None], covariances(rows), np.eye(4) * 0.25)
    value, vector = np.linalg.eigh(np.clip(matrix, -VARIANCE_RANGE[1], VARIANCE_RANGE[1]))
    value = np.clip(value, *VARIANCE_RANGE)
    return np.asarray((vector * value[:, None, :]) @ np.swapaxes(vector, -1, -2))
