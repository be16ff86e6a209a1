"""Whether the hybrid is to be believed: what it said is compared with what came and what the simple model said."""

from __future__ import annotations

import math
from typing import Final

from physical_ai_core.geometry import Array
from physical_ai_world_model.own_motion.dynamics import Motion
from physical_ai_world_model.own_motion.telling import Told

LEAD_S: Final = 0.6  # age of what is compared
MEMORY_S: Final = 3.0
MARGIN_M: Final = 0.03  # the hybrid may be farther off than the kinematic model by this …
RATIO: Final = 1.5  # … and this
MOST: Final = 50.0  # one squared Mahalanobis distance counts as this at most
FREEDOM: Final = 2.0


class Trust:
    """Fading means of both models' errors, and of the hybrid's squared Mahalanobis distance."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Believe again."""
        self.kept: tuple[float, Motion, Told] | None = None
        self._hybrid_m = self._kinematic_m = 0.0
        self._distance = FREEDOM

    def due(self, stamp_s: float) -> bool:
        """Whether what was kept is old enough to be compared at `stamp_s`."""
        return self.kept is not None and stamp_s - self.kept[0] >= LEAD_S - 1e-6

    def take(
        self, seen: Array, hybrid: Motion, kinematic: Array, variance_m2: tuple[float, float], lead_s: float
    ) -> None:
        """Poses seen and said for the same moment; `variance_m2` along and across the hybrid's heading."""
        dx, dy = float(seen[0]) - hybrid.x, float(seen[1]) - hybrid.y
        c, s = math.cos(hybrid.yaw), math.sin(hybrid.yaw)
        distance = (dx * c + dy * s) ** 2 / variance_m2[0] + (dy * c - dx * s) ** 2 / variance_m2[1]
        gain = -math.expm1(-lead_s / MEMORY_S)
        self._distance += gain * (min(distance, MOST) - self._distance)
        self._hybrid_m += gain * (math.hypot(dx, dy) - self._hybrid_m)
        away = math.hypot(float(seen[0] - kinematic[0]), float(seen[1] - kinematic[1]))
        self._kinematic_m += gain * (away - self._kinematic_m)

    @property
    def inflation(self) -> float:
        """Factor on the covariance: 1, and more while the stated one has lately been too small."""
        return max(1.0, self._distance / (2.0 * FREEDOM))

    @property
    def reason(self) -> str:
        """Why not; empty while the hybrid has lately been the better one, or nearly."""
        if self._hybrid_m > RATIO * self._kinematic_m + MARGIN_M:
            return "the hybrid has lately been farther off than the kinematic model"
        return ""
