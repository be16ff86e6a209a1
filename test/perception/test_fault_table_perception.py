"""Every fault on every sensor of the own state: named, the state finite, its covariance honest about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flat_world import Drive, fix, wheels

from physical_ai_core import messages as m
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.parameters import PerceptionParameters

DATUM = (35.6586, 139.7454, 40.0)
SENSORS = ("imu/data", "wheel/odometry", "gps/fix")
BROKEN_S = 3.5
Spoil = Callable[[Any], list[Any]]


def nan(data: Any) -> list[Any]:
    blank = np.full(3, np.nan)
    if isinstance(data, m.Imu):
        return [replace(data, angular_velocity_rps=blank, linear_acceleration_mps2=blank)]
    if isinstance(data, m.Odometry):
        return [replace(data, linear_mps=blank, angular_rps=blank)]
    return [replace(data, latitude_deg=np.nan, longitude_deg=np.nan, altitude_m=np.nan)]


def other_frame(data: Any) -> list[Any]:
    field = "child_frame_id" if isinstance(data, m.Odometry) else "frame_id"
    return [replace(data, **{field: "mast"})]


def no_covariance(data: Any) -> list[Any]:
    zero = np.zeros((3, 3))
    if isinstance(data, m.Imu):
        return [replace(data, angular_velocity_cov=zero, linear_acceleration_cov=zero)]
    if isinstance(data, m.Odometry):
        return [replace(data, pose_cov=np.zeros((6, 6)), twist_cov=np.zeros((6, 6)))]
    return [replace(data, cov_enu_m2=zero)]


FAULTS: dict[str, Spoil] = {
    "silent": lambda data: [],
    "doubled": lambda data: [data, data],
    "two seconds late": lambda data: [replace(data, stamp_s=data.stamp_s - 2.0)],
    "an hour ahead": lambda data: [replace(data, stamp_s=data.stamp_s + 3600.0)],
    "an hour back": lambda data: [replace(data, stamp_s=data.stamp_s - 3600.0)],
    "not a number": nan,
    "another frame": other_frame,
    "covariance of zeros": no_covariance,
}
HARMLESS = ("doubled", "covariance of zeros")


def run(sensor: str, spoil: Spoil | None, seconds: float, fault_from_s: float = BROKEN_S) -> tuple[Any, ...]:
    """Driving at 1 m/s; from `fault_from_s` on the sensor is spoiled. Core, truth, odometry, variances over time."""
    core = PerceptionCore(PerceptionParameters(expected_sensors=("imu/data", "wheel/odometry", "gps/fix")))
    rng = np.random.default_rng(0)
    robot, said, spread = Drive(rng, np.array([2.5, 4.0, 0.0]), gyro_sigma=0.005), [], []
    for step in range(round(seconds * 100)):
        t = 100.0 + step * 0.01
        speed = float(np.clip(0.01 * step - 1.0, 0.0, 1.0))
        messages: list[tuple[str, Any]] = [("imu/data", robot.step(0.01, speed, 0.3 * (speed > 0.0), t))]
        if step % 2 == 0:
            messages.append(("wheel/odometry", wheels(t, speed, 0.3 * (speed > 0.0))))
        if step % 20 == 0:
            x, y, yaw = robot.pose
            at = np.array([x - 0.1 * np.cos(yaw), y - 0.1 * np.sin(yaw), 0.4]) + rng.normal(0.0, 0.03, 3)
            messages.append(("gps/fix", fix(t, at, DATUM)))
        for topic, data in messages:
            spoiled = spoil is not None and topic == sensor and step >= fault_from_s * 100
            for sent in spoil(data) if spoil is not None and spoiled else [data]:
                core.handle(topic, sent, sent.stamp_s)
        said += [output.data for output in core.tick(t) if output.topic == "state/odometry"]
        found = core.localisation.pose_in_map()
        spread.append(np.zeros(3) if found is None else found[1].diagonal())
    return core, robot, said, np.array(spread)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("sensor", SENSORS)
def test_a_fault_is_named_and_the_state_stays_sound(sensor: str, fault: str) -> None:
    core, robot, said, spread = run(sensor, FAULTS[fault], 6.0)
    health = core.health()
    if fault != "covariance of zeros":
        assert sensor in health.message, health.message
    if fault not in (*HARMLESS, "silent"):
        assert health.message.count(f"{sensor}:") == 1
        assert core.guard.source(sensor).refused_total > 10
    positions = np.array([o.position_m for o in said])
    assert len(said) > 550 and np.isfinite(positions).all()
    assert all(np.isfinite(o.pose_cov).all() and np.isfinite(o.twist_cov).all() for o in said[::20])
    assert np.linalg.norm(np.diff(positions, axis=0), axis=1).max() < 0.03  # 1 m/s at 100 Hz is 0.01 m
    for motion in (core.localisation.local, core.localisation.global_):
        assert np.linalg.eigvalsh(motion.state.covariance).min() > 0.0
    pose, covariance = core.localisation.pose_in_map()
    error = pose[:2] - robot.pose[:2]
    assert error @ np.linalg.solve(covariance[:2, :2], error) < 25.0  # it knows how wrong it may be
    before, after = spread[round(BROKEN_S * 100) - 1], spread[-1]
    if sensor == "gps/fix" and fault not in HARMLESS:
        assert after[0] + after[1] > 2.0 * (before[0] + before[1])
    if sensor == "imu/data" and fault not in HARMLESS:
        assert after[2] > before[2]


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_sensor_that_was_never_there_is_named_and_one_that_returns_is_taken_again(sensor: str) -> None:
    core, _, said, _ = run(sensor, FAULTS["silent"], 2.5, fault_from_s=0.0)
    assert f"{sensor} has not been heard" in core.health().message
    assert len(said) > 180

    def for_a_while(data: Any) -> list[Any]:
        return [] if data.stamp_s < 105.0 else [data]

    core, robot, said, _ = run(sensor, for_a_while, 8.0)
    assert core.health().message == "ok"
    pose, covariance = core.localisation.pose_in_map()
    error = pose[:2] - robot.pose[:2]
    assert np.hypot(*error) < 0.2 and error @ np.linalg.solve(covariance[:2, :2], error) < 25.0
    assert np.linalg.norm(np.diff([o.position_m for o in said], axis=0), axis=1).max() < 0.03
