"""How fast to drive while the world model is surprised: people's forecasts are then worth less, near people.

Surprise is one number for everybody within sight; it does not say whom the forecast missed. So whoever is there may
walk to the robot at once, straight and fast; the robot need be no slower than what still comes to rest before. Where
people are too far away to be met before rest, no forecast is needed, and no doubt about it slows the robot.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from physical_ai_control.choice import Pace
from physical_ai_core.geometry import Array

SLOWEST_SHARE: Final = 0.4  # of the wanted speed: those who are near have margins and the guard besides
WALK_MPS: Final = 1.6  # a person's approach, ISO 13855
REACTION_S: Final = 0.2  # until braking begins, as the safety gate reckons


def doubted(pace: Pace, surprise: float, slow_from: float, gap_m: Array, rest_s: float) -> Pace:
    """The pace at a lower speed: in proportion to a surprise above `slow_from`, as far as people are near.

    `gap_m (j,)`: what is left to contact with each person now, nobody: empty. A surprise that is not finite comes from
    a world model that is out of order: what it says of where people are does not count either.
    """
    if surprise <= slow_from:
        return pace
    if not np.isfinite(surprise):
        return pace._replace(speed_mps=SLOWEST_SHARE * pace.speed_mps)
    careful_mps = max(SLOWEST_SHARE, slow_from / surprise) * pace.speed_mps
    soon_mps = rests_before(float(gap_m.min(initial=np.inf)), pace.deceleration_mps2, rest_s)
    return pace._replace(speed_mps=max(careful_mps, min(pace.speed_mps, soon_mps)))


def rests_before(gap_m: float, deceleration_mps2: float, rest_s: float) -> float:
    """Highest speed from which the robot has come to rest, and stood for `rest_s`, before somebody closes `gap_m`.

    The root of `v REACTION + v²/2a + WALK (REACTION + v/a + rest) = gap`; 0 where even standing is not soon enough.
    """
    left = gap_m - WALK_MPS * (REACTION_S + rest_s)
    if left <= 0.0:
        return 0.0
    late_s = REACTION_S + WALK_MPS / deceleration_mps2
    return float(deceleration_mps2 * (np.sqrt(late_s**2 + 2.0 * left / deceleration_mps2) - late_s))
