"""What is fused is data: a file says it, nonsense in it is refused with its reason, and every kind does its work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flat_world import Drive, fix, imu, wheels

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, compose, quaternion_of_yaw
from physical_ai_core.share import share_path
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.fusion.samples import Unusable
from physical_ai_perception.fusion.sensors import SensorsError, load_sensors, sensors_of
from physical_ai_perception.parameters import PerceptionParameters

ROBOT = "sensors: [{topic: wheel/odometry, kind: odometry}"
LOCAL = "schema_version: 1\n"


def core_of(tmp_path: Path, text: str, **changes: Any) -> PerceptionCore:
    file = tmp_path / "sensors.yaml"
    file.write_text(text)
    usual: dict[str, Any] = {"site": "", "start_pose": "origin", "expected_sensors": (), "sensors": str(file)}
    return PerceptionCore(PerceptionParameters(**(usual | changes)))


@pytest.mark.parametrize("path", sorted(share_path("config/sensors").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_of_the_package_can_be_used(path: Path) -> None:
    declared = load_sensors(path.stem)
    assert declared.about and "Gives:" in path.read_text()
    core = PerceptionCore(PerceptionParameters(sensors=path.stem))
    for sensor in declared.sensors:
        assert sensor.ros_type.count("/msg/") == 1
        assert sensor.timeout_s is None or f"{sensor.topic} has not been heard" in core.health().message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sensors: []", "at least 1"),
        ("sensors: [{topic: gps/fix, kind: gnss}]", "no IMU and no wheels"),
        (ROBOT + ", {topic: wheel/odometry, kind: odometry}]", "named twice: wheel/odometry"),
        (ROBOT + ", {topic: imu/data, kind: imu, takes: [x]}]", "does not give 'x'"),
        (ROBOT + ", {topic: imu/data, kind: gnss}]", "sensor_msgs/msg/Imu"),
        (ROBOT + ", {topic: a, kind: joint_states}]", "`wheels` belongs to"),
        (ROBOT + ", {topic: a, kind: imu, sigma: {roll: -1.0}}]", "above 0"),
        (ROBOT + ", {topic: a, kind: imu, learn_scale: true}]", "only wheels"),
        (ROBOT + ", {topic: a, kind: radar}]", "kind"),
        (ROBOT + ", {topic: a, kind: imu, colour: red}]", "colour"),
        ("schema_version: 7\n" + ROBOT + "]", "schema_version"),
        ("sensors: [", "cannot be read"),
        ("just words", "cannot be used"),
    ],
)
def test_a_sensor_file_that_makes_no_sense_is_refused_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text)
    with pytest.raises(SensorsError) as error:
        load_sensors(str(file))
    assert reason in str(error.value) and str(file) in str(error.value)
    with pytest.raises(SensorsError, match="wheel_imu"):  # and what there is, is named
        load_sensors("no_such_set")


def test_without_a_file_the_set_follows_the_parameters() -> None:
    p = PerceptionParameters(imu_orientation="full", gnss_altitude=False, wheel_yaw_rate_sigma_rps=0.2)
    found = sensors_of(p).by_topic
    assert found["imu/data"].components == ("roll", "pitch", "yaw")
    assert found["gps/fix"].components == ("x", "y") and found["gps/fix"].timeout_s is None
    assert "vyaw" in found["wheel/odometry"].components and found["wheel/odometry"].timeout_s == p.silent_after_s


def drive(core: PerceptionCore, seconds: float, extra: Any, robot: Drive, start_s: float = 100.0) -> None:
    """100 Hz; `extra(step, t, robot, imu)` yields (topic, data). At rest for 2 s, then 1 m/s in a curve."""
    for step in range(round(seconds * 100)):
        t = start_s + step * 0.01
        speed = float(np.clip(0.01 * (step - 200), 0.0, 1.0))
        data = robot.step(0.01, speed, 0.3 * (speed > 0.0), t)
        for topic, said in extra(step, t, robot, data):
            core.handle(topic, said, t)
        core.tick(t)


def error_of(core: PerceptionCore, robot: Drive) -> float:
    found = core.localisation.pose_in_map()
    assert found is not None
    return float(np.hypot(*(found[0][:2] - robot.pose[:2])))


def test_joint_angles_drive_as_wheel_odometry_does(tmp_path: Path) -> None:
    text = """
sensors:
  - {topic: imu/data, kind: imu}
  - {topic: joint_states, kind: joint_states, wheels: {left: [l], right: [r], radius_m: 0.1, track_m: 0.4}}
"""
    core = core_of(tmp_path, text)

    def extra(step: int, t: float, robot: Drive, data: m.Imu) -> list[tuple[str, Any]]:
        turn = 0.3 * (robot.speed > 0.0)
        sides = np.array([robot.speed - 0.2 * turn, robot.speed + 0.2 * turn]) / 0.1
        joints = m.JointStates(t, "", ("r", "l", "arm"), np.zeros(3), np.array([sides[1], sides[0], 9.0]))
        return [("imu/data", data), *([("joint_states", joints)] if step % 2 == 0 else [])]

    robot = Drive(np.random.default_rng(0))
    drive(core, 10.0, extra, robot)
    assert error_of(core, robot) < 0.15
    without = m.JointStates(200.0, "", ("r",), np.zeros(1), np.zeros(1))
    core.handle("joint_states", without, 110.0)
    assert "joint_states: no joint named l" in core.health().message


def test_the_second_imu_takes_over_within_a_tenth_of_a_second(tmp_path: Path) -> None:
    text = """
sensors:
  - {topic: imu/data, kind: imu, takes: []}
  - {topic: other/imu, kind: imu, takes: []}
  - {topic: wheel/odometry, kind: odometry}
"""
    core = core_of(tmp_path, text)
    said: list[m.Odometry] = []

    def extra(step: int, t: float, robot: Drive, data: m.Imu) -> list[tuple[str, Any]]:
        other = imu(t, data.angular_velocity_rps + np.array([0.0, 0.0, 0.01]), data.linear_acceleration_mps2)
        found: list[tuple[str, Any]] = [("other/imu", other), ("wheel/odometry", wheels(t, robot.speed))]
        said.extend(o.data for o in core.tick(t) if o.topic == "state/odometry")
        return found if step >= 500 else [("imu/data", data), *found]

    robot = Drive(np.random.default_rng(1), gyro_sigma=0.002)
    drive(core, 10.0, extra, robot)
    yaw = said[-1].yaw_rad
    assert abs((yaw - robot.pose[2] + np.pi) % (2 * np.pi) - np.pi) < 0.1
    assert np.linalg.norm(np.diff([o.position_m for o in said], axis=0), axis=1).max() < 0.03
    assert core.localisation.local is not None
    assert core.localisation.local.angular_rate()[2] == pytest.approx(0.3, abs=0.05)  # measured, not guessed by wheels


def test_the_scale_of_the_wheels_is_learnt_where_something_absolute_is_heard(tmp_path: Path) -> None:
    text = """
sensors:
  - {topic: imu/data, kind: imu, takes: []}
  - {topic: wheel/odometry, kind: odometry, learn_scale: true}
  - {topic: gps/fix, kind: gnss, takes: [x, y], frame: base_link}
"""
    core = core_of(tmp_path, text)

    def extra(step: int, t: float, robot: Drive, data: m.Imu) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = [("imu/data", data), ("wheel/odometry", wheels(t, 1.03 * robot.speed))]
        if step % 20 == 0:
            found.append(("gps/fix", fix(t, np.array([*robot.pose[:2], 0.0]), (35.0, 139.0, 0.0), 0.05)))
        return found

    drive(core, 30.0, extra, Drive(np.random.default_rng(2), gyro_sigma=0.003))
    assert core.localisation.global_ is not None and core.localisation.local is not None
    assert core.localisation.global_.state.scales[0] == pytest.approx(0.03, abs=0.006)
    assert len(core.localisation.local.state.scales) == 0
    assert core.health().values["wheel/odometry scale in map"].startswith("1.0")


COVARIANCE = np.diag([0.02**2, 0.02**2, 0.01**2])


def with_poses(
    core: PerceptionCore, seconds: float, at: Array, shift: Any = None, late_s: float = 0.0, first: int = 0
) -> Drive:
    """Ten poses a second in a `map` in which `odom` lies at `at`; `shift(step)` spoils them."""
    robot, rng, waiting = Drive(np.random.default_rng(3), gyro_sigma=0.003), np.random.default_rng(4), []

    def extra(step: int, t: float, robot: Drive, data: m.Imu) -> list[tuple[str, Any]]:
        if step % 10 == 0 and step >= first:
            pose = compose(at, robot.pose) + rng.normal(0.0, [0.02, 0.02, 0.01])
            waiting.append((t, pose if shift is None else pose + shift(step)))
        while waiting and waiting[0][0] + late_s <= t:
            stamp_s, pose = waiting.pop(0)
            core.take_pose(stamp_s, "scan matching", pose, COVARIANCE)
        return [("imu/data", data), ("wheel/odometry", wheels(t, robot.speed))]

    drive(core, seconds, extra, robot)
    return robot


def pose_error(core: PerceptionCore, robot: Drive, at: Array) -> float:
    found = core.localisation.pose_in_map()
    assert found is not None
    return float(np.hypot(*(found[0] - compose(at, robot.pose))[:2]))


@pytest.mark.parametrize("late_s", [0.0, 0.2])
def test_poses_settle_the_map_and_hold_it(late_s: float) -> None:
    core = PerceptionCore(PerceptionParameters(site="", start_pose="origin", start_yaw_sigma_rad=3.0))
    at = np.array([20.0, -5.0, 2.0])
    robot = with_poses(core, 12.0, at, late_s=late_s)
    assert core.localisation.heading_known
    assert pose_error(core, robot, at) < 0.06
    assert int(core.health().values["scan matching taken"]) > 100


def test_poses_that_go_wrong_are_rejected_and_after_long_believed() -> None:
    core = PerceptionCore(PerceptionParameters(site="", start_pose="origin", start_yaw_sigma_rad=3.0))
    at, away = np.array([20.0, -5.0, 2.0]), np.array([3.0, 0.0, 0.0])
    robot = with_poses(core, 8.0, at, lambda step: away * (step >= 600))
    assert pose_error(core, robot, at) < 0.2
    assert "scan matching contradicts" in core.health().message
    core = PerceptionCore(PerceptionParameters(site="", start_pose="origin", start_yaw_sigma_rad=3.0))
    robot = with_poses(core, 16.0, at, lambda step: away * (step >= 600))
    found = core.localisation.pose_in_map()
    assert found is not None
    np.testing.assert_allclose(found[0][:2] - compose(at, robot.pose)[:2], away[:2], atol=0.2)


def test_a_pose_against_the_start_is_believed_only_once_it_insists() -> None:
    core = PerceptionCore(PerceptionParameters(site="", start_pose="origin"))
    at = np.array([20.0, -5.0, 2.0])  # the start says: at the origin, within 0.3 m
    with_poses(core, 3.0, at)
    assert core.localisation.global_ is None
    core = PerceptionCore(PerceptionParameters(site="", start_pose="origin"))
    robot = with_poses(core, 10.0, at)
    assert pose_error(core, robot, at) < 0.06


@pytest.mark.parametrize(
    ("pose", "covariance", "reason"),
    [
        (np.array([np.nan, 0.0, 0.0]), np.eye(3), "not finite"),
        (np.array([1e9, 0.0, 0.0]), np.eye(3), "50 km"),
        (np.zeros(3), np.zeros((3, 3)), "not positive"),
        (np.zeros(3), np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), "not positive"),
    ],
)
def test_a_pose_that_is_none_is_refused_by_its_reason(pose: Array, covariance: Array, reason: str) -> None:
    core = PerceptionCore(PerceptionParameters(site="", start_pose="origin"))
    core.handle("imu/data", imu(100.0), 100.0)
    with pytest.raises(Unusable, match=reason):
        core.localisation.take_pose(100.0, "it", pose, covariance)
    assert not core.take_pose(100.1, "it", pose, covariance)
    assert f"it: {next(iter(core.guard.source('it').refused))}" in core.health().message


def test_a_declared_pose_sensor_is_taken_by_its_topic(tmp_path: Path) -> None:
    text = """
sensors:
  - {topic: imu/data, kind: imu}
  - {topic: amcl_pose, kind: pose, takes: [x, y, yaw], sigma: {x: 0.05, y: 0.05, yaw: 0.02}, covariance: fixed}
"""
    core = core_of(tmp_path, text, start_yaw_sigma_rad=3.0)
    core.handle("imu/data", imu(100.0), 100.0)
    pose = m.Pose(100.01, "map", np.array([7.0, 8.0, 0.0]), quaternion_of_yaw(1.0), np.zeros((6, 6)))
    core.handle("amcl_pose", pose, 100.01)
    found = core.localisation.pose_in_map()
    assert found is not None
    np.testing.assert_allclose(found[0], [7.0, 8.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(found[1].diagonal()[0], 0.05**2, rtol=0.05)
