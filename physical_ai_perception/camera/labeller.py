"""What the camera says about what the LiDAR tracks: boxes matched to tracks by bearing, classes accumulated by odds.

Each matched box multiplies the odds of its track's classes; a score s counts as a witness who is right with probability
s. Opinions fade with time, so that a track that took over another's id is not called by its name for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from physical_ai_core import layouts
from physical_ai_core.geometry import Array, rotation, wrap
from physical_ai_perception.camera.bearings import Bearings

CLASSES: Final = ("static", "person", "vehicle")
INDEX: Final = np.array([layouts.OBJECT_CLASSES.index(name) for name in CLASSES])
PRIOR: Final = np.log([0.5, 0.25, 0.25])
BEARING_SIGMA_RAD: Final = 0.03  # of a box's middle, beyond its own width: time stamps and mount
RANGE_SIGMA: Final = 0.25  # relative, of the foot
NEAREST_FIRST: Final = 0.05  # of two tracks that fit alike, the nearer hides the other
GATE: Final = 6.0  # of the cost, about 2.4 sigmas
MISMATCH: Final = 50.0  # all that do not fit are alike, so that they do not pull on those that do
MOST_WITNESS: Final = 0.95  # one box alone never decides
LEAST_WITNESS: Final = 0.34  # below, it says nothing
LIMIT: Final = 8.0  # of the log odds
MEMORY_S: Final = 20.0
SURE: Final = 0.8


@dataclass
class Opinion:
    """Log probabilities (3,) of CLASSES of one track, and when it was last formed."""

    log: Array
    stamp_s: float


class Labeller:
    """`observe` takes boxes and the tracks of the same time; `apply` writes classes into rows of layout OBJECT."""

    def __init__(self) -> None:
        self._opinions: dict[int, Opinion] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._opinions.clear()

    def observe(self, stamp_s: float, seen: Bearings, rows: layouts.Rows, base: Array) -> NDArray[np.intp]:
        """Let boxes of one picture speak of tracks; `base` (3,): pose of `base_link` in the rows' frame at the
        picture's time. Returns for each box the index of its track, -1 for none."""
        owner = match(seen, rows, base)
        self._forget(stamp_s)
        for box in np.flatnonzero(owner >= 0).tolist():
            witness = min(float(seen.score[box]), MOST_WITNESS)
            if not witness > LEAST_WITNESS:
                continue
            said = np.full(len(CLASSES), np.log((1.0 - witness) / (len(CLASSES) - 1)))
            said[INDEX.tolist().index(int(seen.class_id[box]))] = np.log(witness)
            number = int(rows["id"][owner[box]])
            before = self._opinions.get(number, Opinion(PRIOR, stamp_s))
            log = np.clip(before.log + said - (before.log + said).max(), -LIMIT, 0.0)
            self._opinions[number] = Opinion(log - np.log(np.exp(log).sum()), stamp_s)
        return owner

    def probability(self, number: int, stamp_s: float) -> Array:
        """Probabilities (3,) of CLASSES for a track; the prior where nothing was seen, or long ago."""
        opinion = self._opinions.get(number)
        log = PRIOR if opinion is None else opinion.log
        if opinion is not None:
            keep = np.exp(-max(0.0, stamp_s - opinion.stamp_s) / MEMORY_S)
            log = PRIOR + keep * (opinion.log - PRIOR)
        weight = np.exp(log - log.max())
        return np.asarray(weight / weight.sum())

    def apply(self, stamp_s: float, rows: layouts.Rows) -> layouts.Rows:
        """The rows, with the class of those of which the camera is sure. A moving track is never called static."""
        if not self._opinions or not len(rows):
            return rows
        changed: layouts.Rows = rows.copy()
        for i, number in enumerate(rows["id"].tolist()):
            if number in self._opinions:
                probability = self.probability(number, stamp_s)
                best = int(np.argmax(probability))
                if best > 0 and probability[best] > SURE:
                    changed["class_id"][i] = INDEX[best]
        return changed

    def _forget(self, stamp_s: float) -> None:
        old = [n for n, o in self._opinions.items() if not -1.0 <= stamp_s - o.stamp_s <= 3.0 * MEMORY_S]
        for number in old:
            del self._opinions[number]


def match(seen: Bearings, rows: layouts.Rows, base: Array) -> NDArray[np.intp]:
    """Index of the track that each box shows, -1 for none; one to one, by bearing and, where seen, by distance."""
    owner = np.full(len(seen.score), -1, dtype=np.intp)
    if not len(owner) or not len(rows):
        return owner
    eye = base[:2] + rotation(float(base[2])) @ seen.eye_m
    away = np.column_stack([rows["x"], rows["y"]]).astype(float) - eye
    distance = np.maximum(np.hypot(*away.T), 0.1)
    bearing = wrap(np.arctan2(away[:, 1], away[:, 0]) - base[2])
    half = np.arcsin(np.clip(rows["radius"].astype(float) / distance, 0.0, 1.0))
    off = np.abs(wrap(seen.middle_rad[:, None] - bearing))
    cost = (off / np.hypot(0.5 * (seen.half_rad[:, None] + half), BEARING_SIGMA_RAD)) ** 2
    range_m = seen.range_m[:, None]
    wrong = np.log(distance / np.where(np.isnan(range_m), distance, range_m)) / RANGE_SIGMA
    cost = cost + wrong**2 + NEAREST_FIRST * distance
    cost = np.minimum(np.where(np.isfinite(cost), cost, MISMATCH), MISMATCH)
    box, track = linear_sum_assignment(cost)
    fits = cost[box, track] - NEAREST_FIRST * distance[track] < GATE
    owner[box[fits]] = track[fits]
    return owner
