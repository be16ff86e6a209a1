"""Ground that is too steep is not climbed."""

from __future__ import annotations

import math
from typing import NamedTuple

from physical_ai_safety.clauses.clause import Limit, Situation
from physical_ai_safety.clauses.when import Condition
from physical_ai_safety.motion import Motion

LEVEL_RAD = 0.03  # along the robot: less is neither up nor down


def ground(tilt_rad: float, roll_rad: float, nose_down_rad: float) -> tuple[float, float | None]:
    """How steep it is, by whichever of tilt and lean says more, and how much of it along the robot.

    Where the lean explains less than half of it, nobody knows which way is up.
    """
    leans = (
        math.acos(math.cos(roll_rad) * math.cos(nose_down_rad)) if math.isfinite(roll_rad + nose_down_rad) else math.nan
    )
    if not leans <= tilt_rad:
        return leans, nose_down_rad
    return tilt_rad, nose_down_rad if leans >= 0.5 * tilt_rad else None


class Slope(NamedTuple):
    rule: str
    cites: str
    when: Condition
    placed: bool
    max_slope_rad: float

    def judge(self, asked: Motion, situation: Situation) -> Limit | None:
        """Steeper than allowed, or not known how steep: down and along at escape speed, up not at all."""
        if situation.slope_rad <= self.max_slope_rad or not self.when.holds(situation.source, situation.circumstances):
            return None
        if self.placed and not (situation.way is not None and situation.way.enters(self.rule)):
            return None
        nose_down = situation.nose_down_rad
        climbs = nose_down is None or not nose_down * asked.v_mps > -LEVEL_RAD * abs(asked.v_mps)
        speed = abs(asked.v_mps)
        if not speed > 0.0:
            return None
        factor = 0.0 if climbs else situation.escape_mps / speed
        if factor >= 1.0:
            return None
        return Limit(factor, "slope", self.rule, {"slope_rad": situation.slope_rad}, self.cites)
