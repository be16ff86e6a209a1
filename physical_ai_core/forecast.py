"""What a planner asks of models of the near future, to try a goal out before the robot drives it.

A composition root lends real ones (the world model's predictions, the controller's own speeds) under these forms;
without them the planner counts nobody in the way and drives by the robot's limits.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array


class Crowd(NamedTuple):
    """m mixture components of the people around at t times, in `map`. Not finite: nothing is said of that time.

    `mean_m` (m, t, 2), `cov_m2` (m, t, 2, 2), `weight` (m,) of a component among those of its `person` (m,),
    `radius_m` (m,).
    """

    mean_m: Array
    cov_m2: Array
    weight: Array
    person: NDArray[np.int64]
    radius_m: Array


class PeopleForecast(Protocol):
    """Where the people around will be."""

    def at(self, stamp_s: float, ahead_s: Array) -> Crowd | None:
        """At `stamp_s + ahead_s` (t,); None where nothing is known that is fresh enough."""
        ...


class Driven(NamedTuple):
    """Times from now (n,) at which the points `xy_m` (n, 2) of a path are passed, and the speeds there."""

    times_s: Array
    xy_m: Array
    speeds_mps: Array


class DriveForecast(Protocol):
    """How the controller would drive a path."""

    def drive(self, poses: Array, most_mps: Array, speed_mps: float) -> Driven:
        """Along `poses` (n, 3) in `map`, at most `most_mps` (n,), beginning at `speed_mps`. Ends standing."""
        ...
