"""Wheels: PID that never winds up, and mappings that keep the arc."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_control.servo.pid import PidGains, WheelPid
from physical_ai_control.servo.wheel.loop import WheelLoop
from physical_ai_control.servo.wheel.parameters import WheelParameters
from physical_ai_control.servo.wheels import WheelMapping, differential, mapping, mecanum, skid_steer
from physical_ai_core import messages as m
from physical_ai_core.errors import ParameterError

GAINS = PidGains(proportional=0.5, integral=4.0, feed_forward=0.2, static=0.3, most=5.0, most_rate=100.0)
any_number = st.floats(allow_nan=True, allow_infinity=True)


def motor(pid: WheelPid, wanted_rps: float, seconds: float, load: float = 0.0, speed: float = 0.0) -> list[float]:
    """Speeds of a first-order motor with dry load under the PID at 1 kHz."""
    found = []
    for _ in range(round(seconds / 1e-3)):
        effort = float(pid.step(np.array([wanted_rps]), np.array([speed]), 1e-3)[0])
        speed += 1e-3 * (4.0 * effort - speed - load) / 0.05
        found.append(speed)
    return found


def test_it_reaches_the_set_point_against_a_load() -> None:
    assert motor(WheelPid(GAINS, 1), 8.0, 3.0, load=2.0)[-1] == pytest.approx(8.0, abs=0.05)


def test_a_wheel_held_fast_for_long_comes_back_as_one_held_for_a_second() -> None:
    def overshoot(held_s: float) -> float:
        pid = WheelPid(GAINS, 1)
        for _ in range(round(held_s / 1e-3)):
            pid.step(np.array([8.0]), np.zeros(1), 1e-3)
        return max(motor(pid, 8.0, 2.0))

    assert overshoot(4.0) == pytest.approx(overshoot(1.0), abs=0.1)
    assert overshoot(1.0) < 11.5  # 13.5 with an integrator that is only clipped


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(0.0, 0.2)), max_size=60),
    integral=st.floats(0.0, 1e3),
)  # fmt: skip
def test_output_rate_and_integrator_stay_inside_for_any_history(
    steps: list[tuple[float, float, float]], integral: float
) -> None:
    gains = PidGains(1.0, integral, 0.01, 1.0, 0.5, most=5.0, most_rate=100.0)
    pid = WheelPid(gains, 1)
    for wanted, measured, dt_s in steps:
        before = pid.output.copy()
        output = pid.step(np.array([wanted]), np.array([measured]), dt_s)
        assert np.abs(output).max() <= gains.most
        assert np.abs(output - before).max() <= gains.most_rate * min(dt_s, 0.1) + 1e-9
        assert np.abs(pid.integral).max() <= gains.most


@settings(max_examples=100, deadline=None)
@given(wanted=any_number, measured=any_number, dt_s=any_number)
def test_what_is_not_finite_gives_zero_and_a_name(wanted: float, measured: float, dt_s: float) -> None:
    pid = WheelPid(GAINS, 1)
    pid.step(np.array([3.0]), np.array([1.0]), 0.01)
    output = pid.step(np.array([wanted]), np.array([measured]), dt_s)
    assert np.isfinite(output).all()
    if not np.isfinite([wanted, measured, dt_s]).all():
        assert output[0] == 0.0
        assert pid.trouble == "not finite"
    assert pid.step(np.zeros(2), np.zeros(2), 0.01).shape == (1,)
    assert "wheels" in pid.trouble


def test_a_step_of_the_set_point_gives_no_derivative_kick() -> None:
    pid = WheelPid(PidGains(derivative=10.0, feed_forward=0.0, most_rate=1e9), 1)
    pid.step(np.zeros(1), np.zeros(1), 1e-3)
    assert pid.step(np.array([5.0]), np.zeros(1), 1e-3)[0] == 0.0


NAMES = ("a", "b", "c", "d")
DRIVES = (differential(NAMES[:2], 0.1, 0.4), skid_steer(NAMES, 0.1, 0.4), mecanum(NAMES, 0.1, 0.4, 0.5))


@pytest.mark.parametrize("drive", DRIVES, ids=("differential", "skid_steer", "mecanum"))
def test_wheel_speeds_lead_back_to_the_velocity(drive: WheelMapping) -> None:
    velocity = np.array([0.7, 0.3 if drive is DRIVES[2] else 0.0, -0.4])
    assert drive.velocity(drive.wheels(velocity)) == pytest.approx(velocity)


def test_turning_left_the_right_wheel_is_the_faster() -> None:
    left, right = differential(NAMES[:2], 0.1, 0.4).wheels(np.array([1.0, 0.0, 0.5]))
    assert (left, right) == pytest.approx((9.0, 11.0))


def test_to_the_left_a_mecanum_base_turns_its_diagonals_against_each_other() -> None:
    speeds = mecanum(NAMES, 0.1, 0.4, 0.5).wheels(np.array([0.0, 1.0, 0.0]))
    assert speeds == pytest.approx([-10.0, 10.0, 10.0, -10.0])


def test_too_fast_is_slowed_on_the_same_arc() -> None:
    drive = differential(NAMES[:2], 0.1, 0.4)
    velocity = drive.velocity(drive.wheels(np.array([2.0, 0.0, 1.0]), most_rps=10.0))
    assert velocity[2] / velocity[0] == pytest.approx(0.5)
    assert np.abs(drive.wheels(velocity)).max() == pytest.approx(10.0)


def test_a_drive_that_does_not_fit_is_refused_by_name() -> None:
    for bad in (
        lambda: differential(("a",), 0.1, 0.4), lambda: differential(("a", "a"), 0.1, 0.4),
        lambda: differential(("a", "b"), 0.0, 0.4), lambda: mapping("tracked", NAMES, 0.1, 0.4, 0.5, 1.5),
        lambda: PidGains(filter_s=0.0), lambda: PidGains(proportional=float("nan")),
    ):  # fmt: skip
        with pytest.raises(ParameterError):
            bad()


def joints(speeds: tuple[float, float], names: tuple[str, ...] = ("right_wheel", "left_wheel")) -> m.JointStates:
    return m.JointStates(0.0, "", names, np.zeros(2), np.array(speeds))


def test_measured_speeds_are_taken_by_name() -> None:
    loop = WheelLoop(WheelParameters(proportional=1.0, feed_forward=0.0, most_rate=1e6))
    loop.hear_command(m.Twist(50.0, "base_link", 1.0, 0.0), 0.0, 50.0)
    loop.hear_joints(joints((8.0, 9.0)), 0.0)
    loop.step(0.0)
    outputs, trouble = loop.step(0.01)
    assert outputs == pytest.approx([1.0, 2.0])
    assert trouble == ""


def test_silence_of_gate_or_encoders_brings_the_wheels_to_rest_monotonely() -> None:
    for silent in ("command", "speeds"):
        loop = WheelLoop(WheelParameters(integral=1e-6))  # speeds matter, and change nothing
        loop.hear_command(m.Twist(50.0, "base_link", 1.0, 0.0), 0.0, 50.0)
        loop.hear_joints(joints((10.0, 10.0)), 0.0)
        said, wheels = [], 10.0
        for k in range(200):
            now_s = 0.01 * k
            if silent != "command":
                loop.hear_command(m.Twist(50.0 + now_s, "base_link", 1.0, 0.0), now_s, 50.0 + now_s)
            if silent != "speeds":
                loop.hear_joints(joints((wheels, wheels)), now_s)
            outputs, trouble = loop.step(now_s)
            wheels = float(outputs[0])
            said.append((float(outputs[0]), trouble))
        late = [value for value, trouble in said if trouble]
        assert said[-1][1] == ("no command" if silent == "command" else "no wheel speeds")
        assert all(b <= a + 1e-4 for a, b in pairwise(late))
        assert late[-1] == pytest.approx(0.0, abs=1e-2)


def test_a_command_that_is_not_finite_leaves_the_last_to_age() -> None:
    loop = WheelLoop(WheelParameters(most_rate=1e6))
    loop.hear_command(m.Twist(50.0, "base_link", 1.0, 0.0), 0.0, 50.0)
    loop.hear_command(m.Twist(55.0, "base_link", float("nan"), 0.0), 5.0, 55.0)
    loop.step(0.0)
    assert loop.step(0.1)[0] == pytest.approx([10.0, 10.0])
    assert loop.step(1.0)[1] == "no command"


TIMEOUT_S, SKEW_S = 0.25, 0.05


@pytest.mark.parametrize(
    ("stamp_s", "graph_s", "reason"),
    [
        (50.0, 50.0 + TIMEOUT_S + SKEW_S + 0.01, "too old"), (50.0 + SKEW_S + 0.01, 50.0, "of a clock ahead"),
        (0.0, 50.0, "without a time"), (50.0, 0.0, "without a time"), (float("nan"), 50.0, "without a time"),
    ],
)  # fmt: skip
def test_a_command_that_arrives_now_but_is_not_of_now_is_refused_by_name(
    stamp_s: float, graph_s: float, reason: str
) -> None:
    loop = WheelLoop(WheelParameters(timeout_s=TIMEOUT_S, clock_skew_s=SKEW_S, most_rate=1e6))
    loop.step(0.0)
    loop.hear_command(m.Twist(stamp_s, "base_link", 1.0, 0.0), 0.1, graph_s)
    assert loop.step(0.1)[0] == pytest.approx([0.0, 0.0])
    assert loop.refused == {reason: 1}


@pytest.mark.parametrize("skew_s", [-SKEW_S, 0.0, SKEW_S])
def test_clocks_that_differ_within_the_tolerance_drive(skew_s: float) -> None:
    loop = WheelLoop(WheelParameters(timeout_s=TIMEOUT_S, clock_skew_s=SKEW_S, most_rate=1e6))
    loop.step(0.0)
    loop.hear_command(m.Twist(64.0, "base_link", 1.0, 0.0), 0.1, 64.0 + 0.99 * skew_s)
    assert loop.step(0.1)[0] == pytest.approx([10.0, 10.0])
    assert loop.step(0.1 + 0.99 * TIMEOUT_S)[1] == ""


def test_what_a_command_has_aged_on_its_way_is_taken_off_its_time() -> None:
    loop = WheelLoop(WheelParameters(timeout_s=TIMEOUT_S, clock_skew_s=SKEW_S))
    loop.hear_command(m.Twist(64.0, "base_link", 1.0, 0.0), 0.0, 64.0 + SKEW_S + 0.2)
    assert loop.step(0.04)[1] == ""
    assert loop.step(0.06)[1] == "no command"
