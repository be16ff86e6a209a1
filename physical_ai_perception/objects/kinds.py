"""What a track is: static until it has moved, by displacement and significant speed, away from solid occupancy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_core.layouts import OBJECT_CLASSES
from physical_ai_perception.parameters import PerceptionParameters

SIGNIFICANT: Final = 9.2  # squared speed over its variance, two degrees of freedom, 99 %
DOUBTFUL: Final = 4.6  # 90 %: may be moving
AGREE_S: Final = 0.25  # so long the signs of motion must hold
DISPLACED_M: Final = 0.35  # from where it was born or last stood
FAR_M: Final = 0.8  # so far from there it need not be as sure of its speed
HOME_GAIN: Final = 0.05
STATIC_AFTER_HITS: Final = 10
STATIC_AFTER_S: Final = 1.0
VEHICLE_RADIUS_M: Final = 0.5
STOOD_S: Final = 2.0  # standing longer, a person is an obstacle of the surroundings too
PRIOR_ODDS: Final = -0.4  # of being able to move, before anything is seen
MOST_ODDS: Final = 5.0
LEAST_ODDS: Final = -1.4  # what stands may be a person who stands: never surer than 80 %
MOVED_ODDS: Final = 3.5  # what has been seen to walk
SPREAD: Final = 20.0
WITNESS_S: Final = 0.2  # scans are not independent: so long a time counts as one witness
RADIUS_SCALE_M: Final = 0.06
SOLID: Final = 0.7  # a candidate lying so far on solid occupancy is structure
SOLID_GAIN: Final = 0.2
LASTING_S: Final = 1.0  # what goes on moving so long needs no witness
ON_SOLID: Final = 0.4  # what lies so far on solid occupancy at this moment has not moved there


class Kinds:
    """One entry per track, in the tracker's order; `kind` is an index into OBJECT_CLASSES."""

    UNKNOWN: Final = OBJECT_CLASSES.index("unknown")
    STATIC: Final = OBJECT_CLASSES.index("static")
    PERSON: Final = OBJECT_CLASSES.index("person")
    VEHICLE: Final = OBJECT_CLASSES.index("vehicle")

    def __init__(self, parameters: PerceptionParameters) -> None:
        self._speed = parameters.object_speed_mps
        self.clear()

    def clear(self) -> None:
        self.kind = np.zeros(0, dtype=np.uint32)
        self._home = np.zeros((0, 2))  # where it was born or last stood
        self._moving_s = np.zeros(0)
        self._still_s = np.zeros(0)
        self._solid = np.zeros(0)
        self._odds = np.zeros(0)  # log odds that it can move

    def bear(self, positions: Array) -> None:
        count = len(positions)
        self.kind = np.concatenate([self.kind, np.full(count, self.UNKNOWN, dtype=np.uint32)])
        self._home = np.concatenate([self._home, positions])
        self._moving_s = np.concatenate([self._moving_s, np.zeros(count)])
        self._still_s = np.concatenate([self._still_s, np.zeros(count)])
        self._solid = np.concatenate([self._solid, np.zeros(count)])
        self._odds = np.concatenate([self._odds, np.full(count, PRIOR_ODDS)])

    def keep(self, alive: NDArray[np.bool_]) -> None:
        self.kind, self._home, self._solid = self.kind[alive], self._home[alive], self._solid[alive]
        self._moving_s, self._still_s, self._odds = self._moving_s[alive], self._still_s[alive], self._odds[alive]

    def observe(
        self, mean: Array, covariance: Array, radius: Array, standing: Array, telling: NDArray[np.bool_],
        hits: NDArray[np.intp], dt_s: float, moved: Callable[[int], bool], explained: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        """Take the tracks after an update.

        `standing` (N,) is NaN where a track was not seen; `telling` (N,): seen so that motion is its own, not that of
        a shadow's edge. `moved(i)`: track i has left or taken open space; asked only where the rest speaks for it.
        `explained` (N,): standing things explain the track, whatever speed it shows.
        """
        if not len(mean):
            return
        speed = np.hypot(mean[:, 2], mean[:, 3])
        vx, vy, cxx, cyy = mean[:, 2], mean[:, 3], covariance[:, 2, 2], covariance[:, 3, 3]
        cxy = covariance[:, 2, 3]
        significance = (cyy * vx**2 - 2.0 * cxy * vx * vy + cxx * vy**2) / (cxx * cyy - cxy**2)
        self._solid += SOLID_GAIN * (np.where(np.isnan(standing), self._solid, standing) - self._solid)
        # Significance has a chi-square distribution for what stands, one SPREAD times as wide for what walks.
        witness = 0.5 * significance * (1.0 - 1.0 / SPREAD) - np.log(SPREAD)
        change = np.where(telling, np.clip(witness, -2.0, 2.0) * (dt_s / WITNESS_S), 0.0)
        known = self.moved()
        self._odds = np.clip(self._odds + np.where(known, np.maximum(change, 0.0), change), LEAST_ODDS, MOST_ODDS)
        free = self._solid < SOLID
        fast = (speed > self._speed) & free
        moving = fast & (significance > SIGNIFICANT)
        doubtful = fast & (significance > DOUBTFUL)
        self._moving_s = np.where(doubtful, self._moving_s + dt_s * (telling & moving), 0.0)
        self._still_s = np.where(doubtful, 0.0, self._still_s + dt_s)
        away = np.hypot(mean[:, 0] - self._home[:, 0], mean[:, 1] - self._home[:, 1])
        shown = ~known & (self._moving_s >= AGREE_S) & (away > DISPLACED_M)
        shown |= ~known & telling & doubtful & (away > FAR_M) & (hits >= STATIC_AFTER_HITS)
        # A track that is handed on along a row of posts is far from home, too; each has stood there before.
        shown &= ~(standing > ON_SOLID)
        lasting = (self._moving_s >= LASTING_S) & (away > FAR_M) & ~explained  # rays without an end bear no witness
        asked = shown & ~lasting
        shown[asked] = [moved(int(i)) for i in np.flatnonzero(asked)]
        self.kind[shown] = np.where(radius[shown] > VEHICLE_RADIUS_M, self.VEHICLE, self.PERSON)
        self._odds[shown] = np.maximum(self._odds[shown], MOVED_ODDS)
        stands = self._still_s > STATIC_AFTER_S
        rests = stands | ((hits >= STATIC_AFTER_HITS) & ~doubtful & (away < DISPLACED_M))
        self.kind[~known & ~shown & rests] = self.STATIC
        self._home[stands] += HOME_GAIN * (mean[stands, :2] - self._home[stands])

    def probability(self, radius: Array) -> Array:
        """How sure each track's class is, (N,): of (static, person, vehicle) for those, one third for unknown."""
        movable = 1.0 / (1.0 + np.exp(-self._odds))
        large = 1.0 / (1.0 + np.exp((VEHICLE_RADIUS_M - radius) / RADIUS_SCALE_M))
        of_class = np.stack([np.full(len(radius), 1.0 / 3.0), 1.0 - movable, movable * (1.0 - large), movable * large])
        return np.asarray(of_class[self.kind, np.arange(len(radius))])

    def moved(self) -> NDArray[np.bool_]:
        """Tracks that are known to be able to move."""
        return np.asarray(self.kind >= self.PERSON)

    def passing(self) -> NDArray[np.bool_]:
        """Tracks that move, or did a moment ago: not to be taken for surroundings."""
        return np.asarray(self.moved() & (self._still_s < STOOD_S))
