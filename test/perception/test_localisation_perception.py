"""Own state over a whole core: odom stays smooth, map follows GNSS, and both say how sure they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from flat_world import Drive, fix, imu, wheels

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, compose, quaternion_of_yaw, wrap
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.parameters import PerceptionParameters

DATUM = (35.6586, 139.7454, 40.0)  # of the site "yard"
CHARGER = np.array([2.5, 4.0, 0.0])  # its start place
ANTENNA = np.array([-0.10, 0.0, 0.40])
START_S = 100.0
WHEELS_IMU = ("imu/data", "wheel/odometry")


@dataclass
class Run:
    """A drive through a core: 100 Hz IMU and tick, 50 Hz wheels, 5 Hz GNSS; what it said, and the truth in `map`."""

    core: PerceptionCore
    truth: Array = field(default_factory=lambda: CHARGER.copy())
    seed: int = 0
    time_s: float = START_S
    odometry: list[m.Odometry] = field(default_factory=list)
    map_to_odom: list[m.Pose] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.robot = Drive(self.rng, self.truth.copy(), gyro_bias=np.array([0.0, 0.0, 0.004]), gyro_sigma=0.005)

    def drive(
        self, seconds: float, speed: float = 0.0, turn: float = 0.0, gnss: bool = True, silent: tuple[str, ...] = (),
        shift: Array | None = None, sigma: float = 0.03, change: Callable[[m.GnssFix], m.GnssFix] = lambda f: f,
    ) -> Run:  # fmt: skip
        for _ in range(round(seconds * 100)):
            self.time_s += 0.01
            step = round(self.time_s * 100)
            accelerated = float(np.clip(speed, self.robot.speed - 0.015, self.robot.speed + 0.015))
            data = self.robot.step(0.01, accelerated, turn, self.time_s)
            if "imu/data" not in silent:
                self.core.handle("imu/data", data, self.time_s)
            if step % 2 == 0 and "wheel/odometry" not in silent:
                self.core.handle("wheel/odometry", wheels(self.time_s, accelerated, turn), self.time_s)
            if step % 20 == 0 and gnss:
                x, y, yaw = self.robot.pose
                at = np.array([x + np.cos(yaw) * ANTENNA[0], y + np.sin(yaw) * ANTENNA[0], ANTENNA[2]])
                at = at + self.rng.normal(0.0, sigma, 3) + (np.zeros(3) if shift is None else shift)
                data_fix = change(fix(self.time_s, at, DATUM, sigma))
                self.core.handle("gps/fix", data_fix, self.time_s)
            for output in self.core.tick(self.time_s):
                (self.odometry if output.topic == "state/odometry" else self.map_to_odom).append(output.data)
        return self

    def map_pose(self) -> Array:
        return compose(self.map_to_odom[-1].planar(), self.odometry[-1].planar_pose())

    def error(self) -> tuple[float, float]:
        """Distance and angle between what is said and the truth, in `map`."""
        said = self.map_pose()
        turned = float(wrap(said[2] - self.robot.pose[2]))
        return float(np.hypot(*(said[:2] - self.robot.pose[:2]))), abs(turned)


def core(**changes: object) -> PerceptionCore:
    return PerceptionCore(replace(PerceptionParameters(expected_sensors=WHEELS_IMU), **changes))  # type: ignore[arg-type]


def largest_step(run: Run) -> float:
    return float(np.linalg.norm(np.diff([o.position_m for o in run.odometry], axis=0), axis=1).max())


def test_without_gnss_map_to_odom_stays_where_it_was_put_and_its_covariance_grows() -> None:
    run = Run(core()).drive(2.0, gnss=False).drive(20.0, 1.0, 0.2, gnss=False)
    first, last = run.map_to_odom[0], run.map_to_odom[-1]
    np.testing.assert_array_equal(first.planar(), last.planar())
    np.testing.assert_allclose(first.planar(), CHARGER, atol=1e-6)
    assert first.cov is not None and last.cov is not None
    assert last.cov[0, 0] > first.cov[0, 0] and last.cov[5, 5] > first.cov[5, 5]
    distance, angle = run.error()
    assert distance < 0.5 and angle < 0.05


def test_state_is_said_at_every_tick_and_map_to_odom_at_ten_hertz() -> None:
    run = Run(core()).drive(5.0, 0.5)
    assert 495 <= len(run.odometry) <= 500
    assert 48 <= len(run.map_to_odom) <= 51
    stamps = [o.stamp_s for o in run.odometry]
    assert bool(np.all(np.diff(stamps) > 0.0))
    assert {(o.frame_id, o.child_frame_id) for o in run.odometry} == {("odom", "base_link")}
    np.testing.assert_allclose(run.odometry[-1].linear_mps[0], 0.5, atol=0.05)


def test_gnss_corrects_a_start_missed_by_half_a_metre_while_odom_stays_smooth() -> None:
    run = Run(core(), truth=CHARGER + np.array([0.4, -0.3, 0.08]))
    run.drive(2.0).drive(20.0, 1.0, 0.3)
    distance, angle = run.error()
    assert distance < 0.05 and angle < 0.03
    assert largest_step(run) < 0.03  # 1 m/s at 100 Hz is 0.01 m
    cov = run.map_to_odom[-1].cov
    assert cov is not None and np.sqrt(cov[0, 0]) < 0.05


def test_a_gnss_outlier_does_not_move_the_map() -> None:
    run = Run(core()).drive(2.0).drive(8.0, 1.0, 0.2)
    before = run.error()[0]
    run.drive(1.0, 1.0, 0.2, shift=np.array([30.0, 10.0, 0.0]))
    assert run.error()[0] < before + 0.05
    assert run.core.health().values["rejected in map"].startswith("gps")


def test_gnss_that_insists_for_long_is_believed_and_said_by_name_meanwhile() -> None:
    run = Run(core()).drive(2.0).drive(8.0, 1.0, 0.2)
    run.drive(3.0, 1.0, 0.2, shift=np.array([5.0, 0.0, 0.0]))
    assert "gps/fix contradicts" in run.core.health().message
    run.drive(6.0, 1.0, 0.2, shift=np.array([5.0, 0.0, 0.0]))
    np.testing.assert_allclose(run.map_pose()[:2] - run.robot.pose[:2], [5.0, 0.0], atol=0.3)
    assert largest_step(run) < 0.03  # odom has seen nothing of it


def test_a_late_fix_is_compared_with_where_the_robot_was_then() -> None:
    run = Run(core())
    run.drive(2.0).drive(10.0, 1.5, 0.3)
    on_time = run.error()[0]
    late: list[m.GnssFix] = []

    def hold_back(data: m.GnssFix) -> m.GnssFix:
        late.append(data)
        return late[-3] if len(late) > 2 else data  # 0.4 s late, 0.6 m at this speed

    run.drive(10.0, 1.5, 0.3, change=hold_back)
    assert run.error()[0] < on_time + 0.06


def test_an_unknown_heading_is_found_from_the_track() -> None:
    run = Run(core(start_yaw_sigma_rad=3.0), truth=np.array([2.5, 4.0, 2.2]))
    run.drive(2.0)
    assert "heading" in run.core.health().message
    run.drive(12.0, 1.0, 0.2)
    distance, angle = run.error()
    assert distance < 0.1 and angle < 0.05
    assert "heading" not in run.core.health().message


def test_a_start_pose_that_gnss_contradicts_is_given_up() -> None:
    run = Run(core(), truth=np.array([20.0, 12.0, -1.5]))  # not at the start place at all
    run.drive(8.0)
    assert "heading" in run.core.health().message
    run.drive(12.0, 1.0, 0.2)
    distance, angle = run.error()
    assert distance < 0.1 and angle < 0.05


def test_initialpose_puts_the_robot_there_without_moving_odom() -> None:
    run = Run(core()).drive(2.0, gnss=False).drive(3.0, 1.0, gnss=False)
    pose = m.Pose(0.0, "map", np.array([20.0, 10.0, 0.0]), quaternion_of_yaw(1.0), np.eye(6) * 0.04)
    run.core.handle("initialpose", pose, 0.0)  # rviz may stamp with zero
    before = run.odometry[-1]
    run.drive(0.2, 0.0, gnss=False)
    assert np.linalg.norm(run.odometry[-1].position_m - before.position_m) < 0.25
    np.testing.assert_allclose(run.map_pose()[:2], [20.0, 10.0], atol=0.25)
    np.testing.assert_allclose(run.map_pose()[2], 1.0, atol=0.01)
    run.core.handle("initialpose", replace(pose, frame_id="odom"), 0.0)
    assert "initialpose: frame 'odom' is not 'map'" in run.core.health().message


def test_gyro_bias_is_learnt_at_rest_so_that_heading_then_holds() -> None:
    run = Run(core()).drive(5.0, gnss=False)
    local = run.core.localisation.local
    assert local is not None
    np.testing.assert_allclose(local.state.gyro_bias[2], 0.004, atol=0.0015)
    before = run.odometry[-1].yaw_rad
    run.drive(20.0, gnss=False)
    assert abs(run.odometry[-1].yaw_rad - before) < 0.01
    assert np.linalg.norm(run.odometry[-1].position_m) < 0.02


def test_without_imu_the_wheels_carry_on_and_the_heading_becomes_less_sure() -> None:
    run = Run(core()).drive(2.0, gnss=False).drive(3.0, 1.0, gnss=False)
    sure = run.odometry[-1].pose_cov[5, 5]
    run.drive(5.0, 1.0, 0.3, gnss=False, silent=("imu/data",))
    distance, angle = run.error()
    assert distance < 0.3 and angle < 0.1
    assert run.odometry[-1].pose_cov[5, 5] > 10 * sure
    assert "imu/data is silent" in run.core.health().message


def test_without_wheels_the_imu_carries_on_and_the_position_becomes_less_sure() -> None:
    run = Run(core()).drive(5.0, gnss=False).drive(3.0, 1.0, gnss=False)
    sure = run.odometry[-1].pose_cov[0, 0]
    run.drive(3.0, 1.0, gnss=False, silent=("wheel/odometry",))
    assert run.odometry[-1].pose_cov[0, 0] > 10 * sure
    distance, _ = run.error()
    cov = run.map_to_odom[-1].cov
    assert cov is not None and distance < 4.0 * np.sqrt(cov[0, 0] + cov[1, 1])
    assert "wheel/odometry is silent" in run.core.health().message


def test_with_neither_imu_nor_wheels_the_state_falls_silent_and_comes_back() -> None:
    run = Run(core()).drive(3.0, gnss=False)
    said = len(run.odometry)
    run.drive(3.0, gnss=False, silent=WHEELS_IMU)
    assert len(run.odometry) - said <= 51
    assert run.core.health().level == 2 and "own state is lost" in run.core.health().message
    run.drive(1.0, gnss=False)
    assert len(run.odometry) - said > 140
    assert run.core.health().level == 0


def test_a_restarted_core_goes_on_from_the_kept_pose() -> None:
    run = Run(core()).drive(2.0).drive(10.0, 1.0, 0.2)
    kept = run.core.checkpoint()
    assert kept is not None
    last, run.core = run.odometry[-1], core()
    run.core.resume(kept)
    run.drive(0.5, 0.0, 0.0, gnss=False)
    assert np.linalg.norm(run.odometry[-1].position_m[:2] - last.position_m[:2]) < 0.8  # it braked meanwhile
    distance, angle = run.error()
    assert distance < 0.5 and angle < 0.1
    run.drive(10.0, 1.0, 0.2)
    assert run.error()[0] < 0.08


@pytest.mark.parametrize(("speed_mps", "patience_s"), [(1.2, 1.0), (0.0, 6.0)])
def test_who_coasted_on_while_nobody_looked_knows_place_and_heading_again_without_moving(
    speed_mps: float, patience_s: float
) -> None:
    """1.3 m from the kept pose: at once where the speed explains it, else as soon as the fixes have insisted."""
    run = Run(core()).drive(2.0).drive(10.0, 1.0, 0.2)
    kept = run.core.checkpoint()
    assert kept is not None and kept.speed_mps == pytest.approx(1.0, abs=0.1)
    yaw = kept.odom[3]
    behind = (kept.odom[0] - 1.3 * np.cos(yaw), kept.odom[1] - 1.3 * np.sin(yaw), *kept.odom[2:])
    run.core = core()
    run.core.resume(replace(kept, odom=behind, speed_mps=speed_mps))
    run.drive(patience_s, 0.0, 0.0)
    distance, angle = run.error()
    cov = run.map_to_odom[-1].cov
    assert distance < 0.4 and angle < 0.15
    assert cov is not None and np.sqrt(cov[0, 0]) < 0.5 and np.sqrt(cov[5, 5]) < 0.4, "the gate must let it drive on"


def test_a_kept_pose_from_another_time_is_not_used() -> None:
    run = Run(core()).drive(2.0).drive(5.0, 1.0, 0.2)
    kept = run.core.checkpoint()
    assert kept is not None
    for stamp_s in (kept.stamp_s - 500.0, kept.stamp_s + 500.0):
        other = core()
        other.resume(replace(kept, stamp_s=stamp_s))
        fresh = Run(other, seed=1).drive(0.5, gnss=False)
        np.testing.assert_allclose(fresh.map_to_odom[0].planar(), CHARGER, atol=1e-3)


def test_an_imu_that_is_mounted_turned_gives_the_same_state() -> None:
    upright, turned = Run(core()), Run(core())
    from scipy.spatial.transform import Rotation

    from physical_ai_perception.fusion import rotations
    from physical_ai_perception.mounts import Placement

    turn = Rotation.from_euler("xyz", [np.pi / 2, 0.0, -np.pi / 2]).as_matrix()
    placement = Placement(np.zeros(3), turn, rotations.of_matrix(turn), 0.0)
    turned.core.mounts._known["imu"] = placement
    inner = turned.robot.step

    def step(dt_s: float, speed: float, yaw_rate: float, stamp_s: float) -> m.Imu:
        data = inner(dt_s, speed, yaw_rate, stamp_s)
        return imu(stamp_s, turn.T @ data.angular_velocity_rps, turn.T @ data.linear_acceleration_mps2)

    turned.robot.step = step  # type: ignore[method-assign]
    for run in (upright, turned):
        run.drive(2.0, gnss=False).drive(5.0, 1.0, 0.3, gnss=False)
    np.testing.assert_allclose(upright.odometry[-1].position_m, turned.odometry[-1].position_m, atol=0.02)
    np.testing.assert_allclose(upright.odometry[-1].yaw_rad, turned.odometry[-1].yaw_rad, atol=0.01)
