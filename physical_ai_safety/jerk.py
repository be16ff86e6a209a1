"""Ramps: speeding up with limited jerk, and a controlled stop. Slowing down is never delayed and never made longer."""

from __future__ import annotations

import math


def speed_up(gap_mps: float, drive_mps2: float, limit_mps2: float, jerk_mps3: float, dt_s: float) -> float:
    """Gain of speed in the next `dt_s` towards a speed `gap_mps` higher, at an acceleration of `drive_mps2` until now.

    Third order: the acceleration grows by `jerk_mps3` at most, stays below `limit_mps2`, and falls in time to be zero
    where the gap is: in steps of dt it uses up `a²/2J + a dt/2`. An infinite jerk leaves a ramp of second order.
    """
    acceleration = limit_mps2
    if jerk_mps3 < math.inf:
        half = 0.5 * jerk_mps3 * dt_s
        falling = math.sqrt(half * half + 2.0 * jerk_mps3 * gap_mps) - half
        acceleration = min(limit_mps2, drive_mps2 + jerk_mps3 * dt_s, falling)
    return min(acceleration * dt_s, gap_mps)


def drive_after(before_mps: float, after_mps: float, drive_mps2: float, dt_s: float) -> float:
    """The acceleration that a step from one speed to the next leaves behind; none once the robot slows down."""
    gain = abs(after_mps) - abs(before_mps)
    if gain < 0.0 or before_mps * after_mps < 0.0:
        return 0.0
    return gain / dt_s if dt_s > 0.0 else drive_mps2


def ramp_to_rest(
    v_mps: float, w_rps: float, braking_mps2: float, yaw_braking_rps2: float, dt_s: float
) -> tuple[float, float]:
    """Next command of a controlled stop (IEC 60204-1 category 2): the same arc, slower by what braking takes in `dt_s`.

    It stands after exactly the time, and on the way, that the barrier counts with. For causes that leave the robot its
    sight; a stop without sight, or for what is near, sends zero at once and leaves it to the base to brake its hardest.
    """
    duration_s = max(abs(v_mps) / braking_mps2, abs(w_rps) / yaw_braking_rps2)
    if duration_s <= dt_s:
        return 0.0, 0.0
    left = 1.0 - max(dt_s, 0.0) / duration_s
    return v_mps * left, w_rps * left
