"""Standing on its wheels: how fast a bend may be taken, and how hard it may brake, with this load on this slope.

Quasi-static tip-over: inertia and gravity, seen from the robot, must point into its support, with `RESERVE` to spare
(EN 1459 and ISO 22915 test trucks the same way, on a tilting table). Weight along x and y share the support: as of a
robot on four points in a diamond, which is the least of all supports with these half axes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from physical_ai_safety.incline import GRAVITY_MPS2

RESERVE = 1.5  # rocking, soft tyres, a load that is not where it was said to be
FLAT_RAD = 0.02  # the IMU's own doubt: a slope below counts as none
STRAIGHT = (0.0, 0.0)
LEAST_MPS2 = 0.05  # of braking: with less left the robot cannot be said to stop


class Stability(NamedTuple):
    """Height of the centre of mass over the ground, and from it out to where the robot would tip: side, ahead, behind.

    `grip_mps2`: deceleration that the base reaches on level ground, on its worst floor; a slope takes from it.
    """

    com_height_m: float
    half_track_m: float
    half_base_m: float
    grip_mps2: float


class Firm(NamedTuple):
    """What lean and load leave of the motion: `lateral_mps2` to the left and to the right, `braking_mps2` ahead."""

    left_mps2: float
    right_mps2: float
    braking_mps2: float


def firm(
    body: Stability, roll_rad: float, pitch_rad: float, braking_mps2: float, forward: bool,
    turns_rad: tuple[float, float] = STRAIGHT,
) -> Firm:  # fmt: skip
    """Greatest centripetal acceleration to either side, and the braking that may be counted on; zero: none is left.

    `roll_rad` left side up, `pitch_rad` nose down (REP-103); a lean that is no number leaves nothing. `turns_rad`: how
    far to the right (<= 0) and to the left it may turn until it stands; the steepest way down of all these counts.
    """
    if not math.isfinite(roll_rad + pitch_rad):
        return Firm(0.0, 0.0, 0.0)
    upright = GRAVITY_MPS2 * math.cos(roll_rad) * math.cos(pitch_rad) / RESERVE

    def braking(down_rad: float) -> tuple[float, float]:
        downhill = GRAVITY_MPS2 * math.sin(_beyond_doubt(down_rad))
        ahead = upright * body.half_base_m / body.com_height_m - downhill  # where braking lifts the wheels behind
        return max(0.0, min(braking_mps2, body.grip_mps2 - max(downhill, 0.0), ahead)), downhill

    held, downhill = braking(pitch_rad if forward else -pitch_rad)
    least = held if turns_rad == STRAIGHT else braking(steepest_rad(roll_rad, pitch_rad, forward, turns_rad))[0]
    lengthways = held + abs(downhill)
    aside = (
        max(0.0, upright - lengthways * body.com_height_m / body.half_base_m) * body.half_track_m / body.com_height_m
    )
    sideways = GRAVITY_MPS2 * math.sin(roll_rad)  # towards the right
    return Firm(max(0.0, aside - sideways), max(0.0, aside + sideways), least)


def steepest_rad(roll_rad: float, pitch_rad: float, forward: bool, turns_rad: tuple[float, float]) -> float:
    """How steeply it goes down ahead, at the worst of all headings from `turns_rad[0]` to `turns_rad[1]`."""
    ahead, aside = (math.sin(pitch_rad), -math.sin(roll_rad)) if forward else (-math.sin(pitch_rad), math.sin(roll_rad))
    down = math.atan2(aside, ahead)  # where downhill is, from the way it drives
    ways = (down - 2.0 * math.pi, down, down + 2.0 * math.pi)  # whichever way round it comes to look there
    steepest = max(math.cos(down - min(max(way, turns_rad[0]), turns_rad[1])) for way in ways)
    return math.asin(max(-1.0, min(1.0, math.hypot(ahead, aside) * steepest)))


def _beyond_doubt(angle_rad: float) -> float:
    """What lies within the IMU's own doubt is none; twice as much, and more, is what it says."""
    return math.copysign(min(abs(angle_rad), 2.0 * max(0.0, abs(angle_rad) - FLAT_RAD)), angle_rad)
