"""What one sweep looked at: its returns, and how far it could look in each direction.

A thing has moved when it stands where a moment ago a ray went through. Where something stood before it, or the sweep
did not reach, nothing is known; a moving robot sees new sides of standing things there all the time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array

RESEEN_M = 0.08  # a return within this of one of half a second ago is on something that stood there
NEAR_M = 1.0  # of a thing's middle: its own returns, and those that can be near to them
BEARINGS = 720  # directions, for what stood in the way of looking
CLOSE_M = 0.45  # nearer than this to the sensor a body may fill the view and be no group any more
FULL_HALF_RAD = math.radians(175.0)
EDGE_RAD = 0.1


class View(NamedTuple):
    """Where the sensor is in the dead-reckoned frame, the middle of its sweep, and half of it."""

    x: float
    y: float
    middle_rad: float
    half_rad: float

    def hides(self, x: float, y: float) -> bool:
        dx, dy = x - self.x, y - self.y
        return dx * dx + dy * dy < CLOSE_M * CLOSE_M or bool(self.outside(np.array(math.atan2(dy, dx))))

    def hideout(self, x: float, y: float, reach_m: float) -> tuple[float, float] | None:
        """The place out of sight that is nearest to one in sight, around the sensor; None where all are farther."""
        if self.half_rad >= FULL_HALF_RAD:
            return None
        dx, dy = x - self.x, y - self.y
        away = math.hypot(dx, dy)
        turn = (math.atan2(dy, dx) - self.middle_rad + math.pi) % (2.0 * math.pi) - math.pi
        edge = math.copysign(self.half_rad - 0.5 * EDGE_RAD, turn)
        if away * abs(edge - turn) > reach_m:
            return None
        return self.x + away * math.cos(self.middle_rad + edge), self.y + away * math.sin(self.middle_rad + edge)

    def outside(self, bearing_rad: Array) -> NDArray[np.bool_]:
        """Which bearings lie beyond the sweep, or at its very edge."""
        turn = (bearing_rad - self.middle_rad + math.pi) % (2.0 * math.pi) - math.pi
        return np.asarray((np.abs(turn) > self.half_rad - EDGE_RAD) & (self.half_rad < FULL_HALF_RAD))


class Look(NamedTuple):
    """A sweep: its returns (N, 2), and the distance of the nearest one in each direction, inf where there is none."""

    stamp_s: float
    points: Array
    view: View
    nearest_m: Array

    @classmethod
    def of(cls, stamp_s: float, points: Array, view: View) -> Look:
        dx, dy = points[:, 0] - view.x, points[:, 1] - view.y
        nearest = np.full(BEARINGS, np.inf)
        np.minimum.at(nearest, _direction(np.arctan2(dy, dx)), np.hypot(dx, dy))
        return cls(stamp_s, points, view, np.minimum(nearest, np.minimum(np.roll(nearest, 1), np.roll(nearest, -1))))

    def fresh(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Which of the returns (n,) of one thing lie where this sweep looked and saw nothing."""
        dx, dy = x - self.view.x, y - self.view.y
        bearing = np.arctan2(dy, dx)
        behind = self.nearest_m[_direction(bearing)] < np.hypot(dx, dy) - RESEEN_M
        looked: NDArray[np.bool_] = np.asarray(~(behind | self.view.outside(bearing)))
        away = self.points - (x.mean(), y.mean())
        near = self.points[(np.abs(away) < NEAR_M).all(axis=1)]
        if not len(near):
            return looked
        d2 = (x[:, None] - near[:, 0]) ** 2 + (y[:, None] - near[:, 1]) ** 2
        return np.asarray(looked & (d2.min(axis=1) >= RESEEN_M**2))

    def through(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Which of the places (n,) this sweep looks through: the nearest return that way, if any, lies beyond."""
        dx, dy = x - self.view.x, y - self.view.y
        bearing = np.arctan2(dy, dx)
        beyond = self.nearest_m[_direction(bearing)] > np.hypot(dx, dy) + RESEEN_M
        return np.asarray(beyond & ~self.view.outside(bearing))

    def around(self, x: float, y: float, radius_m: float) -> Array:
        """Its returns (n, 2) so near to a place."""
        return self.points[(self.points[:, 0] - x) ** 2 + (self.points[:, 1] - y) ** 2 < radius_m * radius_m]


def _direction(bearing_rad: Array) -> NDArray[np.intp]:
    return np.floor(bearing_rad * (BEARINGS / (2.0 * math.pi))).astype(np.intp) % BEARINGS
