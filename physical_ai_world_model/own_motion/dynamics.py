"""Grey-box dynamics of a base on two driven wheels: ramp, lag, traction of each wheel, slope. One step of it.

Each wheel pulls along its slip (what the wheel is driven at, less what the ground does under it) with a force that
saturates at the traction; both wheels' forces move the body along, sideways and around. It is written with operators
only and takes the functions from `xp`: `math` (floats, on the robot), `numpy` (many at once) and `torch` (training)
run the very same lines. Semi-implicit: no step length and no parameter within its bounds can make it unstable.

Units SI, `base_link` axes (x ahead, y left); world is the frame of the pose.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

STEP_S: Final = 0.04  # of a roll-out
SPEED_BOUND_MPS: Final = 6.0  # nothing this model says moves faster, whatever it is fed
YAW_RATE_BOUND_RPS: Final = 8.0


class Base(NamedTuple):
    """What does not change from ground to ground: identified once from recorded missions."""

    ramp_mps2: float = 3.0
    ramp_rps2: float = 8.0
    lag_s: float = 0.067
    half_track_m: float = 0.185
    yaw_ease: float = 1.15  # mass times half track squared over yaw inertia
    give_s: float = (
        0.008  # time constant with which a wheel that does not slip drags the body along: its motor gives way
    )
    stiff_sideways: float = 11.0  # how much less it gives way sideways


class Motion(NamedTuple):
    """Pose in the world, velocity in `base_link`, set points after the ramp, and after the lag: driven wheels."""

    x: Any
    y: Any
    yaw: Any
    v: Any
    u: Any
    w: Any
    ramp_v: Any
    ramp_w: Any
    drive_v: Any
    drive_w: Any


class Ground(NamedTuple):
    """What the history tells: traction m/s², gains of the command, acceleration by slope in the world (x, y) m/s²."""

    traction: Any
    gain_v: Any
    gain_w: Any
    pull_x: Any
    pull_y: Any


def drive(base: Base, ramp: Any, driven: Any, command: Any, rate: Any, dt: Any, keep: Any) -> tuple[Any, Any]:
    """Ramp and lag of one set point over `dt`; `keep` is exp(-dt / lag). Returns (ramp, driven)."""
    after = ramp + clip(command - ramp, rate * dt)
    return after, after + (driven - after) * keep


def roll_out(
    base: Base, start: Motion, g: Ground, commands: Iterable[tuple[Any, Any]], step_s: float, xp: Any
) -> list[Motion]:
    """Motions at 0, step, 2 step … under one command (v, w) a step."""
    keep = math.exp(-step_s / base.lag_s)
    said = [start]
    for command_v, command_w in commands:
        said.append(step(base, said[-1], g, command_v, command_w, step_s, keep, xp))
    return said


def clip(value: Any, bound: Any) -> Any:
    """`value` within ± `bound` (>= 0), by what floats, arrays and tensors have in common."""
    return 0.5 * (abs(value + bound) - abs(value - bound))


def step(base: Base, s: Motion, g: Ground, command_v: Any, command_w: Any, dt: Any, keep: Any, xp: Any) -> Motion:
    """The motion `dt` later under a held command."""
    x, y, yaw, v, u, w, ramp_v, ramp_w, drive_v, drive_w = s
    traction, gain_v, gain_w, pull_x, pull_y = g
    ramp_v, drive_v = drive(base, ramp_v, drive_v, command_v * gain_v, base.ramp_mps2, dt, keep)
    ramp_w, drive_w = drive(base, ramp_w, drive_w, command_w * gain_w, base.ramp_rps2, dt, keep)
    h, cos, sin = base.half_track_m, xp.cos, xp.sin
    # First what the body does by itself: axes turn under a velocity that the world keeps, the slope pulls. The wheels
    # answer to that within the step, so that what they hold on a slope does not depend on the step's length.
    turn = w * dt
    c, si = cos(yaw), sin(yaw)
    ct, st = cos(turn), sin(turn)
    v1 = v * ct + u * st + dt * (pull_x * c + pull_y * si)
    u1 = u * ct - v * st + dt * (pull_y * c - pull_x * si)
    slip_v, slip_w = drive_v - v1, (drive_w - w) * h
    left, left_side = _pull(slip_v - slip_w, u1, traction, base, dt, xp)
    right, right_side = _pull(slip_v + slip_w, u1, traction, base, dt, xp)
    v2, u2 = clip(v1 + left + right, SPEED_BOUND_MPS), clip(u1 + left_side + right_side, SPEED_BOUND_MPS)
    w2 = clip(w + (right - left) * (base.yaw_ease / h), YAW_RATE_BOUND_RPS)
    yaw2 = yaw + 0.5 * dt * (w + w2)
    c2, s2 = cos(yaw2), sin(yaw2)
    x2 = x + 0.5 * dt * (v * c - u * si + v2 * c2 - u2 * s2)
    y2 = y + 0.5 * dt * (v * si + u * c + v2 * s2 + u2 * c2)
    return Motion(x2, y2, yaw2, v2, u2, w2, ramp_v, ramp_w, drive_v, drive_w)


def _pull(along: Any, sideways: Any, traction: Any, base: Base, dt: Any, xp: Any) -> tuple[Any, Any]:
    """Velocity (along, left) that one of two wheels gives the body in `dt`, at half the traction."""
    grip, most = traction * base.give_s, traction * dt
    slip2 = along * along + sideways * sideways
    stiff = 1.0 + base.stiff_sideways * grip / (xp.sqrt(slip2 + 1e-12) + grip)
    # Much slip: the traction in its direction. Little: an implicit step, which never takes more than there is.
    reach = xp.sqrt(slip2 + (grip + most) ** 2)
    reach_sideways = xp.sqrt(slip2 + (grip + stiff * most) ** 2)
    return 0.5 * most * along / reach, -0.5 * most * stiff * sideways / reach_sideways
