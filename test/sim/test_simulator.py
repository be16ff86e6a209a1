"""The simulated robot obeys its frozen physics, its sensors say what is there, and a run is its seed."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections import Counter
from typing import Any

import numpy as np
import pymap3d
import pytest

from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.errors import InputError, SiteError
from physical_ai_core.geometry import compose, transform_points
from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_sim import physics as p
from physical_ai_sim.core import SimulatorCore
from physical_ai_sim.lockstep import Lockstep
from physical_ai_sim.parameters import SimulatorParameters
from physical_ai_sim.sensors import GRAVITY
from physical_ai_sim.world import BARN_FOLDER, read_points


def run(core: SimulatorCore, seconds: float, speed: float | None = None, yaw_rate: float = 0.0) -> list[Output]:
    """Advance, commanding at 50 Hz unless `speed` is None."""
    outputs: list[Output] = []
    end = core.stamp_s + seconds
    while core.stamp_s < end - 1e-6:
        if speed is not None:
            core.handle("cmd_vel", m.Twist(core.stamp_s, "base_link", speed, yaw_rate), core.stamp_s)
        outputs += core.advance(core.stamp_s + 0.02)
    return outputs


def of(outputs: list[Output], topic: str) -> list[Any]:
    return [output.data for output in outputs if output.topic == topic]


def empty_yard(**changes: Any) -> SimulatorCore:
    return SimulatorCore(SimulatorParameters(people="none", **changes))


def test_two_runs_of_a_seed_are_the_same_bytes_and_another_seed_is_not() -> None:
    def digest(seed: int) -> str:
        found = hashlib.sha256()
        for output in run(SimulatorCore(SimulatorParameters(seed=seed)), 2.0, 0.5, 0.2):
            found.update(output.topic.encode())
            found.update(pickle.dumps(output.data))
        return found.hexdigest()

    assert digest(3) == digest(3) != digest(4)


def test_the_robot_drives_as_far_and_turns_as_much_as_commanded() -> None:
    core = empty_yard()
    start = core.true_pose
    run(core, 3.0, 1.0)
    run(core, 1.0, 0.0)
    moved = core.true_pose - start
    assert moved[0] == pytest.approx(3.0, abs=0.15)
    assert abs(moved[1]) < 0.05
    run(core, 1.0, 0.0, 1.0)
    run(core, 0.5, 0.0)
    assert core.true_pose[2] - start[2] == pytest.approx(1.0, abs=0.12)


def test_the_base_stops_by_itself_when_the_commands_fall_silent() -> None:
    core = empty_yard()
    run(core, 1.0, 1.0)
    truth = of(run(core, 1.2), "ground_truth/odometry")
    silent_for = [t.stamp_s for t in truth if t.linear_mps[0] < 0.02]
    assert truth[0].linear_mps[0] > 0.9
    assert silent_for[0] - truth[0].stamp_s < p.BASE_WATCHDOG_S + 1.0 / p.BASE_ACCELERATION_MPS2 + 0.35


def test_a_command_that_is_not_a_number_is_a_stop() -> None:
    core = empty_yard()
    run(core, 1.0, float("nan"))
    assert np.hypot(*(core.true_pose - load_site("yard").places["charger"].pose.as_array())[:2]) < 0.02


def test_every_sensor_speaks_at_its_rate() -> None:
    counts = Counter(output.topic for output in run(empty_yard(), 2.0))
    expected = {"imu/data": 200, "wheel/odometry": 50, "scan": 20, "gps/fix": 5, "ground_truth/odometry": 50}
    expected |= {"joint_states": 50, "ground_truth/people": 20}
    assert {name: counts[name] for name in expected} == {name: 2 * rate for name, rate in expected.items()}


def test_the_lidar_sees_the_wall_where_it_stands() -> None:
    core = empty_yard()
    scan = of(run(core, 1.0), "scan")[-1]
    pose, angles = core.true_pose, scan.angles()
    right = int(np.argmin(np.abs(angles + np.pi / 2)))  # the charger looks east; the south wall is at its right
    window = scan.ranges_m[right - 5 : right + 6]
    assert float(np.median(window[np.isfinite(window)])) == pytest.approx(pose[1] - 0.1, abs=0.03)
    assert scan.ranges_m.dtype == np.float32


def test_the_imu_at_rest_feels_gravity_and_says_no_orientation() -> None:
    samples = of(run(empty_yard(), 1.0), "imu/data")
    force = np.mean([s.linear_acceleration_mps2 for s in samples], axis=0)
    assert np.allclose(force, [0.0, 0.0, 9.81], atol=0.15)
    assert samples[0].orientation_xyzw is None


def test_gnss_comes_back_to_the_true_place() -> None:
    core, site = empty_yard(), load_site("yard")
    assert site.datum is not None
    fixes = of(run(core, 2.0), "gps/fix")
    enu = [
        pymap3d.geodetic2enu(
            f.latitude_deg, f.longitude_deg, f.altitude_m,
            site.datum.latitude_deg, site.datum.longitude_deg, site.datum.altitude_m,
        )
        for f in fixes
    ]  # fmt: skip
    antenna = core.true_pose[:2] + np.array([-0.10, 0.0])
    assert np.allclose(np.mean(enu, axis=0)[:2], antenna, atol=0.06)


def test_wheel_odometry_is_close_but_not_perfect() -> None:
    core = empty_yard(seed=5)
    last = of(run(core, 4.0, 1.0), "wheel/odometry")[-1]
    assert last.linear_mps[0] == pytest.approx(1.0, abs=0.06)
    travelled = core.true_pose[0] - load_site("yard").places["charger"].pose.x_m
    assert 0.0 < abs(last.position_m[0] - travelled) < 0.15


def test_sensors_without_noise_tell_the_truth() -> None:
    outputs = run(empty_yard(noise=0.0), 3.0, 1.0, 0.3)
    truth, wheel, imu = (of(outputs, t)[-1] for t in ("ground_truth/odometry", "wheel/odometry", "imu/data"))
    assert wheel.linear_mps[0] == pytest.approx(truth.linear_mps[0], abs=0.02)  # what is left is slip
    assert imu.angular_velocity_rps[2] == pytest.approx(truth.angular_rps[2], abs=0.01)
    assert imu.linear_acceleration_mps2[1] == pytest.approx(1.0 * 0.3, abs=0.05)  # centripetal, to the left
    assert imu.linear_acceleration_mps2[2] == pytest.approx(GRAVITY[2], abs=0.05)
    ranges = of(outputs, "scan")[-1].ranges_m
    assert np.nanmax(ranges[np.isfinite(ranges)]) < p.LIDAR_MAX_M
    assert np.abs(np.diff(ranges[:50])).max() < 0.1  # a wall, smooth without noise


def test_the_motors_have_a_top_speed_whatever_is_commanded() -> None:
    core = empty_yard(start="gate")
    truth = of(run(core, 0.9, 1e9, 0.0), "ground_truth/odometry")
    assert max(t.linear_mps[0] for t in truth) < 2.1
    assert truth[-1].linear_mps[0] > 1.0


def test_everything_comes_in_stamp_order_and_time_begins_after_zero() -> None:
    core = SimulatorCore(SimulatorParameters())
    outputs = [output for output in run(core, 1.0) if hasattr(output.data, "stamp_s")]
    stamps = [output.data.stamp_s for output in outputs]
    assert stamps == sorted(stamps)
    assert stamps[0] == pytest.approx(p.START_STAMP_S + p.FRAME_S)
    assert core.advance(core.stamp_s) == []
    assert core.advance(0.0) == []  # time does not go back


def test_a_robot_starts_at_the_place_it_is_told() -> None:
    pose = load_site("yard").places["dock_b"].pose
    assert np.allclose(empty_yard(start="dock_b").true_pose, pose.as_array(), atol=1e-3)


def test_a_robot_that_drives_on_meets_a_person_only_where_the_person_is() -> None:
    """People are not physical: a robot drives through them, and ground truth tells it."""
    core = SimulatorCore(SimulatorParameters(people="zara01", people_start_s=0.0, seed=1))
    free = empty_yard(seed=1)
    run(core, 2.0, 1.0)
    run(free, 2.0, 1.0)
    assert np.array_equal(core.true_pose, free.true_pose)


def test_driving_into_a_wall_is_a_collision_with_its_name() -> None:
    events = of(run(empty_yard(), 3.0, -0.5), "ground_truth/events")
    assert [(e["kind"], e["other"]) for e in (json.loads(event.data) for event in events)] == [
        ("collision", "charger_post")
    ]


def test_a_barn_world_is_seen_by_the_lidar() -> None:
    core = empty_yard(site="barn", barn_world="world_003.csv", noise=0.0)
    outputs = run(core, 0.2)
    scan = of(outputs, "scan")[-1]
    assert np.allclose(core.true_pose, [-2.25, 3.0, np.pi / 2], atol=1e-3)
    cylinders = read_points(BARN_FOLDER / "world_003.csv")
    points = transform_points(compose(core.true_pose, load_robot("scout").mount("lidar").planar()), scan.points())
    off = np.abs(np.hypot(*(points[:, None] - cylinders).transpose(2, 0, 1)).min(axis=1) - p.BARN_CYLINDER_RADIUS_M)
    assert len(points) > 400
    assert off.max() < 0.01
    assert not of(outputs, "gps/fix")  # no datum, no GNSS


def test_the_lockstep_waits_for_the_living_and_forgets_the_dead() -> None:
    lock = Lockstep(0.05, {"cmd_vel": 0.01})
    assert not lock.behind(10.0, 0.0)  # nobody listened to yet
    lock.hear("cmd_vel", 10.0, 0.0)
    assert not lock.behind(10.05, 0.1)
    assert lock.behind(10.07, 0.1)
    assert not lock.behind(10.07, 0.7)
    lock.hear("cmd_vel", 10.07, 0.8)
    assert not lock.behind(10.1, 0.8)


def test_a_command_without_a_stamp_holds_nobody_back() -> None:
    lock = Lockstep(0.05, {})
    lock.hear("cmd_vel", 0.0, 0.0)
    assert not lock.behind(10.0, 0.0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"people": "dinosaurs"}, InputError),
        ({"site": "atlantis"}, SiteError),
        ({"barn_world": "no.csv"}, InputError),
        ({"start": "the moon"}, InputError),
    ],
)
def test_a_world_that_cannot_be_built_is_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        SimulatorCore(SimulatorParameters(**{"people": "none", **changes}))
