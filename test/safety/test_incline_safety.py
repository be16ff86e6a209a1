"""How the robot leans, from gyroscope, accelerometer and wheels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from physical_ai_core.geometry import Array
from physical_ai_core.robot import Mount
from physical_ai_safety.incline import LEVEL, Incline, Seat

G = 9.81
STILL, MIDDLE = (0.0, 0.0, 0.0), (0.0, 0.0)
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


def turned(vector: tuple[float, float, float], rates: tuple[float, float, float], seconds: float) -> Array:
    """What stands still in the world, seen from a body that turns."""
    return np.asarray(Rotation.from_rotvec(-seconds * np.array(rates)).apply(vector))


@settings(deadline=None, max_examples=30)
@given(leans, leans, st.tuples(*[st.floats(-1.0, 1.0)] * 3))
def test_in_a_bump_the_gyroscope_alone_carries_the_vertical_whichever_way_it_turns(
    roll: float, pitch: float, rates: tuple[float, float, float]
) -> None:
    incline = Incline()
    incline.take(0.0, (0.0, 0.0, 0.0), resting(roll, pitch), (0.0, 0.0))
    for k in range(1, 101):
        incline.take(0.005 * k, rates, (0.0, 0.0, 2.0 * G), (0.0, 0.0))
    x, y, z = turned(resting(roll, pitch), rates, 0.5) / G
    assert told(incline) == pytest.approx((math.atan2(y, z), -math.asin(x)), abs=0.01)


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(-2.0, 2.0), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_what_an_imu_feels_of_speeding_up_and_of_a_bend_is_no_lean(
    v: float, push: float, w: float, arm_x: float, arm_y: float
) -> None:
    incline = Incline()
    incline.wheels(0.0, v - 0.1 * push)
    incline.wheels(0.1, v)
    felt = (push - w * w * arm_x, v * w - w * w * arm_y, G)
    incline.take(0.1, (0.0, 0.0, w), felt, (arm_x, arm_y))
    assert told(incline) == pytest.approx((0.0, 0.0), abs=1e-9)


@pytest.mark.parametrize(("gap_s", "known"), [(0.0, False), (0.01, True), (0.099, True), (0.11, False), (-0.05, False)])
def test_its_own_acceleration_is_known_from_two_wheel_messages_near_each_other(gap_s: float, known: bool) -> None:
    incline = Incline()
    incline.wheels(1.0, 0.0)
    incline.wheels(1.0 + gap_s, gap_s)  # 1 m/s²
    incline.take(1.2, (0.0, 0.0, 0.0), (1.0, 0.0, G), (0.0, 0.0))
    assert told(incline)[1] == pytest.approx(0.0 if known else -math.atan2(1.0, G), abs=1e-6)


def test_the_accelerometer_pulls_the_vertical_back_with_a_time_constant_of_a_second() -> None:
    incline = Incline()
    incline.take(0.0, (0.0, 0.0, 0.0), resting(0.1, 0.1), (0.0, 0.0))
    for k in range(1, 101):
        incline.take(0.01 * k, (0.0, 0.0, 0.0), resting(0.0, 0.0), (0.0, 0.0))
    assert told(incline) == pytest.approx((0.1 / math.e, 0.1 / math.e), abs=5e-4)


@pytest.mark.parametrize(
    ("rates", "sound"), [((49.9, 0.0, 0.0), True), ((0.0, 50.0, 0.0), False), ((30.0, 15.0, -6.0), False)]
)
def test_a_turn_beyond_any_gyroscope_is_refused(rates: tuple[float, float, float], sound: bool) -> None:
    assert Incline().take(0.0, rates, (0.0, 0.0, G), (0.0, 0.0)) is sound


@given(st.tuples(*[st.floats(-3.0, 3.0)] * 3), st.tuples(*[st.floats(-2.0, 2.0)] * 3))
def test_a_seat_turns_a_vector_as_its_mount_does(
    rpy: tuple[float, float, float], vector: tuple[float, float, float]
) -> None:
    mount = Mount(xyz_m=(0.1, -0.2, 0.3), rpy_rad=rpy)
    seat = Seat.of(mount)
    assert seat.turned(np.array(vector)) == pytest.approx(tuple(mount.rotation @ vector), abs=1e-9)
    assert seat.arm_m == (0.1, -0.2) and seat.vertical == pytest.approx(tuple(mount.rotation[2]))


def test_level_ground_has_no_lean_and_a_jump_of_the_clock_leaves_nothing() -> None:
    assert LEVEL == (0.0, 0.0, 0.0)
    incline = Incline()
    incline.wheels(0.0, 0.0)
    incline.wheels(0.05, 0.2)
    incline.take(0.05, (0.0, 0.0, 0.0), resting(0.2, 0.0), (0.0, 0.0))
    incline.forget()
    assert incline.lean is None
    assert incline.take(0.05, (0.0, 0.0, 1.0), resting(0.1, 0.0), (0.0, 0.0))
    assert told(incline) == pytest.approx((0.1, 0.0), abs=1e-9), "no push and no speed are left"


@given(st.floats(-1.4, 1.4), st.sampled_from([0.03125, 0.0625]))
def test_from_however_far_the_accelerometer_pulls_it_back_along_the_shortest_way(lean: float, step_s: float) -> None:
    """tan(angle / 2) dies out with the time constant: the vertical turns by the sine of what it is off."""
    incline = Incline()
    incline.take(0.0, STILL, resting(lean, 0.0), MIDDLE)
    for k in range(1, round(1.0 / step_s) + 1):
        assert incline.take(step_s * k, STILL, resting(0.0, 0.0), MIDDLE)
    after = 2.0 * math.atan(math.tan(0.5 * lean) / math.e)
    assert told(incline) == pytest.approx((after, 0.0), abs=0.6 * step_s)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(*[st.floats(-6.0, 6.0)] * 3), min_size=1, max_size=10), st.booleans())
def test_roll_pitch_and_tilt_are_those_of_one_vertical(rates: list[tuple[float, float, float]], bump: bool) -> None:
    incline = Incline()
    incline.take(0.0, STILL, resting(0.2, -0.1), MIDDLE)
    for k, rate in enumerate(rates):
        incline.take(0.09 * (k + 1), rate, (0.0, 0.0, 2.0 * G) if bump else resting(0.0, 0.0), MIDDLE)
    lean = incline.lean
    assert lean is not None
    assert math.cos(lean.tilt_rad) == pytest.approx(math.cos(lean.roll_rad) * math.cos(lean.pitch_rad), abs=1e-9)


@pytest.mark.parametrize(("share", "bump"), [
    (0.69, True), (0.705, False), (1.0, False), (1.295, False), (1.31, True),
])  # fmt: skip
def test_a_force_of_three_tenths_more_or_less_than_gravity_is_a_bump(share: float, bump: bool) -> None:
    incline = Incline()
    assert incline.take(0.0, STILL, (0.0, 0.0, share * G), MIDDLE)
    assert (incline.lean is None) is bump


def test_a_second_sample_of_the_same_moment_tells_nothing_new_and_one_a_tenth_later_is_no_silence() -> None:
    incline = Incline()
    incline.take(0.0, STILL, resting(0.2, 0.0), MIDDLE)
    assert incline.take(0.0, STILL, resting(0.0, 0.0), MIDDLE)
    assert told(incline) == pytest.approx((0.2, 0.0))
    assert incline.take(0.1, STILL, resting(0.0, 0.0), MIDDLE)
    assert told(incline)[0] == pytest.approx(0.18, abs=1e-3)


@pytest.mark.parametrize(("force", "lean"), [
    ((0.0, 0.0, -G), (math.pi, 0.0, math.pi)), ((-G, 0.0, 0.0), (0.0, 0.5 * math.pi, 0.5 * math.pi)),
    ((0.0, G, 0.0), (0.5 * math.pi, 0.0, 0.5 * math.pi)), ((G, 1e-9, -1e-9), (0.75 * math.pi, -0.5 * math.pi, None)),
])  # fmt: skip
def test_on_its_back_its_nose_or_its_side_it_says_so(
    force: tuple[float, float, float], lean: tuple[float, float, float | None]
) -> None:
    incline = Incline()
    incline.take(0.0, STILL, force, MIDDLE)
    for k in range(1, 50):
        incline.take(0.01 * k, STILL, force, MIDDLE)
    found, (roll, pitch, tilt) = incline.lean, lean
    assert found is not None and (abs(found.roll_rad), found.pitch_rad) == pytest.approx((roll, pitch), abs=1e-6)
    assert found.tilt_rad == pytest.approx(0.5 * math.pi if tilt is None else tilt, abs=1e-6)
