"""The filter stays sound whatever it is fed, and its covariance means what it says."""

from __future__ import annotations

import numpy as np
from flat_world import GRAVITY, Drive
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from physical_ai_perception.fusion import measurements as z
from physical_ai_perception.fusion.filter import Filter, Noise
from physical_ai_perception.fusion.model import Layout
from physical_ai_perception.fusion.motion import ImuTrust, MotionFilter, WheelTrust, first_state
from physical_ai_perception.fusion.samples import ImuSample, WheelSample
from physical_ai_perception.fusion.state import State
from physical_ai_perception.parameters import PerceptionParameters

NOISE = Noise(4e-6, 2.5e-3, 4e-10, 2.5e-7, 1e-8)
STILL = [0.0, 0.0, 0.0]
UP = [0.0, 0.0, GRAVITY]
number = st.floats(-20.0, 20.0)
vector = st.tuples(number, number, number).map(np.array)
sigma = st.floats(1e-4, 1e3)
STEPS = st.one_of(
    st.tuples(st.just("propagate"), st.floats(1e-4, 2.0), vector, vector),
    st.tuples(st.just("velocity"), sigma, vector, vector),
    st.tuples(st.just("position"), sigma, vector, vector),
    st.tuples(st.just("rest"), sigma, vector, vector),
    st.tuples(st.just("gravity"), sigma, vector, vector),
    st.tuples(st.just("pose"), sigma, vector, vector),
    st.tuples(st.just("late"), sigma, vector, vector),
)


def fresh() -> Filter:
    state = State(0.0, Layout(1))
    state.covariance = np.diag([0.1] * 15 + [4e-4])
    return Filter(state, GRAVITY, 0.999, 2.0)


@given(st.lists(STEPS, min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_covariance_stays_symmetric_positive_definite_after_any_sequence(steps: list[tuple[object, ...]]) -> None:
    f = fresh()
    for number_, (what, scale, a, b) in enumerate(steps):
        now_s = f.state.stamp_s
        if what == "propagate":
            f.propagate(scale, a.tolist(), b.tolist(), NOISE)
        elif what == "velocity":
            f.update("v", z.body_velocity(a.tolist(), [scale**2] * 3, "xyz", 0), now_s, gated=False)
        elif what == "position":
            f.update("p", z.antenna_position(a, b, np.eye(3) * scale**2), now_s + number_ * 1e-3)
        elif what == "rest":
            f.update("r", z.no_rotation(a.tolist(), scale**2), now_s)
        elif what == "pose":
            f.update("x", z.planar_pose(a, np.eye(3) * scale**2), now_s, gated=False)
        elif what == "late":
            f.update("l", z.antenna_position(a, b, np.eye(3) * scale**2, "xy"), now_s - 0.3, gated=False)
        else:
            f.update("g", z.gravity(a.tolist(), GRAVITY, scale**2), now_s, gated=False)
        covariance = f.state.covariance
        assert f.state.is_finite()
        deviation = np.sqrt(covariance.diagonal())
        correlation = covariance / np.outer(deviation, deviation)
        assert np.abs(correlation - correlation.T).max() < 1e-7
        assert np.linalg.eigvalsh(0.5 * (correlation + correlation.T)).min() > -1e-9


def test_a_source_that_contradicts_the_state_is_rejected_and_after_long_believed_again() -> None:
    f = fresh()
    near, far = np.zeros(3), np.array([50.0, 0.0, 0.0])
    for _ in range(20):
        f.update("gps", z.antenna_position(near, np.zeros(3), np.eye(3) * 0.01), 0.0)
    taken = []
    for _ in range(30):
        f.propagate(0.1, STILL, UP, Noise(1e-8, 1e-6, 0.0, 0.0))
        at = z.antenna_position(far, np.zeros(3), np.eye(3) * 0.01)
        taken.append(f.update("gps", at, f.state.stamp_s))
    assert not any(taken[:19])  # an outlier, or several, moves nothing
    assert all(taken[22:])
    assert np.linalg.norm(f.state.position - far) < 0.5


def test_a_measurement_that_is_not_a_number_changes_nothing() -> None:
    f = fresh()
    before = f.state.copy()
    taken = f.update("gps", z.antenna_position(np.full(3, np.nan), np.zeros(3), np.eye(3)), 0.0, gated=False)
    assert not taken
    np.testing.assert_array_equal(f.state.covariance, before.covariance)
    np.testing.assert_array_equal(f.state.position, before.position)


def test_errors_of_position_and_heading_stay_inside_what_the_covariance_says() -> None:
    """NEES of (x, y, yaw) over simulated drives: its mean lies where a consistent filter's does."""
    runs, nees = 12, []
    p = PerceptionParameters(
        gyro_noise=2e-3, accel_noise=0.02, wheel_speed_sigma_mps=0.05, wheel_side_sigma_mps=0.02,
        gyro_bias_sigma_rps=0.01, accel_bias_sigma_mps2=0.05,
    )  # fmt: skip
    dt_s = 0.02
    trust = WheelTrust(floors=(0.05, 0.02, 0.02))
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        drive = Drive(
            rng, gyro_bias=rng.normal(0, 0.01, 3), accel_bias=rng.normal(0, 0.05, 3),
            gyro_sigma=p.gyro_noise / np.sqrt(dt_s), accel_sigma=p.accel_noise / np.sqrt(dt_s),
        )  # fmt: skip
        motion = None
        for step in range(1000):
            t = step * dt_s
            speed = float(np.clip(0.5 * (t - 2.0), 0.0, 1.0))
            turn = 0.4 * np.sin(0.5 * t) * (speed > 0.0)
            data = drive.step(dt_s, speed, turn, t)
            sample = ImuSample(
                t, data.angular_velocity_rps.tolist(), data.linear_acceleration_mps2.tolist(), None, None, 0.0, 0.0
            )
            if motion is None:
                motion = MotionFilter(p, first_state(p, t, sample, None))
                motion.state.velocity[:] = 0.0
            motion.imu(sample, ImuTrust())
            if step % 5 == 0:
                wheel = np.array([speed, 0.0, 0.0]) + (rng.normal(0, [0.05, 0.02, 0.02]) if speed > 0.0 else 0.0)
                motion.wheels(WheelSample(t, wheel.tolist(), turn, [0.0] * 3), trust)
        assert motion is not None
        state = motion.state
        x, y, z_, w = state.attitude
        yaw = np.arctan2(2.0 * (w * z_ + x * y), 1.0 - 2.0 * (y * y + z_ * z_))
        turn_error = (drive.pose[2] - yaw + np.pi) % (2 * np.pi) - np.pi
        error = np.array([*(drive.pose[:2] - state.position[:2]), turn_error])
        picked = state.covariance[np.ix_([0, 1, 8], [0, 1, 8])]
        nees.append(float(error @ np.linalg.solve(picked, error)))
    low, high = chi2.ppf([0.001, 0.999], 3 * runs)
    assert low < np.sum(nees) < high, nees
