"""Exactly at the limit a contradiction is none yet; exactly when its time is up, it is one."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_core.robot import MotionLimits
from physical_ai_safety.plausible import MotionCheck
from physical_ai_safety.schema import Plausible

EVEN = MotionLimits(max_acceleration_mps2=1.0, max_deceleration_mps2=2.0)  # by the half more: 3 m/s²
ROUND = Plausible(yaw_rps=0.5, speed_mps=0.7)


def clauses(motion: MotionCheck, now_s: float) -> list[str]:
    return [fault.clause for fault in motion.faults(now_s)]


@pytest.mark.parametrize(("v", "seen", "w", "gyro", "named"), [
    (1.0, 0.0, 0.0, 0.0, False), (1.001, 0.0, 0.0, 0.0, True), (0.0, -1.0, 0.0, 0.0, False),
    (0.0, 0.0, 1.0, 0.0, False), (0.0, 0.0, 1.001, 0.0, True), (0.0, 0.0, 0.0, -1.0, False),
])  # fmt: skip
def test_as_far_apart_as_they_may_be_two_senses_agree(
    v: float, seen: float, w: float, gyro: float, named: bool
) -> None:
    """By 0.7 m/s and three tenths of 1 m/s, and by 0.5 rad/s and half of 1 rad/s."""
    motion = MotionCheck(ROUND, EVEN)
    motion.perceived(0.0, seen)
    motion.wheels(0.0, v, w, gyro, np.zeros(3))
    assert bool(clauses(motion, 5.0)) is named


@pytest.mark.parametrize(("leap", "named"), [(1.25, False), (1.26, True)])
def test_what_the_motors_can_do_and_half_a_metre_a_second_are_no_leap(leap: float, named: bool) -> None:
    motion = MotionCheck(Plausible(leap_mps=0.5), EVEN)
    for k in range(5):
        motion.wheels(0.25 * k, leap if k % 2 else 0.0, 0.0, None, np.array([k, 0.0, 0.0]))
    assert clauses(motion, 1.0) == (["wheels leap"] if named else [])


@pytest.mark.parametrize(("stamps", "now_s", "named"), [
    ((1.25, 1.5, 2.0), 2.0, True), ((1.0, 1.5, 2.0), 2.0, False), ((1.0, 1.5, 1.75), 1.75, True),
    ((1.0, 1.5, 1.75), 2.0, False), ((1.0, 1.5, 2.0), 1.9, False),
])  # fmt: skip
def test_leaps_a_whole_second_apart_are_not_within_a_second(
    stamps: tuple[float, ...], now_s: float, named: bool
) -> None:
    """Also where the clock of who asks is a little behind that of the wheels."""
    motion, v = MotionCheck(Plausible(), EVEN), 0.0
    motion.wheels(stamps[0] - 0.1, v, 0.0, None, np.zeros(3))
    for stamp_s in stamps:
        v = 9.0 - v
        motion.wheels(stamp_s, v, 0.0, None, np.zeros(3))
    assert clauses(motion, now_s) == (["wheels leap"] if named else [])


@pytest.mark.parametrize(("now_s", "named"), [(0.49, False), (0.5, True), (0.51, True)])
def test_a_contradiction_is_named_when_its_time_is_up(now_s: float, named: bool) -> None:
    motion = MotionCheck(Plausible(yaw_s=0.5), EVEN)
    motion.wheels(0.0, 0.0, 2.0, 0.0, np.zeros(3))
    assert clauses(motion, now_s) == (["wheels against gyroscope"] if named else [])


def test_perceptions_speed_of_three_tenths_of_a_second_ago_is_no_longer_fresh() -> None:
    motion = MotionCheck(Plausible(), EVEN)
    motion.perceived(0.0, 2.0)
    assert motion.perceived_mps(0.3) == 0.0 and motion.perceived_mps(0.299) == 2.0
    motion.wheels(0.3, 0.0, 0.0, None, np.zeros(3))
    assert clauses(motion, 9.0) == []
    motion.wheels(0.299, 0.0, 0.0, None, np.zeros(3))
    assert clauses(motion, 9.0) == ["wheels against perception"]


def test_before_perception_said_anything_it_contradicts_nothing() -> None:
    motion = MotionCheck(Plausible(), EVEN)
    for stamp_s in (0.0, 1e9):
        motion.wheels(stamp_s, 2.0, 0.0, None, np.array([stamp_s, 0.0, 0.0]))
        assert motion.perceived_mps(stamp_s) == 0.0 and clauses(motion, stamp_s + 5.0) == []
