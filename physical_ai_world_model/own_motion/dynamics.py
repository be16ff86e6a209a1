"""Grey-box dynamics of a base on two driven wheels: ramp, lag, traction of each wheel, slope. One step of it.

Each wheel pulls along its slip (what the wheel is driven at, less what the ground does under it) with a force that
saturates at the traction; both wheels' forces move the body along, sideways and around. It is written with operators
only and takes the functions from `xp`: `math` (floats, on the robot), `numpy` (many at once) and `torch` (training)
run the very same lines. Semi-implicit: no step length and no parameter within its bounds can make it unstable.

Units SI, `base_link` axes (x ahead, y left); world is the frame of the pose.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

STEP_S: Final = 0.04  # of a roll-out
SPEED_BOUND_MPS: Final = 6.0  # nothing this model says moves faster, whatever it is fed
YAW_RATE_BOUND_RPS: Final = 8.0
STIFF_SIDEWAYS: Final = 10.0  # a rolling wheel gives way along, where its motor does, ten times more than sideways


class Base(NamedTuple):
    """What does not change from ground to ground: identified once from recorded missions."""

    ramp_mps2: float = 3.0
    ramp_rps2: float = 8.0
    lag_s: float = 0.06
    half_track_m: float = 0.185
    yaw_ease: float = 1.1  # mass times half track squared over yaw inertia
    give_s: float = 0.025  # time constant with which a wheel that does not slip drags the body along


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


def clip(value: Any, bound: Any) -> Any:
    """`value` within ± `bound` (>= 0), by what floats, arrays and tensors have in common."""
    return 0.5 * (abs(value + bound) - abs(value - bound))


def step(base: Base, s: Motion, g: Ground, command_v: Any, command_w: Any, dt: Any, keep: Any, xp: Any) -> Motion:
    """The motion `dt` later under a held command."""
    ramp_v, drive_v = drive(base, s.ramp_v, s.drive_v, command_v * g.gain_v, base.ramp_mps2, dt, keep)
    ramp_w, drive_w = drive(base, s.ramp_w, s.drive_w, command_w * g.gain_w, base.ramp_rps2, dt, keep)
    h = base.half_track_m
    slip_v, slip_w = drive_v - s.v, (drive_w - s.w) * h
    left, left_side = _pull(slip_v - slip_w, s.u, g.traction, base.give_s, dt, xp)
    right, right_side = _pull(slip_v + slip_w, s.u, g.traction, base.give_s, dt, xp)
    c, si = xp.cos(s.yaw), xp.sin(s.yaw)
    v = s.v + left + right + dt * (g.pull_x * c + g.pull_y * si)
    u = s.u + left_side + right_side + dt * (g.pull_y * c - g.pull_x * si)
    w = clip(s.w + (right - left) * (base.yaw_ease / h), YAW_RATE_BOUND_RPS)
    v, u = clip(v, SPEED_BOUND_MPS), clip(u, SPEED_BOUND_MPS)
    # Body axes turn under a velocity that the world keeps; the way is that of the mean velocity.
    yaw = s.yaw + 0.5 * dt * (s.w + w)
    c2, s2 = xp.cos(yaw), xp.sin(yaw)
    vx, vy = v * c - u * si, v * si + u * c
    x = s.x + 0.5 * dt * (s.v * c - s.u * si + vx)
    y = s.y + 0.5 * dt * (s.v * si + s.u * c + vy)
    return Motion(x, y, yaw, vx * c2 + vy * s2, vy * c2 - vx * s2, w, ramp_v, ramp_w, drive_v, drive_w)


def _pull(along: Any, sideways: Any, traction: Any, give_s: float, dt: Any, xp: Any) -> tuple[Any, Any]:
    """Velocity (along, left) that one of two wheels gives the body in `dt`, at half the traction."""
    grip = traction * give_s
    slip = xp.sqrt(along * along + sideways * sideways + 1e-12)
    reach = xp.sqrt(along * along + sideways * sideways + grip * grip)
    stiff = 1.0 + STIFF_SIDEWAYS * grip / (slip + grip)
    half = 0.5 * traction * dt
    return half * along / (reach + traction * dt), -half * stiff * sideways / (reach + traction * dt * stiff)
