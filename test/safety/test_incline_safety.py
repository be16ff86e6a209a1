"""How the robot leans, from gyroscope, accelerometer and wheels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_safety.incline import Incline

G = 9.81
leans = st.floats(-0.4, 0.4)


def resting(roll: float, pitch: float) -> tuple[float, float, float]:
    """What the accelerometer of a robot at rest feels."""
    return (
        -G * math.sin(pitch), G * math.cos(pitch) * math.sin(roll), G * math.cos(pitch) * math.cos(roll),
    )  # fmt: skip


def told(incline: Incline) -> tuple[float, float]:
    lean = incline.lean
    assert lean is not None
    return lean.roll_rad, lean.pitch_rad


@settings(deadline=None)
@given(leans, leans)
def test_at_rest_it_tells_roll_with_the_left_side_up_and_pitch_with_the_nose_down(roll: float, pitch: float) -> None:
    incline = Incline()
    assert incline.lean is None
    assert incline.take(0.0, (0.0, 0.0, 0.0), resting(roll, pitch), (0.0, 0.0))
    assert told(incline) == pytest.approx((roll, pitch), abs=1e-9)
    lean = incline.lean
    assert lean is not None and lean.tilt_rad == pytest.approx(math.acos(math.cos(roll) * math.cos(pitch)), abs=1e-6)


def test_it_follows_a_slope_that_the_robot_drives_onto_by_its_gyroscope() -> None:
    incline = Incline()
    for k in range(41):  # 0.4 s at 0.5 rad/s: nose up
        pitch = -0.005 * k
        incline.take(0.01 * k, (0.0, -0.5 if k else 0.0, 0.0), resting(0.0, pitch), (0.0, 0.0))
    assert told(incline) == pytest.approx((0.0, -0.2), abs=0.01)
    for k in range(41):
        incline.take(0.41 + 0.01 * k, (0.5, 0.0, 0.0), resting(0.005 * k, -0.2), (0.0, 0.0))
    assert told(incline) == pytest.approx((0.2, -0.2), abs=0.02)


def test_speeding_up_and_turning_are_not_taken_for_a_slope() -> None:
    incline, v = Incline(), 0.0
    for k in range(300):
        push = 1.5 if 10 <= k < 110 else 0.0
        incline.wheels(0.01 * k, v)
        force = (push - 0.04 * 0.1, v * 0.2 - 0.04 * 0.2, G)  # turning at 0.2 rad/s, the sensor off the middle
        incline.take(0.01 * k, (0.0, 0.0, 0.2), force, (0.1, 0.2))
        v += push * 0.01
    roll, pitch = told(incline)
    assert abs(roll) < 0.005 and abs(pitch) < 0.005


def test_a_bias_of_the_gyroscope_leans_it_no_further_than_its_own_size() -> None:
    incline = Incline()
    for k in range(1000):
        incline.take(0.01 * k, (0.003, -0.003, 0.0), resting(0.0, 0.0), (0.0, 0.0))
    assert told(incline) == pytest.approx((0.003, -0.003), abs=5e-4)


def test_a_bump_says_nothing_and_what_is_no_number_is_refused() -> None:
    incline = Incline()
    incline.take(0.0, (0.0, 0.0, 0.0), (9.0, 9.0, 9.0), (0.0, 0.0))
    assert incline.lean is None  # a bump first of all
    incline.take(0.01, (0.0, 0.0, 0.0), resting(0.1, 0.0), (0.0, 0.0))
    incline.take(0.02, (0.0, 0.0, 0.0), (0.0, 30.0, 0.0), (0.0, 0.0))
    assert told(incline) == pytest.approx((0.1, 0.0), abs=1e-9)
    still = (0.0, 0.0, 0.0)
    for rate, force in (
        ((math.nan, 0.0, 0.0), resting(0.0, 0.0)), (still, (math.nan, 0.0, G)), (still, (math.inf, 0.0, G)),
        ((60.0, 0.0, 0.0), resting(0.0, 0.0)), ((0.0, 0.0, math.nan), resting(0.0, 0.0)),
    ):  # fmt: skip
        assert not incline.take(0.03, rate, force, (0.0, 0.0))
    assert told(incline) == pytest.approx((0.1, 0.0), abs=1e-9)


def test_after_a_silence_it_begins_anew_and_after_a_jump_of_the_clock_it_knows_nothing() -> None:
    incline = Incline()
    incline.take(0.0, (0.0, 0.0, 0.0), resting(0.2, 0.0), (0.0, 0.0))
    incline.take(1.0, (0.0, 0.0, 0.0), (0.0, 30.0, 0.0), (0.0, 0.0))
    assert told(incline) == pytest.approx((0.2, 0.0))  # a bump after the silence: what was known stays
    incline.take(2.0, (0.0, 0.0, 0.0), resting(-0.1, 0.05), (0.0, 0.0))
    assert told(incline) == pytest.approx((-0.1, 0.05))
    incline.take(1.0, (0.0, 0.0, 0.0), resting(0.1, 0.0), (0.0, 0.0))
    assert told(incline) == pytest.approx((0.1, 0.0))
    incline.forget()
    assert incline.lean is None


def test_wheels_that_were_silent_give_no_acceleration() -> None:
    incline = Incline()
    incline.wheels(0.0, 0.0)
    incline.wheels(1.0, 1.5)
    incline.take(1.0, (0.0, 0.0, 0.0), (0.0, 0.0, G), (0.0, 0.0))
    assert told(incline) == pytest.approx((0.0, 0.0))
