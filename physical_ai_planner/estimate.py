"""How long a course is, how long it takes and what it costs, before it is driven.

Speed by arc length: corners are turned on the spot above `pivot_rad` and rounded below, at the speed that yaw rate and
sideways acceleration allow; between them the robot speeds up, cruises and brakes. Source of the two sweeps, forward
with the acceleration and back with the deceleration: Shin and McKay, "Minimum-time control of robotic manipulators with
geometric path constraints", 1985, here with constant bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from physical_ai_core.geometry import Array, wrap
from physical_ai_core.robot import Robot

SAME_M = 1e-4  # points nearer than this are one
ROUNDED_M = 0.5  # a corner of a coarse polyline is driven as a bend over so much of the way
GRAVITY_MPS2 = 9.81


@dataclass(frozen=True)
class CourseLimits:
    """How a robot drives, as its controller plans it. Energy is a proxy: good for comparing courses, not for a gauge.

    `pivot_rad`: a sharper corner is turned on the spot. `mass_kg`, `rolling`: resistance is rolling * weight;
    `scrub`: share of the weight that resists, over half the track, while turning; `standing_w`: what always runs.
    """

    speed_mps: float = 1.2
    acceleration_mps2: float = 0.9
    deceleration_mps2: float = 0.6
    yaw_rate_rps: float = 1.4
    yaw_acceleration_rps2: float = 2.5
    lateral_mps2: float = 0.7
    pivot_rad: float = 1.0
    mass_kg: float = 20.0
    rolling: float = 0.05
    scrub: float = 0.4
    half_track_m: float = 0.2
    standing_w: float = 30.0

    @classmethod
    def of(cls, robot: Robot, speed_mps: float | None = None) -> CourseLimits:
        """Defaults, tightened by a robot's own limits and by a speed (m/s)."""
        own, usual = robot.limits, cls()
        return cls(
            speed_mps=min(own.max_speed_mps, usual.speed_mps if speed_mps is None else speed_mps),
            acceleration_mps2=min(own.max_acceleration_mps2, usual.acceleration_mps2),
            deceleration_mps2=min(own.max_deceleration_mps2, usual.deceleration_mps2),
            yaw_rate_rps=min(own.max_yaw_rate_rps, usual.yaw_rate_rps),
            yaw_acceleration_rps2=min(own.max_yaw_acceleration_rps2, usual.yaw_acceleration_rps2),
            half_track_m=float(np.abs(np.array(robot.footprint)[:, 1]).max()),
        )


class Estimate(NamedTuple):
    """Length (m), time from standing to standing (s), energy proxy (J)."""

    length_m: float
    time_s: float
    energy_j: float


def estimate(course: ArrayLike, limits: CourseLimits | None = None, along_mps: ArrayLike | None = None) -> Estimate:
    """Length, time and energy of driving a course from rest to rest.

    `course` (N, 2) or (N, 3): points or poses in order, metres; headings are not read but the first and the last, to
    which the robot turns on the spot (NaN: any heading). `along_mps`: speed limit of every segment (N-1,), or one for
    all; it can only tighten. Fewer than two different points take no time. Raises ValueError on points that are not
    finite.
    """
    limits = limits or CourseLimits()
    poses = np.atleast_2d(np.asarray(course, dtype=float))
    if poses.size == 0:
        return Estimate(0.0, 0.0, 0.0)
    if not np.isfinite(poses[:, :2]).all():
        raise ValueError("a course is estimated from finite points")
    steps = np.diff(poses[:, :2], axis=0)
    length = np.hypot(*steps.T)
    top = np.full(len(length), limits.speed_mps)
    if along_mps is not None:
        top = np.minimum(top, np.broadcast_to(np.asarray(along_mps, dtype=float), length.shape))
    moving = length > SAME_M
    length, heading, top = length[moving], np.arctan2(steps[moving, 1], steps[moving, 0]), np.maximum(top[moving], 1e-2)
    pivots = _end_turns(poses, heading)
    if not len(length):
        turned, turning_s = float(pivots.sum()), float(_pivot_s(pivots, limits).sum())
        return Estimate(0.0, turning_s, _energy(0.0, turning_s, turned, np.zeros(1), limits))
    corner = np.abs(np.asarray(wrap(np.diff(heading))))
    pivots = np.concatenate([pivots, corner[corner > limits.pivot_rad]])
    at_corner = _swept(np.concatenate([[0.0], _corner_speeds(corner, length, top, limits), [0.0]]), length, limits)
    peak, driving_s = _segments(at_corner, length, top, limits)
    time_s = driving_s + float(_pivot_s(pivots, limits).sum())
    bends = float(corner[corner <= limits.pivot_rad].sum())
    speeds = np.stack([at_corner[:-1], peak, at_corner[1:]])
    energy = _energy(float(length.sum()), time_s, float(pivots.sum()) + bends, speeds, limits)
    return Estimate(float(length.sum()), time_s, energy)


def _end_turns(poses: Array, heading: Array) -> Array:
    """Turns (2,) from the first pose's heading onto the course and from its end to the last pose's heading."""
    if poses.shape[1] < 3:
        return np.zeros(2)
    if not len(heading):
        turns = [poses[-1, 2] - poses[0, 2], 0.0]
    else:
        turns = [heading[0] - poses[0, 2], poses[-1, 2] - heading[-1]]
    return np.abs(np.asarray(wrap(np.nan_to_num(turns))))


def _corner_speeds(corner: Array, length: Array, top: Array, limits: CourseLimits) -> Array:
    """Highest speed (N-2,) at each inner point: zero where the robot turns on the spot."""
    room = np.minimum(0.5 * (length[:-1] + length[1:]), ROUNDED_M)
    bend = np.maximum(corner / room, 1e-6)  # 1/m
    speed = np.minimum(np.sqrt(limits.lateral_mps2 / bend), limits.yaw_rate_rps / bend)
    return np.where(corner > limits.pivot_rad, 0.0, np.minimum(speed, np.minimum(top[:-1], top[1:])))


def _swept(speed: Array, length: Array, limits: CourseLimits) -> Array:
    """Speeds (N,) at the points that can be reached from the one before and braked down to the one after."""
    swept = speed.tolist()
    for i, metres in enumerate(length.tolist()):
        swept[i + 1] = min(swept[i + 1], (swept[i] ** 2 + 2.0 * limits.acceleration_mps2 * metres) ** 0.5)
    for i in range(len(length) - 1, -1, -1):
        swept[i] = min(swept[i], (swept[i + 1] ** 2 + 2.0 * limits.deceleration_mps2 * float(length[i])) ** 0.5)
    return np.array(swept)


def _segments(speed: Array, length: Array, top: Array, limits: CourseLimits) -> tuple[Array, float]:
    """Highest speed (N-1,) within each segment, and the time of all."""
    first, last, up, down = speed[:-1], speed[1:], limits.acceleration_mps2, limits.deceleration_mps2
    meeting = np.sqrt((2.0 * up * down * length + down * first**2 + up * last**2) / (up + down))
    peak = np.maximum(np.minimum(meeting, top), np.maximum(first, last))
    ramps = (peak**2 - first**2) / (2.0 * up) + (peak**2 - last**2) / (2.0 * down)
    cruise = np.maximum(length - ramps, 0.0)
    return peak, float(np.sum((peak - first) / up + (peak - last) / down + cruise / peak))


def _pivot_s(turn: Array, limits: CourseLimits) -> Array:
    """Time of a turn on the spot, from rest to rest."""
    ramp = limits.yaw_rate_rps**2 / limits.yaw_acceleration_rps2  # rad of speeding up and slowing down together
    short = 2.0 * np.sqrt(turn / limits.yaw_acceleration_rps2)
    long = (turn - ramp) / limits.yaw_rate_rps + 2.0 * limits.yaw_rate_rps / limits.yaw_acceleration_rps2
    return np.where(turn < ramp, short, long)


def _energy(length_m: float, time_s: float, turned_rad: float, speeds: Array, limits: CourseLimits) -> float:
    """Rolling, scrubbing, every speeding up once (braking gives nothing back), and what always runs."""
    weight = limits.mass_kg * GRAVITY_MPS2
    gained = np.maximum(np.diff(speeds**2, axis=0), 0.0).sum() if speeds.ndim > 1 else 0.0
    resisted = limits.rolling * weight * length_m + limits.scrub * weight * limits.half_track_m * turned_rad
    return float(resisted + 0.5 * limits.mass_kg * gained + limits.standing_w * time_s)
