"""A measurement that comes late counts as if it had come in time, and what is said does not jump for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flat_world import GRAVITY, Drive, fix, wheels
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.fusion import measurements as z
from physical_ai_perception.fusion.filter import Filter, Noise
from physical_ai_perception.fusion.model import Layout
from physical_ai_perception.fusion.output import Smoother
from physical_ai_perception.fusion.state import State
from physical_ai_perception.fusion.timeline import KEPT
from physical_ai_perception.parameters import PerceptionParameters

DATUM = (35.6586, 139.7454, 40.0)
NOISE = Noise(4e-6, 2.5e-3, 4e-10, 2.5e-7, 1e-8)
DT_S = 0.01


def driven(seed: int, late_at: int = -1, by: int = 0, steps: int = 60) -> Filter:
    """A filter on random inputs; the fix of step `late_at` is handed over `by` steps later."""
    rng = np.random.default_rng(seed)
    state = State(0.0, Layout(1))
    state.covariance = np.diag([0.3] * 15 + [4e-4])
    f = Filter(state, GRAVITY, 0.999, 4.0, remember_s=1.0)
    at = rng.normal(0.0, 0.3, 2)
    seen = z.antenna_position(np.array([*at, 0.0]), np.array([0.2, 0.0, 0.3]), np.eye(3) * 0.05, "xy")
    for step in range(steps):
        rate, force = rng.normal(0.0, 0.3, 3), rng.normal([0.2, 0.0, GRAVITY], 0.3)
        f.propagate(DT_S, rate.tolist(), force.tolist(), NOISE)
        if step == late_at + by:
            assert f.update("gnss", seen, (late_at + 1) * DT_S, gated=False)
        if step % 3 == 0:
            f.update("wheels", z.body_velocity([0.3, 0.0, 0.0], [0.01] * 3, "xyz", 0), f.state.stamp_s, gated=False)
    return f


@given(st.integers(0, 20), st.integers(0, 30), st.integers(1, 25))
@settings(max_examples=30, deadline=None)
def test_a_late_fix_leaves_the_state_that_a_fix_in_time_leaves(seed: int, at: int, by: int) -> None:
    if at % 3 == 0:
        at += 1  # in time it would come before the wheels of that step, late after them: the same time, another order
    in_time, late = driven(seed, at, 0), driven(seed, at, by)
    np.testing.assert_allclose(late.state.full, in_time.state.full, rtol=1e-9, atol=1e-12)
    assert late.state.stamp_s == pytest.approx(in_time.state.stamp_s, abs=1e-12)
    assert late.gates["gnss"].late == 1 and in_time.gates["gnss"].late == 0


def test_a_fix_between_two_samples_divides_the_step() -> None:
    f, g = driven(1), driven(1)
    seen = z.antenna_position(np.array([0.1, 0.1, 0.0]), np.zeros(3), np.eye(3) * 0.05, "xy")
    assert f.update("gnss", seen, 0.4 + 0.3 * DT_S, gated=False)
    assert g.update("gnss", seen, 0.4 + 0.7 * DT_S, gated=False)
    np.testing.assert_allclose(f.state.full, g.state.full, atol=0.01)
    assert not np.array_equal(f.state.full, g.state.full)


def test_a_late_fix_that_is_rejected_changes_nothing() -> None:
    f = driven(2)
    before, stamp_s = f.state.full.copy(), f.state.stamp_s
    far = z.antenna_position(np.array([1e3, 0.0, 0.0]), np.zeros(3), np.eye(3) * 0.05, "xy")
    assert not f.update("gnss", far, stamp_s - 0.2)
    np.testing.assert_array_equal(f.state.full, before)
    assert f.state.stamp_s == stamp_s and f.gates["gnss"].rejected == 1
    f.propagate(DT_S, [0.0] * 3, [0.0, 0.0, GRAVITY], NOISE)  # and the record still goes on from here
    assert f.update("gnss", z.antenna_position(f.state.position, np.zeros(3), np.eye(3), "xy"), stamp_s - 0.1)


def test_a_fix_older_than_what_is_remembered_is_refused_and_counted() -> None:
    f = driven(3, steps=150)
    seen = z.antenna_position(f.state.position, np.zeros(3), np.eye(3), "xy")
    assert not f.update("gnss", seen, f.state.stamp_s - 1.2)
    assert f.gates["gnss"].too_late == 1


def test_memory_is_bounded_whatever_happens() -> None:
    f = driven(4)
    for _ in range(5 * KEPT):
        f.propagate(1e-4, [0.0] * 3, [0.0, 0.0, GRAVITY], NOISE)
    assert len(f.timeline) <= 2 * KEPT
    assert len(f.timeline.after(f.timeline.before(f.state.stamp_s - 0.05))) < KEPT
    assert f.timeline.before(f.state.stamp_s - 0.9) == -1  # more work than is allowed


def test_an_imu_sample_that_comes_after_the_wheels_replaces_what_was_assumed() -> None:
    """Wheels ahead of the IMU by a sample, always: the same state as in the right order, but for the last sample."""
    states = []
    for swapped in (False, True):
        core = PerceptionCore(PerceptionParameters(site="", start_pose="origin"))
        robot, rng = Drive(np.random.default_rng(5)), np.random.default_rng(6)
        for step in range(600):
            t = 100.0 + step * DT_S
            speed = float(np.clip(0.01 * step - 1.0, 0.0, 1.0))
            imu = robot.step(DT_S, speed, 0.5 * np.sin(0.02 * step) * (speed > 0.0), t)
            said: list[tuple[str, Any]] = [("imu/data", imu)]
            if step % 2 == 0:
                said.append(("wheel/odometry", wheels(t, speed + float(rng.normal(0.0, 0.01)))))
            for topic, data in reversed(said) if swapped else said:
                core.handle(topic, data, t)
        assert core.localisation.local is not None
        states.append(core.localisation.local.state.full.copy())
    np.testing.assert_allclose(states[1][:16], states[0][:16], atol=2e-3)


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.3, 0.45])
def test_delayed_wheels_and_fixes_leave_pose_and_smoothness_as_they_were(delay_s: float) -> None:
    core = PerceptionCore(PerceptionParameters(expected_sensors=("imu/data", "wheel/odometry")))
    rng = np.random.default_rng(7)
    robot = Drive(rng, np.array([2.5, 4.0, 0.0]), gyro_sigma=0.005)
    waiting: list[tuple[float, str, Any]] = []
    said: list[np.ndarray] = []
    for step in range(2000):
        t = 100.0 + step * DT_S
        speed = float(np.clip(0.01 * step - 3.0, 0.0, 1.0))
        imu = robot.step(DT_S, speed, 0.3 * (speed > 0.0), t)
        core.handle("imu/data", imu, t)
        if step % 2 == 0:
            waiting.append((t + delay_s, "wheel/odometry", wheels(t, speed)))
        if step % 20 == 10:
            x, y, yaw = robot.pose
            at = np.array([x - 0.1 * np.cos(yaw), y - 0.1 * np.sin(yaw), 0.4]) + rng.normal(0.0, 0.03, 3)
            waiting.append((t + delay_s, "gps/fix", fix(t, at, DATUM)))
        while waiting and waiting[0][0] <= t + 1e-9:
            _, topic, data = waiting.pop(0)
            core.handle(topic, data, data.stamp_s)
        said += [o.data.position_m for o in core.tick(t) if o.topic == "state/odometry"]
    pose, _ = core.localisation.pose_in_map() or (np.zeros(3), None)
    assert np.hypot(*(pose[:2] - robot.pose[:2])) < 0.08
    assert np.linalg.norm(np.diff(said, axis=0), axis=1).max() < 0.025  # 1 m/s at 100 Hz is 0.01 m
    assert core.guard.source("wheel/odometry").refused_total <= 1
    late = core.localisation.global_.filter.gates["gps/fix"].late  # type: ignore[union-attr]
    assert (late > 50) == (delay_s > 0.0)


def test_a_correction_is_said_at_a_bounded_speed_and_wholly_in_the_end() -> None:
    smoother, said, dt_s = Smoother(0.5), [], 0.01
    for step in range(400):
        held = [step * dt_s + (0.3 if step >= 100 else 0.0), 0.0, 0.0]  # 1 m/s, and a correction of 0.3 m at once
        yaw = 0.2 if step >= 100 else 0.0
        offset = smoother(step * dt_s, held, yaw, [1.0, 0.0, 0.0], 0.0)
        said.append((held[0] + offset.x, yaw + offset.yaw_rad))
    steps = np.diff(np.array(said), axis=0)
    assert steps[:, 0].max() <= dt_s + 0.5 * dt_s + 1e-9
    assert steps[:, 1].max() <= 0.5 * dt_s + 1e-9
    np.testing.assert_allclose(said[-1], [held[0], 0.2], atol=1e-9)
    assert smoother(0.5, held, yaw, [1.0, 0.0, 0.0], 0.0) == (0.0, 0.0, 0.0, 0.0)  # time went back: begun anew
