"""Several range sensors: each is placed, each is missed, and what none of them sees is remembered."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gate_world import ANGLES, scan_of

from physical_ai_core import messages as m
from physical_ai_core.robot import Mount
from physical_ai_safety.dead_reckoning import DeadReckoning
from physical_ai_safety.footprint import Hull
from physical_ai_safety.inputs import Inputs
from physical_ai_safety.schema import RangeSensor
from physical_ai_safety.sensors import MOST_SENSORS, SensorBank

BOX = Hull(np.array([[0.25, 0.21], [-0.25, 0.21], [-0.25, -0.21], [0.25, -0.21]]))
FRONT = Mount(xyz_m=(0.2, 0.0, 0.3), rpy_rad=(0.0, 0.0, 0.0))
REAR = Mount(xyz_m=(-0.2, 0.0, 0.3), rpy_rad=(0.0, 0.0, math.pi))


def bank(**declared: RangeSensor) -> tuple[SensorBank, Inputs]:
    inputs = Inputs({"scan": 0.25}, 0.2, 0.0, {"scan": 4.0})
    own = DeadReckoning()
    own.move(0.0, 0.0, 0.0)
    return SensorBank(BOX, own, inputs, declared, (0.25, 0.5), 6.0, 10.0, (0.3, 3.0)), inputs


def sweep(t: float, frame: str, wall_m: float = 2.0) -> m.LaserScan:
    return scan_of(np.full(len(ANGLES), wall_m), t, frame)


def hear(sensors: SensorBank, scan: m.LaserScan, mount: Mount, moves: bool = False) -> str:
    return sensors.sweep(scan, mount, scan.stamp_s, scan.stamp_s, moves)


def test_two_scanners_on_one_topic_are_placed_each_by_its_mount_and_look_all_round_together() -> None:
    sensors, _ = bank()
    assert hear(sensors, sweep(1.0, "front"), FRONT) == ""
    one = sensors.now()
    assert not one.rear_seen and one.near.x.max() == pytest.approx(2.2, abs=0.01) and one.near.x.min() > -1.3
    assert hear(sensors, sweep(1.0, "rear"), REAR) == ""
    both = sensors.now()
    assert sensors.now() is both  # looked up, until something changes
    assert both.rear_seen and both.near.x.min() == pytest.approx(-2.2, abs=0.01)
    assert len(both.near.x) == sum(len(field.now().near.x) for field in sensors.fields)


def test_of_two_scanners_the_one_that_falls_silent_is_missed_by_name() -> None:
    sensors, inputs = bank()
    assert sensors.missing() == ("scan",) and sensors.age_s(0.0) is None
    for t in (1.0, 1.1, 1.2):
        hear(sensors, sweep(t, "front"), FRONT)
        hear(sensors, sweep(t - 0.05, "rear"), REAR)  # a little older, and not out of order for that
    hear(sensors, sweep(1.45, "front", 2.1), FRONT)
    assert sensors.missing() == () and inputs.stale(sensors.awaited(), 1.45) == (("scan rear", pytest.approx(0.3)),)
    assert sensors.age_s(1.45) == pytest.approx(0.3)


def test_a_declared_sensor_is_waited_for_and_one_that_comes_when_it_likes_is_not() -> None:
    rules = {"top": RangeSensor(topic="points", max_age_s=1.5), "tail": RangeSensor(required=False)}
    sensors, inputs = bank(**rules)
    assert sensors.missing() == ("points top",) and sensors.awaited() == ("points top",)
    cloud = m.PointCloud(1.0, "top", np.array([[1.0, 0.0, 0.2]], np.float32))
    assert sensors.cloud(cloud, FRONT, 1.0, 1.0, False) == "" and sensors.missing() == ()
    hear(sensors, sweep(1.0, "tail"), REAR)
    assert inputs.stale(sensors.awaited(), 2.4) == () and inputs.stale(sensors.awaited(), 2.6)
    sensors.forget()
    assert sensors.awaited() == ("points top",) and not len(sensors.now().near.x)


def test_a_3d_sensor_that_dies_is_missed_too_and_its_view_counts_where_it_is_declared() -> None:
    sensors, inputs = bank(top=RangeSensor(topic="points", view_rad=6.28))
    cloud = m.PointCloud(1.0, "top", np.array([[-1.0, 0.0, 0.2]], np.float32))
    sensors.cloud(cloud, FRONT, 1.0, 1.0, False)
    assert sensors.now().rear_seen and inputs.stale(sensors.awaited(), 1.6) == (("points top", pytest.approx(0.6)),)
    assert sensors.cloud(cloud, FRONT, 0.9, 1.0, False) == "order"


def test_a_sweep_that_stands_still_while_the_robot_moves_is_frozen_and_each_sensor_has_its_own_last() -> None:
    sensors, _ = bank()
    hear(sensors, sweep(1.0, "front"), FRONT)
    assert hear(sensors, sweep(1.05, "rear"), REAR, moves=True) == ""
    assert hear(sensors, sweep(1.1, "front"), FRONT, moves=True) == "frozen"
    assert hear(sensors, sweep(1.15, "front", 1.9), FRONT, moves=True) == ""
    nothing = scan_of(np.full(len(ANGLES), math.inf), 1.2, "front")
    hear(sensors, nothing, FRONT)
    assert hear(sensors, nothing, FRONT, moves=True) == ""


def test_a_cloud_that_stands_still_while_the_robot_moves_is_frozen_unless_it_is_empty() -> None:
    sensors, _ = bank()
    points = np.random.default_rng(1).uniform(0.5, 3.0, (200, 3)).astype(np.float32)
    points[3] = np.nan
    other = points.copy()
    other[-1, 0] += 0.01

    def hear_cloud(t: float, seen: object, moves: bool) -> str:
        return sensors.cloud(m.PointCloud(t, "top", seen), FRONT, t, t, moves)  # type: ignore[arg-type]

    assert hear_cloud(1.0, points, True) == "" and hear_cloud(1.1, points.copy(), True) == "frozen"
    assert hear_cloud(1.2, points.copy(), False) == "" and hear_cloud(1.3, other, True) == ""
    assert (
        hear_cloud(1.4, np.empty((0, 3), np.float32), True) == hear_cloud(1.5, np.empty((0, 3), np.float32), True) == ""
    )


def test_more_frames_than_a_robot_has_sensors_are_refused() -> None:
    sensors, _ = bank()
    for k in range(MOST_SENSORS):
        assert hear(sensors, sweep(1.0, f"s{k}"), FRONT) == ""
    cloud = m.PointCloud(1.0, "one more", np.zeros((1, 3), np.float32))
    assert (
        hear(sensors, sweep(1.0, "one more"), FRONT)
        == sensors.cloud(cloud, FRONT, 1.0, 1.0, False)
        == "too many sensors"
    )


def test_what_one_scanner_loses_and_the_other_sees_is_not_kept_as_a_ghost() -> None:
    alone, _ = bank()
    pair, _ = bank()
    behind = np.full(len(ANGLES), np.inf)
    for sensors in (alone, pair):
        if sensors is pair:
            hear(sensors, scan_of(behind, 0.9, "rear"), REAR)
        seen = np.full(len(ANGLES), np.inf)
        seen[5:60] = 0.6  # just within the sweep, to the right and behind
        hear(sensors, scan_of(seen, 1.0, "front"), FRONT)
        sensors._reckoning.move(1.0, 0.0, 0.0)
        sensors._reckoning.move(1.4, 0.0, 1.5)  # a turn by which these bearings leave the sweep
        hear(sensors, scan_of(behind, 1.4, "front"), FRONT)
    assert len(alone.now().near.x) > 0 and len(pair.now().near.x) == 0


def test_people_whom_two_scanners_follow_are_all_told_once_they_were_looked_for() -> None:
    sensors, _ = bank()
    for k in range(20):
        for frame, mount in (("front", FRONT), ("rear", REAR)):
            scan = sweep(1.0 + 0.05 * k, frame, 8.0)
            scan.ranges_m[340:380] = 3.0 - 0.06 * k
            assert hear(sensors, scan, mount) == ""
    before = sensors.now()
    sensors.follow()
    after = sensors.now()
    assert sorted(after.walkers.x > 0.0) == [False, True] and after.walkers.vx[after.walkers.x > 0.0][0] < -0.5
    gone = np.abs(np.sort(after.walkers.x) - np.sort(before.walkers.x))
    assert gone.max() < 0.2  # until then they are where they were expected


def test_a_robot_has_no_more_than_eight_range_sensors() -> None:
    assert MOST_SENSORS == 8


def test_what_a_scanner_loses_is_kept_where_the_other_one_looks_the_same_way() -> None:
    pair, _ = bank()
    seen = np.full(len(ANGLES), np.inf)
    seen[5:60] = 0.6
    hear(pair, scan_of(seen, 1.0, "front"), FRONT)
    pair._reckoning.move(1.0, 0.0, 0.0)
    pair._reckoning.move(1.4, 0.0, 1.5)
    for frame in ("twin", "front"):
        hear(pair, scan_of(np.full(len(ANGLES), np.inf), 1.4, frame), FRONT)
    assert len(pair.now().near.x) > 0


def test_the_newest_scan_of_all_scanners_is_the_scan() -> None:
    sensors, inputs = bank()
    for t, frame, newest_s in ((1.0, "front", 1.0), (0.95, "rear", 1.0), (1.1, "front", 1.1), (1.15, "rear", 1.15)):
        assert hear(sensors, sweep(t, frame), FRONT) == ""
        assert inputs.stamp_s("scan") == newest_s
    cloud = m.PointCloud(1.2, "top", np.array([[1.0, 0.0, 0.2]], np.float32))
    assert sensors.cloud(cloud, FRONT, 1.2, 1.2, False) == "" and inputs.stamp_s("scan") == 1.15


def test_there_is_something_to_look_at_while_any_one_scanner_spoke() -> None:
    sensors, _ = bank()
    hear(sensors, sweep(1.0, "front"), FRONT)
    hear(sensors, sweep(1.0, "rear"), REAR)
    assert sensors.follow() and not sensors.follow()
    hear(sensors, sweep(1.1, "rear"), REAR)
    assert sensors.follow() and not sensors.follow()


def test_after_a_jump_of_the_clock_no_sensor_is_known_and_no_picture_was_the_last() -> None:
    sensors, inputs = bank()
    hear(sensors, sweep(5.0, "front"), FRONT)
    cloud = m.PointCloud(5.0, "top", np.array([[1.0, 0.0, 0.2]], np.float32))
    sensors.cloud(cloud, FRONT, 5.0, 5.0, False)
    assert sensors.awaited() == ("scan front", "points top")
    sensors.forget()
    inputs.forget()
    assert sensors.awaited() == () and sensors.fields == () and sensors.missing() == ("scan",)
    assert hear(sensors, sweep(1.0, "front"), FRONT, moves=True) == ""
    assert hear(sensors, sweep(1.1, "front"), FRONT, moves=True) == "frozen"
